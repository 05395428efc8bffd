/** Which kernel runs a cast, a LIKE, an IN list or a negation. */
import type { Column } from '../../arrow/batch.js'
import type { Value } from '../../arrow/types.js'
import { BallistaError } from '../../common/errors.js'
import type { Expr } from '../expr.js'
import { floatArithmetic, integerArithmetic } from './arithmetic.js'
import { decimalArithmetic } from './decimal.js'
import { isConstant, type Operand } from './by-row.js'
import { castColumn } from './cast.js'
import { using, withFlat } from './columns.js'
import { asciiCaseColumn } from './strings.js'
import { inListColumn, isAscii, likeColumn, likeSegments } from './text.js'

type Of<K extends Expr['kind']> = Extract<Expr, { kind: K }>

/** CAST of a column; a TRY_CAST whose kernel finds a value that does not fit is left to the slow path. */
export function castOperand(expr: Of<'cast'>, [input]: readonly Operand[]): Column | undefined {
  if (isConstant(input)) return undefined
  try {
    return withFlat(input.column, flat => castColumn(flat, expr.type))
  } catch (error) {
    if (expr.safe && error instanceof BallistaError && error.code === 'NUMERIC_OVERFLOW') return undefined
    throw error
  }
}

/** 0 - x; floats are multiplied by -1, which keeps the sign of zero. */
export function negateOperand(expr: Of<'negate'>, [input]: readonly Operand[], rowCount: number): Column | undefined {
  const { type } = expr
  if (type.kind === 'float')
    return type.bits === 64 ? floatArithmetic('*', input, { value: -1 }, type, rowCount) : undefined
  if (type.kind === 'decimal')
    return decimalArithmetic('-', { value: 0n }, input, { left: type.scale, right: type.scale }, type, rowCount)
  if (type.kind === 'int' && type.signed) return integerArithmetic('-', { value: 0n }, input, type, rowCount)
  return undefined
}

/** The constants of operands; undefined when one is a column. */
function constantsOf(operands: readonly Operand[]): readonly Value[] | undefined {
  return operands.every(isConstant) ? operands.map(operand => operand.value) : undefined
}

export function inListOperand(expr: Of<'inList'>, [input, ...list]: readonly Operand[]): Column | undefined {
  const values = constantsOf(list)
  if (isConstant(input) || values === undefined) return undefined
  return withFlat(input.column, flat => inListColumn(flat, values, expr.negated))
}

export function likeOperand(expr: Of<'like'>, [input, pattern]: readonly Operand[]): Column | undefined {
  if (isConstant(input) || !isConstant(pattern) || typeof pattern.value !== 'string') return undefined
  const { value } = pattern
  if (!expr.caseInsensitive)
    return withFlat(input.column, flat => likeColumn(flat, likeSegments(value, expr.escape), expr.negated))
  // Letters beyond ASCII have more than one other case; they are left to the slow path.
  if (!/^[\x00-\x7f]*$/.test(value)) return undefined
  return withFlat(input.column, flat => {
    if (isAscii(flat) === 0) return undefined
    const segments = likeSegments(value.toLowerCase(), expr.escape?.toLowerCase())
    const lower = asciiCaseColumn(flat, 'lower')
    return using([lower], () => likeColumn(lower, segments, expr.negated))
  })
}
