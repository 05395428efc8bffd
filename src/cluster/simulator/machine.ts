/** A simulated process: its clock, and whether it runs, is paused or has been killed. */
import type { Clock, Rng } from '../../common/clock.js'
import { Gate } from '../../common/gate.js'
import type { Services } from '../../exchange/transport.js'
import type { Call } from './call.js'
import type { Owner, ScheduledEvent, VirtualTime } from './virtual-time.js'

/** Wall clock at the virtual beginning. */
const EPOCH_MS = Date.UTC(2026, 0, 1)

/** A process by the name of its host, which it shares with the processes before and after it. */
export class Machine implements Owner {
  readonly name: string
  readonly clock: Clock
  readonly rng: Rng
  readonly held: ScheduledEvent[] = []
  readonly calls = new Set<Call>()
  /** One of them is over. */
  readonly callEnded = new Gate()
  /** What it serves, once it does. */
  services: Services | undefined
  paused = false
  /** False when it was killed: nothing that it does reaches anybody. */
  alive = true
  /** How many times slower than others its work is. */
  slowness = 1
  /** Timers that have been set and have neither fired nor been cancelled. */
  timers = 0

  constructor(name: string, time: VirtualTime, rng: Rng) {
    this.name = name
    this.rng = rng
    this.clock = {
      nowMs: () => time.nowMs,
      wallMs: () => EPOCH_MS + time.nowMs,
      after: (delayMs, action) => {
        this.timers++
        let isSet = true
        const over = (): void => {
          if (isSet) this.timers--
          isSet = false
        }
        const timer = time.at(time.nowMs + delayMs, this, () => {
          over()
          action()
        })
        return {
          cancel: () => {
            over()
            timer.cancel()
          },
        }
      },
    }
  }

  /** Resolves after this time, or at once when the signal aborts. */
  pause(delayMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve()
    return new Promise(resolve => {
      const over = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', over)
        resolve()
      }
      const timer = this.clock.after(delayMs, over)
      signal?.addEventListener('abort', over)
    })
  }
}
