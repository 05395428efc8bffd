/** Which types meet which: coercion of comparisons, unions and arithmetic, decimal results and SQL type names. */
import {
  BINARY,
  BOOLEAN,
  DATE,
  FLOAT32,
  FLOAT64,
  INT16,
  INT32,
  INT64,
  INT8,
  INTERVAL,
  UINT16,
  UINT32,
  UINT64,
  UINT8,
  UTF8,
  decimal,
  isNumeric,
  sameType,
  timestamp,
  typeName,
  type DataType,
  type TimeUnit,
} from '../arrow/types.js'
import { fail } from '../common/errors.js'
import type { ArithmeticOp } from './expr.js'
import { MAX_PRECISION } from './decimal-value.js'

type IntType = DataType & { kind: 'int' }
type DecimalType = DataType & { kind: 'decimal' }

/** Ticks per second of a timestamp unit. */
export const UNIT_PER_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  s: 1n,
  ms: 1_000n,
  us: 1_000_000n,
  ns: 1_000_000_000n,
}

const UNITS: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns']

export const isTemporal = (type: DataType): boolean => type.kind === 'date' || type.kind === 'timestamp'

/** Inclusive bounds of an integer type. */
export function integerBounds(type: IntType): { readonly min: bigint; readonly max: bigint } {
  const bits = BigInt(type.bits)
  if (!type.signed) return { min: 0n, max: (1n << bits) - 1n }
  return { min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n }
}

/** Whether every value of an integer type is one of another. */
export const holdsIntegers = (from: IntType, to: IntType): boolean =>
  from.signed === to.signed ? to.bits >= from.bits : !from.signed && to.bits > from.bits

/** The decimal that holds every value of an integer type. */
export function decimalOfInteger(type: IntType): DecimalType {
  const digits = { 8: 3, 16: 5, 32: 10, 64: type.signed ? 19 : 20 }[type.bits]
  return { kind: 'decimal', precision: digits, scale: 0 }
}

/** The type to which both sides of a comparison are cast; undefined when they cannot be compared. */
export function commonType(left: DataType, right: DataType): DataType | undefined {
  if (sameType(left, right)) return left
  if (left.kind === 'null') return right
  if (right.kind === 'null') return left
  if (isNumeric(left) && isNumeric(right)) return commonNumeric(left, right)
  if (left.kind === 'utf8') return stringPartner(right)
  if (right.kind === 'utf8') return stringPartner(left)
  if (isTemporal(left) && isTemporal(right)) return commonTemporal(left, right)
  return undefined
}

/**
 * The type of UNION columns, CASE results and COALESCE: as commonType, but a string and anything else give a string.
 */
export function unionType(left: DataType, right: DataType): DataType | undefined {
  const scalar = (type: DataType): boolean => isNumeric(type) || isTemporal(type) || type.kind === 'boolean'
  if (left.kind === 'utf8' && scalar(right)) return UTF8
  if (right.kind === 'utf8' && scalar(left)) return UTF8
  return commonType(left, right)
}

/** A string compared with another type is parsed as that type. */
const stringPartner = (type: DataType): DataType | undefined =>
  isNumeric(type) || isTemporal(type) || ['boolean', 'interval', 'binary'].includes(type.kind) ? type : undefined

function commonTemporal(left: DataType, right: DataType): DataType {
  if (left.kind === 'timestamp' && right.kind === 'timestamp') {
    const unit = UNITS[Math.max(UNITS.indexOf(left.unit), UNITS.indexOf(right.unit))]
    return timestamp(unit, left.timeZone ?? right.timeZone)
  }
  return left.kind === 'timestamp' ? left : right
}

function commonNumeric(left: DataType, right: DataType): DataType {
  if (left.kind === 'float' || right.kind === 'float') return commonFloat(left, right)
  if (left.kind === 'int' && right.kind === 'int') return commonInteger(left, right)
  const a = asDecimal(left)
  const b = asDecimal(right)
  const scale = Math.max(a.scale, b.scale)
  return decimal(Math.min(MAX_PRECISION, Math.max(a.precision - a.scale, b.precision - b.scale) + scale), scale)
}

