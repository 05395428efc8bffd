/** Which kernel runs a cast, a LIKE, an IN list, a negation or a function. */
import type { Column } from '../../arrow/batch.js'
import { constantColumn } from '../../arrow/column.js'
import { INT32, type DataType, type Value } from '../../arrow/types.js'
import { BallistaError } from '../../common/errors.js'
import { typeOf, type Expr } from '../expr.js'
import { floatArithmetic, integerArithmetic } from './arithmetic.js'
import { decimalArithmetic } from './decimal.js'
import { isConstant, type Operand } from './by-row.js'
import { castColumn } from './cast.js'
import { buildColumn, commonNulls, withFlat } from './columns.js'
import { exprKernels } from './kernel-calls.js'
import { inListColumn, lengthColumn, likeColumn, likeSegments, substringColumn } from './text.js'

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
  if (isConstant(input) || !isConstant(pattern) || typeof pattern.value !== 'string' || expr.caseInsensitive)
    return undefined
  const segments = likeSegments(pattern.value, expr.escape)
  return withFlat(input.column, flat => likeColumn(flat, segments, expr.negated))
}

/** Numbers by which the kernel knows the fields of a date. */
const DATE_FIELDS: Readonly<Record<string, number>> = { year: 0, month: 1, day: 2, quarter: 3 }

/** Functions with kernels; the others run row by row. */
export function callColumn(expr: Of<'call'>, operands: readonly Operand[], rowCount: number): Column | undefined {
  if (operands.some(operand => isConstant(operand) && operand.value === null)) return nullResult(expr, rowCount)
  const [first, second, third] = operands
  switch (expr.name) {
    case 'date_part':
      return isConstant(first) ? dateField(String(first.value).toLowerCase(), second, typeOf(expr.args[1])) : undefined
    case 'year':
    case 'month':
    case 'day':
    case 'quarter':
      return dateField(expr.name, first, typeOf(expr.args[0]))
    case 'length':
      return isConstant(first) ? undefined : withFlat(first.column, lengthColumn)
    case 'substr':
      return substring(first, second, third)
    default:
      return undefined
  }
}

/** The functions with kernels give NULL for NULL. */
function nullResult(expr: Of<'call'>, rowCount: number): Column | undefined {
  const known = ['date_part', 'year', 'month', 'day', 'quarter', 'length', 'substr'].includes(expr.name)
  return known ? constantColumn(expr.type, null, rowCount) : undefined
}

function dateField(name: string, input: Operand, type: DataType): Column | undefined {
  const field = DATE_FIELDS[name]
  if (field === undefined || type.kind !== 'date' || isConstant(input)) return undefined
  return withFlat(input.column, flat =>
    buildColumn(INT32, flat.length, own => {
      const values = own(flat.length * 4)
      exprKernels().dateField(flat.values, flat.length, field, values)
      return { values, ...commonNulls(own, [flat], flat.length) }
    }),
  )
}

function substring(text: Operand, start: Operand, length: Operand | undefined): Column | undefined {
  if (isConstant(text) || !isConstant(start) || (length !== undefined && !isConstant(length))) return undefined
  const count = length?.value as bigint | undefined
  // A negative length is an error, but only for a row that has a text.
  if (count !== undefined && count < 0n) return undefined
  return withFlat(text.column, flat => substringColumn(flat, start.value as bigint, count))
}
