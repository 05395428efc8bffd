/** Expressions that must be evaluated exactly as often, and on exactly the rows, that the query says. */
import { exprTree, type Expr } from './expr.js'
import { scalarFunction } from './functions/index.js'

/** True if `expr` calls a volatile function such as random(): it may not be moved, merged or repeated. */
export const isVolatile = (expr: Expr): boolean =>
  exprTree.some(expr, node => node.kind === 'call' && scalarFunction(node.name)?.volatility === 'volatile')
