/** What is measured of one job while it lives, and its record. */
import type { Clock } from '../../common/clock.js'
import { configOf } from '../../common/option.js'
import { jobName } from '../../exchange/options.js'
import type { EdgeOutput, StagePlan, TaskReport } from '../../exchange/stage.js'
import { displayPartitioning } from '../../physical/operators/exchange.js'
import { noMetrics, type MetricsRow } from '../../runtime/metrics.js'
import { withoutSecrets } from '../../storage/options.js'
import { sumByPath, type StageProgress } from '../stage-progress.js'
import type { ClientRequest } from './client-request.js'
import {
  NO_PLANS,
  type EdgeRecord,
  type JobRecord,
  type JobSummary,
  type OperatorRecord,
  type OperatorText,
  type PlanTexts,
  type StageRecord,
  type TaskRecord,
} from './job-record.js'
import type { JobState } from './job-state.js'
import type { PlannedQuery } from './planned-query.js'
import { hasEnded, pendingTasks } from './task-table.js'

interface Instant {
  readonly wallMs: number
  readonly nowMs: number
}

interface StageTimes {
  readonly launched: Instant
  /** By partition. */
  readonly endedMs: Map<number, number>
  lastMs: number
}

export class JobWatch {
  request: ClientRequest | undefined
  planned: PlannedQuery | undefined
  private readonly jobId: string
  private readonly clock: Clock
  private readonly submitted: Instant
  private started: Instant | undefined
  private ended: Instant | undefined
  private readonly failures: JobRecord['failures'][number][] = []
  private plans: PlanTexts | undefined
  /** Of the current attempt, by stage. */
  private times = new Map<number, StageTimes>()
  /** Of the current attempt, what executors have said of it, by executor. */
  private progress = new Map<string, readonly StageProgress[]>()

  constructor(jobId: string, clock: Clock) {
    this.jobId = jobId
    this.clock = clock
    this.submitted = this.instant()
  }

  attemptOpened(): void {
    this.started ??= this.instant()
    this.times = new Map()
    this.progress = new Map()
  }

  /** An executor says what its tasks of the current attempt have counted. */
  progressed(executorId: string, stages: readonly StageProgress[]): void {
    this.progress.set(executorId, stages)
  }

  attemptFailed({ attempt, failure }: JobState): void {
    if (failure !== undefined) this.failures.push({ attempt, error: failure.toInfo() })
  }

  launched(stages: readonly number[]): void {
    for (const stage of stages) this.times.set(stage, { launched: this.instant(), endedMs: new Map(), lastMs: 0 })
  }

  /** The job counts the report. */
  taskEnded({ stage, partition }: TaskReport): void {
    const times = this.times.get(stage)
    if (times === undefined) return
    times.lastMs = this.clock.nowMs()
    times.endedMs.set(partition, times.lastMs)
  }

  over(): void {
    this.ended = this.instant()
  }

  summary(state: JobState): JobSummary {
    const { attempt, failure, phase, tasks } = state
    const total = [...tasks.values()].reduce((sum, { executors }) => sum + executors.length, 0)
    return {
      jobId: this.jobId,
      name: configOf(this.request?.settings ?? {}).get(jobName),
      sql: this.request?.sql ?? '',
      phase,
      submittedAtMs: this.submitted.wallMs,
      ...(this.started === undefined ? {} : { startedAtMs: this.started.wallMs }),
      ...(this.ended === undefined ? {} : { endedAtMs: this.ended.wallMs }),
      elapsedMs: this.nowMs() - this.submitted.nowMs,
      attempt,
      stages: { total: tasks.size, finished: [...tasks.keys()].filter(stage => hasEnded(tasks, stage)).length },
      tasks: { total, finished: total - pendingTasks(tasks) },
      scanned: this.scanned(state),
      ...(failure === undefined ? {} : { error: failure.toInfo() }),
    }
  }

  record(state: JobState): JobRecord {
    this.plans ??= this.planned?.describe?.()
    const plans = this.plans ?? NO_PLANS
    return {
      ...this.summary(state),
      settings: withoutSecrets(this.request?.settings ?? {}),
      stageRecords: (this.planned?.stages ?? []).map(stage => this.stageRecord(stage, state, plans)),
      failures: [...this.failures],
      plans,
    }
  }

