/** Names of jobs and executors: made by this system only, safe in paths, never taken from a client. */
import type { Rng } from './clock.js'

/** 128 random bits: `job-` and 32 hexadecimal digits. */
export const newJobId = (rng: Rng): string => `job-${rng.id()}`

export const newExecutorId = (rng: Rng): string => `executor-${rng.id().slice(0, 12)}`

/** A new one for each registration of an executor: tells a restarted process from the one before. */
export const newIncarnation = (rng: Rng): string => rng.id()
