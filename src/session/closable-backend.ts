/** A backend that can be closed at any time: what runs ends first, and what comes later is refused. */
import type { Batch } from '../arrow/batch.js'
import { cancellation } from '../common/abort.js'
import { fail } from '../common/errors.js'
import type { Backend, ExecuteOptions, QueryResult } from './backend.js'
import type { PlanRequest } from './registration.js'

/** From the call of `execute` to the last batch. */
interface OpenQuery {
  readonly controller: AbortController
  /** Stops listening to the caller's signal. */
  readonly forget: () => void
  /** The planning, then the iteration. */
  end: () => Promise<unknown>
}

/** Every session's door to its backend. Fails with CANCELLED for an aborted signal, INVALID_ARGUMENT after `close`. */
export class ClosableBackend implements Backend {
  readonly #backend: Backend
  readonly #open = new Set<OpenQuery>()
  #closed: Promise<void> | undefined

  constructor(backend: Backend) {
    this.#backend = backend
  }

  get sharesCatalog(): boolean {
    return this.#backend.sharesCatalog
  }

  get readsStreams(): boolean {
    return this.#backend.readsStreams
  }

  async execute(request: PlanRequest, options: ExecuteOptions): Promise<QueryResult> {
    const { signal } = options
    if (this.#closed !== undefined) throw fail('INVALID_ARGUMENT', ['the session is closed; make another one'])
    if (signal.aborted) throw cancellation(signal.reason)
    const controller = new AbortController()
    const started = this.#backend.execute(request, { ...options, signal: controller.signal })
    const query = this.#track(controller, signal, () => started)
    try {
      const result = await started
      // Nothing of a plan that does not run will be iterated.
      if (request.planOnly === true) query.forget()
      return { ...result, batches: { [Symbol.asyncIterator]: () => this.#iterate(result.batches, query) } }
    } catch (error) {
      query.forget()
      throw error
    }
  }

  /** Ends queries wherever they are (their next batch is a CANCELLED error), then the backend. Further calls wait for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const open = [...this.#open]
    const reason = fail('CANCELLED', ['the session was closed'])
    for (const { controller } of open) controller.abort(reason)
    await Promise.allSettled(open.map(query => query.end()))
    await this.#backend.close()
  }

  #track(controller: AbortController, signal: AbortSignal, end: OpenQuery['end']): OpenQuery {
    const abort = (): void => controller.abort(cancellation(signal.reason))
    const forget = (): void => {
      signal.removeEventListener('abort', abort)
      this.#open.delete(query)
    }
    const query: OpenQuery = { controller, forget, end }
    signal.addEventListener('abort', abort, { once: true })
    this.#open.add(query)
    return query
  }

  #iterate(batches: AsyncIterable<Batch>, query: OpenQuery): AsyncIterator<Batch> {
    const source = batches[Symbol.asyncIterator]()
    const finish = async (): Promise<IteratorResult<Batch>> => {
      query.forget()
      const result = await source.return?.()
      // A generator that was never asked for a batch does not hear of its end.
      query.controller.abort(fail('CANCELLED', ['the consumer has left']))
      return result ?? { done: true, value: undefined }
    }
    // After the batch that is on its way, if one is.
    query.end = finish
    return {
      next: async () => {
        if (query.controller.signal.aborted) {
          await finish()
          throw cancellation(query.controller.signal.reason)
        }
        try {
          const result = await source.next()
          if (result.done === true) query.forget()
          return result
        } catch (error) {
          query.forget()
          throw error
        }
      },
      return: finish,
    }
  }
}
