/** Grants memory to operators up to a limit, at once or not at all; a refusal names the largest consumers. */
import { fail } from '../common/errors.js'
import { invariant } from '../common/invariant.js'
import type { MemoryPool, Reservation } from './task-context.js'

/** How many of the other consumers a MEMORY_LIMIT error names. */
const NAMED_CONSUMERS = 3
/** What every consumer may hold although others hold all the rest: this share of the limit, and at most that much. */
const MINIMUM_SHARE = 1 / 32
const MAX_MINIMUM = 1024 * 1024
/** An operator that has spilled all it can still works on one batch; it never needs more than this, or than the limit. */
const MAX_WORKING_SET = 64 * 1024 * 1024

/** Bytes that a consumer is granted in any case. */
export const minimumGrant = (limit: number): number => Math.min(MAX_MINIMUM, Math.floor(limit * MINIMUM_SHARE))

/** Bytes up to which `force` goes. */
export const largestWorkingSet = (limit: number): number => Math.max(limit, MAX_WORKING_SET)

interface Holding {
  readonly owner: string
  byteLength: number
}

/** First come, first served. A refused operator spills itself or fails; it never waits for another. */
export function memoryPool(limit: number): MemoryPool {
  const holdings = new Set<Holding>()
  let reserved = 0

  function refusal(holding: Holding, byteLength: number): Error {
    const others = [...holdings]
      .filter(other => other !== holding && other.byteLength > 0)
      .sort((left, right) => right.byteLength - left.byteLength)
      .slice(0, NAMED_CONSUMERS)
      .map(other => `${other.owner} holds ${other.byteLength}`)
    const who = [`${holding.owner} holds ${holding.byteLength}`, ...others].join(', ')
    return fail('MEMORY_LIMIT', [limit, `${holding.owner} (${who})`, byteLength - holding.byteLength])
  }

  function set(holding: Holding, byteLength: number): void {
    invariant(byteLength >= 0, `reservation of ${byteLength} bytes`)
    invariant(holdings.has(holding) || byteLength === 0, `${holding.owner} resizes a released reservation`)
    reserved += byteLength - holding.byteLength
    holding.byteLength = byteLength
  }

  function reservation(owner: string): Reservation {
    const holding: Holding = { owner, byteLength: 0 }
    holdings.add(holding)
    function tryResize(byteLength: number): boolean {
      const total = reserved - holding.byteLength + byteLength
      const isMore = byteLength > holding.byteLength
      if (isMore && total > limit && byteLength > minimumGrant(limit)) return false
      set(holding, byteLength)
      return true
    }
    return {
      get byteLength() {
        return holding.byteLength
      },
      tryResize,
      resize(byteLength) {
        if (!tryResize(byteLength)) throw refusal(holding, byteLength)
      },
      force(byteLength) {
        if (byteLength > largestWorkingSet(limit)) throw refusal(holding, byteLength)
        set(holding, byteLength)
      },
      release() {
        set(holding, 0)
        holdings.delete(holding)
      },
    }
  }

  return {
    limit,
    get reserved() {
      return reserved
    },
    reserve: reservation,
  }
}
