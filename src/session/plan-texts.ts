/** The plans of a statement as people read them on the scheduler's page. */
import type { OperatorText, PlanTexts } from '../cluster/scheduler/job-record.js'
import { EXCHANGE_OPERATORS } from '../exchange/operators.js'
import type { ExchangeSourceExec, StagePlan } from '../exchange/stage.js'
import { displayLogical } from '../logical/display.js'
import { displayPhysical } from '../physical/display.js'
import type { PhysicalPlan } from '../physical/plan.js'
import { planEnvironment } from '../physical/properties.js'
import type { PlanHistory } from './explain.js'

const isSource = (node: PhysicalPlan): node is ExchangeSourceExec => node.kind === 'ExchangeSourceExec'

const known = new WeakMap<PlanHistory, PlanTexts>()

/** Once for each plan, however often it runs. */
export function planTexts(history: PlanHistory, stages: readonly StagePlan[]): PlanTexts {
  const texts = known.get(history) ?? textsOfPlan(history, stages)
  known.set(history, texts)
  return texts
}

function textsOfPlan({ operators, optimized, physical }: PlanHistory, stages: readonly StagePlan[]): PlanTexts {
  const env = planEnvironment([...operators, ...EXCHANGE_OPERATORS])
  const textsOf = (node: PhysicalPlan, path: string): OperatorText[] => [
    {
      path,
      kind: node.kind,
      details: env.definition(node).details(node),
      ...(isSource(node) ? { edge: node.edge } : {}),
    },
    ...node.children.flatMap((child, i) => textsOf(child, `${path}.${i}`)),
  ]
  return {
    logical: displayLogical(optimized),
    physical: displayPhysical(physical, operators),
    operators: new Map(stages.map(stage => [stage.id, textsOf(stage.plan, '0')])),
  }
}
