/** Predicates that all rows of a plan fulfil. */
import { splitConjunction } from '../expr/build.js'
import { exprTree, type Expr } from '../expr/expr.js'
import { columnsOf, isOver, rebase } from '../logical/plan-exprs.js'
import { fieldColumn, findColumn, schemaOf } from '../logical/schema-of.js'
import type { LogicalPlan, NamedExpr, PlanSchema } from '../logical/plan.js'

/** Over the plan's columns; not all that hold are found. */
export function knownPredicates(plan: LogicalPlan): readonly Expr[] {
  switch (plan.kind) {
    case 'scan':
      return plan.filters.filter(expr => isOver(expr, schemaOf(plan)))
    case 'filter':
      return [...splitConjunction(plan.predicate), ...knownPredicates(plan.input)]
    case 'sort':
    case 'limit':
    case 'distinct':
    case 'rowNumber':
      return knownPredicates(plan.input)
    case 'alias':
      return knownPredicates(plan.input).map(expr => rebase(expr, schemaOf(plan.input), schemaOf(plan)))
    case 'projection':
      return renamed(plan.input, plan.exprs, schemaOf(plan))
    case 'aggregate':
      return renamed(plan.input, plan.groups, schemaOf(plan))
    case 'join': {
      const keepsLeft = plan.type === 'inner' || plan.type.startsWith('left')
      const keepsRight = plan.type === 'inner' || plan.type.startsWith('right')
      const own = schemaOf(plan)
      const sides = [
        ...(keepsLeft ? knownPredicates(plan.left) : []),
        ...(keepsRight ? knownPredicates(plan.right) : []),
      ]
      return sides.filter(expr => isOver(expr, own))
    }
    case 'union':
    case 'values':
    case 'empty':
    case 'write':
      return []
  }
}

/** Those over columns that come out unchanged, under the names that they have there. */
function renamed(input: LogicalPlan, exprs: readonly NamedExpr[], output: PlanSchema): readonly Expr[] {
  const schema = schemaOf(input)
  const places = new Map<number, number>()
  exprs.forEach(({ expr }, i) => {
    const index = expr.kind === 'column' ? findColumn(schema, expr) : -1
    if (index >= 0 && !places.has(index)) places.set(index, i)
  })
  return knownPredicates(input).flatMap(predicate => {
    if (!columnsOf(predicate).every(column => places.has(findColumn(schema, column)))) return []
    return [
      exprTree.transformUp(predicate, node => {
        const place = node.kind === 'column' ? places.get(findColumn(schema, node)) : undefined
        return place === undefined ? node : fieldColumn(output[place])
      }),
    ]
  })
}
