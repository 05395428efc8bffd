/** The stages of a query that has run, as one tree with the counters of its operators (EXPLAIN ANALYZE). */
import type { TextTree } from '../common/tree-text.js'
import type { OperatorDefinition, PhysicalPlan } from '../physical/plan.js'
import { planEnvironment } from '../physical/properties.js'
import { addMetrics, metricsText, type MetricsRow } from '../runtime/metrics.js'
import type { ExchangeSourceExec, StagePlan, TaskReport } from './stage.js'

/**
 * The plan below the root of the last stage; a source of an edge has the stage that feeds it as its child. Counters are summed over
 * the tasks of a stage. An operator that never ran (a LIMIT was reached before) has none.
 */
export function analyzedTree(
  stages: readonly StagePlan[],
  reports: readonly TaskReport[],
  operators: readonly OperatorDefinition[],
): TextTree {
  const env = planEnvironment(operators)
  const byEdge = new Map(stages.flatMap(stage => stage.plan.outputs.map(({ edge }) => [edge, stage] as const)))
  const counted = sumByPlace(reports)

  const textOf = (node: PhysicalPlan, stage: StagePlan, path: string): TextTree => {
    const metrics = counted.get(placeKey(stage.id, path))
    const children = node.children.map((child, i) => textOf(child, stage, `${path}.${i}`))
    return {
      name: node.kind,
      details: env.definition(node).details(node),
      notes: metrics === undefined ? [] : metricsText(metrics),
      children: isExchangeSource(node) ? [stageTree(node.edge)] : children,
    }
  }

  function stageTree(edge: number): TextTree {
    const stage = byEdge.get(edge)
    if (stage === undefined) throw new RangeError(`no stage feeds edge ${edge}`)
    const tree = textOf(stage.plan, stage, '0')
    return { ...tree, details: `stage=${stage.id}, tasks=${stage.taskCount}, ${tree.details}` }
  }

  const last = stages[stages.length - 1]
  return textOf(last.plan.children[0], last, '0.0')
}

/** One line a task: what its root gave, how long its operators worked, and how long they waited. */
export const taskLines = (reports: readonly TaskReport[]): readonly string[] =>
  [...reports]
    .sort((left, right) => left.stage - right.stage || left.partition - right.partition)
    .map(({ stage, partition, operators }) => {
      const rows = [...operators].sort((left, right) => left.path.length - right.path.length)
      const total = rows.reduce<MetricsRow | undefined>(
        (sum, row) => (sum === undefined ? row : addMetrics(sum, row)),
        undefined,
      )
      if (total === undefined) return `stage ${stage}, task ${partition}: did not run`
      const { outputRows, outputBatches, outputBytes } = rows[0]
      return `stage ${stage}, task ${partition}: ${metricsText({ ...total, outputRows, outputBatches, outputBytes }).join(', ')}`
    })

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
