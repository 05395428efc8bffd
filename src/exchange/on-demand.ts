/**
 * Plain scans whose rows go straight to the client start one task after the other: the first rows come after one task has read
 * a little, and a LIMIT that is soon satisfied leaves the other files alone.
 */
import type { PhysicalPlan } from '../physical/plan.js'
import type { ExchangeSinkExec, StagePlan } from './stage.js'

/** They give a row for each row, until they have enough: their input comes to something with its first batch. */
const PASSING = ['LimitExec', 'ProjectionExec']

/** Marks the stage below the last one, and the edge between them, where both only pass rows on. The other stages stay as they are. */
export function markOnDemand(stages: readonly StagePlan[]): StagePlan[] {
  const last = stages[stages.length - 1]
  const feeding = stages.find(({ id }) => id === last.inputs[0]?.stage)
  const applies =
    feeding !== undefined &&
    feeding.taskCount > 1 &&
    feeding.inputs.length === 0 &&
    passes(feeding.plan, 'DataSourceExec') &&
    passes(last.plan, 'ExchangeSourceExec')
  if (!applies) return [...stages]
  const producer: ExchangeSinkExec = { ...feeding.plan, onDemand: true }
  const inputs = last.inputs.map(input => ({ ...input, onDemand: true }))
  return stages.map(stage => {
    if (stage === feeding) return { ...stage, plan: producer }
    return stage === last ? { ...stage, inputs } : stage
  })
}

/** The stage is a chain of passing operators over a leaf of this kind. */
function passes(sink: PhysicalPlan, leaf: string): boolean {
  let node = sink.children[0]
  while (PASSING.includes(node.kind)) node = node.children[0]
  return node.kind === leaf
}
