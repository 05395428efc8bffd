/**
 * The slow, obvious evaluator over values: it folds constants, runs what has no kernel, and is the oracle of the
 * compiler.
 */
import { typeName, type DataType, type IntervalValue, type Value } from '../arrow/types.js'
import { BallistaError, fail } from '../common/errors.js'
import { invariant, unreachable } from '../common/invariant.js'
import { addIntervalToDate, addIntervalToTimestamp, checkDate, checkInterval, floorDiv } from './calendar.js'
import { castValue } from './cast-value.js'
import { checkPrecision, pow10, rescale } from './decimal-value.js'
import { chainSteps, typeOf, type ArithmeticOp, type BinaryOp, type Expr } from './expr.js'
import { scalarFunction } from './functions/index.js'
import { likeMatcher } from './like-pattern.js'
import { UNIT_PER_SECOND, integerBounds } from './types.js'
import { compareValues } from './value-compare.js'

type Of<K extends Expr['kind']> = Extract<Expr, { kind: K }>

/**
 * The value of an expression for one row; `row[i]` is the value of input column i. AND, OR, CASE and COALESCE stop at
 * the first operand that decides. Throws what the operations throw: NUMERIC_OVERFLOW, DIVIDE_BY_ZERO, INVALID_CAST, …
 */
export function evaluateRow(expr: Expr, row: readonly Value[]): Value {
  switch (expr.kind) {
    case 'input':
      return row[expr.index]
    case 'literal':
      return expr.value
    case 'binary':
      return evaluateBinary(expr, row)
    case 'chain':
      return chainSteps(expr).reduce<Value>(
        (value, step) => applyBinary(step, value, evaluateRow(step.right, row)),
        evaluateRow(expr.head, row),
      )
    case 'case': {
      const chosen = expr.whens.findIndex(when => evaluateRow(when, row) === true)
      const branch = chosen >= 0 ? expr.thens[chosen] : expr.otherwise
      return branch === undefined ? null : evaluateRow(branch, row)
    }
    case 'call':
      if (expr.name !== 'coalesce')
        return applyEager(
          expr,
          expr.args.map(arg => evaluateRow(arg, row)),
        )
      for (const arg of expr.args) {
        const value = evaluateRow(arg, row)
        if (value !== null) return value
      }
      return null
    case 'inList':
      return applyEager(
        expr,
        [expr.input, ...expr.list].map(item => evaluateRow(item, row)),
      )
    case 'like':
      return applyEager(expr, [evaluateRow(expr.input, row), evaluateRow(expr.pattern, row)])
    case 'not':
    case 'negate':
    case 'isNull':
    case 'cast':
      return applyEager(expr, [evaluateRow(expr.input, row)])
    case 'column':
      return invariant(false, `column ${expr.name} was not resolved`) as never
    case 'aggregate':
      return invariant(false, `aggregate ${expr.name} outside of an aggregation`) as never
    default:
      return unreachable(expr)
  }
}

function evaluateBinary(expr: Of<'binary'>, row: readonly Value[]): Value {
  const left = evaluateRow(expr.left, row)
  if (expr.op === 'and' && left === false) return false
  if (expr.op === 'or' && left === true) return true
  return applyBinary(expr, left, evaluateRow(expr.right, row))
}

/** The kinds whose operands are all computed first. */
export type EagerExpr = Of<'binary' | 'not' | 'negate' | 'isNull' | 'inList' | 'like' | 'cast' | 'call'>

/** One node over the values of its children, in the order of the child table. */
export const applyEager = (expr: EagerExpr, values: readonly Value[]): Value => eagerFunction(expr)(values)

/** The same for many rows: what depends on the node only is found once. */
export function eagerFunction(expr: EagerExpr): (values: readonly Value[]) => Value {
  switch (expr.kind) {
    case 'binary':
      return ([left, right]) => applyBinary(expr, left, right)
    case 'not':
      return ([value]) => (value === null ? null : !value)
    case 'negate':
      return ([value]) => (value === null ? null : negate(value, expr.type))
    case 'isNull':
      return ([value]) => (value === null) !== expr.negated
    case 'inList': {
      const type = typeOf(expr.input)
      return values => applyInList(values, type, expr.negated)
    }
    case 'like':
      return ([text, pattern]) => {
        if (text === null || pattern === null) return null
        const matches = likeMatcher(pattern as string, expr.escape, expr.caseInsensitive)
        return matches(text as string) !== expr.negated
      }
    case 'cast': {
      const cast = expr.safe ? tryCast : castValue
      const from = typeOf(expr.input)
      return ([value]) => cast(value, from, expr.type)
    }
    case 'call':
      return callFunction(expr)
    default:
      return unreachable(expr)
  }
}

function callFunction(expr: Of<'call'>): (values: readonly Value[]) => Value {
  const definition = scalarFunction(expr.name)
  if (definition === undefined) throw fail('FUNCTION_NOT_FOUND', [expr.name, ''])
  const types = expr.args.map(typeOf)
  const propagates = definition.nulls === 'propagate'
  return values => (propagates && values.includes(null) ? null : definition.evaluate(values, types, expr.type))
}

function tryCast(value: Value, from: DataType, to: DataType): Value {
  try {
    return castValue(value, from, to)
  } catch (error) {
    if (error instanceof BallistaError && (error.code === 'INVALID_CAST' || error.code === 'NUMERIC_OVERFLOW'))
      return null
    throw error
  }
}

function applyInList([value, ...list]: readonly Value[], type: DataType, negated: boolean): Value {
  if (value === null) return list.length === 0 ? negated : null
  let sawNull = false
  for (const item of list) {
    if (item === null) sawNull = true
    else if (compareValues(value, item, type) === 0) return !negated
  }
  return sawNull ? null : negated
}

