/** Exact decimal arithmetic on unscaled bigints: scaling, rounding and the limits of the type. */
import { typeName, type DataType } from '../arrow/types.js'
import { fail } from '../common/errors.js'

/** The largest precision of a decimal: what 128 bits hold. */
export const MAX_PRECISION = 38

const POWERS: readonly bigint[] = Array.from(
  { length: 2 * MAX_PRECISION + 1 },
  (_, exponent) => 10n ** BigInt(exponent),
)

/** 10 to the power of a whole number >= 0. */
export const pow10 = (exponent: number): bigint => POWERS[exponent] ?? 10n ** BigInt(exponent)

/** Quotient rounded half away from zero; `divisor` > 0. */
export function divideRounded(value: bigint, divisor: bigint): bigint {
  const magnitude = value < 0n ? -value : value
  const rounded = (2n * magnitude + divisor) / (2n * divisor)
  return value < 0n ? -rounded : rounded
}

/** The unscaled value at another scale; digits that are lost are rounded half away from zero. */
export function rescale(unscaled: bigint, fromScale: number, toScale: number): bigint {
  if (toScale >= fromScale) return unscaled * pow10(toScale - fromScale)
  return divideRounded(unscaled, pow10(fromScale - toScale))
}

/** `unscaled` if it has at most `precision` digits, else throws NUMERIC_OVERFLOW. */
export function checkPrecision(unscaled: bigint, type: DataType & { kind: 'decimal' }): bigint {
  const limit = pow10(type.precision)
  if (unscaled >= limit || unscaled <= -limit) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
  return unscaled
}

/** Number of decimal digits of the magnitude, at least 1. */
export const digitCount = (value: bigint): number => (value < 0n ? -value : value).toString().length
