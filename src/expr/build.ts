/** Typed constructors of expressions: they coerce their arguments, so that whatever they return can run. */
import {
  BOOLEAN,
  DATE,
  FLOAT64,
  INT64,
  INTERVAL,
  NULL,
  UTF8,
  decimal,
  isNumeric,
  sameType,
  typeName,
  type DataType,
  type Value,
} from '../arrow/types.js'
import { didYouMean, fail } from '../common/errors.js'
import { equals } from '../common/tree.js'
import { parseArrowType } from './arrow-type-name.js'
import { coerceTo, unifyOperands } from './coerce.js'
import { MAX_PRECISION, digitCount } from './decimal-value.js'
import { displayExpr } from './display.js'
import {
  literal,
  typeOf,
  type AggregateExpr,
  type ArithmeticOp,
  type BinaryOp,
  type ColumnExpr,
  type ComparisonOp,
  type Expr,
  type InputExpr,
  type LiteralExpr,
  type SortKey,
} from './expr.js'
import { foldConstants } from './fold.js'
import { aggregateFunction, functionNames, scalarFunction } from './functions/index.js'
import {
  arithmeticCommonType,
  canCast,
  commonType,
  decimalOfInteger,
  decimalResult,
  integerBounds,
  isTemporal,
  unionType,
} from './types.js'

/** A column of the logical plan. */
export const columnExpr = (name: string, type: DataType, nullable: boolean, relation?: string): ColumnExpr =>
  relation === undefined ? { kind: 'column', name, type, nullable } : { kind: 'column', relation, name, type, nullable }

/** A column of the input batch. */
export const inputExpr = (index: number, name: string, type: DataType, nullable = true): InputExpr => ({
  kind: 'input',
  index,
  name,
  type,
  nullable,
})

/**
 * The literal of a number as written: digits are BIGINT (DECIMAL(n, 0) beyond its range), a point gives a DECIMAL of
 * exactly these digits, an exponent (or more than 38 digits) DOUBLE. Throws SYNTAX if the text is no number, NUMERIC_OVERFLOW if it is
 * beyond all doubles.
 */
export function numberLiteral(text: string): LiteralExpr {
  const match = /^(\d*)(?:\.(\d*))?$/.exec(text)
  // BigInt takes quadratic time for what no DECIMAL holds anyway.
  if (!match || text.length > MAX_EXACT_TEXT) return doubleLiteral(text)
  const fraction = match[2] ?? ''
  const unscaled = BigInt(`${match[1]}${fraction}` || '0')
  if (match[2] === undefined && BigInt.asIntN(64, unscaled) === unscaled) return literal(unscaled, INT64)
  const precision = Math.max(fraction.length, unscaled === 0n ? 1 : digitCount(unscaled))
  return precision > MAX_PRECISION ? doubleLiteral(text) : literal(unscaled, decimal(precision, fraction.length))
}

/** Digits of a number that may be exact, with room for zeros in front. */
const MAX_EXACT_TEXT = 1000

function doubleLiteral(text: string): LiteralExpr {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw fail('SYNTAX', [`'${text}' is not a number`])
  if (!Number.isFinite(value)) throw fail('NUMERIC_OVERFLOW', [typeName(FLOAT64)])
  return literal(value, FLOAT64)
}

/** `left op right` with both sides coerced; throws TYPE_MISMATCH when the operator has no meaning for the types. */
export function binaryExpr(op: BinaryOp, left: Expr, right: Expr): Expr {
  switch (op) {
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return arithmeticExpr(op, left, right)
    case 'and':
    case 'or':
      return { kind: 'binary', op, left: predicate(left, op), right: predicate(right, op), type: BOOLEAN }
    case '||':
      return { kind: 'binary', op, left: textOperand(left), right: textOperand(right), type: UTF8 }
    default:
      return comparisonExpr(op, left, right)
  }
}

