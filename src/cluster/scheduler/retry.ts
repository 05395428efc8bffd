/** Which failures a job survives by another attempt, and when that comes: pure rules. */
import type { BallistaError, ErrorCode } from '../../common/errors.js'

export const MAX_ATTEMPTS = 4

/** After a network failure the loss of an executor may explain it: how long the verdict on the last attempt waits. */
export const VERDICT_WAIT_MS = 1_000

/**
 * An executor whose stream has broken, and whose process lives, has registered again within this time: it dials at once where it
 * sees the break, else when its lease has run out, and every few seconds from then on.
 */
export const RETURN_WAIT_MS = 20_000

const FIRST_BACKOFF_MS = 1_000
const LAST_BACKOFF_MS = 30_000

/** Failures of the cluster, not of the query: another attempt on other executors or threads may succeed. */
const REPEATED: ReadonlySet<ErrorCode> = new Set(['DATA_CORRUPTION', 'EXECUTOR_LOST', 'NETWORK', 'THREAD_LOST'])

export const isRepeated = (error: BallistaError): boolean => REPEATED.has(error.code)

/** Before the attempt after `attempt`: doubled each time. Half of it is jitter, so that who broke the attempt is seen before the next. */
export function backoffMs(attempt: number, random: number): number {
  const most = Math.min(LAST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempt - 1))
  return most * (0.5 + 0.5 * random)
}
