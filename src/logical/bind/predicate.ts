/** Conditions of WHERE, HAVING and ON: they must be BOOLEAN. */
import { BOOLEAN, typeName } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { literal, typeOf, type Expr } from '../../expr/expr.js'

/** The condition itself; an untyped NULL becomes a BOOLEAN one. Throws TYPE_MISMATCH for other types. */
export function asPredicate(expr: Expr, clause: string): Expr {
  const type = typeOf(expr)
  if (type.kind === 'boolean') return expr
  if (type.kind === 'null') return literal(null, BOOLEAN)
  throw fail('TYPE_MISMATCH', [`${clause} needs a BOOLEAN condition, got ${typeName(type)}; compare it with something`])
}
