/** From the files of a table to a scan: filters are divided between files, their reader and the engine, pieces among partitions. */
import type { Schema } from '../arrow/schema.js'
import { minPartitionBytes } from '../runtime/options.js'
import type {
  ColumnStatistics,
  ConstantColumn,
  FileLayout,
  FileSplit,
  ScanPlan,
  ScanRequest,
} from '../catalog/table-provider.js'
import { rowSetText } from '../catalog/row-set.js'
import { conjunction } from '../expr/build.js'
import { exprTree, type Expr } from '../expr/expr.js'
import type { FileHost } from '../storage/store.js'
import { holdsInFile } from './file-columns.js'
import type { FileFormat, FormatOptions } from './format.js'
import { mayMatch } from './prune.js'
import { isInFile, pruningInFile } from './scan-layouts.js'

/** A file of a table, and what is known of it before it is opened. */
export interface TableFile {
  readonly path: string
  /** Columns with one value throughout the file. */
  readonly constants?: readonly ConstantColumn[]
  /** Absent: the columns of the table. Of one table all files have a layout, or none. */
  readonly layout?: FileLayout
  /** Numbers of rows that are left out, ascending; the file has a layout then. */
  readonly deletedRows?: readonly number[]
  /** Of its rows, deleted ones too, by column number of the table. */
  readonly statistics?: { readonly rowCount: number; readonly columns: ReadonlyMap<number, ColumnStatistics> }
}

export interface TableFiles {
  readonly format: FileFormat
  readonly options: FormatOptions
  readonly schema: Schema
  readonly host: FileHost
  readonly files: readonly TableFile[]
  /** Whether columns may have other types in the files than their layouts say: those are found out. */
  readonly typesDiffer?: true
}

/**
 * Files that constants or statistics exclude are not opened. Formats that do not apply filters leave them all to the engine. Throws
 * FILE_NOT_READABLE, FILE_INVALID.
 */
export async function planFiles(table: TableFiles, request: ScanRequest): Promise<ScanPlan> {
  const { format, host, options, schema } = table
  const resolved = request.filters.map(filter => toInputs(filter, schema))
  const filters = resolved.filter(filter => filter !== undefined)
  const judged = table.files.map(file => ({
    file,
    holds: filters.map(filter => holdsInFile(filter, file.constants ?? [])),
  }))
  const kept = judged.filter(({ file, holds }) => !holds.includes(false) && filters.every(each => mayHold(each, file)))
  // What is true in all rows of the files that are left needs no test.
  const open = filters.filter((_, i) => !kept.every(({ holds }) => holds[i] === true))
  const layouts = new Layouts()
  const typed = await Promise.all(kept.map(({ file }) => typedFile(file, table)))
  const numbered = typed.map(file => ({ ...file, number: layouts.number(file.layout) }))
  // Rows are counted in the file, so that its reader must give all.
  const areWhole = kept.every(({ file }) => file.deletedRows === undefined)
  const applied = open.filter(
    filter => areWhole && format.appliesFilters === true && layouts.all.every(each => isInFile(filter, each)),
  )
  const { targetPartitions, minPartitionBytes: minBytes = minPartitionBytes.defaultValue } = request
  const perFile = numbered.map(async ({ constants, deletedRows, layout, number, path }) => {
    const fileSchema = layout?.fileSchema ?? schema
    const isWhole = deletedRows !== undefined
    const pruning = layout === undefined ? open : isWhole ? [] : pruningInFile(open, layout)
    const splits = await format.splits(path, { options, fileSchema, pruning, host, targetPartitions, minBytes })
    const own = {
      ...(constants === undefined ? {} : { constants }),
      ...(number === undefined ? {} : { layout: number }),
    }
    const tag = host.versions?.get(path)?.tag
    const tagged = tag === undefined ? {} : { fileTag: tag }
    if (deletedRows !== undefined)
      return wholeFile(splits, path, { ...tagged, ...own, deletedRows: rowSetText(deletedRows) })
    if (layout === undefined && tag === undefined) return splits
    return splits.map(split => ({ ...split, ...tagged, ...own }))
  })
  const partitions = balance((await Promise.all(perFile)).flat(), targetPartitions, minBytes)
  const predicate = conjunction(applied)
  const left = new Set(open.filter(filter => !applied.includes(filter)))
  return {
    source: {
      kind: 'files',
      format: format.name,
      options,
      fileSchema: schema,
      ...(layouts.all.length === 0 ? {} : { layouts: layouts.all }),
      partitions,
      pruning: open,
      ...(predicate === undefined ? {} : { predicate }),
    },
    residual: request.filters.filter((_, i) => {
      const filter = resolved[i]
      return filter === undefined || left.has(filter)
    }),
  }
}

