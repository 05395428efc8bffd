/** Grants memory to operators up to a limit, at once or not at all; a refusal names the largest consumers. */
import { fail } from '../common/errors.js'
import { invariant } from '../common/invariant.js'
import type { MemoryPool, Reservation } from './task-context.js'

/** How many of the other consumers a MEMORY_LIMIT error names. */
const NAMED_CONSUMERS = 3

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

  function reservation(owner: string): Reservation {
    const holding: Holding = { owner, byteLength: 0 }
    holdings.add(holding)
    function tryResize(byteLength: number): boolean {
      invariant(byteLength >= 0, `reservation of ${byteLength} bytes`)
      invariant(holdings.has(holding) || byteLength === 0, `${owner} resizes a released reservation`)
      const total = reserved - holding.byteLength + byteLength
      if (total > limit && byteLength > holding.byteLength) return false
      reserved = total
      holding.byteLength = byteLength
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
      release() {
        tryResize(0)
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
