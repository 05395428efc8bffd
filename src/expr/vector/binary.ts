/** Which kernel runs a comparison or an arithmetic node. */
import type { Column } from '../../arrow/batch.js'
import { typeOf, type Expr } from '../expr.js'
import { dateArithmetic, floatArithmetic, integerArithmetic } from './arithmetic.js'
import { decimalArithmetic } from './decimal.js'
import { isConstant, type Operand } from './by-row.js'
import { compareDistinct, compareOperands, hasComparison, isComparison } from './comparison.js'
import { concatOperands } from './strings.js'

/** A binary node that is not AND or OR over at least one column; undefined when it has no kernel. */
export function binaryColumn(
  expr: Extract<Expr, { kind: 'binary' }>,
  operands: readonly Operand[],
  rowCount: number,
): Column | undefined {
  const { op } = expr
  const [left, right] = operands
  if (op === '||' && operands.some(operand => isConstant(operand) && operand.value === null)) return undefined
  const type = typeOf(expr.left)
  if (isComparison(op)) return hasComparison(type) ? compareOperands(op, left, right, type, rowCount) : undefined
  if (op === 'distinct' || op === 'notDistinct')
    return hasComparison(type) ? compareDistinct(op, left, right, type, rowCount) : undefined
  if (op === '||') return type.kind === 'utf8' ? concatOperands(left, right, rowCount) : undefined
  if (op === 'and' || op === 'or') return undefined
  const rightType = typeOf(expr.right)
  const result = expr.type
  if (type.kind === 'decimal' && rightType.kind === 'decimal' && result.kind === 'decimal') {
    return decimalArithmetic(op, left, right, { left: type.scale, right: rightType.scale }, result, rowCount)
  }
  if (type.kind === 'int' && result.kind === 'int') {
    return result.bits === 64 && !result.signed ? undefined : integerArithmetic(op, left, right, result, rowCount)
  }
  if (type.kind === 'float' && result.kind === 'float') {
    return op === '%' || result.bits === 32 ? undefined : floatArithmetic(op, left, right, result, rowCount)
  }
  const dates = type.kind === 'date' && (rightType.kind === 'date' || rightType.kind === 'int')
  return dates && (op === '+' || op === '-') ? dateArithmetic(op, left, right, result, rowCount) : undefined
}
