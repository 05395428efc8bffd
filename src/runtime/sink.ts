/** A Sink as a Writable: one batch inside the sink, none queued behind it but the one that Node holds. */
import { Writable } from 'node:stream'
import type { Batch } from '../arrow/batch.js'
import { batchBytes, releaseBatch } from '../arrow/column.js'
import { FINISHED, type Sink } from './operator.js'
import type { Envelope, PipelineControl, Place } from './pipeline-control.js'
import type { OperatorMetrics } from './task-context.js'

export interface SinkParts {
  readonly sink: Sink
  readonly place: Place
  /** Position in the pipeline: the number of streams before it. */
  readonly index: number
  readonly control: PipelineControl
  /** What the sink does is counted there; absent: not at all. */
  readonly metrics?: OperatorMetrics
  /** The rows leave the task here: they are counted, and the end waits for whoever reads them. */
  readonly isOutput?: boolean
}

/**
 * The batch is released when `push` has resolved. After FINISHED the rest is thrown away and `finish` is still called.
 * Destroying waits for a pending `push`: a sink lets go when the signal of its task context aborts.
 */
export function sinkStream({ sink, place, index, control, metrics, isOutput = false }: SinkParts): Writable {
  let running: Promise<void> = Promise.resolve()
  let finished = false

  async function consume(envelope: Envelope): Promise<void> {
    const batch = control.take(envelope)
    try {
      if (finished || (await timed(() => sink.push(batch), true)) !== FINISHED) return
      finished = true
      control.finished(index)
    } finally {
      if (metrics !== undefined && isOutput) count(metrics, batch)
      releaseBatch(batch)
    }
  }

  /** What `action` does at once is work, and so is the rest, unless it `waits` for others. */
  async function timed<T>(action: () => Promise<T> | T, waits: boolean): Promise<T> {
    const startMs = performance.now()
    const result = action()
    const calledMs = performance.now()
    if (metrics !== undefined) metrics.elapsedComputeMs += calledMs - startMs
    if (!(result instanceof Promise)) return result
    const value = await result
    if (metrics !== undefined) metrics[waits ? 'blockedMs' : 'elapsedComputeMs'] += performance.now() - calledMs
    return value
  }

  function start(action: () => Promise<void>, done: (error?: Error | null) => void): void {
    running = action().then(
      () => done(),
      (error: unknown) => done(control.failed(error, place)),
    )
  }

  return new Writable({
    objectMode: true,
    highWaterMark: 1,
    write: (envelope: Envelope, _encoding, done) => start(() => consume(envelope), done),
    final: done => start(() => timed(() => sink.finish(), isOutput), done),
    destroy: (error, done) => void running.then(() => done(error)),
  })
}

function count(metrics: OperatorMetrics, batch: Batch): void {
  metrics.outputRows += batch.rowCount
  metrics.outputBatches++
  metrics.outputBytes += batchBytes(batch)
}
