/** Cuts a physical plan into stages at its exchanges. */
import { invariant } from '../common/invariant.js'
import { mapList } from '../common/tree.js'
import type { OperatorDefinition, PhysicalPlan, Properties } from '../physical/plan.js'
import { markOnDemand } from './on-demand.js'
import { EXCHANGE_OPERATORS } from './operators.js'
import {
  partitionCountOf,
  type EdgePartitioning,
  type ExchangeExec,
  type ExchangeSinkExec,
  type ExchangeSourceExec,
  type StageInput,
  type StagePlan,
} from './stage.js'

/**
 * The stages of a plan, producers before consumers; the last one gives the result on partition 0 of its edge. `operators` know how
 * many partitions their output has. A plan of several partitions at its root is gathered by a stage more.
 *
 *   Aggregate final               0: ExchangeSink hash(a)       1: ExchangeSink single
 *     Exchange hash(a)      =>         Aggregate partial             Aggregate final
 *       Aggregate partial                Scan                          ExchangeSource edge 0
 *         Scan
 */
export function fragment(plan: PhysicalPlan, operators: readonly OperatorDefinition[]): StagePlan[] {
  const definitions = new Map([...operators, ...EXCHANGE_OPERATORS].map(definition => [definition.kind, definition]))
  const stages: StagePlan[] = []

  const propertiesOf = (node: PhysicalPlan): Properties => {
    const definition = definitions.get(node.kind)
    invariant(definition !== undefined, `no operator is registered for ${node.kind}`)
    return definition.properties(node, node.children.map(propertiesOf))
  }

  function source(exchange: ExchangeExec, inputs: StageInput[]): ExchangeSourceExec {
    const below = stage(exchange.children[0], exchange.partitioning)
    inputs.push({ edge: below.id, stage: below.id })
    const { rowCount } = propertiesOf(below.plan)
    const partitionCount = partitionCountOf(exchange.partitioning)
    const node = {
      kind: 'ExchangeSourceExec',
      schema: exchange.schema,
      children: [],
      edge: below.id,
      partitionCount,
    } as const
    return rowCount === undefined ? node : { ...node, rowCount }
  }

  function cut(node: PhysicalPlan, inputs: StageInput[]): PhysicalPlan {
    if (isExchange(node)) return source(node, inputs)
    const children = mapList(node.children, child => cut(child, inputs))
    return children === node.children ? node : { ...node, children }
  }

  function stage(root: PhysicalPlan, partitioning: EdgePartitioning): StagePlan {
    const inputs: StageInput[] = []
    const child = cut(root, inputs)
    const id = stages.length
    const plan: ExchangeSinkExec = {
      kind: 'ExchangeSinkExec',
      schema: child.schema,
      children: [child],
      edge: id,
      partitioning,
    }
    const { partitioning: rows } = propertiesOf(child)
    const made = {
      id,
      plan,
      taskCount: rows.kind === 'single' ? 1 : rows.count,
      inputs,
      output: { edge: id, partitioning },
    }
    stages.push(made)
    return made
  }

  const root = stage(plan, { kind: 'single' })
  if (root.taskCount > 1) {
    const gather: ExchangeExec = {
      kind: 'ExchangeExec',
      schema: plan.schema,
      children: [plan],
      partitioning: { kind: 'single' },
    }
    stages.length = 0
    stage(gather, { kind: 'single' })
  }
  return markOnDemand(stages)
}

const isExchange = (node: PhysicalPlan): node is ExchangeExec => node.kind === 'ExchangeExec'
