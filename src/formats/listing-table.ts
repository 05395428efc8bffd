/** A table over files of one format: one file, all files of a directory, or those that match a glob. */
import pLimit from 'p-limit'
import type { Schema } from '../arrow/schema.js'
import type {
  ColumnStatistics,
  FileSplit,
  ScanPlan,
  ScanRequest,
  Statistics,
  TableProvider,
  WriteTarget,
} from '../catalog/table-provider.js'
import { minPartitionBytes } from '../catalog/options.js'
import { fail, toBallistaError } from '../common/errors.js'
import { conjunction } from '../expr/build.js'
import { exprTree, type Expr } from '../expr/expr.js'
import { fileSize } from '../storage/read-file.js'
import type { FileHost } from '../storage/store.js'
import { normalizeOptions } from './format-options.js'
import type { FileDescription, FileFormat, FormatOptions } from './format.js'
import { displayedName } from '../expr/functions/internal-name.js'
import { formatNamed, formatOfPath, FORMATS } from './index.js'
import { listAll, type Listing } from './list-files.js'
import { checkTypes, mergeSchemas, type FileSchema } from './merge-schemas.js'
import { mergeStatistics } from './parquet/split-plan.js'

/** Files opened at once. */
const limit = pLimit(16)

export interface ListingRequest {
  /** Absolute; a trailing `/` means a directory. */
  readonly path: string
  /** More of the same: their rows follow. */
  readonly morePaths?: readonly string[]
  /** Absent: from the file name's ending. */
  readonly format?: string
  readonly options?: FormatOptions
  /** Absent: that of the first file. */
  readonly schema?: Schema
  /** Name of this host, for errors. */
  readonly host: FileHost
  /** Of extensions, beside those of the engine. */
  readonly moreFormats?: readonly FileFormat[]
}

/**
 * Opens a table: lists its files and reads their footers or a sample. Throws FILE_NOT_READABLE, FILE_INVALID, NOT_SUPPORTED,
 * INVALID_OPTION.
 */
export async function openListingTable(request: ListingRequest): Promise<ListingTable> {
  const { path, morePaths = [], host } = request
  const formats = [...FORMATS, ...(request.moreFormats ?? [])]
  const listing = await listAll([path, ...morePaths], host)
  const format =
    request.format === undefined ? guessFormat(path, listing.files, formats) : formatNamed(request.format, formats)
  const files = listing.kind === 'file' ? listing.files : filesOf(format, listing.files)
  const options = normalizeOptions(
    request.options ?? {},
    [...format.readOptions, ...format.writeOptions],
    displayedName(format.name),
  )
  if (files.length === 0 && request.schema === undefined) {
    throw fail('FILE_NOT_READABLE', [
      host.name,
      path,
      `there is no ${displayedName(format.name).toUpperCase()} file; give the table a column list`,
    ])
  }
  const described = await describeFiles(format, files, { options, host, schema: request.schema })
  const { descriptions } = described
  const schema = request.schema ?? inferred(format, described.schemas, listing.kind)
  if (request.schema !== undefined && format.name === 'parquet') {
    for (const file of described.schemas) checkTypes(file, schema, 'in the table')
  }
  const insertTarget: WriteTarget | undefined =
    listing.kind === 'directory' ? { kind: 'directory', path, format: format.name, options } : undefined
  return new ListingTable({
    path,
    morePaths,
    host,
    format,
    options,
    schema,
    statistics: combine(schema, descriptions),
    insertTarget,
  })
}

interface ListingParts {
  readonly path: string
  readonly morePaths: readonly string[]
  readonly host: FileHost
  readonly format: FileFormat
  readonly options: FormatOptions
  readonly schema: Schema
  readonly statistics: Statistics
  readonly insertTarget: WriteTarget | undefined
}

export class ListingTable implements TableProvider {
  readonly schema: Schema
  readonly insertTarget?: WriteTarget
  private readonly parts: ListingParts

  constructor(parts: ListingParts) {
    this.parts = parts
    this.schema = parts.schema
    if (parts.insertTarget !== undefined) this.insertTarget = parts.insertTarget
  }

  /** As of the time the table was opened. */
  statistics(): Statistics {
    return this.parts.statistics
  }

  /** From the footers of the files that there are now. */
  async exactStatistics(): Promise<Statistics | undefined> {
    const { path, morePaths, host, format, options, schema } = this.parts
    if (format.name !== 'parquet') return undefined
    const listing = await listAll([path, ...morePaths], host)
    const files = listing.kind === 'file' ? listing.files : filesOf(format, listing.files)
    const { descriptions } = await describeFiles(format, files, { options, host, schema })
    const statistics = combine(schema, descriptions)
    // A file that lacks a column has NULLs in it, which its footer does not count.
    const complete = [...statistics.columns].filter(([name]) => descriptions.every(({ columns }) => columns.has(name)))
    return { ...statistics, columns: new Map(complete) }
  }

