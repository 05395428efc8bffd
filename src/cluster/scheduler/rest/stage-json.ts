/** Stages, their operators, tasks and the edges between them as JSON, documented in docs/rest.md. */
import { metricsText } from '../../../runtime/metrics.js'
import type { EdgeRecord, JobRecord, OperatorRecord, StagePhase, StageRecord, TaskRecord } from '../job-record.js'

type StageStatus = 'Waiting' | 'Running' | 'Successful' | 'Failed' | 'Cancelled'

const STAGE_STATUS: Readonly<Record<StagePhase, StageStatus>> = {
  waiting: 'Waiting',
  running: 'Running',
  finished: 'Successful',
}

export interface OperatorJson {
  readonly path: string
  readonly kind: string
  readonly details: string
  readonly output_rows: number
  readonly output_batches: number
  readonly output_bytes: number
  readonly elapsed_compute: number
  readonly blocked_time: number
  readonly spilled_bytes: number
}

export interface StageJson {
  readonly stage_id: number
  readonly stage_status: StageStatus
  readonly num_tasks: number
  readonly running_tasks: number
  readonly completed_tasks: number
  readonly failed_tasks: number
  readonly input_rows: number
  readonly output_rows: number
  readonly output_bytes: number
  readonly elapsed_compute: number
  readonly launch_time: number | null
  readonly elapsed_ms: number
  readonly operators: readonly OperatorJson[]
}

/** Rows and bytes of an edge, and how long the tasks at its ends have waited for each other. */
export interface EdgeJson {
  readonly edge: number
  readonly from_stage: number
  readonly to_stage: number
  readonly partitioning: string
  readonly storage: EdgeRecord['storage']
  readonly rows_sent: number
  readonly bytes_sent: number
  readonly rows_received: number
  readonly bytes_received: number
  readonly producer_blocked_time: number
  readonly consumer_blocked_time: number
}

/** Without the tasks: what the live graph of a job shows. */
export function graphJson(job: JobRecord): { stages: readonly StageJson[]; edges: readonly EdgeJson[] } {
  return { stages: job.stageRecords.map(stage => stageJson(stage, job)), edges: edgesJson(job.stageRecords) }
}

/** Everything known of the stages. */
export const stagesJson = (job: JobRecord): object => ({
  stages: job.stageRecords.map(stage => ({
    ...stageJson(stage, job),
    stage_plan: stagePlanText(stage, 'metrics'),
    task_duration_percentiles: percentiles(stage.tasks.filter(hasEnded).map(task => task.elapsedMs)),
    task_input_percentiles: percentiles(stage.tasks.filter(hasEnded).map(task => task.inputRows)),
    tasks: stage.tasks.map(task => taskJson(task, { stage, job })),
  })),
  edges: edgesJson(job.stageRecords),
})

/** The operators, indented as they feed each other. */
export function stagePlanText(stage: StageRecord, format: 'default' | 'metrics'): string {
  const lines = stage.operators.map(({ path, kind, details, counters }) => {
    const counted = format === 'metrics' ? `, metrics=[${metricsText(counters).join(', ')}]` : ''
    return `${'  '.repeat(path.split('.').length)}${kind}${details === '' ? '' : `: ${details}`}${counted}`
  })
  return [`Stage ${stage.id}: ${stage.tasks.length} task(s)`, ...lines, ''].join('\n')
}

function stageJson(stage: StageRecord, job: JobRecord): StageJson {
  const root = stage.operators.find(({ path }) => path === ROOT)
  return {
    stage_id: stage.id,
    stage_status: statusOf(stage, job),
    num_tasks: stage.tasks.length,
    running_tasks: isOver(job) ? 0 : countTasks(stage, 'running'),
    completed_tasks: countTasks(stage, 'finished'),
    failed_tasks: countTasks(stage, 'failed'),
    input_rows: leavesOf(stage).reduce((sum, leaf) => sum + leaf.counters.outputRows, 0),
    output_rows: root?.counters.outputRows ?? 0,
    output_bytes: root?.counters.outputBytes ?? 0,
    elapsed_compute: rounded(stage.operators.reduce((sum, { counters }) => sum + counters.elapsedComputeMs, 0)),
    launch_time: stage.launchedAtMs ?? null,
    elapsed_ms: Math.round(stage.elapsedMs),
    operators: stage.operators.map(operatorJson),
  }
}

