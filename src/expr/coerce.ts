/**
 * Implicit casts: literals take the type of their neighbours where that is exact, everything else is wrapped in a CAST.
 */
import { UTF8, isNumeric, sameType, type DataType, type Value } from '../arrow/types.js'
import { BallistaError } from '../common/errors.js'
import { splitTimestamp } from './calendar.js'
import { castValue } from './cast-value.js'
import { literal, typeOf, type Expr, type LiteralExpr } from './expr.js'
import { isTemporal } from './types.js'

/** The expression as `type`: itself, a converted literal, or a CAST. Throws INVALID_CAST for unreadable literals. */
export function coerceTo(expr: Expr, type: DataType): Expr {
  const from = typeOf(expr)
  if (sameType(from, type)) return expr
  if (expr.kind === 'literal') return literal(castValue(expr.value, from, type), type)
  return { kind: 'cast', input: expr, type, safe: false }
}

/**
 * All expressions in one type; undefined when they have none. Literals that the type of the other expressions holds
 * exactly do not widen it: `int_column < 5` stays an INT comparison. Decimals that differ in precision only are left
 * alone.
 */
export function unifyOperands(
  exprs: readonly Expr[],
  common: (left: DataType, right: DataType) => DataType | undefined,
): readonly Expr[] | undefined {
  const others = exprs.filter(expr => expr.kind !== 'literal')
  const base = typeOfAll(others, common)
  if (others.length > 0 && base === undefined) return undefined
  if (base !== undefined) {
    const stringJoins = sameType(common(base, UTF8) ?? base, base)
    const adapt = (expr: LiteralExpr): Expr | undefined =>
      expr.type.kind === 'utf8' && !stringJoins ? undefined : adaptLiteral(expr, base)
    const adapted = exprs.map(expr => (expr.kind === 'literal' ? adapt(expr) : convert(expr, base)))
    if (adapted.every(expr => expr !== undefined)) return adapted
  }
  const type = typeOfAll(exprs, common)
  return type === undefined ? undefined : exprs.map(expr => convert(expr, type))
}

function typeOfAll(
  exprs: readonly Expr[],
  common: (left: DataType, right: DataType) => DataType | undefined,
): DataType | undefined {
  let type: DataType | undefined
  for (const expr of exprs) {
    type = type === undefined ? typeOf(expr) : common(type, typeOf(expr))
    if (type === undefined) return undefined
  }
  return type
}

/** Widening only the precision of a decimal changes no value, so no CAST that would hide a column from pruning. */
function convert(expr: Expr, type: DataType): Expr {
  const from = typeOf(expr)
  if (from.kind === 'decimal' && type.kind === 'decimal' && from.scale === type.scale && expr.kind !== 'literal')
    return expr
  return coerceTo(expr, type)
}

/**
 * The literal as a value of `type`, if that is exact: 5 as INT, 0.5 as DECIMAL(15, 2), a date as midnight. A string
 * literal is parsed and throws INVALID_CAST when it cannot be; undefined means that the type has to be widened.
 */
export function adaptLiteral(expr: LiteralExpr, type: DataType): LiteralExpr | undefined {
  const from = expr.type
  if (expr.value === null || sameType(from, type)) return literal(expr.value, type)
  if (from.kind === 'utf8') return literal(castValue(expr.value, from, type), type)
  if (isNumeric(from) && isNumeric(type))
    return from.kind === 'float' && type.kind !== 'float' ? undefined : exact(expr, type)
  if (isTemporal(from) && isTemporal(type)) return temporal(expr, type)
  return undefined
}

function exact(expr: LiteralExpr, type: DataType): LiteralExpr | undefined {
  const value = castOrUndefined(expr.value, expr.type, type)
  if (value === undefined) return undefined
  if (type.kind === 'float' && type.bits === 64) return literal(value, type)
  return castOrUndefined(value, type, expr.type) === expr.value ? literal(value, type) : undefined
}

function temporal(expr: LiteralExpr, type: DataType): LiteralExpr | undefined {
  if (expr.type.kind === 'timestamp' && type.kind === 'date') {
    const { days, nanos } = splitTimestamp(expr.value as bigint, expr.type.unit)
    return nanos === 0n ? literal(days, type) : undefined
  }
  const value = castOrUndefined(expr.value, expr.type, type)
  if (value === undefined || castOrUndefined(value, type, expr.type) !== expr.value) return undefined
  return literal(value, type)
}

/** The cast value, or undefined where the cast would raise. */
function castOrUndefined(value: Value, from: DataType, to: DataType): Value | undefined {
  try {
    return castValue(value, from, to)
  } catch (error) {
    if (error instanceof BallistaError) return undefined
    throw error
  }
}
