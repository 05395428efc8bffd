/** Statistics that ANALYZE has left with a table, for as long as its files are those that it read. */
import { createHash } from 'node:crypto'
import pLimit from 'p-limit'
import type { Schema } from '../arrow/schema.js'
import type { DataType, Value } from '../arrow/types.js'
import type { LoggedColumn } from '../catalog/table-format.js'
import type { ColumnStatistics, Statistics } from '../catalog/table-provider.js'
import type { TableStatistics } from '../catalog/table-statistics.js'
import { parseValue } from '../expr/value-text.js'
import type { FileHost } from '../storage/store.js'
import { storeOf } from '../storage/stores.js'
import { isWeak } from './met-versions.js'

/** Files asked for their versions at once. */
const limit = pLimit(16)

/** Of files by their paths and versions; undefined where a store cannot tell versions apart. */
export async function fingerprintOf(files: readonly string[], host: FileHost): Promise<string | undefined> {
  const versions = await Promise.all(
    files.map(path => limit(async () => (await storeOf(path)).version({ path, host }))),
  )
  if (versions.some(({ tag }) => isWeak(tag))) return undefined
  return digest(versions.map(({ byteLength, tag }, i) => [files[i], byteLength, tag]))
}

export const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

/** What is known of the columns of a table, as the planner takes it. */
export function analyzedStatistics({ columns, rowCount }: TableStatistics, { fields }: Schema): Statistics {
  const types = new Map(fields.map(({ name, type }) => [name, type]))
  const known = columns.flatMap(({ name, ...column }): [string, ColumnStatistics][] => {
    const type = types.get(name)
    return type === undefined ? [] : [[name, columnStatistics(column, type)]]
  })
  return { rowCount, columns: new Map(known) }
}

/** Where both know something of a column, ANALYZE has seen the rows. */
export function withAnalyzed(statistics: Statistics, analyzed: Statistics): Statistics {
  const columns = new Map(statistics.columns)
  for (const [name, column] of analyzed.columns) columns.set(name, { ...columns.get(name), ...column })
  return { ...statistics, ...analyzed, columns }
}

/** From texts, as CAST reads them. */
export function columnStatistics(
  { distinctCount, max, min, nullCount }: LoggedColumn & { readonly distinctCount?: number },
  type: DataType,
): ColumnStatistics {
  const [low, high] = [min, max].map(text => (text === undefined ? undefined : boundOf(text, type)))
  return {
    ...(nullCount === undefined ? {} : { nullCount }),
    ...(distinctCount === undefined ? {} : { distinctCount }),
    ...(low === undefined ? {} : { min: low }),
    ...(high === undefined ? {} : { max: high }),
  }
}

/** A bound that is no value of the type is none: statistics must not make a table unreadable. */
function boundOf(text: string, type: DataType): Value | undefined {
  try {
    return parseValue(text, type)
  } catch {
    return undefined
  }
}
