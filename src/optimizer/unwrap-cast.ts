/** Comparisons of a widened column with a constant, as comparisons of the column itself: these prune row groups. */
import type { DataType, Value } from '../arrow/types.js'
import { literal, typeOf, type ComparisonOp, type Expr } from '../expr/expr.js'
import { holdsIntegers } from '../expr/types.js'

type BinaryExpr = Extract<Expr, { kind: 'binary' }>
type InListExpr = Extract<Expr, { kind: 'inList' }>

const SWAPPED: Readonly<Partial<Record<string, ComparisonOp>>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

/**
 * `CAST(a AS BIGINT) > 5` as `a > 5`, `CAST(a AS DECIMAL(12, 2)) < 2.50` as `a <= 2`, `CAST(d AS TIMESTAMP) >= …` in days. Only
 * where the cast keeps every value and the constant lies within the type of the column; else the same expression.
 */
export function unwrapComparison(expr: BinaryExpr): Expr {
  const swapped = SWAPPED[expr.op]
  if (swapped === undefined) return expr
  if (expr.left.kind === 'literal')
    return unwrapped({ ...expr, op: swapped, left: expr.right, right: expr.left }) ?? expr
  return unwrapped(expr) ?? expr
}

function unwrapped({ op, left, right, type }: BinaryExpr): Expr | undefined {
  const parts = right.kind === 'literal' ? scaledCast(left, right.value, right.type) : undefined
  if (parts === undefined) return undefined
  const { input, quotient, isExact } = parts
  const bound = inRange(quotient, typeOf(input))
  if (bound === undefined) return undefined
  if (isExact) return { kind: 'binary', op, left: input, right: bound, type }
  // Between two values of the column: none is equal, and the next smaller one is still less.
  if (op === '<' || op === '<=') return { kind: 'binary', op: '<=', left: input, right: bound, type }
  if (op === '>' || op === '>=') return { kind: 'binary', op: '>', left: input, right: bound, type }
  return undefined
}

/** The same of `CAST(a …) IN (constants)`, where all of them are values of the column. */
export function unwrapInList(expr: InListExpr): InListExpr {
  const items = expr.list.map(item =>
    item.kind === 'literal' ? scaledCast(expr.input, item.value, item.type) : undefined,
  )
  const [first] = items
  if (first === undefined) return expr
  const list = items.map(item => (item?.isExact === true ? inRange(item.quotient, typeOf(first.input)) : undefined))
  return list.includes(undefined)
    ? expr
    : { ...expr, input: first.input, list: list.filter(item => item !== undefined) }
}

/** `CAST(input AS type)` against a constant of this type: `quotient` is the greatest value of the input that is not greater. */
function scaledCast(
  expr: Expr,
  value: Value,
  type: DataType,
): { readonly input: Expr; readonly quotient: bigint; readonly isExact: boolean } | undefined {
  if (expr.kind !== 'cast' || expr.input.kind === 'literal') return undefined
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isSafeInteger(value))) return undefined
  const factor = wideningFactor(typeOf(expr.input), type)
  // Decimals of different scales are compared by value: the constant need not have the type of the cast.
  if (factor === undefined || wideningFactor(typeOf(expr.input), expr.type) === undefined) return undefined
  const constant = BigInt(value)
  const remainder = ((constant % factor) + factor) % factor
  return { input: expr.input, quotient: (constant - remainder) / factor, isExact: remainder === 0n }
}

const UNITS_A_DAY = { s: 86_400n, ms: 86_400_000n, us: 86_400_000_000n, ns: 86_400_000_000_000n } as const
/** Far beyond the calendar on both sides. */
const MAX_DAYS = 10_000_000n
/** Digits that every integer of so many bits fits. */
const DIGITS: Readonly<Record<number, number>> = { 8: 3, 16: 5, 32: 10, 64: 19 }
const UNSIGNED_64_DIGITS = 20

const digitsOf = ({ bits, signed }: Extract<DataType, { kind: 'int' }>): number =>
  bits === 64 && !signed ? UNSIGNED_64_DIGITS : DIGITS[bits]

/** By how much values grow in their representation, if the cast keeps all of them apart and never fails. */
function wideningFactor(from: DataType, to: DataType): bigint | undefined {
  if (from.kind === 'int' && to.kind === 'int') return holdsIntegers(from, to) ? 1n : undefined
  if (from.kind === 'int' && to.kind === 'decimal')
    return to.precision - to.scale >= digitsOf(from) ? 10n ** BigInt(to.scale) : undefined
  if (from.kind === 'decimal' && to.kind === 'decimal') {
    const keeps = to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale
    return keeps ? 10n ** BigInt(to.scale - from.scale) : undefined
  }
  // Only some days fit nanoseconds: a cast to them may fail.
  if (from.kind === 'date' && to.kind === 'timestamp' && to.timeZone === undefined && to.unit !== 'ns')
    return UNITS_A_DAY[to.unit]
  return undefined
}

/** The value as a constant of an integer, decimal or date type; undefined if it is none of its values. */
function inRange(value: bigint, type: DataType): Expr | undefined {
  switch (type.kind) {
    case 'int': {
      const width = BigInt(type.bits)
      const [min, max] = type.signed ? [-(1n << (width - 1n)), (1n << (width - 1n)) - 1n] : [0n, (1n << width) - 1n]
      if (value < min || value > max) return undefined
      return literal(type.bits === 64 ? value : Number(value), type)
    }
    case 'decimal': {
      const limit = 10n ** BigInt(type.precision)
      return value > -limit && value < limit ? literal(value, type) : undefined
    }
    case 'date':
      return value >= -MAX_DAYS && value <= MAX_DAYS ? literal(Number(value), type) : undefined
    default:
      return undefined
  }
}
