/** What the streams of one pipeline share: the ledger of batches between them, the first failure, and the early end. */
import type { Batch } from '../arrow/batch.js'
import { releaseBatch } from '../arrow/column.js'
import { BallistaError, toBallistaError, withContext } from '../common/errors.js'

/** A batch on its way from one stream to the next; its reference belongs to the ledger until it is taken. */
export interface Envelope {
  readonly batch: Batch
}

/** Where a stream stands, for errors: `FilterExec (0.1)`. */
export interface Place {
  readonly kind: string
  /** The operator's place in the stage plan, e.g. `0.1.0`. */
  readonly path: string
}

/** `FilterExec (0.1)`, as error contexts name it. */
export const placeText = ({ kind, path }: Place): string => `${kind} (${path})`

/** One per pipeline run. A destroyed Node stream leaves its queued chunks to nobody; the ledger knows and releases them. */
export class PipelineControl {
  readonly #inFlight = new Set<Envelope>()
  readonly #controller: AbortController
  readonly #onFinished: (streamIndex: number) => void
  #failure: BallistaError | undefined

  /** `onFinished(i)`: stream i (0 is the source) wants no more input. A failure aborts `controller`. */
  constructor(controller: AbortController, onFinished: (streamIndex: number) => void) {
    this.#controller = controller
    this.#onFinished = onFinished
  }

  /** The first failure; what follows from it (premature closes, aborts) is not recorded. */
  get failure(): BallistaError | undefined {
    return this.#failure
  }

  /** Takes over one reference. */
  put(batch: Batch): Envelope {
    const envelope = { batch }
    this.#inFlight.add(envelope)
    return envelope
  }

  /** Gives the reference to the caller. */
  take(envelope: Envelope): Batch {
    this.#inFlight.delete(envelope)
    return envelope.batch
  }

  /** Releases what was left in queues; call after every stream has closed. */
  releaseAll(): void {
    for (const { batch } of this.#inFlight) releaseBatch(batch)
    this.#inFlight.clear()
  }

  finished(streamIndex: number): void {
    this.#onFinished(streamIndex)
  }

  /** Records the failure with its place and aborts the task's signal, so that everything that waits lets go. */
  failed(error: unknown, place: Place): BallistaError {
    const placed = withContext(toBallistaError(error), placeText(place))
    if (!this.#controller.signal.aborted) this.#failure ??= placed
    this.#controller.abort(placed)
    return placed
  }
}
