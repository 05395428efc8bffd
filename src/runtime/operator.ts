/** What an operator author implements; OperatorTransform turns it into a backpressured Node Transform. */
import type { Batch } from '../arrow/batch.js'

/** Yielded by an operator that needs no more input: the pipeline stops its source and ends normally. */
export const FINISHED: unique symbol = Symbol('FINISHED')

/** Batches given away (one reference each) and, at most once and last, FINISHED. */
export type Output = Iterable<Batch | typeof FINISHED> | AsyncIterable<Batch | typeof FINISHED> | undefined

/** Gives nothing, after some I/O, which is not begun if nobody asks. */
export const afterwards = (work: () => Promise<void>): AsyncIterable<never> => ({
  [Symbol.asyncIterator]: () => ({
    async next() {
      await work()
      return { done: true, value: undefined }
    },
    // Work that has failed is not done once more.
    return: async () => ({ done: true, value: undefined }),
  }),
})

export interface Operator {
  /** One non-empty batch in (borrowed: released after the returned generator has ended), zero or more out (given away). Async only for I/O. */
  push(batch: Batch): Output
  /** Input has ended; give what is left. Not called after FINISHED. */
  finish?(): Output
  /** Release memory, files, timers. Called exactly once, after the generator has returned, also after an error or abort. */
  close?(): void
}

/**
 * The leaf of a pipeline: batches given away. `return()` of the iterator stops it and closes what it opened; it may come while a
 * `next()` is pending, which then settles soon. A source that waits for long lets go when the signal of its task aborts.
 */
export type Source = AsyncIterable<Batch>

/**
 * The end of a pipeline. `push` borrows; it resolves when the next batch may come (backpressure), or soon after the signal of the
 * task has aborted.
 */
export interface Sink {
  /** FINISHED: no more input is wanted. */
  push(batch: Batch): Promise<typeof FINISHED | void> | typeof FINISHED | void
  /** No more comes: the input has ended, or this sink said FINISHED. Not called when the pipeline failed. */
  finish(): Promise<void> | void
  /** Called exactly once, last; `error` when the pipeline failed or was aborted. */
  close?(error?: Error): void
}
