/** The stages of a query as text: as they were planned (EXPLAIN), and with the counters of their operators (EXPLAIN ANALYZE). */
import type { TextTree } from '../common/tree-text.js'
import type { OperatorDefinition, PhysicalPlan } from '../physical/plan.js'
import { planEnvironment } from '../physical/properties.js'
import { addMetrics, metricsText, skewText, type MetricsRow } from '../runtime/metrics.js'
import { regionsOf } from './regions.js'
import type { ExchangeSourceExec, StagePlan, TaskReport } from './stage.js'

/** One tree a stage, producers first: its number, its tasks, and after which stages it starts if not at once. */
export function stageTrees(
  stages: readonly StagePlan[],
  operators: readonly OperatorDefinition[],
): readonly TextTree[] {
  const env = planEnvironment(operators)
  const textOf = (node: PhysicalPlan): TextTree => ({
    name: node.kind,
    details: env.definition(node).details(node),
    notes: [],
    children: node.children.map(textOf),
  })
  const waits = waitsOf(stages)
  return stages.map(stage => {
    const before = waits.get(stage.id) ?? []
    const details = [
      `tasks=${stage.taskCount}`,
      ...(stage.plan.onDemand === true ? ['on demand'] : []),
      ...(before.length === 0 ? [] : [`after stages ${before.join(', ')}`]),
    ]
    return { name: `Stage ${stage.id}`, details: details.join(', '), notes: [], children: [textOf(stage.plan)] }
  })
}

/** By stage: the stages of other regions whose output has to be complete first. */
function waitsOf(stages: readonly StagePlan[]): ReadonlyMap<number, readonly number[]> {
  const regions = regionsOf(stages)
  return new Map(
    regions.flatMap(region => {
      const before = region.after.flatMap(at => regions[at].stages.map(({ id }) => id)).sort((a, b) => a - b)
      return region.stages.map(({ id }) => [id, before] as const)
    }),
  )
}

/**
 * The plan below the root of the last stage; the first source of a stage's output has that stage as its child. Counters are summed
 * over the tasks of a stage. An operator that never ran (a LIMIT was reached before) has none.
 */
export function analyzedTree(
  stages: readonly StagePlan[],
  reports: readonly TaskReport[],
  operators: readonly OperatorDefinition[],
): TextTree {
  const env = planEnvironment(operators)
  const byEdge = new Map(stages.flatMap(stage => stage.plan.outputs.map(({ edge }) => [edge, stage] as const)))
  const counted = sumByPlace(reports)
  const shown = new Set<StagePlan>()

  const textOf = (node: PhysicalPlan, stage: StagePlan, path: string): TextTree => {
    const metrics = counted.get(placeKey(stage.id, path))
    const children = node.children.map((child, i) => textOf(child, stage, `${path}.${i}`))
    return {
      name: node.kind,
      details: env.definition(node).details(node),
      notes: metrics === undefined ? [] : metricsText(metrics),
      children: isExchangeSource(node) ? stageBelow(node.edge) : children,
    }
  }

  function stageBelow(edge: number): TextTree[] {
    const stage = byEdge.get(edge)
    if (stage === undefined) throw new RangeError(`no stage feeds edge ${edge}`)
    if (shown.has(stage)) return []
    shown.add(stage)
    const tree = textOf(stage.plan, stage, '0')
    const skew = skewOf(reports.filter(report => report.stage === stage.id))
    return [
      {
        ...tree,
        details: `stage=${stage.id}, tasks=${stage.taskCount}, ${tree.details}`,
        notes: [...tree.notes, ...skew],
      },
    ]
  }

  const last = stages[stages.length - 1]
  return textOf(last.plan.children[0], last, '0.0')
}

/** How unequal the tasks of a stage were, by the rows that they gave and the time that their operators worked. */
function skewOf(reports: readonly TaskReport[]): readonly string[] {
  if (reports.length < 2) return []
  return skewText(reports.map(({ operators }) => taskTotal(operators) ?? { outputRows: 0, elapsedComputeMs: 0 }))
}

/** One line a task: what its root gave, how long its operators worked, and how long they waited. */
export const taskLines = (reports: readonly TaskReport[]): readonly string[] =>
  [...reports]
    .sort((left, right) => left.stage - right.stage || left.partition - right.partition)
    .map(({ stage, partition, operators }) => {
      const total = taskTotal(operators)
      const text = total === undefined ? 'did not run' : metricsText(total).join(', ')
      return `stage ${stage}, task ${partition}: ${text}`
    })

/** What the root of a task gave, and the other counters summed over its operators; undefined: none ran. */
function taskTotal(operators: readonly MetricsRow[]): MetricsRow | undefined {
  const rows = [...operators].sort((left, right) => left.path.length - right.path.length)
  const total = rows.reduce<MetricsRow | undefined>(
    (sum, row) => (sum === undefined ? row : addMetrics(sum, row)),
    undefined,
  )
  if (total === undefined) return undefined
  const { outputRows, outputBatches, outputBytes } = rows[0]
  return { ...total, outputRows, outputBatches, outputBytes }
}

const placeKey = (stage: number, path: string): string => `${stage} ${path}`

function sumByPlace(reports: readonly TaskReport[]): ReadonlyMap<string, MetricsRow> {
  const sums = new Map<string, MetricsRow>()
  for (const { stage, operators } of reports) {
    for (const row of operators) {
      const key = placeKey(stage, row.path)
      const sum = sums.get(key)
      sums.set(key, sum === undefined ? row : addMetrics(sum, row))
    }
  }
  return sums
}

const isExchangeSource = (plan: PhysicalPlan): plan is ExchangeSourceExec => plan.kind === 'ExchangeSourceExec'
