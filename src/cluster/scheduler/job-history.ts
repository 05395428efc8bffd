/** Records of jobs that have ended: the last ones, in bounded memory and for a limited time, also those of schedulers before. */
import type { Clock } from '../../common/clock.js'
import type { JobRecord } from './job-record.js'
import type { JobStore } from './job-store.js'

const MAX_JOBS = 1_000
/** The record of a task takes some hundred bytes. */
const MAX_TASKS = 100_000

export interface JobHistoryOptions {
  readonly clock: Clock
  /** How long a record is kept; 0: for ever. */
  readonly keepMs: number
  /** Where they outlive the scheduler. */
  readonly store?: JobStore | undefined
}

export class JobHistory {
  private readonly options: JobHistoryOptions
  /** Oldest first. */
  private readonly records = new Map<string, { readonly record: JobRecord; readonly addedAtMs: number }>()
  private tasks = 0

  constructor(options: JobHistoryOptions) {
    this.options = options
    const { clock, store } = options
    for (const record of store?.ended() ?? [])
      this.keep(record, clock.nowMs() - Math.max(0, clock.wallMs() - (record.endedAtMs ?? 0)))
    this.expire()
  }

  add(record: JobRecord): void {
    this.options.store?.hasEnded(record)
    this.keep(record, this.options.clock.nowMs())
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

  private keep(record: JobRecord, addedAtMs: number): void {
    this.records.set(record.jobId, { record, addedAtMs })
    this.tasks += record.tasks.total
  }

  private expire(): void {
    const { clock, keepMs, store } = this.options
    const nowMs = clock.nowMs()
    const gone: JobRecord[] = []
    for (const [jobId, { addedAtMs, record }] of this.records) {
      const isOld = keepMs > 0 && nowMs - addedAtMs >= keepMs
      if (!isOld && this.records.size <= MAX_JOBS && this.tasks <= MAX_TASKS) break
      this.records.delete(jobId)
      this.tasks -= record.tasks.total
      gone.push(record)
    }
    if (gone.length > 0) store?.forget(gone)
  }
}
