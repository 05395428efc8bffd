/** What the files of a table tell about it without reading their rows: schemas and statistics. */
import pLimit from 'p-limit'
import type { Schema } from '../arrow/schema.js'
import { sameType, type DataType, type Value } from '../arrow/types.js'
import type { ColumnStatistics, Statistics } from '../catalog/table-provider.js'
import { toBallistaError } from '../common/errors.js'
import { constantsOf, type FileColumns } from './file-columns.js'
import type { FileDescription, FileFormat, FormatOptions } from './format.js'
import type { FileSchema } from './merge-schemas.js'
import { mergeStatistics } from './parquet/split-plan.js'
import { compareValues } from './prune.js'
import { fileSize } from '../storage/read-file.js'
import type { FileHost } from '../storage/store.js'

/** Files opened at once. */
const limit = pLimit(16)

/** Files without footers that are looked at to infer a schema; opening a table of many must not read them all. */
const MAX_SAMPLED_FILES = 256

export interface DescribeRequest {
  readonly options: FormatOptions
  readonly host: FileHost
  /** Declared; nothing has to be inferred then. */
  readonly schema: Schema | undefined
  /** Whether each file has to be looked at. */
  readonly all?: boolean
}

export interface Described {
  readonly descriptions: readonly FileDescription[]
  /** Of the files that were looked at. */
  readonly schemas: readonly FileSchema[]
}

/** What is known of the files together, and the schemas of those that were looked at. */
export async function describeFiles(
  format: FileFormat,
  files: readonly string[],
  { all = false, options, host, schema }: DescribeRequest,
): Promise<Described> {
  const hasFooters = format.name === 'parquet'
  const sizes = hasFooters ? [] : await Promise.all(files.map(path => limit(() => fileSize({ path, host }))))
  // Empty files have no rows to tell types from; when all are empty, the first says so.
  const filled = hasFooters ? files : files.filter((_, i) => sizes[i] > 0)
  const candidates = filled.length === 0 ? files : filled
  const looked = hasFooters
    ? files
    : all
      ? candidates
      : candidates.slice(0, schema === undefined ? MAX_SAMPLED_FILES : 1)
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

/** Statistics of the rows of all files, by column of the files. */
export function combine(schema: Schema, descriptions: readonly FileDescription[]): Statistics {
  const columns = new Map<string, ColumnStatistics>()
  for (const { name, type } of schema.fields) {
    const all = descriptions.map(description => statisticsOfType(description, name, type))
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

/** Those of a column of one file; none if it has another type there: they would not be values of `type`. */
function statisticsOfType({ columns, schema }: FileDescription, name: string, type: DataType): ColumnStatistics {
  const found = schema.fields.find(field => field.name === name)
  return found !== undefined && sameType(found.type, type) ? (columns.get(name) ?? {}) : {}
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

/** `statistics` with those of the columns that have one value in each file, which has `rowCounts` rows (if known). */
export function withConstants(
  statistics: Statistics,
  columns: FileColumns,
  files: readonly { readonly path: string; readonly rowCount?: number }[],
): Statistics {
  const all = new Map(statistics.columns)
  const filled = files.filter(({ rowCount }) => rowCount !== 0)
  const values = filled.map(({ path }) => new Map(constantsOf(columns, path)))
  for (const column of values[0]?.keys() ?? []) {
    const { name, type } = columns.schema.fields[column]
    const known = values.map(file => file.get(column) ?? null)
    const bound = (sign: number): Value =>
      known.reduce((best, value) => {
        if (best === null || value === null) return best ?? value
        return (compareValues(value, type, best, type) ?? 0) * sign < 0 ? value : best
      }, null)
    const counts = filled.map(({ rowCount }, i) => (known[i] === null ? rowCount : 0))
    const nullCount = counts.includes(undefined) ? undefined : counts.reduce<number>((sum, n) => sum + (n ?? 0), 0)
    const [min, max] = [bound(1), bound(-1)]
    all.set(name, {
      distinctCount: new Set(known.map(String)).size,
      ...(nullCount === undefined ? {} : { nullCount }),
      ...(min === null ? {} : { min }),
      ...(max === null ? {} : { max }),
    })
  }
  return { ...statistics, columns: all }
}
