/** Aggregates every partition before its groups are exchanged. */
import { finalAggregate, hasDistinct, partialAggregate, type AggregateExec } from '../operators/aggregate.js'
import type { PhysicalPlan } from '../plan.js'
import { partitionCount } from '../properties.js'
import { meetsHash } from './enforce-distribution.js'
import type { PhysicalRule } from './rule.js'

/**
 *   AggregateExec: single, gby=[a], sum(b)       AggregateExec: final, gby=[a], sum(b)
 *     X (4 partitions)                      =>     AggregateExec: partial, gby=[a], sum(b)
 *                                                    X
 *
 * Not for DISTINCT aggregates, whose states cannot be merged, nor when the groups already lie in one partition each.
 */
export const twoPhaseAggregate: PhysicalRule = {
  name: 'two_phase_aggregate',
  apply(plan, context) {
    if (!isSingleAggregate(plan) || hasDistinct(plan)) return plan
    const [child] = plan.children
    const keys = plan.groups.map(group => group.expr)
    const together =
      keys.length === 0 ? partitionCount(context.properties(child).partitioning) === 1 : meetsHash(child, keys, context)
    return together ? plan : finalAggregate(plan, partialAggregate(plan))
  },
}

const isSingleAggregate = (plan: PhysicalPlan): plan is AggregateExec =>
  plan.kind === 'AggregateExec' && (plan as AggregateExec).mode === 'single'
