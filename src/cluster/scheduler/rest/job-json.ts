/** Jobs as JSON. The names and shapes are documented in docs/rest.md and stay. */
import { ERRORS, type ErrorInfo } from '../../../common/errors.js'
import type { JobRecord, JobSummary } from '../job-record.js'
import type { JobPhase } from '../job-state.js'
import { stagePlanText } from './stage-json.js'

export type JobStatus = 'Queued' | 'Running' | 'Completed' | 'Failed' | 'Cancelled'

const STATUS: Readonly<Record<JobPhase, JobStatus>> = {
  queued: 'Queued',
  planning: 'Queued',
  running: 'Running',
  waiting: 'Running',
  committing: 'Running',
  succeeded: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

/** Of a statement in a list. */
const QUERY_PREVIEW_LENGTH = 200

export interface ErrorJson {
  readonly code: string
  readonly message: string
  readonly context: readonly string[]
  readonly retryable: boolean
}

export interface JobJson {
  readonly job_id: string
  readonly job_name: string
  readonly job_status: string
  readonly status: JobStatus
  readonly phase: JobPhase
  readonly query: string
  readonly num_stages: number
  readonly completed_stages: number
  readonly num_tasks: number
  readonly completed_tasks: number
  readonly percent_complete: number
  readonly scanned_rows: number
  readonly scanned_bytes: number
  readonly attempt: number
  readonly submitted_time: number
  readonly start_time: number | null
  readonly end_time: number | null
  readonly elapsed_ms: number
  readonly error: ErrorJson | null
}

export function jobJson(job: JobSummary): JobJson {
  const { stages, tasks, error } = job
  const status = STATUS[job.phase]
  return {
    job_id: job.jobId,
    job_name: job.name,
    job_status: statusSentence(job, status),
    status,
    phase: job.phase,
    query: preview(job.sql),
    num_stages: stages.total,
    completed_stages: stages.finished,
    num_tasks: tasks.total,
    completed_tasks: tasks.finished,
    percent_complete: status === 'Completed' ? 100 : percent(tasks.finished, tasks.total),
    scanned_rows: job.scanned.rows,
    scanned_bytes: job.scanned.bytes,
    attempt: job.attempt,
    submitted_time: job.submittedAtMs,
    start_time: job.startedAtMs ?? null,
    end_time: job.endedAtMs ?? null,
    elapsed_ms: Math.round(job.elapsedMs),
    error: error === undefined || !isTroubled(job) ? null : errorJson(error),
  }
}

/** A job that runs again, or has succeeded in the end, has its failures behind it. */
const isTroubled = ({ phase }: JobSummary): boolean =>
  phase === 'failed' || phase === 'cancelled' || phase === 'waiting'

/** How a plan's counters are shown. */
export type PlanFormat = 'default' | 'metrics'

export const jobDetailJson = (job: JobRecord, format: PlanFormat): object => ({
  ...jobJson(job),
  sql: job.sql,
  failures: failuresJson(job),
  logical_plan: job.plans.logical,
  physical_plan: job.plans.physical,
  stage_plan: job.stageRecords.map(stage => stagePlanText(stage, format)).join('\n'),
})

/** Attempts that failed. */
export const failuresJson = ({ failures }: JobRecord): object[] =>
  failures.map(({ attempt, error }) => ({ attempt, error: errorJson(error) }))

const errorJson = ({ code, message, context }: ErrorInfo): ErrorJson => ({
  code,
  message,
  context,
  retryable: ERRORS[code].retryable,
})

const percent = (part: number, whole: number): number => (whole === 0 ? 0 : Math.floor((100 * part) / whole))

function statusSentence(job: JobSummary, status: JobStatus): string {
  const seconds = `${(job.elapsedMs / 1000).toFixed(3)} s`
  switch (status) {
    case 'Queued':
      return job.phase === 'planning' ? 'Being planned' : 'Queued'
    case 'Running': {
      if (job.phase === 'waiting')
        return `Waiting for attempt ${job.attempt + 1} after ${job.error?.code ?? 'a failure'}`
      if (job.phase === 'committing') return 'Committing what was written'
      return `Running, ${job.tasks.finished} of ${job.tasks.total} tasks have ended`
    }
    case 'Completed':
      return `Completed in ${seconds}`
    case 'Failed':
      return `Failed: ${job.error?.message ?? 'unknown'}`
    case 'Cancelled':
      return `Cancelled after ${seconds}`
  }
}

/** In one line, without comments before it. */
function preview(sql: string): string {
  const statement = sql.replace(/^(?:\s+|--[^\n]*\n|\/\*[^]*?\*\/)+/, '')
  const head = statement.slice(0, 4 * QUERY_PREVIEW_LENGTH)
  const line = head.replace(/\s+/g, ' ').trim()
  return line.length <= QUERY_PREVIEW_LENGTH ? line : `${line.slice(0, QUERY_PREVIEW_LENGTH - 1)}…`
}
