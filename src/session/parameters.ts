/** Values of `$1`, `?` and `$name` that a program gives. */
import { BINARY, BOOLEAN, FLOAT64, INT64, NULL, UTF8, timestamp } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { tokenAt } from '../parser/scan.js'
import { numberLiteral } from '../expr/build.js'
import { literal, type LiteralExpr } from '../expr/expr.js'

/** By name without the dollar sign: `1`, `name`. */
export type Parameters = Readonly<Record<string, LiteralExpr>>

export type ParameterValue = string | number | bigint | boolean | Date | Uint8Array | null

/** A list gives `$1`, `$2`, … (or `?` in their order), an object `$name`. */
export type ParameterValues = readonly ParameterValue[] | Readonly<Record<string, ParameterValue>>

/** Values of a program as SQL constants. Throws INVALID_ARGUMENT for one that has no SQL type. */
export function parametersOf(values: ParameterValues): Parameters {
  const named = Array.isArray(values) ? values.map((value, i) => [String(i + 1), value]) : Object.entries(values)
  return Object.fromEntries(named.map(([name, value]) => [name, literalOf(name, value)]))
}

/** Whole numbers are BIGINT, others DOUBLE; texts take the type of what they meet, as string constants do. */
function literalOf(name: string, value: unknown): LiteralExpr {
  switch (typeof value) {
    case 'string':
      return literal(value, UTF8)
    case 'boolean':
      return literal(value, BOOLEAN)
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? literal(BigInt(value), INT64)
        : literal(value, FLOAT64)
    case 'bigint': {
      const digits = numberLiteral(String(value < 0n ? -value : value))
      return BigInt.asIntN(64, value) === value ? literal(value, INT64) : literal(value, digits.type)
    }
  }
  if (value === null || value === undefined) return literal(null, NULL)
  if (value instanceof Date && !Number.isNaN(value.getTime())) return literal(BigInt(value.getTime()), timestamp('ms'))
  if (value instanceof Uint8Array) return literal(value, BINARY)
  throw fail('INVALID_ARGUMENT', [
    `the value of parameter $${name} must be a string, number, bigint, boolean, Date, Uint8Array or null`,
  ])
}

const NAME = /[\p{L}\p{N}_$]+/uy

/**
 * The text with something else in the place of parameters: `replace` gets a name (of the nth `?`, n) and gives SQL, or undefined to
 * keep the parameter. Strings, quoted names and comments stay as they are.
 */
export function replaceParameters(sql: string, replace: (name: string) => string | undefined): string {
  let replaced = ''
  let copied = 0
  let questionMarks = 0
  for (let at = 0; at < sql.length;) {
    const token = tokenAt(sql, at)
    at = token.end
    const sign = token.kind === 'symbol' ? sql[token.start] : ''
    if (sign !== '$' && sign !== '?') continue
    NAME.lastIndex = token.end
    const written = sign === '$' ? (NAME.exec(sql)?.[0] ?? '') : ''
    const value = replace(sign === '?' ? String(++questionMarks) : written)
    at = token.end + written.length
    if (value === undefined) continue
    replaced += sql.slice(copied, token.start) + value
    copied = at
  }
  return replaced + sql.slice(copied)
}

/** The text with `$n` in the place of the nth `?`. */
export const numberedParameters = (sql: string): string => replaceParameters(sql, name => `$${name}`)
