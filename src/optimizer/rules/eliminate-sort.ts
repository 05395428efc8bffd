/** Orders that nobody sees. */
import { replaced } from '../../logical/plan-exprs.js'
import type { LogicalPlan } from '../../logical/plan.js'
import { logicalRule } from '../rule.js'

/** Aggregates that give the same in every order. */
const ORDERLESS: ReadonlySet<string> = new Set(['avg', 'count', 'max', 'min', 'sum'])

/**
 * Removes sorts without a limit below sorts, joins, DISTINCT and aggregates for which the order does not matter, also below
 * projections and filters there.
 *
 *   Aggregate: sum(a)                  Aggregate: sum(a)
 *     Sort: b ASC NULLS LAST      =>     X
 *       X
 */
export const eliminateSort = logicalRule('eliminate_sort', 'topDown', (plan): LogicalPlan => {
  switch (plan.kind) {
    case 'aggregate': {
      const isOrderless = plan.aggregates.every(({ expr }) => expr.kind === 'aggregate' && ORDERLESS.has(expr.name))
      return isOrderless ? replaced(plan, { input: unsorted(plan.input) }) : plan
    }
    case 'sort':
    case 'distinct':
      return replaced(plan, { input: unsorted(plan.input) })
    case 'join':
      return replaced(plan, { left: unsorted(plan.left), right: unsorted(plan.right) })
    default:
      return plan
  }
})

function unsorted(plan: LogicalPlan): LogicalPlan {
  switch (plan.kind) {
    case 'sort':
      return plan.fetch === undefined ? unsorted(plan.input) : plan
    case 'projection':
    case 'filter':
    case 'alias':
      return replaced(plan, { input: unsorted(plan.input) })
    default:
      return plan
  }
}
