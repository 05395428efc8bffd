/** SQL and Arrow data types as plain data. Dictionary is an encoding of a Column, never a type. */
import type { Field } from './schema.js'

export type TimeUnit = 's' | 'ms' | 'us' | 'ns'

export type DataType =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | { readonly kind: 'float'; readonly bits: 32 | 64 }
  /** Unscaled integers; 1 <= precision <= 38, 0 <= scale <= precision. */
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'utf8' }
  | { readonly kind: 'binary' }
  /** Days since 1970-01-01. */
  | { readonly kind: 'date' }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly timeZone?: string }
  /** Months, days and nanoseconds, kept apart. */
  | { readonly kind: 'interval' }
  | { readonly kind: 'list'; readonly element: Field }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] }
  | { readonly kind: 'map'; readonly key: Field; readonly value: Field }

export const NULL: DataType = { kind: 'null' }
export const BOOLEAN: DataType = { kind: 'boolean' }
export const INT8: DataType = { kind: 'int', bits: 8, signed: true }
export const INT16: DataType = { kind: 'int', bits: 16, signed: true }
export const INT32: DataType = { kind: 'int', bits: 32, signed: true }
export const INT64: DataType = { kind: 'int', bits: 64, signed: true }
export const UINT8: DataType = { kind: 'int', bits: 8, signed: false }
export const UINT16: DataType = { kind: 'int', bits: 16, signed: false }
export const UINT32: DataType = { kind: 'int', bits: 32, signed: false }
export const UINT64: DataType = { kind: 'int', bits: 64, signed: false }
export const FLOAT32: DataType = { kind: 'float', bits: 32 }
export const FLOAT64: DataType = { kind: 'float', bits: 64 }
export const UTF8: DataType = { kind: 'utf8' }
export const BINARY: DataType = { kind: 'binary' }
export const DATE: DataType = { kind: 'date' }
export const INTERVAL: DataType = { kind: 'interval' }
export const decimal = (precision: number, scale: number): DataType => ({ kind: 'decimal', precision, scale })
export const timestamp = (unit: TimeUnit = 'ns', timeZone?: string): DataType =>
  timeZone === undefined ? { kind: 'timestamp', unit } : { kind: 'timestamp', unit, timeZone }

/**
 * One value outside the arena. null for NULL; boolean; number for ints up to 32 bits, floats and DATE (days);
 * bigint for 64-bit ints, DECIMAL (unscaled) and TIMESTAMP (in its unit); string for utf8; bytes for binary; an array
 * of values for a list.
 */
export type Value = null | boolean | number | bigint | string | Uint8Array | IntervalValue | readonly Value[]

export interface IntervalValue {
  readonly months: number
  readonly days: number
  readonly nanos: bigint
}

/** The type as SQL writes it: `BIGINT`, `DECIMAL(15, 2)`, `TIMESTAMP(us)`. */
export function typeName(type: DataType): string {
  switch (type.kind) {
    case 'null':
      return 'NULL'
    case 'boolean':
      return 'BOOLEAN'
    case 'int': {
      const name = { 8: 'TINYINT', 16: 'SMALLINT', 32: 'INT', 64: 'BIGINT' }[type.bits]
      return type.signed ? name : `${name} UNSIGNED`
    }
    case 'float':
      return type.bits === 32 ? 'FLOAT' : 'DOUBLE'
    case 'decimal':
      return `DECIMAL(${type.precision}, ${type.scale})`
    case 'utf8':
      return 'VARCHAR'
    case 'binary':
      return 'BYTEA'
    case 'date':
      return 'DATE'
    case 'timestamp':
      return type.timeZone === undefined ? `TIMESTAMP(${type.unit})` : `TIMESTAMP(${type.unit}, ${type.timeZone})`
    case 'interval':
      return 'INTERVAL'
    case 'list':
      return `${typeName(type.element.type)}[]`
    case 'struct':
      return `STRUCT<${type.fields.map(field => `${field.name} ${typeName(field.type)}`).join(', ')}>`
    case 'map':
      return `MAP<${typeName(type.key.type)}, ${typeName(type.value.type)}>`
  }
}

/** Same type, ignoring nothing. */
export const sameType = (left: DataType, right: DataType): boolean =>
  left === right || (left.kind === right.kind && typeName(left) === typeName(right))

export const isNumeric = (type: DataType): boolean =>
  type.kind === 'int' || type.kind === 'float' || type.kind === 'decimal'