function negate(value: Value, type: DataType): Value {
  if (type.kind === 'interval') {
    const { months, days, nanos } = value as IntervalValue
    return checkInterval({ months: -months, days: -days, nanos: -nanos })
  }
  if (type.kind === 'float') return -(value as number)
  const negative = -BigInt(value as number | bigint)
  return type.kind === 'decimal' ? checkPrecision(negative, type) : integerResult(negative, type)
}

/** `left op right` for one pair of values. */
export function applyBinary(expr: Of<'binary'>, left: Value, right: Value): Value {
  const { op } = expr
  if (op === 'and') return left === false || right === false ? false : left === null || right === null ? null : true
  if (op === 'or') return left === true || right === true ? true : left === null || right === null ? null : false
  if (op === 'distinct' || op === 'notDistinct') {
    const same = left === null || right === null ? left === right : compareValues(left, right, comparedType(expr)) === 0
    return same === (op === 'notDistinct')
  }
  if (left === null || right === null) return null
  if (op === '||') return (left as string) + (right as string)
  if (isArithmetic(op)) return arithmetic(op, left, right, typeOf(expr.left), typeOf(expr.right), expr.type)
  return compares(op, compareValues(left, right, comparedType(expr)))
}

const comparedType = (expr: Of<'binary'>): DataType => typeOf(expr.left)

const isArithmetic = (op: BinaryOp): op is ArithmeticOp =>
  op === '+' || op === '-' || op === '*' || op === '/' || op === '%'

function compares(op: BinaryOp, order: number): boolean {
  switch (op) {
    case '=':
      return order === 0
    case '<>':
      return order !== 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    default:
      return order >= 0
  }
}

function arithmetic(
  op: ArithmeticOp,
  left: Value,
  right: Value,
  leftType: DataType,
  rightType: DataType,
  type: DataType,
): Value {
  if (leftType.kind === 'float') return floatArithmetic(op, left as number, right as number, type)
  if (leftType.kind === 'decimal' && rightType.kind === 'decimal' && type.kind === 'decimal') {
    return decimalArithmetic(op, left as bigint, right as bigint, leftType.scale, rightType.scale, type)
  }
  if (leftType.kind === 'int') {
    const [a, b] = [BigInt(left as number | bigint), BigInt(right as number | bigint)]
    return integerResult(exactArithmetic(op, a, b), type)
  }
  return temporalArithmetic(op as '+' | '-', left, right, leftType, rightType)
}

function exactArithmetic(op: ArithmeticOp, left: bigint, right: bigint): bigint {
  switch (op) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
    case '%':
      if (right === 0n) throw fail('DIVIDE_BY_ZERO')
      return op === '/' ? left / right : left % right
  }
}

function integerResult(value: bigint, type: DataType): Value {
  invariant(type.kind === 'int', `an integer result of type ${typeName(type)}`)
  const { min, max } = integerBounds(type)
  if (value < min || value > max) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
  return type.bits === 64 ? value : Number(value)
}

function floatArithmetic(op: ArithmeticOp, left: number, right: number, type: DataType): number {
  const compute = (): number => {
    switch (op) {
      case '+':
        return left + right
      case '-':
        return left - right
      case '*':
        return left * right
      case '/':
        return left / right
      case '%':
        return left % right
    }
  }
  return type.kind === 'float' && type.bits === 32 ? Math.fround(compute()) : compute()
}

function decimalArithmetic(
  op: ArithmeticOp,
  left: bigint,
  right: bigint,
  leftScale: number,
  rightScale: number,
  type: DataType & { kind: 'decimal' },
): bigint {
  if (op === '*') return checkPrecision(left * right, type)
  if (op === '/') {
    if (right === 0n) throw fail('DIVIDE_BY_ZERO')
    // The quotient truncates: a/10^s1 ÷ b/10^s2 at scale s is a·10^(s - s1 + s2) / b.
    return checkPrecision((left * pow10(type.scale - leftScale + rightScale)) / right, type)
  }
  const scale = Math.max(leftScale, rightScale)
  return checkPrecision(exactArithmetic(op, rescale(left, leftScale, scale), rescale(right, rightScale, scale)), type)
}

function temporalArithmetic(op: '+' | '-', left: Value, right: Value, leftType: DataType, rightType: DataType): Value {
  const sign = op === '+' ? 1 : -1
  if (rightType.kind === 'interval') {
    const interval = right as IntervalValue
    if (leftType.kind === 'date') return addIntervalToDate(left as number, interval, sign)
    if (leftType.kind === 'timestamp') return addIntervalToTimestamp(left as bigint, interval, sign, leftType.unit)
    return addIntervals(left as IntervalValue, interval, sign)
  }
  if (leftType.kind === 'timestamp')
    return timestampDifference(left as bigint, right as bigint, UNIT_PER_SECOND[leftType.unit])
  if (rightType.kind === 'date') return BigInt(left as number) - BigInt(right as number)
  return checkDate((left as number) + sign * Number(right as bigint))
}

function addIntervals(left: IntervalValue, right: IntervalValue, sign: 1 | -1): IntervalValue {
  const [months, days] = [left.months + sign * right.months, left.days + sign * right.days]
  return checkInterval({ months, days, nanos: left.nanos + BigInt(sign) * right.nanos })
}

/** Whole days, and the rest in nanoseconds with the same sign. */
function timestampDifference(left: bigint, right: bigint, perSecond: bigint): IntervalValue {
  const perDay = 86_400n * perSecond
  const ticks = left - right
  const days = ticks < 0n ? -floorDiv(-ticks, perDay) : floorDiv(ticks, perDay)
  return { months: 0, days: Number(days), nanos: (ticks - days * perDay) * (1_000_000_000n / perSecond) }
}
