/** A Sink as a Writable: one batch inside the sink, none queued behind it but the one that Node holds. */
import { Writable } from 'node:stream'
import { releaseBatch } from '../arrow/column.js'
import { FINISHED, type Sink } from './operator.js'
import type { Envelope, PipelineControl, Place } from './pipeline-control.js'

export interface SinkParts {
  readonly sink: Sink
  readonly place: Place
  /** Position in the pipeline: the number of streams before it. */
  readonly index: number
  readonly control: PipelineControl
}

/**
 * The batch is released when `push` has resolved. After FINISHED the rest is thrown away and `finish` is still called.
 * Destroying waits for a pending `push`: a sink lets go when the signal of its task context aborts.
 */
export function sinkStream({ sink, place, index, control }: SinkParts): Writable {
  let running: Promise<void> = Promise.resolve()
  let finished = false

  async function consume(envelope: Envelope): Promise<void> {
    const batch = control.take(envelope)
    try {
      if (finished || (await sink.push(batch)) !== FINISHED) return
      finished = true
      control.finished(index)
    } finally {
      releaseBatch(batch)
    }
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
    final: done => start(async () => sink.finish(), done),
    destroy: (error, done) => void running.then(() => done(error)),
  })
}
