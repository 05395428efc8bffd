/** Whether an expression can be NULL: the nullability that plan schemas show. */
import type { Expr } from '../expr/expr.js'

/**
 * False only when no row can make `expr` NULL. Conservative: `true` where it is not known (every function but not_null
 * may give NULL; every aggregate but count may).
 */
export function isNullable(expr: Expr): boolean {
  switch (expr.kind) {
    case 'column':
    case 'input':
      return expr.nullable
    case 'literal':
      return expr.value === null
    case 'binary':
      if (expr.op === 'distinct' || expr.op === 'notDistinct') return false
      return isNullable(expr.left) || isNullable(expr.right)
    case 'chain':
      return isNullable(expr.head) || expr.rest.some(isNullable)
    case 'not':
    case 'negate':
      return isNullable(expr.input)
    case 'isNull':
      return false
    case 'inList':
      return isNullable(expr.input) || expr.list.some(isNullable)
    case 'like':
      return isNullable(expr.input) || isNullable(expr.pattern)
    case 'case':
      return expr.otherwise === undefined || isNullable(expr.otherwise) || expr.thens.some(isNullable)
    case 'cast':
      return expr.safe || isNullable(expr.input)
    case 'call':
      return expr.name !== 'not_null'
    case 'aggregate':
      return expr.name !== 'count'
  }
}
