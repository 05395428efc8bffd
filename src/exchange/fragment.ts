/** Cuts a physical plan into stages at its exchanges. */
import { mapList } from '../common/tree.js'
import { exchangeExec, type ExchangeExec } from '../physical/operators/exchange.js'
import type { OperatorDefinition, PhysicalPlan } from '../physical/plan.js'
import { partitionCount, planEnvironment } from '../physical/properties.js'
import { markOnDemand } from './on-demand.js'
import {
  partitionCountOf,
  type EdgeOutput,
  type ExchangeSinkExec,
  type ExchangeSourceExec,
  type StageInput,
  type StagePlan,
} from './stage.js'

/** A stage whose edges are still being found. */
interface OpenStage {
  readonly id: number
  readonly child: PhysicalPlan
  readonly taskCount: number
  readonly inputs: readonly StageInput[]
  readonly outputs: EdgeOutput[]
}

/**
 * The stages of a plan, producers before consumers; the last one gives the result on partition 0 of its only edge. `operators` know
 * how many partitions their output has. A plan of several partitions at its root is gathered by a stage more.
 *
 *   Aggregate final               0: ExchangeSink hash(a)       1: ExchangeSink single
 *     Exchange hash(a)      =>         Aggregate partial             Aggregate final
 *       Aggregate partial                Scan                          ExchangeSource edge 0
 *         Scan
 *
 * Exchanges with the same `shared` number have one stage, which feeds an edge for each of them. Whoever reads one of its edges first
 * must not wait for a reader of another one: these edges are spillable.
 */
export function fragment(plan: PhysicalPlan, operators: readonly OperatorDefinition[]): StagePlan[] {
  const env = planEnvironment(operators)
  const stages: OpenStage[] = []
  const shared = new Map<number, OpenStage>()
  let edgeCount = 0

  function source(exchange: ExchangeExec, inputs: StageInput[]): ExchangeSourceExec {
    const { partitioning, columns, ordering, schema, shared: number } = exchange
    const below = (number === undefined ? undefined : shared.get(number)) ?? stage(exchange.children[0])
    if (number !== undefined) shared.set(number, below)
    const edge = addEdge(below, columns === undefined ? { partitioning } : { partitioning, columns })
    inputs.push({ edge, stage: below.id })
    const { rowCount } = env.properties(exchange.children[0])
    return {
      kind: 'ExchangeSourceExec',
      schema,
      children: [],
      edge,
      partitionCount: partitionCountOf(partitioning),
      producerCount: below.taskCount,
      ...(ordering === undefined ? {} : { ordering }),
      ...(rowCount === undefined ? {} : { rowCount }),
    }
  }

  function addEdge(below: OpenStage, output: Omit<EdgeOutput, 'edge'>): number {
    const edge = edgeCount++
    below.outputs.push({ edge, ...output })
    return edge
  }

  function cut(node: PhysicalPlan, inputs: StageInput[]): PhysicalPlan {
    if (isExchange(node)) return source(node, inputs)
    const children = mapList(node.children, child => cut(child, inputs))
    return children === node.children ? node : { ...node, children }
  }

  function stage(root: PhysicalPlan): OpenStage {
    const inputs: StageInput[] = []
    const child = cut(root, inputs)
    const taskCount = partitionCount(env.properties(root).partitioning)
    const made: OpenStage = { id: stages.length, child, taskCount, inputs, outputs: [] }
    stages.push(made)
    return made
  }

  const isGathered = partitionCount(env.properties(plan).partitioning) === 1
  addEdge(stage(isGathered ? plan : exchangeExec(plan, { kind: 'single' })), { partitioning: { kind: 'single' } })
  return markOnDemand(stages.map(closed))
}

function closed({ id, child, taskCount, inputs, outputs }: OpenStage): StagePlan {
  const plan: ExchangeSinkExec = {
    kind: 'ExchangeSinkExec',
    schema: child.schema,
    children: [child],
    outputs: outputs.length === 1 ? outputs : outputs.map(output => ({ ...output, spillable: true })),
  }
  return { id, plan, taskCount, inputs }
}

const isExchange = (node: PhysicalPlan): node is ExchangeExec => node.kind === 'ExchangeExec'