  private stageRecord(stage: StagePlan, state: JobState, plans: PlanTexts): StageRecord {
    // Between two attempts nothing runs.
    const times = state.tasks.has(stage.id) ? this.times.get(stage.id) : undefined
    const reports = state.reports.filter(report => report.stage === stage.id)
    const isFinished = hasEnded(state.tasks, stage.id)
    const lastMs = isFinished && times !== undefined ? times.lastMs : this.nowMs()
    return {
      id: stage.id,
      phase: isFinished ? 'finished' : times === undefined ? 'waiting' : 'running',
      inputs: stage.inputs.map(input => ({ edge: input.edge, stage: input.stage })),
      outputs: stage.plan.outputs.map(edgeRecord),
      operators: operatorRecords(plans.operators.get(stage.id) ?? [], this.counters(stage.id, state)),
      tasks: this.taskRecords(state.tasks.get(stage.id)?.executors ?? [], reports, times),
      ...(times === undefined ? {} : { launchedAtMs: times.launched.wallMs }),
      elapsedMs: times === undefined ? 0 : lastMs - times.launched.nowMs,
    }
  }

  private taskRecords(
    executors: readonly string[],
    reports: readonly TaskReport[],
    times: StageTimes | undefined,
  ): TaskRecord[] {
    const byPartition = new Map(reports.map(report => [report.partition, report]))
    return executors.map((executorId, partition) => {
      const report = byPartition.get(partition)
      const endMs = times?.endedMs.get(partition) ?? this.nowMs()
      return {
        partition,
        executorId,
        phase: taskPhase(report, times),
        elapsedMs: times === undefined ? 0 : endMs - times.launched.nowMs,
        inputRows: report === undefined ? 0 : leafRows(report),
        outputRows: report?.operators.find(row => row.path === ROOT)?.outputRows ?? 0,
      }
    })
  }

  /** Sums over the tasks of a stage: what executors said last until it has ended, then what they reported. */
  private counters(stage: number, state: JobState): MetricsRow[] {
    const live = [...this.progress.values()].flat().filter(said => said.stage === stage)
    const isLive = live.length > 0 && !hasEnded(state.tasks, stage)
    const said = isLive ? live : state.reports.filter(report => report.stage === stage)
    return sumByPath(said.flatMap(({ operators }) => operators))
  }

  /** Rows and bytes that scans have given. */
  private scanned(state: JobState): JobSummary['scanned'] {
    const rows = [...state.tasks.keys()].flatMap(stage => this.counters(stage, state))
    const scans = rows.filter(row => row.kind === 'DataSourceExec')
    return {
      rows: scans.reduce((sum, row) => sum + row.outputRows, 0),
      bytes: scans.reduce((sum, row) => sum + row.outputBytes, 0),
    }
  }

  /** The end of the job, or now. */
  private nowMs(): number {
    return this.ended?.nowMs ?? this.clock.nowMs()
  }

  private instant(): Instant {
    return { wallMs: this.clock.wallMs(), nowMs: this.clock.nowMs() }
  }
}

const ROOT = '0'

function taskPhase(report: TaskReport | undefined, times: StageTimes | undefined): TaskRecord['phase'] {
  if (report !== undefined) return report.error === undefined ? 'finished' : 'failed'
  return times === undefined ? 'waiting' : 'running'
}

const edgeRecord = ({ edge, partitioning, materialized, spillable }: EdgeOutput): EdgeRecord => ({
  edge,
  partitioning: displayPartitioning(partitioning),
  storage: materialized === true ? 'materialized' : spillable === true ? 'spillable' : 'memory',
})

/** What operators without a child gave: scans, and the ends of edges. */
function leafRows({ operators }: TaskReport): number {
  const inner = new Set(operators.map(({ path }) => path.slice(0, Math.max(0, path.lastIndexOf('.')))))
  return operators.reduce((sum, { path, outputRows }) => (inner.has(path) ? sum : sum + outputRows), 0)
}

/** The operators of a stage with what its tasks have counted. */
function operatorRecords(texts: readonly OperatorText[], counters: readonly MetricsRow[]): OperatorRecord[] {
  const byPath = new Map(counters.map(row => [row.path, row]))
  return texts.map(text => ({
    ...text,
    counters: byPath.get(text.path) ?? { path: text.path, kind: text.kind, ...noMetrics() },
  }))
}
