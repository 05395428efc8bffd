/** Tells a union how many partitions each input has, so that a partition reads only the inputs that have it. */
import type { UnionExec } from '../operators/union.js'
import { partitionCount } from '../properties.js'
import type { PhysicalPlan } from '../plan.js'
import type { PhysicalRule } from './rule.js'

/**
 *   UnionExec              UnionExec, partitions 0: X and Y, 1: X
 *     X (2 partitions)  =>   X
 *     Y (1 partition)        Y
 */
export const countUnionPartitions: PhysicalRule = {
  name: 'count_union_partitions',
  apply(plan, context) {
    if (!isUnion(plan)) return plan
    const partitionCounts = plan.children.map(child => partitionCount(context.properties(child).partitioning))
    const same = partitionCounts.every((count, i) => count === plan.partitionCounts[i])
    const counted: UnionExec = { ...plan, partitionCounts }
    return same ? plan : counted
  },
}

const isUnion = (plan: PhysicalPlan): plan is UnionExec => plan.kind === 'UnionExec'
