/** Predicates that cannot hold for rows whose columns of one side are all NULL. */
import { splitConjunction, splitDisjunction } from '../expr/build.js'
import type { Expr } from '../expr/expr.js'
import { scalarFunction } from '../expr/functions/index.js'
import { findColumn } from '../logical/schema-of.js'
import type { PlanSchema } from '../logical/plan.js'

/** True only if `predicate` is false or NULL whenever all columns of `schema` are NULL. Conservative. */
export function rejectsNulls(predicate: Expr, schema: PlanSchema): boolean {
  if (predicate.kind === 'binary' && predicate.op === 'and') {
    return splitConjunction(predicate).some(term => rejectsNulls(term, schema))
  }
  if (predicate.kind === 'binary' && predicate.op === 'or') {
    return splitDisjunction(predicate).every(term => rejectsNulls(term, schema))
  }
  if (predicate.kind === 'isNull') return predicate.negated && isStrict(predicate.input, schema)
  return isStrict(predicate, schema)
}

/** True only if the expression is NULL whenever all columns of `schema` are NULL. */
function isStrict(expr: Expr, schema: PlanSchema): boolean {
  const strict = (child: Expr): boolean => isStrict(child, schema)
  switch (expr.kind) {
    case 'column':
      return findColumn(schema, expr) >= 0
    case 'literal':
      return expr.value === null
    case 'binary':
      if (expr.op === 'distinct' || expr.op === 'notDistinct') return false
      if (expr.op === 'and' || expr.op === 'or') return strict(expr.left) && strict(expr.right)
      return strict(expr.left) || strict(expr.right)
    case 'chain':
      return strict(expr.head) || expr.rest.some(strict)
    case 'not':
    case 'negate':
    case 'cast':
    case 'inList':
      return strict(expr.input)
    case 'like':
      return strict(expr.input) || strict(expr.pattern)
    case 'call':
      return scalarFunction(expr.name)?.nulls === 'propagate' && expr.args.some(strict)
    case 'input':
    case 'isNull':
    case 'case':
    case 'aggregate':
      return false
  }
}
