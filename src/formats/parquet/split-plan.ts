/** Which row groups of a file a scan has to read, and what a whole file's footer says about its columns. */
import type { ColumnStatistics, FileSplit } from '../../catalog/table-provider.js'
import type { Schema } from '../../arrow/schema.js'
import type { Expr } from '../../expr/expr.js'
import { compareValues, mayMatch } from '../prune.js'
import type { FilterBounds } from '../sieve-rows.js'
import { statisticsOf, type ParquetFooter } from './footer.js'

/** Place of each table column in the file, by name; -1 where this file lacks it. */
export function fileColumns(footer: ParquetFooter, tableSchema: Schema): number[] {
  const places = new Map(footer.columns.map((column, i) => [column.field.name, i]))
  return tableSchema.fields.map(field => places.get(field.name) ?? -1)
}

/** Whether a row group may hold a row that satisfies all of `pruning`, over `input` columns whose `places` fileColumns has found. */
export function rowGroupMayMatch(
  footer: ParquetFooter,
  rowGroup: number,
  pruning: readonly Expr[],
  places: readonly number[],
): boolean {
  const { rowCount } = footer.rowGroups[rowGroup]
  if (rowCount === 0) return false
  if (pruning.length === 0) return true
  const column = (index: number): ColumnStatistics =>
    places[index] < 0 ? { nullCount: rowCount } : statisticsOf(footer, rowGroup, places[index])
  return pruning.every(predicate => mayMatch(predicate, { rowCount, column }))
}

/**
 * Whether a row group may hold a row that passes all of `bounds`, which are on integer-like columns of the file (-1: the file lacks
 * it, so that it is NULL).
 */
export function rowGroupInBounds(footer: ParquetFooter, rowGroup: number, bounds: readonly FilterBounds[]): boolean {
  const { rowCount } = footer.rowGroups[rowGroup]
  return bounds.every(({ column, min: low, max: high, keepsNulls }) => {
    if (column < 0) return keepsNulls
    const { min, max, nullCount } = statisticsOf(footer, rowGroup, column)
    if (keepsNulls && nullCount !== 0) return true
    if (low > high || nullCount === rowCount) return false
    return !(isInteger(max) && BigInt(max) < low) && !(isInteger(min) && BigInt(min) > high)
  })
}

const isInteger = (value: unknown): value is number | bigint =>
  typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))

/** One split per row group that may match, in file order; `byteLength` is compressed. */
export function rowGroupSplits(footer: ParquetFooter, pruning: readonly Expr[], tableSchema: Schema): FileSplit[] {
  const places = fileColumns(footer, tableSchema)
  return footer.rowGroups.flatMap((group, i): FileSplit[] => {
    if (!rowGroupMayMatch(footer, i, pruning, places)) return []
    const byteLength = group.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
    return [{ path: footer.path, rowGroups: [i], byteLength, fileBytes: footer.fileSize }]
  })
}

const known = new WeakMap<ParquetFooter, ReadonlyMap<string, ColumnStatistics>>()

/** Bounds and NULL counts over all row groups, computed once a footer; a bound that one row group lacks is left out. */
export function fileStatistics(footer: ParquetFooter): ReadonlyMap<string, ColumnStatistics> {
  const statistics =
    known.get(footer) ?? new Map(footer.columns.map((column, i) => [column.field.name, columnStatistics(footer, i)]))
  known.set(footer, statistics)
  return statistics
}

function columnStatistics(footer: ParquetFooter, column: number): ColumnStatistics {
  const { type } = footer.columns[column].field
  let merged: ColumnStatistics | undefined
  footer.rowGroups.forEach((group, i) => {
    if (group.rowCount === 0) return
    const own = statisticsOf(footer, i, column)
    const isEmpty = own.nullCount === group.rowCount
    merged = merged === undefined ? own : mergeStatistics(merged, own, { type, isEmpty })
  })
  return merged ?? {}
}

/** Statistics of two pieces together; with `isEmpty` the second holds only NULLs and so has no bounds. */
export function mergeStatistics(
  left: ColumnStatistics,
  right: ColumnStatistics,
  {
    type,
    isEmpty = false,
  }: { readonly type: ParquetFooter['schema']['fields'][number]['type']; readonly isEmpty?: boolean },
): ColumnStatistics {
  const pick = (a: ColumnStatistics['min'], b: ColumnStatistics['min'], sign: number): ColumnStatistics['min'] => {
    if (isEmpty) return a
    if (a === undefined || a === null || b === undefined || b === null) return undefined
    const order = compareValues(a, type, b, type)
    return order === undefined ? undefined : order * sign <= 0 ? a : b
  }
  const min = pick(left.min, right.min, 1)
  const max = pick(left.max, right.max, -1)
  const nullCount =
    left.nullCount === undefined || right.nullCount === undefined ? undefined : left.nullCount + right.nullCount
  return {
    ...(nullCount === undefined ? {} : { nullCount }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  }
}

/** Uncompressed bytes of the file's columns. */
export const dataBytes = (footer: ParquetFooter): number =>
  footer.rowGroups.reduce((sum, group) => sum + group.byteLength, 0)
