/** The left side of a join is the one held in memory. */
import { schemaOf } from '../../logical/schema-of.js'
import type { LogicalJoinType, LogicalPlan } from '../../logical/plan.js'
import { estimateRows } from '../cardinality.js'
import { withColumns } from '../../logical/build.js'
import { logicalRule } from '../rule.js'

const SWAPPED: Readonly<Record<LogicalJoinType, LogicalJoinType>> = {
  inner: 'inner',
  left: 'right',
  right: 'left',
  full: 'full',
  leftSemi: 'rightSemi',
  leftAnti: 'rightAnti',
  leftMark: 'rightMark',
  rightSemi: 'leftSemi',
  rightAnti: 'leftAnti',
  rightMark: 'leftMark',
}

/**
 * Swaps the sides of a join so that the one with fewer estimated rows is left, where the hash table is built.
 *
 *   Left Join: big.x = small.x         Right Join: small.x = big.x
 *     TableScan: big              =>     TableScan: small
 *     TableScan: small                   TableScan: big
 */
export const chooseBuildSide = logicalRule('choose_build_side', 'bottomUp', (plan): LogicalPlan => {
  if (plan.kind !== 'join' || estimateRows(plan.left) <= estimateRows(plan.right)) return plan
  const on = plan.on.map(({ left, right }) => ({ left: right, right: left }))
  return withColumns({ ...plan, left: plan.right, right: plan.left, type: SWAPPED[plan.type], on }, schemaOf(plan))
})
