/** What EXPLAIN shows: plans as text, the rules that made them, and what their operators did when the statement ran. */
import { fail } from '../common/errors.js'
import { boxTree, indentedTree, type TextTree } from '../common/tree-text.js'
import { analyzedTree, stageTrees, taskLines } from '../exchange/staged-plan.js'
import { EXCHANGE_OPERATORS } from '../exchange/operators.js'
import type { StagePlan, TaskReport } from '../exchange/stage.js'
import { logicalTree } from '../logical/display.js'
import type { LogicalPlan } from '../logical/plan.js'
import type { RuleEvent } from '../optimizer/optimizer.js'
import type { StatementNode } from '../parser/ast.js'
import { physicalTree } from '../physical/display.js'
import type { OperatorDefinition, PhysicalPlan } from '../physical/plan.js'
import { elapsedText } from '../runtime/metrics.js'

export type ExplainStatement = Extract<StatementNode, { kind: 'explain' }>

/** `plan_type` and `plan`. */
export type ExplainRow = readonly [string, string]

export const EXPLAIN_COLUMNS = ['plan_type', 'plan']

/** How a statement was planned. */
export interface PlanHistory {
  readonly bound: LogicalPlan
  readonly rules: readonly RuleEvent[]
  readonly optimized: LogicalPlan
  /** Before the physical rules. */
  readonly lowered: PhysicalPlan
  /** By name: on how many nodes a physical rule fired, and its milliseconds. */
  readonly physicalRules: ReadonlyMap<string, { readonly count: number; readonly elapsedMs: number }>
  readonly physical: PhysicalPlan
  /** Of the nodes of the physical plans. */
  readonly operators: readonly OperatorDefinition[]
}

const stageOperators = ({ operators }: PlanHistory): OperatorDefinition[] => [...operators, ...EXCHANGE_OPERATORS]

type Render = (tree: TextTree) => string

const FORMATS: Readonly<Record<string, Render>> = { indent: indentedTree, tree: boxTree }

/** INVALID_ARGUMENT for a format that is not known. */
export function checkExplain(statement: ExplainStatement): void {
  const { format, analyze, verify, span } = statement
  if (format !== undefined && !Object.hasOwn(FORMATS, format)) {
    const names = Object.keys(FORMATS).join(' and ')
    throw fail('INVALID_ARGUMENT', [`EXPLAIN has no format '${format}'; there are ${names}`], { span })
  }
  const { kind } = statement.statement
  if (verify && analyze) throw fail('INVALID_ARGUMENT', ['EXPLAIN takes ANALYZE or VERIFY, not both'], { span })
  if (verify && kind !== 'query') throw fail('NOT_SUPPORTED', ['EXPLAIN VERIFY of what is no query'], { span })
  if (analyze && kind !== 'query' && kind !== 'copy')
    throw fail('NOT_SUPPORTED', ['EXPLAIN ANALYZE of a statement that changes tables'], { span })
}

const renderer = ({ format }: ExplainStatement): Render => FORMATS[format ?? 'indent']

/** The plans, with the stages if there are several; VERBOSE: also the plan after every rule that fired. */
export function explainRows(
  statement: ExplainStatement,
  history: PlanHistory,
  stages: readonly StagePlan[],
): readonly ExplainRow[] {
  const render = renderer(statement)
  const logical: ExplainRow = ['logical_plan', render(logicalTree(history.optimized))]
  const physical: ExplainRow = ['physical_plan', render(physicalTree(history.physical, history.operators))]
  const trees = stages.length === 1 ? [] : stageTrees(stages, stageOperators(history))
  const distributed = trees.length === 0 ? [] : [['distributed_plan', trees.map(render).join('\n')] as const]
  if (!statement.verbose) return [logical, physical, ...distributed]
  return [...ruleRows(history, render), logical, ...physicalRuleRows(history, render), physical, ...distributed]
}

function ruleRows({ bound, rules }: PlanHistory, render: Render): ExplainRow[] {
  const rows = rules.map(({ rule, pass, after, elapsedMs }): ExplainRow => {
    return [`logical_plan after ${rule} (pass ${pass}, ${elapsedText(elapsedMs)})`, render(logicalTree(after))]
  })
  return [['initial_logical_plan', render(logicalTree(bound))], ...rows]
}

function physicalRuleRows({ lowered, operators, physicalRules }: PlanHistory, render: Render): ExplainRow[] {
  const fired = [...physicalRules].map(
    ([rule, { count, elapsedMs }]) =>
      `${rule}: on ${count} ${count === 1 ? 'node' : 'nodes'}, ${elapsedText(elapsedMs)}`,
  )
  return [
    ['initial_physical_plan', render(physicalTree(lowered, operators))],
    ['physical_rules', fired.join('\n')],
  ]
}

/** After the statement has run: its physical plan with the counters of all tasks; VERBOSE: also the rules, and each task. */
export function analyzedRows(
  statement: ExplainStatement,
  history: PlanHistory,
  run: { readonly stages: readonly StagePlan[]; readonly reports: readonly TaskReport[]; readonly elapsedMs: number },
): readonly ExplainRow[] {
  const render = renderer(statement)
  const plan = render(analyzedTree(run.stages, run.reports, stageOperators(history)))
  const rows: ExplainRow[] = [['Plan with Metrics', plan]]
  const duration: ExplainRow = ['Duration', elapsedText(run.elapsedMs)]
  if (!statement.verbose) return [...rows, duration]
  return [
    ...ruleRows(history, render),
    ['logical_plan', render(logicalTree(history.optimized))],
    ...rows,
    ['Tasks', taskLines(run.reports).join('\n')],
    duration,
  ]
}