/** FLOAT only with FLOAT and with integers that it holds exactly; else DOUBLE. */
function commonFloat(left: DataType, right: DataType): DataType {
  const fitsFloat32 = (type: DataType): boolean =>
    (type.kind === 'float' && type.bits === 32) || (type.kind === 'int' && type.bits <= 16)
  return fitsFloat32(left) && fitsFloat32(right) ? FLOAT32 : FLOAT64
}

function commonInteger(left: IntType, right: IntType): DataType {
  if (left.signed === right.signed) return left.bits >= right.bits ? left : right
  const [signed, unsigned] = left.signed ? [left, right] : [right, left]
  if (signed.bits > unsigned.bits) return signed
  return { 8: INT16, 16: INT32, 32: INT64, 64: decimal(20, 0) }[unsigned.bits]
}

function asDecimal(type: DataType): DecimalType {
  return type.kind === 'int' ? decimalOfInteger(type) : (type as DecimalType)
}

/**
 * Result of a decimal operation (Hive's rules, precision capped at 38); throws TYPE_MISMATCH when the scale exceeds 38.
 */
export function decimalResult(op: ArithmeticOp, left: DecimalType, right: DecimalType): DecimalType {
  const { precision: p1, scale: s1 } = left
  const { precision: p2, scale: s2 } = right
  switch (op) {
    case '+':
    case '-':
      return capped(Math.max(s1, s2) + Math.max(p1 - s1, p2 - s2) + 1, Math.max(s1, s2))
    case '*':
      if (s1 + s2 > MAX_PRECISION) {
        const sides = `${typeName(left)} * ${typeName(right)}`
        throw fail('TYPE_MISMATCH', [
          `${sides} would have scale ${s1 + s2}, the limit is ${MAX_PRECISION}; cast a side to a smaller scale`,
        ])
      }
      return capped(p1 + p2 + 1, s1 + s2)
    case '/': {
      const scale = Math.max(s1, Math.min(s1 + 4, MAX_PRECISION))
      return capped(p1 + s2 + (scale - s1), scale)
    }
    case '%':
      return capped(Math.min(p1 - s1, p2 - s2) + Math.max(s1, s2), Math.max(s1, s2))
  }
}

function capped(precision: number, scale: number): DecimalType {
  const enough = Math.max(1, scale, precision)
  return { kind: 'decimal', precision: Math.min(MAX_PRECISION, enough), scale }
}

/** The numeric type in which `left op right` is computed when neither side is a decimal next to a non-float. */
export const arithmeticCommonType = (left: DataType, right: DataType): DataType | undefined =>
  isNumeric(left) && isNumeric(right) ? commonNumeric(left, right) : undefined

/** Whether CAST between the types exists (values may still fail). */
export function canCast(from: DataType, to: DataType): boolean {
  if (sameType(from, to) || from.kind === 'null') return true
  if (isNumeric(from)) return isNumeric(to) || to.kind === 'utf8' || to.kind === 'boolean'
  switch (from.kind) {
    case 'utf8':
      return isNumeric(to) || isTemporal(to) || ['boolean', 'interval', 'binary', 'utf8'].includes(to.kind)
    case 'boolean':
      return to.kind === 'utf8' || isNumeric(to)
    case 'date':
    case 'timestamp':
      return isTemporal(to) || to.kind === 'utf8'
    case 'interval':
    case 'binary':
      return to.kind === 'utf8'
    case 'list':
      return to.kind === 'utf8' || (to.kind === 'list' && canCast(from.element.type, to.element.type))
    default:
      return false
  }
}

