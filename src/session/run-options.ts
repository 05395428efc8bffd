/** How long a call may run: the caller's signal and time limit as one signal, from the call to its last batch. */
import type { Batch } from '../arrow/batch.js'
import { releaseBatch } from '../arrow/column.js'
import { cancellation } from '../common/abort.js'
import { fail } from '../common/errors.js'

export interface RunOptions {
  /** Cancels the query everywhere; the call fails with CANCELLED. */
  readonly signal?: AbortSignal
  /** From the call to the last row taken; after it the query is cancelled everywhere and the call fails with TIMEOUT. */
  readonly timeoutMs?: number
  /** Called from time to time while a cluster works for the query. */
  readonly onProgress?: (progress: QueryProgress) => void
}

/** How far a query has come, of its current attempt. */
export interface QueryProgress {
  /** 0 before the first. */
  readonly attempt: number
  readonly stages: { readonly total: number; readonly finished: number }
  readonly tasks: { readonly total: number; readonly finished: number }
  /** What scans have given so far, as columns in memory. */
  readonly scanned: { readonly rows: number; readonly bytes: number }
}

export interface Run {
  readonly signal: AbortSignal
  /** The same batches; their end, or leaving them, ends the run. */
  until(batches: AsyncIterable<Batch>): AsyncIterable<Batch>
  /** Stops listening and counting. */
  end(): void
}

/** The longest delay a timer takes. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** Throws CANCELLED for a signal that is already aborted, INVALID_ARGUMENT for a time limit that is none. */
export function openRun({ signal, timeoutMs }: RunOptions): Run {
  if (signal?.aborted === true) throw cancellation(signal.reason)
  const controller = new AbortController()
  const abort = (): void => controller.abort(cancellation(signal?.reason))
  signal?.addEventListener('abort', abort, { once: true })
  const timer = timeoutMs === undefined ? undefined : startTimer(timeoutMs, controller)
  const end = (): void => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
  const until = (batches: AsyncIterable<Batch>): AsyncIterable<Batch> => ({
    [Symbol.asyncIterator]: () => ended(batches[Symbol.asyncIterator](), end),
  })
  return { signal: controller.signal, until, end }
}

function startTimer(timeoutMs: number, controller: AbortController): NodeJS.Timeout {
  if (!(timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw fail('INVALID_ARGUMENT', [`timeoutMs must be between 0 and ${MAX_TIMEOUT_MS}, got ${timeoutMs}`])
  }
  return setTimeout(() => controller.abort(fail('TIMEOUT', [timeoutMs])), timeoutMs)
}

/** The iterator; `end` is called once it has given its last batch, failed or been left. */
function ended(source: AsyncIterator<Batch>, end: () => void): AsyncIterator<Batch> {
  return {
    async next() {
      try {
        const step = await source.next()
        if (step.done === true) end()
        return step
      } catch (error) {
        end()
        throw error
      }
    },
    async return() {
      end()
      return (await source.return?.()) ?? { done: true, value: undefined }
    },
  }
}

/** Iterates batches given away, releasing each one when the loop body is done with it. */
export async function* given(batches: AsyncIterable<Batch>): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    try {
      yield batch
    } finally {
      releaseBatch(batch)
    }
  }
}
