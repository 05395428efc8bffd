/** What a logical rule is: a name, a direction and a function that returns the same object when it does not apply. */
import { planTree, type LogicalPlan } from '../logical/plan.js'

export interface LogicalRule {
  /** In snake case, as EXPLAIN VERBOSE and the list of disabled rules write it. */
  readonly name: string
  /** The plan after one application over the whole tree; the same object when nothing fired. */
  apply(plan: LogicalPlan): LogicalPlan
}

/**
 * `change` sees every node, children first (`bottomUp`) or parents first (`topDown`: it then sees the children of what
 * it returned), or only the root (`once`: the rule walks by itself).
 */
export function logicalRule(
  name: string,
  order: 'bottomUp' | 'topDown' | 'once',
  change: (plan: LogicalPlan) => LogicalPlan,
): LogicalRule {
  switch (order) {
    case 'bottomUp':
      return { name, apply: plan => planTree.transformUp(plan, change) }
    case 'topDown':
      return { name, apply: plan => planTree.transformDown(plan, change) }
    case 'once':
      return { name, apply: change }
  }
}
