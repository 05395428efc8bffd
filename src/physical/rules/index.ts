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
import { reduceProbes } from './reduce-probes.js'
import { replicateBuild } from './replicate-build.js'
import type { PhysicalRule, RuleContext } from './rule.js'
import { shareSubplans } from './share-subplans.js'
import { twoPhaseAggregate } from './two-phase-aggregate.js'
import { twoPhaseLimit } from './two-phase-limit.js'
import { twoPhaseSort } from './two-phase-sort.js'
import { twoPhaseTopK } from './two-phase-top-k.js'
import { wireDynamicFilters } from './wire-dynamic-filters.js'

/** Applied one after the other to each node, children first, so that a node sees the final partitions of its inputs. */
export const PLACEMENT_RULES: readonly PhysicalRule[] = [
  countUnionPartitions,
  // Before the exchange is placed, which then lies between the two phases.
  twoPhaseAggregate,
  twoPhaseLimit,
  twoPhaseTopK,
  twoPhaseSort,
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
  options: {
    readonly targetPartitions: number
    readonly operators: readonly OperatorDefinition[]
    /** Of extensions. */
    readonly physicalRules?: readonly PhysicalRule[]
    readonly observer?: { fired?(rule: string, elapsedMs: number): void }
  },
): PhysicalPlan {
  const context: RuleContext = { ...planEnvironment(options.operators), targetPartitions: options.targetPartitions }
  const fired = (rule: string, elapsedMs: number): void => options.observer?.fired?.(rule, elapsedMs)
  const placed = bottomUp(plan, PLACEMENT_RULES, context, fired)
  const { partitioning } = context.properties(placed)
  const gathered = partitionCount(partitioning) === 1 ? placed : exchangeExec(placed, { kind: 'single' })
  // Before dynamic filters, of which every occurrence of a subplan would get others.
  const shared = shareSubplans(gathered, context)
  return bottomUp(
    wireDynamicFilters(reduceProbes(shared, context)),
    [...FINISHING_RULES, ...(options.physicalRules ?? [])],
    context,
    fired,
  )
}

function bottomUp(
  plan: PhysicalPlan,
  rules: readonly PhysicalRule[],
  context: RuleContext,
  fired: (rule: string, elapsedMs: number) => void,
): PhysicalPlan {
  const children = mapList(plan.children, child => bottomUp(child, rules, context, fired))
  let node = children === plan.children ? plan : { ...plan, children }
  for (const rule of rules) {
    const startMs = performance.now()
    const next = rule.apply(node, context)
    if (next !== node) fired(rule.name, performance.now() - startMs)
    invariant(next === node || equals(next.schema, node.schema), `rule ${rule.name} changed the schema of ${node.kind}`)
    node = next
  }
  return node
}