const mismatch = (op: string, left: Expr, right: Expr): Error =>
  fail('TYPE_MISMATCH', [
    `cannot apply ${op} to ${typeName(typeOf(left))} and ${typeName(typeOf(right))}; cast one of them`,
  ])

function comparisonExpr(op: ComparisonOp | 'distinct' | 'notDistinct', left: Expr, right: Expr): Expr {
  const words = { distinct: 'IS DISTINCT FROM', notDistinct: 'IS NOT DISTINCT FROM' } as Readonly<
    Record<string, string>
  >
  const sides = unifyOperands([left, right], commonType)
  if (sides === undefined) throw mismatch(words[op] ?? op, left, right)
  const [a, b] = typeOf(sides[0]).kind === 'interval' ? sides.map(side => callExpr('interval_length', [side])) : sides
  return { kind: 'binary', op, left: a, right: b, type: BOOLEAN }
}

function predicate(expr: Expr, op: string): Expr {
  const type = typeOf(expr)
  if (type.kind === 'boolean') return expr
  if (type.kind === 'null') return coerceTo(expr, BOOLEAN)
  if (expr.kind === 'literal' && type.kind === 'utf8') return coerceTo(expr, BOOLEAN)
  throw fail('TYPE_MISMATCH', [`${op.toUpperCase()} needs BOOLEAN, got ${typeName(type)}; compare it with something`])
}

function textOperand(expr: Expr): Expr {
  const type = typeOf(expr)
  if (canCast(type, UTF8)) return coerceTo(expr, UTF8)
  throw fail('TYPE_MISMATCH', [`cannot concatenate ${typeName(type)}`])
}

function arithmeticExpr(op: ArithmeticOp, left: Expr, right: Expr): Expr {
  const [a, b] = typedSides(op, left, right)
  const [leftType, rightType] = [typeOf(a), typeOf(b)]
  if (op === '*' && leftType.kind === 'interval' && isNumeric(rightType)) return callExpr('interval_multiply', [a, b])
  if (op === '*' && isNumeric(leftType) && rightType.kind === 'interval') return callExpr('interval_multiply', [b, a])
  if (op === '/' && leftType.kind === 'interval' && isNumeric(rightType)) return callExpr('interval_divide', [a, b])
  if (isTemporal(leftType) || isTemporal(rightType) || leftType.kind === 'interval') return temporalExpr(op, a, b)
  if (!isNumeric(leftType) || !isNumeric(rightType)) throw mismatch(op, left, right)
  const decimals = leftType.kind === 'decimal' || rightType.kind === 'decimal'
  if (decimals && leftType.kind !== 'float' && rightType.kind !== 'float') return decimalExpr(op, a, b)
  const type = arithmeticCommonType(leftType, rightType)
  if (type === undefined) throw mismatch(op, left, right)
  if (type.kind === 'decimal') return decimalExpr(op, a, b)
  return { kind: 'binary', op, left: coerceTo(a, type), right: coerceTo(b, type), type }
}

/** NULL and string literals take the type of the other side (an interval after a date in `date + '1 day'`). */
function typedSides(op: ArithmeticOp, left: Expr, right: Expr): readonly [Expr, Expr] {
  const partner = (type: DataType): DataType => {
    if (type.kind === 'null') return INT64
    if (!isTemporal(type)) return type
    return op === '+' ? INTERVAL : type
  }
  const untyped = (expr: Expr): boolean =>
    expr.kind === 'literal' && (typeOf(expr).kind === 'null' || typeOf(expr).kind === 'utf8')
  if (untyped(left)) {
    const type = partner(untyped(right) ? NULL : typeOf(right))
    return [coerceTo(left, type), untyped(right) ? coerceTo(right, type) : right]
  }
  return untyped(right) ? [left, coerceTo(right, partner(typeOf(left)))] : [left, right]
}

