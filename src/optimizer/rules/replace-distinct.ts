/** DISTINCT is a GROUP BY of all columns. */
import { aggregatePlan, namedColumn } from '../../logical/build.js'
import { schemaOf } from '../../logical/schema-of.js'
import { logicalRule } from '../rule.js'
import { isVolatile } from '../../expr/volatile.js'

/**
 * Replaces DISTINCT by an aggregate without aggregate functions; a projection below becomes its group expressions.
 *
 *   Distinct:
 *     Projection: a, b + 1 AS c   =>  Aggregate: groupBy=[[a, b + 1 AS c]], aggr=[[]]
 *       X                               X
 */
export const replaceDistinct = logicalRule('replace_distinct_with_aggregate', 'bottomUp', plan => {
  if (plan.kind !== 'distinct') return plan
  const { input } = plan
  if (input.kind === 'projection' && !input.exprs.some(({ expr }) => isVolatile(expr))) {
    return aggregatePlan(input.input, input.exprs, [])
  }
  return aggregatePlan(input, schemaOf(input).map(namedColumn), [])
})
