/** Bounds of integer columns, read from their values. */
import type { Column, Range } from './batch.js'
import { releaseColumn } from './column.js'
import { kernels, views, withScratch } from './memory.js'

interface BoundsKernels {
  frameBounds(values: number, width: number, isSigned: number, validity: number, count: number, target: number): number
}

/**
 * The lowest and highest non-NULL value of a flat integer, decimal (width 8), date or timestamp column; undefined for other
 * columns and if there is none.
 */
export function computeRange(column: Column): Range | undefined {
  const { type, width, values, validity, length } = column
  const isInteger = type.kind === 'int' || type.kind === 'date' || type.kind === 'timestamp' || type.kind === 'decimal'
  if (!isInteger || width === 16 || column.dictionary !== undefined) return undefined
  const isSigned = type.kind !== 'int' || type.signed
  return withScratch(scratch => {
    const target = scratch(16)
    const { frameBounds } = kernels<BoundsKernels>()
    if (frameBounds(values, width, isSigned ? 1 : 0, validity, length, target) === 0) return undefined
    const { i64, u64 } = views()
    const integers = isSigned ? i64 : u64
    return { min: integers[target / 8], max: integers[target / 8 + 1] }
  })
}

/** The column with its range, computed if it has none. */
export function withRange(column: Column): Column {
  const range = column.range ?? computeRange(column)
  return range === undefined || range === column.range ? column : { ...column, range }
}

/** As withRange for a column that the caller owns: it is released if there is no room for the computation. */
export function withOwnRange(column: Column): Column {
  try {
    return withRange(column)
  } catch (error) {
    releaseColumn(column)
    throw error
  }
}