function decimalExpr(op: ArithmeticOp, left: Expr, right: Expr): Expr {
  const [a, b] = [decimalOperand(left), decimalOperand(right)]
  const type = decimalResult(
    op,
    typeOf(a) as DataType & { kind: 'decimal' },
    typeOf(b) as DataType & { kind: 'decimal' },
  )
  return { kind: 'binary', op, left: a, right: b, type }
}

/**
 * Integers next to a decimal: a literal counts as DECIMAL of its own digits, another as the decimal that holds its
 * type.
 */
function decimalOperand(expr: Expr): Expr {
  const type = typeOf(expr)
  if (type.kind !== 'int') return expr
  if (expr.kind !== 'literal' || expr.value === null) return coerceTo(expr, decimalOfInteger(type))
  const value = BigInt(expr.value as number | bigint)
  return literal(value, decimal(digitCount(value), 0))
}

function temporalExpr(op: ArithmeticOp, left: Expr, right: Expr): Expr {
  const [leftType, rightType] = [typeOf(left), typeOf(right)]
  const make = (a: Expr, b: Expr, type: DataType): Expr => ({ kind: 'binary', op, left: a, right: b, type })
  if (op === '+' && !isTemporal(leftType) && isTemporal(rightType)) return temporalExpr(op, right, left)
  if (op !== '+' && op !== '-') throw mismatch(op, left, right)
  if (rightType.kind === 'interval') return make(left, right, leftType)
  if (leftType.kind === 'date' && rightType.kind === 'int') return make(left, coerceTo(right, INT64), DATE)
  if (op === '-' && leftType.kind === 'date' && rightType.kind === 'date') return make(left, right, INT64)
  if (op === '-' && isTemporal(leftType) && isTemporal(rightType)) {
    const sides = unifyOperands([left, right], commonType)
    if (sides !== undefined) return make(sides[0], sides[1], INTERVAL)
  }
  throw mismatch(op, left, right)
}

export const notExpr = (input: Expr): Expr => ({ kind: 'not', input: predicate(input, 'not') })

/** `-input`; a number literal becomes its negative. Throws TYPE_MISMATCH. */
export function negateExpr(input: Expr): Expr {
  const type = typeOf(input)
  if (type.kind === 'null') return coerceTo(input, INT64)
  if (!isNumeric(type) && type.kind !== 'interval') throw fail('TYPE_MISMATCH', [`cannot negate ${typeName(type)}`])
  if (input.kind === 'literal') {
    if (typeof input.value === 'bigint' && holds(type, -input.value)) return negatedLiteral(-input.value, type)
    if (type.kind === 'float') return literal(-(input.value as number), type)
  }
  return { kind: 'negate', input, type }
}

/** An integer type has bounds; -(-9223372036854775808) is left to raise its error at run time. */
function holds(type: DataType, value: bigint): boolean {
  if (type.kind !== 'int') return true
  const { min, max } = integerBounds(type)
  return value >= min && value <= max
}

/** -9223372036854775808 is a BIGINT although its digits alone are not. */
function negatedLiteral(value: bigint, type: DataType): LiteralExpr {
  const whole = type.kind === 'decimal' && type.scale === 0
  return literal(value, whole && BigInt.asIntN(64, value) === value && digitCount(value) === 19 ? INT64 : type)
}

export const isNullExpr = (input: Expr, negated = false): Expr => ({ kind: 'isNull', input, negated })

/** `input [NOT] IN (list)`, everything coerced to one type; throws TYPE_MISMATCH. */
export function inListExpr(input: Expr, list: readonly Expr[], negated = false): Expr {
  const sides = unifyOperands([input, ...list], commonType)
  if (sides !== undefined) return { kind: 'inList', input: sides[0], list: sides.slice(1), negated }
  const types = [...new Set([input, ...list].map(item => typeName(typeOf(item))))]
  throw fail('TYPE_MISMATCH', [`the items of IN have no common type: ${types.join(', ')}`])
}

