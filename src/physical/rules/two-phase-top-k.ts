/** Takes the first rows of every partition before the rows are gathered. */
import { partitionCount } from '../properties.js'
import type { PhysicalRule } from './rule.js'

/**
 *   TopKExec: a, fetch=10        TopKExec: a, fetch=10
 *     X (4 partitions)      =>     TopKExec: a, fetch=10     (of each partition)
 *                                    X
 */
export const twoPhaseTopK: PhysicalRule = {
  name: 'two_phase_top_k',
  apply(plan, context) {
    if (plan.kind !== 'TopKExec') return plan
    const [child] = plan.children
    return partitionCount(context.properties(child).partitioning) === 1 ? plan : { ...plan, children: [plan] }
  },
}
