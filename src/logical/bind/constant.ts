/** Expressions without columns: LIMIT, VALUES, arguments of table functions and of EXECUTE. */
import { fail } from '../../common/errors.js'
import { literal, typeOf, type Expr, type LiteralExpr } from '../../expr/expr.js'
import { evaluateRow } from '../../expr/interpret.js'
import type { ExprNode } from '../../parser/ast.js'
import { at, newBinder, type BindContext, type Binder } from './context.js'
import { bindExpr } from './expr.js'
import { EMPTY_SCOPE } from './scope.js'

/** The typed expression; columns of a query around it are allowed. */
export const bindConstant = (node: ExprNode, binder: Binder, clause: string): Expr =>
  bindExpr(node, { binder, scope: EMPTY_SCOPE, clause })

/** The typed expression outside of a query; throws coded errors with a span. Reads no table. */
export function bindAlone(node: ExprNode, context: Omit<BindContext, 'tables'>, clause: string): Expr {
  const binder = newBinder({ ...context, tables: new Map() }, query => {
    throw fail('NOT_SUPPORTED', [`a subquery in ${clause}`], { span: query.span })
  })
  return bindConstant(node, binder, clause)
}

/** The value; throws coded errors with a span, also those of the evaluation. Reads no table. */
export function constantOf(node: ExprNode, context: Omit<BindContext, 'tables'>, clause: string): LiteralExpr {
  return at(node.span, () => {
    const expr = bindAlone(node, context, clause)
    return literal(evaluateRow(expr, []), typeOf(expr))
  })
}
