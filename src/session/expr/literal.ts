/** JavaScript values as SQL literals: the only way in which values become text. */
import { BINARY, BOOLEAN, FLOAT64, INT64, sameType, typeName, UTF8, type DataType } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import type { LiteralExpr } from '../../expr/expr.js'
import { valueText } from '../../expr/value-text.js'
import { quoteString } from '../../parser/quote.js'
import { replaceParameters, type Parameters } from '../parameters.js'

/**
 * What a program may give where SQL wants a value. Whole numbers and bigint are BIGINT, other numbers DOUBLE, strings VARCHAR (a
 * DECIMAL is given as its text: it becomes a number beside one), Date a TIMESTAMP in UTC, bytes BYTEA.
 */
export type SqlValue = null | boolean | number | bigint | string | Date | Uint8Array

const INT64_MAX = 2n ** 63n - 1n

export const isSqlValue = (value: unknown): value is SqlValue =>
  value === null ||
  ['boolean', 'number', 'bigint', 'string'].includes(typeof value) ||
  value instanceof Date ||
  value instanceof Uint8Array

/** The value as one operand of SQL, never more than that. INVALID_ARGUMENT for what is no value. */
export function literalText(value: SqlValue): string {
  if (value === null) return 'NULL'
  switch (typeof value) {
    case 'boolean':
      return value ? 'TRUE' : 'FALSE'
    case 'bigint':
      return wholeText(value)
    case 'number':
      return numberText(value)
    case 'string':
      return quoteString(value)
    default:
      if (value instanceof Uint8Array) return `decode('${Buffer.from(value).toString('hex')}', 'hex')`
      return dateText(value)
  }
}

/** A constant of any type but a nested one as one operand of SQL. */
function constantText({ value, type }: LiteralExpr): string {
  if (value === null) return type.kind === 'null' ? 'NULL' : `CAST(NULL AS ${sqlType(type)})`
  const isPlain = [BOOLEAN, INT64, FLOAT64, UTF8, BINARY].some(plain => sameType(plain, type))
  if (isPlain && isSqlValue(value)) return literalText(value)
  return `CAST(${quoteString(valueText(value, type))} AS ${sqlType(type)})`
}

/** The text with values in the place of those parameters that have one. */
export const inlineParameters = (sql: string, parameters: Parameters): string =>
  replaceParameters(sql, name => (Object.hasOwn(parameters, name) ? constantText(parameters[name]) : undefined))

const DIGITS = { s: 0, ms: 3, us: 6, ns: 9 } as const

/** The type as the grammar reads it. */
export function sqlType(type: DataType): string {
  if (type.kind !== 'timestamp') return typeName(type)
  return `TIMESTAMP(${DIGITS[type.unit]})${type.timeZone === undefined ? '' : ' WITH TIME ZONE'}`
}

/** Beyond BIGINT it is a DECIMAL. */
function wholeText(value: bigint): string {
  if (value < -INT64_MAX) return `CAST('${value}' AS ${value === -INT64_MAX - 1n ? 'BIGINT' : 'DECIMAL(38, 0)'})`
  return value < 0n ? `(${value})` : String(value)
}

function numberText(value: number): string {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return wholeText(BigInt(value))
  if (!Number.isFinite(value) || Object.is(value, -0)) {
    const name = Number.isNaN(value) ? 'NaN' : Object.is(value, -0) ? '-0' : value > 0 ? 'inf' : '-inf'
    return `CAST('${name}' AS DOUBLE)`
  }
  // With an exponent it is a DOUBLE (without, a DECIMAL).
  const digits = /e/.test(String(value)) ? String(value) : `${value}e0`
  return value < 0 ? `(${digits})` : digits
}

function dateText(value: unknown): string {
  if (!(value instanceof Date)) throw fail('INVALID_ARGUMENT', [`${describe(value)} is no SQL value`])
  if (Number.isNaN(value.getTime())) throw fail('INVALID_ARGUMENT', ['an invalid Date is no SQL value'])
  return `CAST('${value.toISOString().replace('Z', '')}' AS TIMESTAMP(3))`
}

function describe(value: unknown): string {
  if (value === undefined) return 'undefined'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
