/** Records of jobs that have ended: the last ones, in bounded memory and for a limited time. */
import type { Clock } from '../../common/clock.js'
import type { JobRecord } from './job-record.js'

const MAX_JOBS = 1_000
/** The record of a task takes some hundred bytes. */
const MAX_TASKS = 100_000

export interface JobHistoryOptions {
  readonly clock: Clock
  /** How long a record is kept; 0: for ever. */
  readonly keepMs: number
}

export class JobHistory {
  private readonly options: JobHistoryOptions
  /** Oldest first. */
  private readonly records = new Map<string, { readonly record: JobRecord; readonly addedAtMs: number }>()
  private tasks = 0

  constructor(options: JobHistoryOptions) {
    this.options = options
  }

  add(record: JobRecord): void {
    this.records.set(record.jobId, { record, addedAtMs: this.options.clock.nowMs() })
    this.tasks += record.tasks.total
    this.expire()
  }

  get(jobId: string): JobRecord | undefined {
    this.expire()
    return this.records.get(jobId)?.record
  }

  /** Newest first. */
  list(): JobRecord[] {
    this.expire()
    return Array.from(this.records.values(), ({ record }) => record).reverse()
  }

  private expire(): void {
    const { clock, keepMs } = this.options
    const nowMs = clock.nowMs()
    for (const [jobId, { addedAtMs, record }] of this.records) {
      const isOld = keepMs > 0 && nowMs - addedAtMs >= keepMs
      if (!isOld && this.records.size <= MAX_JOBS && this.tasks <= MAX_TASKS) return
      this.records.delete(jobId)
      this.tasks -= record.tasks.total
    }
  }
}
