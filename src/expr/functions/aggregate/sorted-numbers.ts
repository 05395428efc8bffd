/** The numbers of one group in order, and what quantiles are made of. */
import type { Column } from '../../../arrow/batch.js'
import { valueAt } from '../../../arrow/column.js'
import { views } from '../../../arrow/memory.js'
import type { DataType, Value } from '../../../arrow/types.js'

/** Ascending; NaN is the greatest. bigint for 64-bit integers and decimals (unscaled), else number. */
export type SortedNumbers = ArrayLike<number> | ArrayLike<bigint>

/** Rows start..end of a numeric column without NULLs. */
export function sortedNumbers(column: Column, start: number, end: number): SortedNumbers {
  const { type, values, width } = column
  const { f64, i64 } = views()
  if (type.kind === 'float' && width === 8) return f64.slice(values / 8 + start, values / 8 + end).sort()
  if (type.kind === 'decimal' && width === 16) {
    const wide = Array.from({ length: end - start }, (_, i) => valueAt(column, start + i) as bigint)
    return wide.sort((left, right) => (left < right ? -1 : left > right ? 1 : 0))
  }
  if (type.kind === 'decimal' || (type.kind === 'int' && type.bits === 64)) {
    const longs = i64.slice(values / 8 + start, values / 8 + end)
    return type.kind === 'int' && !type.signed ? new BigUint64Array(longs.buffer).sort() : longs.sort()
  }
  return Float64Array.from({ length: end - start }, (_, i) => valueAt(column, start + i) as number).sort()
}

/**
 * The value a fraction of the way from the first to the last (0 to 1), between two neighbours where it falls there. Integers
 * round to the next, halves away from zero.
 */
export function continuousQuantile(sorted: SortedNumbers, fraction: number): number | bigint {
  const place = fraction * (sorted.length - 1)
  const below = Math.floor(place)
  const part = place - below
  const low = sorted[below]
  const high = sorted[Math.min(below + 1, sorted.length - 1)]
  if (part === 0 || low === high) return low
  // Weights, because the difference of two doubles may be infinite.
  if (typeof low === 'number' && typeof high === 'number') return low * (1 - part) + high * part
  const [a, b] = [BigInt(low), BigInt(high)]
  return a + scaledDown((b - a) * BigInt(Math.round(part * Number(PARTS))))
}

/** Fractions between two integers are computed in parts of this size. */
const PARTS = 10n ** 15n

/** A product of parts as a whole number, halves away from zero. */
const scaledDown = (product: bigint): bigint => (product + (product < 0n ? -PARTS / 2n : PARTS / 2n)) / PARTS

/** How many values a fraction of them is, rounded up. To 15 digits, because 0.07 * 100 is more than 7 in doubles. */
const reached = (fraction: number, length: number): number =>
  Math.max(1, Math.ceil(Number((fraction * length).toPrecision(15))))

/** The first value at which the share of values up to it reaches a fraction. */
export const discreteQuantile = (sorted: SortedNumbers, fraction: number): number | bigint =>
  sorted[reached(fraction, sorted.length) - 1]

/** The same, the greatest value first. */
export const discreteFromGreatest = (sorted: SortedNumbers, fraction: number): number | bigint =>
  sorted[sorted.length - reached(fraction, sorted.length)]

/** The mean of the two middle values, in the type of the values: integers and decimals are cut off towards zero. */
export function middle(sorted: SortedNumbers): number | bigint {
  const half = sorted.length >> 1
  const high = sorted[half]
  if (sorted.length % 2 === 1) return high
  const low = sorted[half - 1]
  return typeof low === 'bigint' || typeof high === 'bigint' ? (BigInt(low) + BigInt(high)) / 2n : low / 2 + high / 2
}

/** A number as a value of a type; numbers for whole types are cut off. */
export function numberValue(value: number | bigint, type: DataType): Value {
  if (type.kind === 'float') return type.bits === 32 ? Math.fround(Number(value)) : Number(value)
  if (type.kind === 'int' && type.bits < 64) return Math.trunc(Number(value))
  return BigInt(value)
}
