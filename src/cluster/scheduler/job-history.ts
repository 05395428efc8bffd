/** Records of jobs that have ended: the last ones, in bounded memory. */
import type { JobRecord } from './job-record.js'

const MAX_JOBS = 1_000
/** The record of a task takes some hundred bytes. */
const MAX_TASKS = 100_000

export class JobHistory {
  /** Oldest first. */
  private readonly records = new Map<string, JobRecord>()
  private tasks = 0

  add(record: JobRecord): void {
    this.records.set(record.jobId, record)
    this.tasks += record.tasks.total
    for (const [jobId, oldest] of this.records) {
      if (this.records.size <= MAX_JOBS && this.tasks <= MAX_TASKS) return
      this.records.delete(jobId)
      this.tasks -= oldest.tasks.total
    }
  }

  get(jobId: string): JobRecord | undefined {
    return this.records.get(jobId)
  }

  /** Newest first. */
  list(): JobRecord[] {
    return [...this.records.values()].reverse()
  }
}
