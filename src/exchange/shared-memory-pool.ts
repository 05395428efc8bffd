/** One memory limit for all threads of a process: counters in shared memory, granted or refused at once. */
import { fail } from '../common/errors.js'
import { largestWorkingSet, memoryPool, minimumGrant } from '../runtime/memory-pool.js'
import type { MemoryPool } from '../runtime/task-context.js'

/** What threads need to draw on one limit; travels in `workerData`. */
export interface SharedLimit {
  readonly limit: number
  /** i64: element 0 is what all hold, element 1 what the main thread holds, element 2 + t what thread t holds. */
  readonly counters: SharedArrayBuffer
}

export const sharedLimit = (limit: number, threads: number): SharedLimit => ({
  limit,
  counters: new SharedArrayBuffer(8 * (threads + 2)),
})

/** The pool of one thread; `thread` is absent on the main thread. */
export function sharedMemoryPool(shared: SharedLimit, thread = -1): MemoryPool {
  const counters = new BigInt64Array(shared.counters)
  const mine = thread + 2
  // Keeps the names of this thread's consumers; the limit is checked on the shared counters.
  const named = memoryPool(Infinity)

  function grant(byteLength: number): boolean {
    for (;;) {
      const held = Atomics.load(counters, 0)
      if (Number(held) + byteLength > shared.limit) return false
      if (Atomics.compareExchange(counters, 0, held, held + BigInt(byteLength)) !== held) continue
      Atomics.add(counters, mine, BigInt(byteLength))
      return true
    }
  }

  function add(byteLength: number): void {
    Atomics.add(counters, 0, BigInt(byteLength))
    Atomics.add(counters, mine, BigInt(byteLength))
  }

  return {
    limit: shared.limit,
    get reserved() {
      return Number(Atomics.load(counters, 0))
    },
    reserve(owner) {
      const inner = named.reserve(owner)
      const tryResize = (byteLength: number): boolean => {
        const more = byteLength - inner.byteLength
        if (more > 0 && byteLength > minimumGrant(shared.limit)) {
          if (!grant(more)) return false
        } else add(more)
        inner.tryResize(byteLength)
        return true
      }
      const refusal = (byteLength: number): Error => {
        const held = `${owner}, which holds ${inner.byteLength} of ${Atomics.load(counters, 0)} in use,`
        return fail('MEMORY_LIMIT', [shared.limit, held, byteLength - inner.byteLength])
      }
      return {
        get byteLength() {
          return inner.byteLength
        },
        tryResize,
        resize(byteLength) {
          if (!tryResize(byteLength)) throw refusal(byteLength)
        },
        force(byteLength) {
          if (byteLength > largestWorkingSet(shared.limit)) throw refusal(byteLength)
          add(byteLength - inner.byteLength)
          inner.tryResize(byteLength)
        },
        release() {
          tryResize(0)
          inner.release()
        },
      }
    },
  }
}

/** Gives back what a dead thread held. */
export function forgetThread(shared: SharedLimit, thread: number): void {
  const counters = new BigInt64Array(shared.counters)
  Atomics.sub(counters, 0, Atomics.exchange(counters, thread + 2, 0n))
}