  /** Lists the files anew, so that files that were added since are read. Formats that do not apply filters leave them all. */
  async scan(request: ScanRequest): Promise<ScanPlan> {
    const { path, morePaths, host, format, options, schema } = this.parts
    const listing = await listAll([path, ...morePaths], host)
    const files = listing.kind === 'file' ? listing.files : filesOf(format, listing.files)
    const resolved = request.filters.map(filter => toInputs(filter, schema))
    const pruning = resolved.filter(filter => filter !== undefined)
    const predicate = format.appliesFilters === true ? conjunction(pruning) : undefined
    const applied = predicate === undefined ? {} : { predicate }
    const { targetPartitions, minPartitionBytes: minBytes = minPartitionBytes.defaultValue } = request
    const splitRequest = { options, fileSchema: schema, pruning, host, targetPartitions, minBytes }
    const perFile = await Promise.all(files.map(file => format.splits(file, splitRequest)))
    const partitions = balance(perFile.flat(), targetPartitions, minBytes)
    return {
      source: { kind: 'files', format: format.name, options, fileSchema: schema, partitions, pruning, ...applied },
      residual: request.filters.filter((_, i) => predicate === undefined || resolved[i] === undefined),
    }
  }
}

/** Files of a directory or glob that belong to the format; all of them if none has a known ending. */
function filesOf(format: FileFormat, files: readonly string[]): readonly string[] {
  const formats = [...FORMATS, format]
  const known = files.filter(file => formatOfPath(file, formats) !== undefined)
  return known.length === 0 ? files : known.filter(file => formatOfPath(file, formats) === format)
}

function guessFormat(path: string, files: readonly string[], formats: readonly FileFormat[]): FileFormat {
  for (const candidate of [path, ...files]) {
    const format = formatOfPath(candidate, formats)
    if (format !== undefined) return format
  }
  throw fail('NOT_SUPPORTED', [`the file name ending of '${path}'; name the format with STORED AS`])
}

/** Files without footers that are looked at to infer a schema; opening a table of many must not read them all. */
const MAX_SAMPLED_FILES = 256

interface DescribeRequest {
  readonly options: FormatOptions
  readonly host: FileHost
  /** Declared; nothing has to be inferred then. */
  readonly schema: Schema | undefined
}

/** The schema of the files; a directory or glob may get a file with NULLs any time. */
function inferred(format: FileFormat, schemas: readonly FileSchema[], kind: Listing['kind']): Schema {
  const schema = mergeSchemas(format.name, schemas)
  return kind === 'file' ? schema : { fields: schema.fields.map(field => ({ ...field, nullable: true })) }
}

/** What is known of the files together, and the schemas of those that were looked at. */
async function describeFiles(
  format: FileFormat,
  files: readonly string[],
  { options, host, schema }: DescribeRequest,
): Promise<{ readonly descriptions: readonly FileDescription[]; readonly schemas: readonly FileSchema[] }> {
  const hasFooters = format.name === 'parquet'
  const sizes = await Promise.all(files.map(path => limit(() => fileSize({ path, host }))))
  // Empty files have no rows to tell types from; when all are empty, the first says so.
  const filled = hasFooters ? files : files.filter((_, i) => sizes[i] > 0)
  const candidates = filled.length === 0 ? files : filled
  const looked = hasFooters ? files : candidates.slice(0, schema === undefined ? MAX_SAMPLED_FILES : 1)
  const inspect = async (path: string): Promise<FileDescription> => {
    try {
      return await format.inspect(path, options, host)
    } catch (error) {
      // An empty file is a table when its columns are declared; what else is wrong with it, the scan tells with its place.
      if (hasFooters || schema === undefined || toBallistaError(error).code !== 'FILE_INVALID') throw error
      return { schema, byteLength: await fileSize({ path, host }), columns: new Map() }
    }
  }
  const found = await Promise.all(looked.map(path => limit(() => inspect(path))))
  const schemas = found.map((description, i) => ({ path: looked[i], schema: description.schema }))
  if (hasFooters || found.length === 0) return { descriptions: found, schemas }
  // The first file stands for all.
  const { rowCount, byteLength, ...rest } = found[0]
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const estimate = rowCount === undefined ? {} : { rowCount: Math.round((rowCount * total) / Math.max(1, byteLength)) }
  return { descriptions: [{ ...rest, ...estimate, byteLength: total, schema: schema ?? rest.schema }], schemas }
}

function combine(schema: Schema, descriptions: readonly FileDescription[]): Statistics {
  const columns = new Map<string, ColumnStatistics>()
  for (const { name, type } of schema.fields) {
    const all = descriptions.map(description => description.columns.get(name) ?? {})
    const bounds = all.slice(1).reduce((left, right) => mergeStatistics(left, right, { type }), all[0] ?? {})
    const counts = all.map(column => column.distinctCount)
    const distinctCount = counts.includes(undefined) ? undefined : distinctOfFiles(descriptions, counts)
    const merged = distinctCount === undefined ? bounds : { ...bounds, distinctCount }
    if (Object.keys(merged).length > 0) columns.set(name, merged)
  }
  const byteLength = descriptions.reduce((sum, description) => sum + description.byteLength, 0)
  const counts = descriptions.map(description => description.rowCount)
  if (counts.includes(undefined)) return { byteLength, columns }
  return { rowCount: counts.reduce<number>((sum, count) => sum + (count ?? 0), 0), byteLength, columns }
}

/** Files with few values are taken to repeat them, those with mostly different ones not to. */
function distinctOfFiles(
  descriptions: readonly FileDescription[],
  counts: readonly (number | undefined)[],
): number | undefined {
  if (counts.length === 0) return undefined
  const isKey = descriptions.every(({ rowCount = 0 }, file) => 2 * (counts[file] ?? 0) > rowCount)
  return isKey
    ? counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
    : Math.max(...counts.map(count => count ?? 0))
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
