/** A Source as a Readable that can be stopped: it then ends normally, which destroying it inside pipeline() would not. */
import { Readable } from 'node:stream'
import type { Batch } from '../arrow/batch.js'
import { batchBytes, releaseBatch } from '../arrow/column.js'
import type { Source } from './operator.js'
import type { PipelineControl, Place } from './pipeline-control.js'
import type { OperatorMetrics } from './task-context.js'
import { nextTurn, sliceIsOver } from './time-slice.js'

export interface SourceParts {
  readonly source: Source
  readonly place: Place
  readonly control: PipelineControl
  readonly metrics: OperatorMetrics
  /** The time until a batch comes is spent waiting for other operators. */
  readonly waits: boolean
}

/**
 * Pulls a batch only when the next stream asks for one (it reads nothing ahead, so a LIMIT stops it exactly), drops empty
 * ones, and calls the iterator's `return()` once unless the iterator has ended by itself.
 */
export class SourceStream {
  readonly readable: Readable
  readonly #parts: SourceParts
  readonly #iterator: AsyncIterator<Batch>
  #pulling: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  #exhausted = false
  #stopped = false

  constructor(parts: SourceParts) {
    this.#parts = parts
    this.#iterator = parts.source[Symbol.asyncIterator]()
    this.readable = new Readable({
      objectMode: true,
      highWaterMark: 0,
      read: () => {
        this.#pulling = this.#pull()
      },
      destroy: (error, done) => {
        this.#close().then(
          () => done(error),
          (closeError: unknown) => done(error ?? parts.control.failed(closeError, parts.place)),
        )
      },
    })
  }

  /** Ends the stream at once; the iterator is closed meanwhile, and the Readable's `close` event waits for it. */
  stop(): void {
    if (this.#stopped || this.#exhausted) return
    void this.#close().catch(() => undefined)
    // Not inside the push() whose consumer asked to stop.
    queueMicrotask(() => {
      if (!this.readable.destroyed && !this.readable.readableEnded) this.readable.push(null)
    })
  }

  /** Once; `return()` is called even while a `next()` is pending, and both are waited for. */
  #close(): Promise<void> {
    this.#stopped = true
    return (this.#closing ??= this.#closeIterator())
  }

  async #closeIterator(): Promise<void> {
    if (this.#exhausted) return
    const returned = this.#iterator.return?.()
    await Promise.all([returned, this.#pulling])
  }

  async #pull(): Promise<void> {
    const { control, metrics, place, waits } = this.#parts
    const spent = waits ? 'blockedMs' : 'elapsedComputeMs'
    try {
      for (;;) {
        if (sliceIsOver()) await nextTurn()
        if (this.#stopped) return
        const startMs = performance.now()
        const step = await this.#iterator.next()
        metrics[spent] += performance.now() - startMs
        if (step.done) {
          this.#exhausted = true
          if (!this.#stopped) this.readable.push(null)
          return
        }
        const batch = step.value
        if (this.#stopped || batch.rowCount === 0) {
          releaseBatch(batch)
          continue
        }
        metrics.outputRows += batch.rowCount
        metrics.outputBatches++
        metrics.outputBytes += batchBytes(batch)
        this.readable.push(control.put(batch))
        return
      }
    } catch (error) {
      this.#exhausted = true
      if (!this.#stopped) this.readable.destroy(control.failed(error, place))
    }
  }
}