export interface LikeOptions {
  /** One character; absent: backslash. */
  readonly escape?: string
  readonly negated?: boolean
  readonly caseInsensitive?: boolean
}

/** `input [NOT] [I]LIKE pattern`; throws TYPE_MISMATCH unless both are strings, INVALID_ARGUMENT for a long escape. */
export function likeExpr(input: Expr, pattern: Expr, options: LikeOptions = {}): Expr {
  for (const side of [input, pattern]) {
    const type = typeOf(side)
    if (type.kind !== 'utf8' && type.kind !== 'null')
      throw fail('TYPE_MISMATCH', [`LIKE needs VARCHAR, got ${typeName(type)}; cast it`])
  }
  const { escape, negated = false, caseInsensitive = false } = options
  if (escape !== undefined && [...escape].length > 1) {
    throw fail('INVALID_ARGUMENT', [`ESCAPE takes one character, got '${escape}'`])
  }
  const sides = { input: coerceTo(input, UTF8), pattern: coerceTo(pattern, UTF8) }
  const like: Expr = { kind: 'like', ...sides, negated, caseInsensitive }
  return escape === undefined ? like : { ...like, escape }
}

/** Searched CASE; thens and otherwise take their common type. Throws TYPE_MISMATCH. */
export function caseExpr(whens: readonly Expr[], thens: readonly Expr[], otherwise?: Expr): Expr {
  const results = otherwise === undefined ? thens : [...thens, otherwise]
  const unified = unifyOperands(results, unionType)
  const type = unified?.map(typeOf).reduce((left, right) => unionType(left, right) ?? left)
  if (unified === undefined || type === undefined) {
    const types = [...new Set(results.map(result => typeName(typeOf(result))))]
    throw fail('TYPE_MISMATCH', [`the branches of CASE have no common type: ${types.join(', ')}`])
  }
  const same = unified.map(result => coerceTo(result, type))
  const conditions = whens.map(when => predicate(when, 'when'))
  const node: Expr = { kind: 'case', whens: conditions, thens: same.slice(0, thens.length), type }
  return otherwise === undefined ? node : { ...node, otherwise: same[thens.length] }
}

/**
 * CAST, or TRY_CAST when `safe`; the expression itself when it already has the type. Throws TYPE_MISMATCH if there is
 * no such cast.
 */
export function castExpr(input: Expr, type: DataType, safe = false): Expr {
  const from = typeOf(input)
  if (sameType(from, type)) return input
  if (!canCast(from, type)) throw fail('TYPE_MISMATCH', [`cannot cast ${typeName(from)} to ${typeName(type)}`])
  return { kind: 'cast', input, type, safe }
}

/** A scalar function by name or alias; throws FUNCTION_NOT_FOUND or FUNCTION_ARGUMENTS. */
export function callExpr(name: string, args: readonly Expr[]): Expr {
  const lower = name.toLowerCase()
  if (lower === 'mod' && args.length === 2) return binaryExpr('%', args[0], args[1])
  if (lower === 'nvl2' && args.length === 3) return caseExpr([isNullExpr(args[0], true)], [args[1]], args[2])
  if (lower === 'if' && args.length === 3) return caseExpr([args[0]], [args[1]], args[2])
  if ((lower === 'arrow_cast' || lower === 'arrow_try_cast') && args.length === 2) return arrowCast(lower, args)
  const definition = scalarFunction(lower)
  if (definition === undefined) throw fail('FUNCTION_NOT_FOUND', [name, didYouMean(name, functionNames())])
  const types = definition.coerce(args.map(typeOf))
  const coerced = args.map((arg, i) => coerceTo(arg, types[i]))
  return { kind: 'call', name: definition.name, args: coerced, type: definition.returns(types, constantsOf(coerced)) }
}

