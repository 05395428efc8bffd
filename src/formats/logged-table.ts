/** A table whose files a log names, with their partition values and statistics (catalog/table-format.ts). */
import type { Schema } from '../arrow/schema.js'
import type { Value } from '../arrow/types.js'
import type {
  ColumnStatistics,
  ConstantColumn,
  FileLayout,
  ScanPlan,
  ScanRequest,
  Statistics,
  TableProvider,
  WriteTarget,
} from '../catalog/table-provider.js'
import type { LoggedFile, OpenTable } from '../catalog/table-format.js'
import type { TableStatistics } from '../catalog/table-statistics.js'
import { parseValue } from '../expr/value-text.js'
import type { FileHost } from '../storage/store.js'
import { analyzedStatistics, columnStatistics, digest, withAnalyzed } from './analyzed-statistics.js'
import { formatNamed } from './index.js'
import { mergeStatistics } from './parquet/split-plan.js'
import { planFiles, type TableFile } from './plan-files.js'

export interface TableOrigin {
  readonly tableFormat: string
  /** Without a slash at the end. */
  readonly path: string
  readonly host: FileHost
  /** What ANALYZE has found in the table. */
  readonly analyzed?: TableStatistics | undefined
}

/** One snapshot of a table. */
export class LoggedTable implements TableProvider {
  readonly schema: Schema
  readonly insertTarget?: WriteTarget
  readonly #table: OpenTable
  readonly #host: FileHost
  readonly #files: readonly TableFile[]
  /** As the log has them. */
  readonly #logged: Statistics
  readonly #analyzed: Statistics | undefined

  /** Throws INVALID_CAST for constants that are no values of their columns. */
  constructor(table: OpenTable, { analyzed, host, path, tableFormat }: TableOrigin) {
    const { format, insert, schema } = table
    this.schema = schema
    this.#table = table
    this.#host = host
    if (insert !== undefined) {
      const { details, partitionBy } = insert
      const target = { kind: 'log', path, tableFormat, format, options: {}, schema, details } as const
      this.insertTarget = partitionBy.length === 0 ? target : { ...target, partitionBy }
    }
    const layouts = new Map<string, FileLayout>()
    this.#files = table.files.map(file => tableFile(table, file, layouts))
    this.#logged = statisticsOf(table, this.#files)
    if (analyzed?.fingerprint === fingerprintOf(table)) this.#analyzed = analyzedStatistics(analyzed, schema)
  }

  statistics(): Statistics {
    return this.#analyzed === undefined ? this.#logged : withAnalyzed(this.#logged, this.#analyzed)
  }

  /** If the log counts the rows of every file, or ANALYZE has. */
  async exactStatistics(): Promise<Statistics | undefined> {
    if (this.#logged.rowCount === undefined) return this.#analyzed
    // Bounds and NULLs may be those of deleted rows.
    const isExact = this.#table.files.every(({ deletedRows }) => deletedRows === undefined)
    const logged = isExact ? this.#logged : { ...this.#logged, columns: new Map<string, ColumnStatistics>() }
    return this.#analyzed === undefined ? logged : withAnalyzed(logged, this.#analyzed)
  }

  async fingerprint(): Promise<string> {
    return fingerprintOf(this.#table)
  }

  scan(request: ScanRequest): Promise<ScanPlan> {
    const format = formatNamed(this.#table.format)
    const files = this.#files
    return planFiles({ format, options: {}, schema: this.schema, host: this.#host, files, typesDiffer: true }, request)
  }
}

/** Files of a log never change; which of their rows count does. */
const fingerprintOf = ({ files }: OpenTable): string =>
  digest(files.map(({ byteLength, deletedRows = [], path }) => [path, byteLength, deletedRows]))

/** Files with the same constants share their layout. */
function tableFile(
  { schema, namesInFiles = {} }: OpenTable,
  { path, constants = {}, rowCount, columns = {}, deletedRows }: LoggedFile,
  layouts: Map<string, FileLayout>,
): TableFile {
  const isConstant = (name: string): boolean => Object.hasOwn(constants, name)
  const key = JSON.stringify(Object.keys(constants).sort())
  const inFile = schema.fields.filter(({ name }) => !isConstant(name))
  const layout = layouts.get(key) ?? {
    fileSchema: { fields: inFile.map(field => ({ ...field, name: namesInFiles[field.name] ?? field.name })) },
    columns: schema.fields.map(field => inFile.indexOf(field)),
  }
  layouts.set(key, layout)
  const values = schema.fields.flatMap(({ name, type }, column): ConstantColumn[] => {
    const text = constants[name]
    return isConstant(name) ? [[column, text === null ? null : parseValue(text, type)]] : []
  })
  const file = { path, constants: values, layout, ...(deletedRows === undefined ? {} : { deletedRows }) }
  if (rowCount === undefined) return file
  const known = new Map(values.map(([column, value]) => [column, constantStatistics(value, rowCount)]))
  schema.fields.forEach(({ name, type }, column) => {
    if (!isConstant(name) && Object.hasOwn(columns, name)) known.set(column, columnStatistics(columns[name], type))
  })
  return { ...file, statistics: { rowCount, columns: known } }
}

const constantStatistics = (value: Value, rowCount: number): ColumnStatistics =>
  value === null ? { nullCount: rowCount } : { nullCount: 0, min: value, max: value }

function statisticsOf({ schema, files }: OpenTable, known: readonly TableFile[]): Statistics {
  const byteLength = files.reduce((sum, file) => sum + file.byteLength, 0)
  const pieces = known.flatMap(({ statistics }) => statistics ?? [])
  if (pieces.length < known.length) return { byteLength, columns: new Map() }
  const filled = pieces.filter(({ rowCount }) => rowCount > 0)
  const columns = schema.fields.flatMap(({ name, type }, column): [string, ColumnStatistics][] => {
    if (filled.length === 0) return []
    // Files of only NULLs have no bounds, and do not take those of others away.
    const all = filled.map(piece => ({ own: piece.columns.get(column) ?? {}, rowCount: piece.rowCount }))
    const [first, ...others] = all.sort((left, right) => Number(isEmpty(left)) - Number(isEmpty(right)))
    return [
      [
        name,
        others.reduce((left, right) => mergeStatistics(left, right.own, { type, isEmpty: isEmpty(right) }), first.own),
      ],
    ]
  })
  const deleted = files.reduce((sum, { deletedRows = [] }) => sum + deletedRows.length, 0)
  const rowCount = pieces.reduce((sum, piece) => sum + piece.rowCount, -deleted)
  return { rowCount, byteLength, columns: new Map(columns) }
}

const isEmpty = ({ own, rowCount }: { readonly own: ColumnStatistics; readonly rowCount: number }): boolean =>
  own.nullCount === rowCount