/** The pieces of a file in one, which is read from its first row to its last. */
function wholeFile(splits: readonly FileSplit[], path: string, own: Partial<FileSplit>): FileSplit[] {
  const byteLength = splits.reduce((sum, split) => sum + split.byteLength, 0)
  const fileBytes = splits[0]?.fileBytes
  return [{ path, byteLength, ...(fileBytes === undefined ? {} : { fileBytes }), ...own }]
}

/** The file with a layout of the types that it has. */
async function typedFile(file: TableFile, { format, host, typesDiffer }: TableFiles): Promise<TableFile> {
  if (typesDiffer !== true || file.layout === undefined || format.schema === undefined) return file
  const { fields } = await format.schema(file.path, host)
  const types = new Map(fields.map(({ name, type }) => [name, type]))
  const own = file.layout.fileSchema.fields.map(field => ({ ...field, type: types.get(field.name) ?? field.type }))
  return { ...file, layout: { ...file.layout, fileSchema: { fields: own } } }
}

/** Whether the statistics of the file leave room for a row that satisfies the filter. */
const mayHold = (filter: Expr, { statistics }: TableFile): boolean =>
  statistics === undefined ||
  (statistics.rowCount > 0 &&
    mayMatch(filter, { rowCount: statistics.rowCount, column: index => statistics.columns.get(index) ?? {} }))

/** The different layouts of files, numbered. */
class Layouts {
  readonly all: FileLayout[] = []
  readonly #numbers = new Map<string, number>()

  number(layout: FileLayout | undefined): number | undefined {
    if (layout === undefined) return undefined
    const key = JSON.stringify(layout)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#numbers.set(key, this.all.length)
    this.all.push(layout)
    return this.all.length - 1
  }
}

/** The filter over `input` columns; undefined if it names a column that the schema lacks. */
function toInputs(filter: Expr, schema: Schema): Expr | undefined {
  let isKnown = true
  const resolved = exprTree.transformUp(filter, expr => {
    if (expr.kind !== 'column') return expr
    const index = schema.fields.findIndex(field => field.name === expr.name)
    if (index < 0) isKnown = false
    return { kind: 'input', index, name: expr.name, type: expr.type, nullable: expr.nullable }
  })
  return isKnown ? resolved : undefined
}

/**
 * Consecutive splits in at most `target` partitions of about equal bytes, `minBytes` or more on average; neighbours of one
 * file become one split.
 */
function balance(splits: readonly FileSplit[], target: number, minBytes: number): FileSplit[][] {
  const total = splits.reduce((sum, split) => sum + split.byteLength, 0)
  const count = Math.max(1, Math.min(target, splits.length, Math.floor(total / minBytes)))
  const partitions: FileSplit[][] = Array.from({ length: count }, () => [])
  let before = 0
  for (const split of splits) {
    // By the middle of the split, so that no partition gets more than half a split too much.
    const middle = before + split.byteLength / 2
    const partition = total === 0 ? 0 : Math.min(count - 1, Math.floor((middle / total) * count))
    partitions[partition].push(split)
    before += split.byteLength
  }
  const used = partitions.filter(partition => partition.length > 0)
  return used.length === 0 ? [[]] : used.map(mergeNeighbours)
}

function mergeNeighbours(splits: readonly FileSplit[]): FileSplit[] {
  const merged: FileSplit[] = []
  for (const split of splits) {
    const last = merged.at(-1)
    if (last?.path === split.path && last.rowGroups !== undefined && split.rowGroups !== undefined) {
      const rowGroups = [...last.rowGroups, ...split.rowGroups]
      merged[merged.length - 1] = { ...last, rowGroups, byteLength: last.byteLength + split.byteLength }
    } else if (last?.path === split.path && last.range !== undefined && split.range?.start === last.range.end) {
      const range = { start: last.range.start, end: split.range.end }
      merged[merged.length - 1] = { ...last, range, byteLength: last.byteLength + split.byteLength }
    } else merged.push(split)
  }
  return merged
}
