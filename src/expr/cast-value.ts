/** CAST of one value: what is representable exactly, what is rounded and what is an error. */
import { sameType, typeName, type DataType, type Value } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { checkDate, convertUnit, splitTimestamp, timestampOfDate } from './calendar.js'
import { checkPrecision, pow10, rescale } from './decimal-value.js'
import { integerBounds } from './types.js'
import { parseValue, valueText } from './value-text.js'

/**
 * A value of type `from` as `to`. Floats and decimals round half away from zero on the way to integers and smaller
 * scales; timestamps round down to days and coarser units. Throws INVALID_CAST for unreadable text and impossible
 * pairs, NUMERIC_OVERFLOW for values out of range. NULL stays NULL.
 */
export function castValue(value: Value, from: DataType, to: DataType): Value {
  if (value === null || sameType(from, to)) return value
  if (from.kind === 'utf8') return parseValue(value as string, to)
  if (to.kind === 'utf8') return from.kind === 'binary' ? decodeUtf8(value as Uint8Array) : valueText(value, from)
  switch (to.kind) {
    case 'boolean':
      if (from.kind === 'int' || from.kind === 'float' || from.kind === 'decimal') return value !== 0 && value !== 0n
      break
    case 'int':
      if (from.kind === 'boolean') return integer(value === true ? 1n : 0n, to)
      if (from.kind === 'int') return integer(BigInt(value as number | bigint), to)
      if (from.kind === 'decimal') return integer(rescale(value as bigint, from.scale, 0), to)
      if (from.kind === 'float') return integer(roundedFloat(value as number, to), to)
      break
    case 'float':
      return toFloat(value, from, to)
    case 'decimal':
      return toDecimal(value, from, to)
    case 'date':
      if (from.kind === 'timestamp') return checkDate(splitTimestamp(value as bigint, from.unit).days)
      break
    case 'timestamp':
      if (from.kind === 'date') return timestampOfDate(value as number, to.unit)
      if (from.kind === 'timestamp') return convertUnit(value as bigint, from.unit, to.unit)
      break
    case 'list':
      if (from.kind === 'list')
        return (value as readonly Value[]).map(item => castValue(item, from.element.type, to.element.type))
      break
    default:
      break
  }
  throw fail('INVALID_CAST', [typeName(from), typeName(to), valueText(value, from)])
}

function integer(value: bigint, to: DataType & { kind: 'int' }): Value {
  const { min, max } = integerBounds(to)
  if (value < min || value > max) throw fail('NUMERIC_OVERFLOW', [typeName(to)])
  return to.bits === 64 ? value : Number(value)
}

function roundedFloat(value: number, to: DataType): bigint {
  if (!Number.isFinite(value)) throw fail('NUMERIC_OVERFLOW', [typeName(to)])
  return BigInt(roundHalfAway(value))
}

/** Nearest whole number, halves away from zero (Math.round rounds -1.5 to -1, and 0.49999999999999994 + 0.5 is 1). */
export function roundHalfAway(value: number): number {
  const whole = Math.trunc(value)
  return Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole
}

/** The float nearest to an unscaled decimal. */
export function decimalToFloat(unscaled: bigint, scale: number): number {
  // Both operands and so the one division are exact up to 2^53 and 10^22; otherwise the text form rounds once.
  if (scale <= 22 && unscaled <= 9_007_199_254_740_992n && unscaled >= -9_007_199_254_740_992n) {
    return Number(unscaled) / Number(pow10(scale))
  }
  return Number(`${unscaled}e-${scale}`)
}

function toFloat(value: Value, from: DataType, to: DataType & { kind: 'float' }): Value {
  if (from.kind === 'boolean') return value === true ? 1 : 0
  let result: number
  if (from.kind === 'decimal') result = decimalToFloat(value as bigint, from.scale)
  else if (from.kind === 'int' || from.kind === 'float') result = Number(value as number | bigint)
  else throw fail('INVALID_CAST', [typeName(from), typeName(to), valueText(value, from)])
  return to.bits === 32 ? Math.fround(result) : result
}

function toDecimal(value: Value, from: DataType, to: DataType & { kind: 'decimal' }): Value {
  if (from.kind === 'decimal') return checkPrecision(rescale(value as bigint, from.scale, to.scale), to)
  if (from.kind === 'int') return checkPrecision(BigInt(value as number | bigint) * pow10(to.scale), to)
  if (from.kind === 'boolean') return checkPrecision(value === true ? pow10(to.scale) : 0n, to)
  if (from.kind === 'float') {
    if (!Number.isFinite(value)) throw fail('NUMERIC_OVERFLOW', [typeName(to)])
    return parseValue(valueText(value, from), to)
  }
  throw fail('INVALID_CAST', [typeName(from), typeName(to), valueText(value, from)])
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw fail('INVALID_CAST', ['BYTEA', 'VARCHAR', 'invalid UTF-8'], { cause })
  }
}
