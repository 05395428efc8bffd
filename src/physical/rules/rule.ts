/** What a physical rule is: a function of one node whose children are already final. */
import type { PhysicalPlan } from '../plan.js'
import type { PlanEnvironment } from '../properties.js'

export interface RuleContext extends PlanEnvironment {
  /** Partitions to aim for. */
  readonly targetPartitions: number
}

export interface PhysicalRule {
  readonly name: string
  /** The same object when the rule does not fire. The schema must not change. */
  apply(plan: PhysicalPlan, context: RuleContext): PhysicalPlan
}
