/** What executors say of running tasks with their heartbeats: sums by stage, so that it stays small however many tasks there are. */
import { countOf, listOf, objectOf, stringOf, type Peer } from '../exchange/validate.js'
import { addMetrics, type MetricsRow } from '../runtime/metrics.js'
import { checkMetrics, MAX_TASKS } from './job-definition.js'

/** Of one stage of one attempt on one executor. */
export interface StageProgress {
  /** As in common/ids.ts. */
  readonly attemptId: string
  readonly stage: number
  /** What the tasks that run and those that have ended have counted, one row an operator. */
  readonly operators: readonly MetricsRow[]
}

/** One row for each place of an operator: the sum of its rows. */
export function sumByPath(rows: Iterable<MetricsRow>): MetricsRow[] {
  const sums = new Map<string, MetricsRow>()
  for (const row of rows) {
    const sum = sums.get(row.path)
    sums.set(row.path, sum === undefined ? row : addMetrics(sum, row))
  }
  return [...sums.values()]
}

/** The value as it came over the wire; PROTOCOL when it is not that. */
export function stageProgressOf(value: unknown, peer: Peer): readonly StageProgress[] {
  for (const each of listOf(value, 'progress', peer)) {
    const { attemptId, stage, operators } = objectOf(each, 'progress of a stage', peer)
    stringOf(attemptId, 'a job id', peer)
    countOf(stage, MAX_TASKS, 'a stage id', peer)
    checkMetrics(operators, peer)
  }
  return value as readonly StageProgress[]
}
