/** A condition that tasks wait for: bytes below a limit, a batch in a queue. */
import { deferred, type Deferred } from './deferred.js'

/**
 * `while (!condition) await gate.wait()` on one side, `gate.notify()` after every change on the other. All waiters share one
 * promise; a failed gate rejects present and later waiters, so that nobody sleeps beside a dead peer.
 */
export class Gate {
  private waiting: Deferred<void> | undefined
  private failure: Error | undefined

  /** Resolves at the next `notify`; rejects with the error of `fail`. */
  wait(): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    this.waiting ??= deferred()
    return this.waiting.promise
  }

  notify(): void {
    const waiting = this.waiting
    this.waiting = undefined
    waiting?.resolve()
  }

  /** The first failure stays. */
  fail(error: Error): void {
    this.failure ??= error
    const waiting = this.waiting
    this.waiting = undefined
    waiting?.reject(this.failure)
  }
}