const ROOT = '0'

/** What had not ended when the job ended was cancelled with it. */
function statusOf(stage: StageRecord, job: JobRecord): StageStatus {
  if (stage.tasks.some(task => task.phase === 'failed')) return 'Failed'
  return isOver(job) && stage.phase !== 'finished' ? 'Cancelled' : STAGE_STATUS[stage.phase]
}

const isOver = (job: JobRecord): boolean => job.endedAtMs !== undefined

const countTasks = (stage: StageRecord, phase: TaskRecord['phase']): number =>
  stage.tasks.filter(task => task.phase === phase).length

const leavesOf = ({ operators }: StageRecord): OperatorRecord[] =>
  operators.filter(({ path }) => !operators.some(other => other.path.startsWith(`${path}.`)))

const operatorJson = ({ path, kind, details, counters }: OperatorRecord): OperatorJson => ({
  path,
  kind,
  details,
  output_rows: counters.outputRows,
  output_batches: counters.outputBatches,
  output_bytes: counters.outputBytes,
  elapsed_compute: rounded(counters.elapsedComputeMs),
  blocked_time: rounded(counters.blockedMs),
  spilled_bytes: counters.spilledBytes,
})

function edgesJson(stages: readonly StageRecord[]): EdgeJson[] {
  const byId = new Map(stages.map(stage => [stage.id, stage]))
  return stages.flatMap(consumer =>
    consumer.inputs.map(input => edgeJson(input.edge, { producer: byId.get(input.stage), consumer })),
  )
}

function edgeJson(edge: number, ends: { producer: StageRecord | undefined; consumer: StageRecord }): EdgeJson {
  const { producer, consumer } = ends
  const output = producer?.outputs.find(each => each.edge === edge)
  const sent = producer?.operators.find(({ path }) => path === ROOT)?.counters
  const received = consumer.operators.filter(operator => operator.edge === edge).map(({ counters }) => counters)
  return {
    edge,
    from_stage: producer?.id ?? -1,
    to_stage: consumer.id,
    partitioning: output?.partitioning ?? '',
    storage: output?.storage ?? 'memory',
    rows_sent: sent?.outputRows ?? 0,
    bytes_sent: sent?.outputBytes ?? 0,
    rows_received: received.reduce((sum, { outputRows }) => sum + outputRows, 0),
    bytes_received: received.reduce((sum, { outputBytes }) => sum + outputBytes, 0),
    producer_blocked_time: rounded(sent?.blockedMs ?? 0),
    consumer_blocked_time: rounded(received.reduce((sum, { blockedMs }) => sum + blockedMs, 0)),
  }
}

function taskJson(task: TaskRecord, { stage, job }: { stage: StageRecord; job: JobRecord }): object {
  const launched = stage.launchedAtMs ?? null
  const ended = hasEnded(task) && launched !== null ? Math.round(launched + task.elapsedMs) : null
  return {
    id: `${stage.id}/${task.partition}`,
    status: isOver(job) && !hasEnded(task) ? 'cancelled' : task.phase,
    partition_id: [task.partition],
    executor_id: task.executorId,
    scheduled_time: launched,
    launch_time: launched,
    start_exec_time: launched,
    end_exec_time: ended,
    finish_time: ended,
    exec_duration: Math.round(task.elapsedMs),
    input_rows: task.inputRows,
    output_rows: task.outputRows,
  }
}

const hasEnded = (task: TaskRecord): boolean => task.phase === 'finished' || task.phase === 'failed'

function percentiles(values: readonly number[]): object | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((left, right) => left - right)
  const at = (share: number): number => Math.round(sorted[Math.round(share * (sorted.length - 1))])
  return { min: at(0), p25: at(0.25), median: at(0.5), p75: at(0.75), max: at(1) }
}

/** To a microsecond. */
const rounded = (ms: number): number => Math.round(ms * 1000) / 1000
