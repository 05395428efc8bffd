/** What the scheduler counts for Prometheus: from its jobs' event feed, and from its state when asked. */
import type { Clock } from '../../common/clock.js'
import type { NodeStats } from '../../exchange/node-stats.js'
import { Histogram, single, type MetricDefinition, type MetricFamily } from '../http/prometheus.js'
import { COMMON_NODE_METRICS, nodeMetrics } from '../node-metrics.js'
import type { JobFeedEvent, Jobs } from './job-record.js'
import type { JobPhase } from './job-state.js'

/** The first seven are called as in the reference system. */
export const SCHEDULER_METRICS = {
  submitted: { name: 'job_submitted_total', type: 'counter', help: 'Jobs that clients have submitted.' },
  completed: { name: 'job_completed_total', type: 'counter', help: 'Jobs that have succeeded.' },
  failed: { name: 'job_failed_total', type: 'counter', help: 'Jobs that have failed.' },
  cancelled: {
    name: 'job_cancelled_total',
    type: 'counter',
    help: 'Jobs that were cancelled, or whose client went away.',
  },
  execTime: {
    name: 'job_exec_time_seconds',
    type: 'histogram',
    help: 'Seconds from the submission of a job to its success.',
  },
  planningTime: {
    name: 'planning_time_ms',
    type: 'histogram',
    help: 'Milliseconds from the moment a job is taken up until its tasks are placed.',
  },
  pendingTasks: {
    name: 'pending_task_queue_size',
    type: 'gauge',
    help: 'Tasks of running jobs whose stage has not been launched.',
  },
  rejected: {
    name: 'ballista_scheduler_rejected_by_protocol_version_total',
    type: 'counter',
    help: 'Executors refused because they speak another version of the protocol.',
  },
  retries: { name: 'ballista_scheduler_job_retries_total', type: 'counter', help: 'Attempts of jobs after the first.' },
  queued: { name: 'ballista_scheduler_queued_jobs', type: 'gauge', help: 'Jobs that wait to be taken up.' },
  executors: { name: 'ballista_scheduler_executors', type: 'gauge', help: 'Executors that are registered.' },
  slots: { name: 'ballista_scheduler_task_slots', type: 'gauge', help: 'Task slots of all executors.' },
} as const satisfies Record<string, MetricDefinition>

const EXEC_TIME_SECONDS = [0.5, 1, 5, 30, 60]
const PLANNING_TIME_MS = [1, 5, 25, 100, 500]

export interface SchedulerMetricsOptions {
  readonly jobs: Jobs
  readonly clock: Clock
  readonly stats: () => NodeStats
  readonly slots: () => number
  /** Executors refused for their protocol. */
  readonly rejected: () => number
}

interface Seen {
  readonly phase: JobPhase
  readonly attempt: number
  /** When it entered the phase. */
  readonly sinceMs: number
}

export class SchedulerMetrics {
  private readonly options: SchedulerMetricsOptions
  /** Jobs that have not ended. */
  private readonly seen = new Map<string, Seen>()
  private readonly execTime = new Histogram(SCHEDULER_METRICS.execTime, EXEC_TIME_SECONDS)
  private readonly planningTime = new Histogram(SCHEDULER_METRICS.planningTime, PLANNING_TIME_MS)
  private readonly totals = { submitted: 0, completed: 0, failed: 0, cancelled: 0, retries: 0 }

  constructor(options: SchedulerMetricsOptions) {
    this.options = options
    options.jobs.subscribe(event => this.hear(event))
  }

  collect(): MetricFamily[] {
    const { jobs, stats, slots, rejected } = this.options
    const { totals } = this
    const now = stats()
    const live = jobs.list().filter(({ endedAtMs }) => endedAtMs === undefined)
    return [
      single(SCHEDULER_METRICS.submitted, totals.submitted),
      single(SCHEDULER_METRICS.completed, totals.completed),
      single(SCHEDULER_METRICS.failed, totals.failed),
      single(SCHEDULER_METRICS.cancelled, totals.cancelled),
      this.execTime.family(),
      this.planningTime.family(),
      single(SCHEDULER_METRICS.pendingTasks, pendingTasks(jobs)),
      single(SCHEDULER_METRICS.rejected, rejected()),
      single(SCHEDULER_METRICS.retries, totals.retries),
      single(SCHEDULER_METRICS.queued, live.filter(({ phase }) => phase === 'queued').length),
      single(SCHEDULER_METRICS.executors, now.executors),
      single(SCHEDULER_METRICS.slots, slots()),
      ...nodeMetrics('ballista_scheduler_', COMMON_NODE_METRICS, now),
    ]
  }

  private hear({ kind, job }: JobFeedEvent): void {
    if (kind !== 'phase') return
    const { phase, attempt, jobId } = job
    const before = this.seen.get(jobId)
    const nowMs = this.options.clock.nowMs()
    if (before === undefined) this.totals.submitted++
    if (attempt > 1 && attempt > (before?.attempt ?? 0)) this.totals.retries++
    if (before?.phase === 'planning' && phase === 'running') this.planningTime.observe(nowMs - before.sinceMs)
    this.seen.set(jobId, { phase, attempt, sinceMs: before?.phase === phase ? before.sinceMs : nowMs })
    if (phase === 'succeeded') {
      this.totals.completed++
      this.execTime.observe(job.elapsedMs / 1000)
    }
    if (phase === 'failed') this.totals.failed++
    if (phase === 'cancelled') this.totals.cancelled++
    if (job.endedAtMs !== undefined) this.seen.delete(jobId)
  }
}

/** Of stages that wait for others. */
function pendingTasks(jobs: Jobs): number {
  const live = jobs.list().filter(({ endedAtMs }) => endedAtMs === undefined)
  const stages = live.flatMap(({ jobId }) => jobs.get(jobId)?.stageRecords ?? [])
  return stages.filter(({ phase }) => phase === 'waiting').reduce((sum, { tasks }) => sum + tasks.length, 0)
}
