/** Values of JavaScript programs as values of SQL types: for rows and columns that programs bring. */
import type { Field } from '../arrow/schema.js'
import {
  BINARY,
  BOOLEAN,
  FLOAT64,
  INT64,
  decimal,
  timestamp,
  typeName,
  UTF8,
  type DataType,
  type TimeUnit,
  type Value,
} from '../arrow/types.js'
import { BallistaError, fail } from '../common/errors.js'
import { floorDiv } from './calendar.js'
import { parseValue } from './value-text.js'

/**
 * The type of a column of JavaScript values: BOOLEAN; BIGINT of whole numbers and bigint (DECIMAL(38, 0) beyond its range), DOUBLE if
 * one is not whole; VARCHAR, also for nothing but NULL; TIMESTAMP(3) of Date; BYTEA. TYPE_MISMATCH for a mixture.
 */
export function inferType(name: string, values: readonly unknown[]): DataType {
  let found: DataType | undefined
  for (const value of values) {
    if (value === null || value === undefined) continue
    const type = typeOfValue(name, value)
    const united = found === undefined ? type : unite(found, type)
    if (united === undefined) {
      const text = `column '${name}' has both ${typeName(found ?? type)} and ${typeName(type)}; give it a type`
      throw fail('TYPE_MISMATCH', [text])
    }
    found = united
  }
  return found ?? UTF8
}

const WIDE = decimal(38, 0)

function typeOfValue(name: string, value: unknown): DataType {
  switch (typeof value) {
    case 'boolean':
      return BOOLEAN
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? INT64 : FLOAT64
    case 'bigint':
      return BigInt.asIntN(64, value) === value ? INT64 : WIDE
    case 'string':
      return UTF8
    case 'object':
      if (value instanceof Date) return timestamp('ms')
      if (value instanceof Uint8Array) return BINARY
  }
  const text = `column '${name}' has a value of kind ${typeof value}, which has no SQL type`
  throw fail('TYPE_MISMATCH', [text])
}

function unite(left: DataType, right: DataType): DataType | undefined {
  if (left.kind === right.kind) return left
  const kinds = new Set([left.kind, right.kind])
  if (kinds.size === 2 && kinds.has('int') && kinds.has('float')) return FLOAT64
  return kinds.has('int') && kinds.has('decimal') ? WIDE : undefined
}

/** A JavaScript value as a value of the column. TYPE_MISMATCH when it is none; NULL only where the column is nullable. */
export function valueFrom(value: unknown, { name, type, nullable }: Field): Value {
  if (value === null || value === undefined) {
    if (nullable) return null
    throw fail('TYPE_MISMATCH', [`column '${name}' may not be NULL`])
  }
  const converted = convert(value, type)
  if (converted !== undefined) return converted
  throw fail('TYPE_MISMATCH', [`column '${name}': expected ${typeName(type)}, got ${shown(value)}`])
}

/** The value in the type; undefined when it is none. */
export function convert(value: unknown, type: DataType): Value | undefined {
  switch (type.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'utf8':
      return typeof value === 'string' ? value : undefined
    case 'binary':
      return value instanceof Uint8Array ? value : undefined
    case 'float':
      return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined
    case 'int':
      if (type.bits === 64 && type.signed && typeof value === 'bigint' && BigInt.asIntN(64, value) === value)
        return value
      return typeof value === 'bigint' || Number.isSafeInteger(value) ? fromText(String(value), type) : undefined
    case 'decimal':
      return isNumberOrText(value) ? fromText(String(value), type) : undefined
    case 'date':
      if (value instanceof Date) return Math.floor(validMs(value) / MS_PER_DAY)
      return typeof value === 'string' ? fromText(value, type) : undefined
    case 'timestamp':
      if (value instanceof Date) return ticks(BigInt(validMs(value)), type.unit)
      return typeof value === 'string' ? fromText(value, type) : undefined
    case 'interval':
      return typeof value === 'string' ? fromText(value, type) : undefined
    case 'null':
    case 'list':
    case 'struct':
    case 'map':
      return undefined
  }
}

const MS_PER_DAY = 86_400_000

const ticks = (ms: bigint, unit: TimeUnit): bigint =>
  unit === 's' ? floorDiv(ms, 1000n) : ms * { ms: 1n, us: 1000n, ns: 1_000_000n }[unit]

const isNumberOrText = (value: unknown): boolean =>
  typeof value === 'bigint' || typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))

/** Undefined for an invalid value, whose own error would not name the column. */
function fromText(text: string, type: DataType): Value | undefined {
  try {
    return parseValue(text, type)
  } catch (error) {
    if (error instanceof BallistaError) return undefined
    throw error
  }
}

function validMs(value: Date): number {
  if (Number.isNaN(value.getTime())) throw fail('TYPE_MISMATCH', ['an invalid Date has no SQL value'])
  return value.getTime()
}

/** A value in an error message. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`
  return typeof value === 'object' || typeof value === 'function'
    ? `a ${typeof value}`
    : `${typeof value} ${String(value)}`
}
