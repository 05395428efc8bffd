/** The ordered physical rules and their driver. */
import { invariant } from '../../common/invariant.js'
import { equals, mapList } from '../../common/tree.js'
import { exchangeExec } from '../operators/exchange.js'
import type { OperatorDefinition, PhysicalPlan } from '../plan.js'
import { partitionCount, planEnvironment } from '../properties.js'
import { broadcastBuild } from './broadcast-build.js'
import { coalesceBatches } from './coalesce-batches.js'
import { countUnionPartitions } from './count-union-partitions.js'
import { enforceDistribution } from './enforce-distribution.js'
import { replicateBuild } from './replicate-build.js'
import type { PhysicalRule, RuleContext } from './rule.js'
import { twoPhaseAggregate } from './two-phase-aggregate.js'
import { twoPhaseLimit } from './two-phase-limit.js'
import { twoPhaseTopK } from './two-phase-top-k.js'
import { wireDynamicFilters } from './wire-dynamic-filters.js'

/** Applied one after the other to each node, children first, so that a node sees the final partitions of its inputs. */
export const PLACEMENT_RULES: readonly PhysicalRule[] = [
  countUnionPartitions,
  // Before the exchange is placed, which then lies between the two phases.
  twoPhaseAggregate,
  twoPhaseLimit,
  twoPhaseTopK,
  // Before the exchange of the probe side, which it makes unnecessary.
  replicateBuild,
  // What is too large to be read in every task may still be small enough to be sent to all of them.
  broadcastBuild,
  enforceDistribution,
]

/** Applied in a second traversal, which sees the exchanges. */
export const FINISHING_RULES: readonly PhysicalRule[] = [coalesceBatches]

/** Makes a lowered plan correct over partitions; the result has one partition. */
export function applyPhysicalRules(
  plan: PhysicalPlan,
  options: { readonly targetPartitions: number; readonly operators: readonly OperatorDefinition[] },
): PhysicalPlan {
  const context: RuleContext = { ...planEnvironment(options.operators), targetPartitions: options.targetPartitions }
  const placed = bottomUp(plan, PLACEMENT_RULES, context)
  const { partitioning } = context.properties(placed)
  const gathered = partitionCount(partitioning) === 1 ? placed : exchangeExec(placed, { kind: 'single' })
  return bottomUp(wireDynamicFilters(gathered), FINISHING_RULES, context)
}

function bottomUp(plan: PhysicalPlan, rules: readonly PhysicalRule[], context: RuleContext): PhysicalPlan {
  const children = mapList(plan.children, child => bottomUp(child, rules, context))
  let node = children === plan.children ? plan : { ...plan, children }
  for (const rule of rules) {
    const next = rule.apply(node, context)
    invariant(next === node || equals(next.schema, node.schema), `rule ${rule.name} changed the schema of ${node.kind}`)
    node = next
  }
  return node
}
