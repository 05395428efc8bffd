/** The only Transform subclass: backpressure, ownership, early end, metrics and error context around an Operator. */
import { Transform, type TransformCallback } from 'node:stream'
import type { Batch } from '../arrow/batch.js'
import { batchBytes, releaseBatch } from '../arrow/column.js'
import { FINISHED, type Operator, type Output } from './operator.js'
import type { Envelope, PipelineControl, Place } from './pipeline-control.js'
import type { OperatorMetrics } from './task-context.js'
import { nextTurn, sliceIsOver } from './time-slice.js'

type Item = Batch | typeof FINISHED
type OutputIterator = Iterator<Item> | AsyncIterator<Item>

export interface TransformParts {
  readonly operator: Operator
  readonly place: Place
  /** Position in the pipeline; the source is 0. */
  readonly index: number
  readonly control: PipelineControl
  readonly metrics: OperatorMetrics
}

/**
 * Runs one operator. At most one batch is inside the operator and one in the outgoing queue. The input batch is released
 * after the operator's generator has ended or was returned; `close` runs once, when nothing of the operator runs any more.
 */
export class OperatorTransform extends Transform {
  readonly #parts: TransformParts
  #running: Promise<void> = Promise.resolve()
  #wake: (() => void) | undefined
  #stopped = false

  constructor(parts: TransformParts) {
    super({ objectMode: true, highWaterMark: 1 })
    this.#parts = parts
  }

  /** Everything from here on is thrown away: a later stream wants no more input. */
  discard(): void {
    this.#stopped = true
    this.#wake?.()
  }

  override _transform(envelope: Envelope, _encoding: BufferEncoding, done: TransformCallback): void {
    const batch = this.#parts.control.take(envelope)
    this.#start(() => this.#parts.operator.push(batch), batch, done)
  }

  override _flush(done: TransformCallback): void {
    this.#start(() => this.#parts.operator.finish?.(), undefined, done)
  }

  override _read(size: number): void {
    super._read(size)
    this.#wake?.()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.discard()
    void this.#running.then(() => {
      try {
        this.#parts.operator.close?.()
        done(error)
      } catch (closeError) {
        const placed = this.#parts.control.failed(closeError, this.#parts.place)
        done(error ?? placed)
      }
    })
  }

  #start(open: () => Output, input: Batch | undefined, done: TransformCallback): void {
    this.#running = this.#drain(open, input).then(
      () => done(),
      (error: unknown) => done(this.#parts.control.failed(error, this.#parts.place)),
    )
  }

  async #drain(open: () => Output, input: Batch | undefined): Promise<void> {
    let iterator: OutputIterator | undefined
    let ended = false
    try {
      const output = this.#stopped ? undefined : this.#timed(open)
      if (output === undefined) return
      iterator = Symbol.asyncIterator in output ? output[Symbol.asyncIterator]() : output[Symbol.iterator]()
      while (!ended) {
        if (this.readableLength >= this.readableHighWaterMark) await this.#room()
        if (sliceIsOver()) await nextTurn()
        if (this.#stopped) return
        const step = this.#step(iterator)
        ended = typeof step === 'boolean' ? step : await step
      }
    } finally {
      // A generator that is abandoned may still read its input in a finally block.
      try {
        if (!ended && iterator !== undefined) await abandon(iterator)
      } finally {
        if (input !== undefined) releaseBatch(input)
      }
    }
  }

  /** Advances once; true when nothing more comes. Synchronous operators stay in this call, up to the emitted batch. */
  #step(iterator: OutputIterator): boolean | Promise<boolean> {
    const startMs = performance.now()
    const step = iterator.next()
    if (!(step instanceof Promise)) {
      this.#parts.metrics.elapsedComputeMs += performance.now() - startMs
      return this.#emitStep(step)
    }
    return step.then(result => {
      this.#parts.metrics.elapsedComputeMs += performance.now() - startMs
      return this.#emitStep(result)
    })
  }

  #emitStep(step: IteratorResult<Item>): boolean {
    if (step.done) return true
    if (step.value === FINISHED) {
      this.#stopped = true
      this.#parts.control.finished(this.#parts.index)
      return false
    }
    this.#emitBatch(step.value)
    return false
  }

  #emitBatch(batch: Batch): void {
    if (this.#stopped || batch.rowCount === 0) return releaseBatch(batch)
    const { metrics, control } = this.#parts
    metrics.outputRows += batch.rowCount
    metrics.outputBatches++
    metrics.outputBytes += batchBytes(batch)
    this.push(control.put(batch))
  }

  /**
   * Waits until the consumer has emptied the queue. The generator goes on in a microtask: resuming it inside `_read`
   * itself deadlocks, because Node still counts the queued batch then and asks for no other.
   */
  async #room(): Promise<void> {
    const startMs = performance.now()
    while (!this.#stopped && this.readableLength >= this.readableHighWaterMark) {
      await new Promise<void>(resolve => (this.#wake = resolve))
    }
    this.#wake = undefined
    this.#parts.metrics.blockedMs += performance.now() - startMs
  }

  #timed(open: () => Output): Output {
    const startMs = performance.now()
    const output = open()
    this.#parts.metrics.elapsedComputeMs += performance.now() - startMs
    return output
  }
}

/** Ends an iterator early. A list (it has no `return`) already owns its batches: they are released. */
async function abandon(iterator: OutputIterator): Promise<void> {
  if (iterator.return !== undefined) return void (await iterator.return())
  for (let step = await iterator.next(); step.done !== true; step = await iterator.next()) {
    if (step.value !== FINISHED) releaseBatch(step.value)
  }
}
