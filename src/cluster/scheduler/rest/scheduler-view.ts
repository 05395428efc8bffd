/** What the routes see of a scheduler. */
import type { Clock } from '../../../common/clock.js'
import type { NodeStats } from '../../../exchange/node-stats.js'
import type { Jobs } from '../job-record.js'
import type { SchedulerMetrics } from '../scheduler-metrics.js'

export interface SchedulerView {
  readonly clock: Clock
  readonly startedAtMs: number
  readonly jobs: Jobs
  /** In the order in which they registered. */
  executors(): readonly ExecutorView[]
  stats(): NodeStats
  readonly metrics: SchedulerMetrics
  /** Executors it takes to be ready. */
  readonly minReadyExecutors: number
}

export interface ExecutorView {
  readonly id: string
  /** `host:port` of its exchange service. */
  readonly address: string
  readonly version: string
  readonly slots: number
  readonly isDraining: boolean
  /** Since it was last heard of. */
  readonly silentMs: number
  /** What its last heartbeat said, and how long ago; absent before the first. */
  readonly heartbeat?: { readonly stats: NodeStats; readonly ageMs: number }
}
