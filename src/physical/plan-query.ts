/** Logical to physical: names become column positions, once, here; then the physical rules place exchanges. */
import { fail } from '../common/errors.js'
import { outcomes } from '../common/in-order.js'
import { inputExpr } from '../expr/build.js'
import { exprTree, type Expr } from '../expr/expr.js'
import { planTree, type LogicalPlan } from '../logical/plan.js'
import { columnIndex, schemaOf } from '../logical/schema-of.js'
import { lowerScan } from './lower-scan.js'
import type { LowerContext, OperatorDefinition, PhysicalPlan } from './plan.js'
import { applyPhysicalRules } from './rules/index.js'
import type { PhysicalRule } from './rules/rule.js'

export interface PlanQueryOptions {
  /** Partitions to aim for; 1: nothing is exchanged. */
  readonly targetPartitions: number
  /** Bytes of a table that are worth a partition of their own; absent: the default of the setting. */
  readonly minPartitionBytes?: number
  readonly operators: readonly OperatorDefinition[]
  /** Of extensions, after the engine's own. */
  readonly physicalRules?: readonly PhysicalRule[]
  readonly observer?: PlanObserver
}

/** Hears how a physical plan is made (EXPLAIN VERBOSE). */
export interface PlanObserver {
  /** The plan before the physical rules. */
  lowered?(plan: PhysicalPlan): void
  /** A rule has changed a node. */
  fired?(rule: string, elapsedMs: number): void
}

/**
 * The physical plan of an optimized logical plan, with one partition at its root and ExchangeExec wherever rows change tasks.
 * Asks table providers for their scans (I/O). Throws NOT_SUPPORTED for a node that no operator lowers, and what providers throw.
 */
export async function planQuery(plan: LogicalPlan, options: PlanQueryOptions): Promise<PhysicalPlan> {
  const { operators, observer, physicalRules: _, ...limits } = options
  const lowered = await lower(plan, { resolve, ...limits }, operators)
  observer?.lowered?.(lowered)
  return applyPhysicalRules(lowered, options)
}

async function lower(
  plan: LogicalPlan,
  context: LowerContext,
  operators: readonly OperatorDefinition[],
): Promise<PhysicalPlan> {
  if (plan.kind === 'scan') return lowerScan(plan, context)
  if (plan.kind === 'aggregate') {
    const { exactAggregates } = await import('./exact-aggregates.js')
    const known = await exactAggregates(plan)
    if (known !== undefined) return lower(known, context, operators)
  }
  const inputs = await lowerAll(planTree.children(plan), context, operators)
  // An alias only renames relations, which physical plans do not know.
  if (plan.kind === 'alias') return inputs[0]
  for (const operator of operators) {
    const lowered = operator.lower?.(plan, inputs, context)
    if (lowered !== undefined) return lowered
  }
  throw fail('NOT_SUPPORTED', [`the plan node '${plan.kind}'`])
}

/** At once: files of many scans answer in the time of one. */
async function lowerAll(
  plans: readonly LogicalPlan[],
  context: LowerContext,
  operators: readonly OperatorDefinition[],
): Promise<PhysicalPlan[]> {
  if (plans.length === 1) return [await lower(plans[0], context, operators)]
  const lowered = await outcomes(plans.map(plan => lower(plan, context, operators)))
  return lowered.map(plan => plan())
}

/** Columns by name and relation to positions among the columns of `input`. */
function resolve(expr: Expr, input: LogicalPlan): Expr {
  const schema = schemaOf(input)
  return exprTree.transformUp(expr, node => {
    if (node.kind !== 'column') return node
    const index = columnIndex(schema, node)
    const { name, type, nullable } = schema[index]
    return inputExpr(index, name, type, nullable)
  })
}
