/** Names of jobs and executors: made by this system only, safe in paths, never taken from a client. */
import type { Rng } from './clock.js'

/** 128 random bits: `job-` and 32 hexadecimal digits. */
export const newJobId = (rng: Rng): string => `job-${rng.id()}`

export const newExecutorId = (rng: Rng): string => `executor-${rng.id().slice(0, 12)}`

/** A new one for each registration of an executor: tells a restarted process from the one before. */
export const newIncarnation = (rng: Rng): string => rng.id()

/** What a retry of a job is called on executors: to them it is a job like any other, so that nothing of a dead attempt is mistaken. */
export const attemptId = (jobId: string, attempt: number): string => `${jobId}.${attempt}`

/** The job and the number of an attempt; attempt 0, which no job has, for another text. */
export function parseAttemptId(id: string): { readonly jobId: string; readonly attempt: number } {
  const [, jobId, attempt] = /^(.*)\.([1-9]\d*)$/.exec(id) ?? ['', id, '0']
  return { jobId, attempt: Number(attempt) }
}