/** Whether a function argument of one type is silently cast to the other. */
export function canCoerce(from: DataType, to: DataType): boolean {
  if (sameType(from, to) || from.kind === 'null') return true
  if (isNumeric(from) && to.kind === 'float') return true
  if (from.kind === 'int' && to.kind === 'int') return true
  if (from.kind === 'int' && to.kind === 'decimal') return true
  if (from.kind === 'decimal' && to.kind === 'decimal') return true
  if (from.kind === 'date' && to.kind === 'timestamp') return true
  return from.kind === 'utf8' && (isTemporal(to) || to.kind === 'interval')
}

const NAMED_TYPES: Readonly<Record<string, DataType>> = {
  BIGINT: INT64,
  'BIGINT UNSIGNED': UINT64,
  BLOB: BINARY,
  BOOL: BOOLEAN,
  BOOLEAN,
  BYTEA: BINARY,
  CHAR: UTF8,
  CHARACTER: UTF8,
  'CHARACTER VARYING': UTF8,
  DATE,
  DATETIME: timestamp('ns'),
  DOUBLE: FLOAT64,
  'DOUBLE PRECISION': FLOAT64,
  FLOAT: FLOAT32,
  FLOAT4: FLOAT32,
  FLOAT8: FLOAT64,
  INT: INT32,
  'INT UNSIGNED': UINT32,
  INT2: INT16,
  INT4: INT32,
  INT8: INT64,
  INTEGER: INT32,
  'INTEGER UNSIGNED': UINT32,
  INTERVAL,
  REAL: FLOAT32,
  SMALLINT: INT16,
  'SMALLINT UNSIGNED': UINT16,
  STRING: UTF8,
  TEXT: UTF8,
  TINYINT: INT8,
  'TINYINT UNSIGNED': UINT8,
  UBIGINT: UINT64,
  UINTEGER: UINT32,
  USMALLINT: UINT16,
  UTINYINT: UINT8,
  VARBINARY: BINARY,
  VARCHAR: UTF8,
}

/**
 * A SQL type name (upper-case words) with its numeric arguments; throws TYPE_MISMATCH for unknown names and bad
 * arguments.
 */
export function parseTypeNode(name: string, args: readonly number[]): DataType {
  const upper = name.toUpperCase()
  if (upper === 'DECIMAL' || upper === 'NUMERIC' || upper === 'DEC') return parseDecimal(args)
  if (/^TIMESTAMP\b|^TIMESTAMPTZ$/.test(upper)) return parseTimestamp(upper, args)
  const type = NAMED_TYPES[upper]
  if (type === undefined) {
    throw fail('TYPE_MISMATCH', [
      `unknown type '${name}'; known are ${Object.keys(NAMED_TYPES).join(', ')}, DECIMAL and TIMESTAMP`,
    ])
  }
  return type
}

function parseDecimal(args: readonly number[]): DataType {
  const [precision = MAX_PRECISION, scale = args.length === 0 ? 10 : 0] = args
  const legal =
    Number.isInteger(precision) && precision >= 1 && precision <= MAX_PRECISION && scale >= 0 && scale <= precision
  if (!legal || args.length > 2) {
    const given = `DECIMAL(${args.join(', ')})`
    throw fail('TYPE_MISMATCH', [
      `${given} is out of range: precision is 1 to ${MAX_PRECISION}, scale 0 to the precision`,
    ])
  }
  return decimal(precision, scale)
}

function parseTimestamp(name: string, args: readonly number[]): DataType {
  const unit = ({ 0: 's', 3: 'ms', 6: 'us', 9: 'ns' } as const)[args[0] ?? 9]
  if (unit === undefined)
    throw fail('TYPE_MISMATCH', [`TIMESTAMP(${args[0]}): the digits of a second are 0, 3, 6 or 9`])
  const zoned = name === 'TIMESTAMPTZ' || name.endsWith('WITH TIME ZONE')
  return zoned ? timestamp(unit, 'UTC') : timestamp(unit)
}
