/** Limits every partition before the rows are gathered. */
import type { LimitExec } from '../operators/limit.js'
import type { PhysicalPlan } from '../plan.js'
import { partitionCount } from '../properties.js'
import type { PhysicalRule } from './rule.js'

/**
 *   LimitExec: skip=5, fetch=10        LimitExec: skip=5, fetch=10
 *     X (4 partitions)            =>     LimitExec: local, fetch=15
 *                                          X
 */
export const twoPhaseLimit: PhysicalRule = {
  name: 'two_phase_limit',
  apply(plan, context) {
    if (!isGlobalLimit(plan) || plan.fetch === undefined) return plan
    const [child] = plan.children
    if (partitionCount(context.properties(child).partitioning) === 1) return plan
    const { schema, skip, fetch } = plan
    const local: LimitExec = {
      kind: 'LimitExec',
      scope: 'local',
      skip: 0,
      fetch: skip + fetch,
      schema,
      children: [child],
    }
    const global: LimitExec = { ...plan, children: [local] }
    return global
  },
}

const isGlobalLimit = (plan: PhysicalPlan): plan is LimitExec =>
  plan.kind === 'LimitExec' && (plan as LimitExec).scope === 'global'