/** arrow_cast(value, 'Int32'): CAST to a type by its Arrow name. */
function arrowCast(name: string, [input, type]: readonly Expr[]): Expr {
  const { value } = constant(type, name)
  if (typeof value !== 'string') throw fail('FUNCTION_ARGUMENTS', [`${name} takes (value, 'type as Arrow names it')`])
  return castExpr(input, parseArrowType(value), name === 'arrow_try_cast')
}

/** What may stand inside and behind the parentheses of an aggregate. */
export interface AggregateModifiers {
  readonly distinct?: boolean
  readonly filter?: Expr | undefined
  readonly orderBy?: readonly SortKey[]
}

/**
 * An aggregate function by name or alias; count(*) has no args. An ORDER BY that cannot change the result is dropped.
 * Throws FUNCTION_NOT_FOUND, FUNCTION_ARGUMENTS, or INVALID_ARGUMENT for DISTINCT ordered by something else.
 */
export function aggregateExpr(
  name: string,
  args: readonly Expr[],
  { distinct = false, filter, orderBy = [] }: AggregateModifiers = {},
): AggregateExpr {
  const definition = aggregateFunction(name.toLowerCase())
  if (definition === undefined) throw fail('FUNCTION_NOT_FOUND', [name, didYouMean(name, functionNames())])
  const types = definition.coerce(args.map(typeOf))
  const coerced = args.map((arg, i) =>
    coerceTo(i < (definition.constantsFrom ?? Infinity) ? arg : constant(arg, name), types[i]),
  )
  const type = definition.returns(types, constantsOf(coerced))
  const node: AggregateExpr = { kind: 'aggregate', name: definition.name, args: coerced, distinct, type }
  const filtered = filter === undefined ? node : { ...node, filter: predicate(filter, 'filter') }
  if (definition.isOrdered !== true || orderBy.length === 0) return filtered
  if (distinct && !orderBy.every(key => args.some(arg => equals(arg, key.expr))))
    throw fail('INVALID_ARGUMENT', [`${definition.name}(DISTINCT …) can only be ordered by its arguments`])
  const orders = orderBy.map(({ descending, nullsFirst }) => ({ descending, nullsFirst }))
  return { ...filtered, orderBy: orderBy.map(({ expr }) => expr), orders }
}

function constant(arg: Expr, name: string): LiteralExpr {
  const folded = foldConstants(arg)
  if (folded.kind === 'literal') return folded
  throw fail('FUNCTION_ARGUMENTS', [`${name} takes a constant here, got ${displayExpr(arg)}`])
}

const constantsOf = (args: readonly Expr[]): readonly (Value | undefined)[] =>
  args.map(arg => (arg.kind === 'literal' ? arg.value : undefined))

/** All of `exprs` joined by AND as a balanced tree, so that thousands of terms stay shallow; undefined for none. */
export function conjunction(exprs: readonly Expr[]): Expr | undefined {
  return joined('and', exprs)
}

/** All of `exprs` joined by OR as a balanced tree; undefined for none. */
export function disjunction(exprs: readonly Expr[]): Expr | undefined {
  return joined('or', exprs)
}

function joined(op: 'and' | 'or', exprs: readonly Expr[]): Expr | undefined {
  if (exprs.length <= 1) return exprs[0]
  const half = exprs.length >> 1
  const [left, right] = [joined(op, exprs.slice(0, half)), joined(op, exprs.slice(half))]
  return left !== undefined && right !== undefined ? { kind: 'binary', op, left, right, type: BOOLEAN } : undefined
}

/** The terms of an AND tree, left to right. */
export const splitConjunction = (expr: Expr): Expr[] => split('and', expr)

/** The terms of an OR tree, left to right. */
export const splitDisjunction = (expr: Expr): Expr[] => split('or', expr)

function split(op: 'and' | 'or', expr: Expr): Expr[] {
  const terms: Expr[] = []
  const stack: Expr[] = [expr]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next.kind === 'binary' && next.op === op) stack.push(next.right, next.left)
    else terms.push(next)
  }
  return terms
}
