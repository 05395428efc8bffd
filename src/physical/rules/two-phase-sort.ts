/** Sorts every partition before the rows are gathered in order. */
import { exchangeExec } from '../operators/exchange.js'
import type { SortExec } from '../operators/sort.js'
import type { PhysicalPlan } from '../plan.js'
import { partitionCount } from '../properties.js'
import type { PhysicalRule } from './rule.js'

/**
 *   SortExec: a               ExchangeExec: single, ordering a
 *     X (4 partitions)   =>     SortExec: local, a     (of each partition)
 *                                 X
 */
export const twoPhaseSort: PhysicalRule = {
  name: 'two_phase_sort',
  apply(plan, context) {
    if (!isGlobalSort(plan)) return plan
    const [child] = plan.children
    if (partitionCount(context.properties(child).partitioning) === 1) return plan
    const local: SortExec = { ...plan, scope: 'local' }
    return exchangeExec(local, { kind: 'single' }, plan.keys)
  },
}

const isGlobalSort = (plan: PhysicalPlan): plan is SortExec =>
  plan.kind === 'SortExec' && (plan as SortExec).scope === 'global'
