/** Jobs as people see them: plain data for REST, the page, the command line and metrics. */
import type { ErrorInfo } from '../../common/errors.js'
import type { Settings } from '../../common/option.js'
import type { MetricsRow } from '../../runtime/metrics.js'
import type { JobPhase } from './job-state.js'

/** A job in one line. Times are wall clock, for display; durations are measured by the monotonic clock. */
export interface JobSummary {
  readonly jobId: string
  /** `ballista.job.name`; empty if the client gave none. */
  readonly name: string
  readonly sql: string
  readonly phase: JobPhase
  readonly submittedAtMs: number
  /** When its first attempt was placed. */
  readonly startedAtMs?: number
  readonly endedAtMs?: number
  /** From the submission to the end, or to now. */
  readonly elapsedMs: number
  /** 0 before the first. */
  readonly attempt: number
  /** Of the current attempt. */
  readonly stages: { readonly total: number; readonly finished: number }
  readonly tasks: { readonly total: number; readonly finished: number }
  /** What scans have given so far, as columns in memory. */
  readonly scanned: { readonly rows: number; readonly bytes: number }
  /** Of a job that failed or was cancelled, or why its last attempt failed while it waits for the next. */
  readonly error?: ErrorInfo
}

export interface JobRecord extends JobSummary {
  readonly settings: Settings
  /** Of the current attempt, producers before consumers. */
  readonly stageRecords: readonly StageRecord[]
  /** Attempts that failed. */
  readonly failures: readonly { readonly attempt: number; readonly error: ErrorInfo }[]
  readonly plans: PlanTexts
}

export type StagePhase = 'waiting' | 'running' | 'finished'

export interface StageRecord {
  readonly id: number
  readonly phase: StagePhase
  /** Stages whose output it reads. */
  readonly inputs: readonly { readonly edge: number; readonly stage: number }[]
  readonly outputs: readonly EdgeRecord[]
  readonly operators: readonly OperatorRecord[]
  readonly tasks: readonly TaskRecord[]
  readonly launchedAtMs?: number
  /** From its launch to the end of its last task, or to now. */
  readonly elapsedMs: number
}

/** An edge, as the stage that feeds it sees it. */
export interface EdgeRecord {
  readonly edge: number
  /** `single`, `broadcast to 8`, `hash(a@0) into 8`. */
  readonly partitioning: string
  /** What has not been taken waits in memory and holds its producers, goes to files when it is much, or stays until the job ends. */
  readonly storage: 'memory' | 'spillable' | 'materialized'
}

/** An operator of a stage: its place and text, and what all tasks have counted so far. */
export interface OperatorRecord extends OperatorText {
  readonly counters: MetricsRow
}

export interface OperatorText {
  /** Its place in the stage: `0` the root, `0.1` the second child of that. */
  readonly path: string
  readonly kind: string
  readonly details: string
  /** Of an ExchangeSourceExec: what it reads. */
  readonly edge?: number
}

export interface TaskRecord {
  readonly partition: number
  readonly executorId: string
  readonly phase: StagePhase | 'failed'
  readonly elapsedMs: number
  /** What its leaves gave, known when it has ended. */
  readonly inputRows: number
  /** What its root gave, known when it has ended. */
  readonly outputRows: number
}

export interface PlanTexts {
  readonly logical: string
  readonly physical: string
  /** By stage id. */
  readonly operators: ReadonlyMap<number, readonly OperatorText[]>
}

export const NO_PLANS: PlanTexts = { logical: '', physical: '', operators: new Map() }

/** `phase`: it was submitted, or its phase or attempt has changed. `progress`: an executor has said what its tasks have counted. */
export interface JobFeedEvent {
  readonly kind: 'phase' | 'progress'
  readonly job: JobSummary
}

/** What the scheduler lets others see and do of its jobs: those that live, and the last ones that ended. */
export interface Jobs {
  /** Newest first. */
  list(): readonly JobSummary[]
  get(jobId: string): JobRecord | undefined
  /** The client hears CANCELLED with `why`. `over`: it had ended before. */
  cancel(jobId: string, why: string): 'cancelled' | 'over' | 'unknown'
  /** Calls `listener` in the order of events until the returned function is called; it must not throw. */
  subscribe(listener: (event: JobFeedEvent) => void): () => void
}
