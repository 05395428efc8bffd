/** A bound on what a query may grow to: a CTE or view stands in the plan once for each use, so each level can double it. */
import { fail } from '../../common/errors.js'
import { planTree, type LogicalPlan } from '../plan.js'

/** A megabyte of UNION ALL makes 160 000 nodes; planning takes about 50 µs a node. */
const MAX_NODES = 250_000

const sizes = new WeakMap<LogicalPlan, number>()

/** The plan itself; throws QUERY_TOO_DEEP if it has too many nodes, counted with repetitions (in time without them). */
export function boundedPlan(plan: LogicalPlan): LogicalPlan {
  if (sizeOf(plan) > MAX_NODES) throw fail('QUERY_TOO_DEEP')
  return plan
}

function sizeOf(plan: LogicalPlan): number {
  let size = sizes.get(plan)
  if (size === undefined) {
    size = 1
    for (const child of planTree.children(plan)) size += sizeOf(child)
    sizes.set(plan, size)
  }
  return size
}
