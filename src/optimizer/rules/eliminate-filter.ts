/** Filters that keep all rows or none. */
import { emptyPlan } from '../../logical/build.js'
import { schemaOf } from '../../logical/schema-of.js'
import { logicalRule } from '../rule.js'

/**
 * Removes filters whose predicate is constant.
 *
 *   Filter: true            Filter: false, NULL
 *     X            =>  X      X                  =>  EmptyRelation: rows=0
 */
export const eliminateFilter = logicalRule('eliminate_filter', 'bottomUp', plan => {
  if (plan.kind !== 'filter' || plan.predicate.kind !== 'literal') return plan
  return plan.predicate.value === true ? plan.input : emptyPlan(schemaOf(plan))
})
