/** The sink at the end of a stream that somebody iterates: it holds one batch until the consumer takes it. */
import type { Batch } from '../arrow/batch.js'
import { releaseBatch, retainBatch } from '../arrow/column.js'
import { deferred, type Deferred } from '../common/deferred.js'
import type { Sink } from './operator.js'

/** `push` resolves when the consumer has taken the batch; an abort of `signal` lets it go. */
export class HandOff implements Sink {
  readonly #signal: AbortSignal
  #held: Batch | undefined
  #taken: Deferred<void> | undefined
  #arrived: Deferred<void> | undefined
  #ended = false

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', () => this.#letGo(), { once: true })
  }

  push(batch: Batch): Promise<void> | undefined {
    if (this.#signal.aborted) return undefined
    retainBatch(batch)
    this.#held = batch
    this.#taken = deferred()
    this.#arrived?.resolve()
    return this.#taken.promise
  }

  finish(): void {
    this.#ended = true
    this.#arrived?.resolve()
  }

  /** The next batch, given away; undefined after `finish` or an abort. One call at a time. */
  async take(): Promise<Batch | undefined> {
    if (this.#held === undefined && !this.#ended && !this.#signal.aborted) {
      this.#arrived = deferred()
      await this.#arrived.promise
      this.#arrived = undefined
    }
    const batch = this.#held
    this.#held = undefined
    this.#taken?.resolve()
    return batch
  }

  #letGo(): void {
    if (this.#held !== undefined) releaseBatch(this.#held)
    this.#held = undefined
    this.#taken?.resolve()
    this.#arrived?.resolve()
  }
}
