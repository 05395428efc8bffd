/** A client's end of a cluster: submits a request to the scheduler and reads the result where its root task runs. */
import type { Batch } from '../arrow/batch.js'
import type { Schema } from '../arrow/schema.js'
import { cancellation } from '../common/abort.js'
import { systemClock, systemRng, type Clock, type Rng } from '../common/clock.js'
import { deferred, type Deferred } from '../common/deferred.js'
import { BallistaError, fail, toBallistaError } from '../common/errors.js'
import { attemptId } from '../common/ids.js'
import { decodeWire, encodeWire } from '../common/wire.js'
import { callError } from './call-error.js'
import type { SchedulerClient } from './grpc.js'
import { MergedReader } from './merged-reader.js'
import { exchangeReadBytes, FRAME_BYTES, reconnectMs } from './options.js'
import type { Accepted, Finished, QueryEvent } from './proto/messages.js'
import { decodeError, OWN_VERSION, pieces, VERSION } from './protocol.js'
import { RemoteExchange } from './remote-exchange.js'
import { grpcTransport, type Transport } from './transport.js'
import { listOf, schemaIn, stringOf } from './validate.js'

export interface RemoteResult {
  readonly jobId: string
  readonly schema: Schema
  /**
   * Batches in this process's arena, each given away. Can be iterated once; leaving early cancels the job everywhere. Ends only after
   * the scheduler has said that every task finished.
   */
  readonly batches: AsyncIterable<Batch>
  /** After the end of the batches: the rows that stand for them (EXPLAIN ANALYZE); none for other requests. */
  explanation(): Promise<readonly (readonly string[])[]>
}

export interface SubmitOptions {
  /** Plain data for the scheduler's planner. */
  readonly request: unknown
  readonly signal: AbortSignal
  /**
   * Called when the query starts again: all batches given so far count no more, and those of the new attempt follow. Without it,
   * a query that fails after its first batch is PARTIAL_RESULT_DELIVERED.
   */
  readonly onRestart?: (() => void) | undefined
  /**
   * For requests that may be sent twice: when the scheduler is lost, once it had been reached, it is dialled again for so long, and the
   * request sent anew, as another attempt of the query. Absent or 0: the query fails with NETWORK.
   */
  readonly reconnectGraceMs?: number | undefined
  /** Called while it runs with what the scheduler says of the job, a JobSummary. */
  readonly onProgress?: ((job: unknown) => void) | undefined
}

/** Connections of one client to one cluster, made when first used. */
export interface ClusterClient {
  /** Plans and starts. Throws the scheduler's error, or NETWORK. */
  submit(options: SubmitOptions): Promise<RemoteResult>
  /** Cancels what runs and closes all connections. */
  close(): Promise<void>
}

/**
 * How long a client that lost its result waits for the scheduler to say why or to start again: longer than the scheduler takes to
 * notice a lost executor, wait for another one, and try four times.
 */
const VERDICT_WAIT_MS = 60_000

/** Between two attempts to reach a scheduler that was lost. */
const REDIAL_MS = 200

/** A query that its scheduler does not survive so often may be the reason. */
const MAX_LOSSES = 3

const isSchedulerLost = ({ code }: BallistaError): boolean => code === 'NETWORK' || code === 'SCHEDULER_RESTARTED'

/** `address` is the scheduler's `host:port`. */
export function clusterClient({
  address,
  transport = grpcTransport,
  clock = systemClock,
  rng = systemRng,
  windowBytes = exchangeReadBytes.defaultValue,
}: {
  address: string
  windowBytes?: number
  clock?: Clock
  rng?: Rng
  transport?: Transport
}): ClusterClient {
  const exchange = new RemoteExchange({ transport, clock, rng })
  const submissions = new Set<Submission>()
  let scheduler: Promise<SchedulerClient> | undefined
  const reach = { isReached: false }
  return {
    async submit(options) {
      scheduler ??= transport.scheduler(address)
      const client = await scheduler
      const submission = new Submission({
        peer: `scheduler ${address}`,
        client,
        exchange,
        windowBytes,
        clock,
        rng,
        reach,
        options,
        onEnd: () => submissions.delete(submission),
      })
      submissions.add(submission)
      return submission.start()
    },
    async close() {
      for (const submission of submissions) submission.cancel(fail('CANCELLED', ['the client was closed']))
      await exchange.close()
      // A transport that could not be loaded has failed the submissions already.
      const client = await scheduler?.catch(() => undefined)
      client?.close()
    },
  }
}

interface SubmissionParts {
  readonly peer: string
  readonly client: SchedulerClient
  readonly exchange: RemoteExchange
  readonly windowBytes: number
  readonly clock: Clock
  readonly rng: Rng
  /** Whether the scheduler has ever answered the client: an address that was always wrong is not waited for. */
  readonly reach: { isReached: boolean }
  readonly options: SubmitOptions
  readonly onEnd: () => void
}

/** One attempt as the client sees it. */
interface Attempt {
  readonly accepted: Accepted
  readonly next: Deferred<Attempt>
}

/** One job: the open SubmitQuery call is its lease. */
class Submission {
  private readonly parts: SubmissionParts
  private call: ReturnType<SchedulerClient['submitQuery']>
  /** Ends a pause between two calls. */
  private wake: (() => void) | undefined
  /** What the scheduler's next `accepted` resolves. */
  private coming = deferred<Attempt>()
  private latest: Attempt | undefined
  /** The scheduler's last word. */
  private readonly verdict = deferred<Finished>()
  private readonly onAbort: () => void
  private reader: MergedReader | undefined
  private ended = false

  constructor(parts: SubmissionParts) {
    this.parts = parts
    this.onAbort = () => this.cancel(cancellation(parts.options.signal.reason))
    this.call = this.dial()
    this.coming.promise.catch(() => undefined)
    this.verdict.promise.catch(() => undefined)
    void this.listen()
  }

  async start(): Promise<RemoteResult> {
    const { signal } = this.parts.options
    signal.addEventListener('abort', this.onAbort, { once: true })
    if (signal.aborted) this.onAbort()
    const first = await this.coming.promise
    const peer = { name: this.parts.peer, version: VERSION }
    const schema = schemaIn(decodeWire(first.accepted.schema, this.parts.peer), peer)
    return {
      jobId: first.accepted.jobId,
      schema,
      batches: { [Symbol.asyncIterator]: () => this.results(this.latest ?? first, schema) },
      explanation: () => this.explanation(),
    }
  }

  private async explanation(): Promise<readonly (readonly string[])[]> {
    const { explanation } = await this.verdict.promise
    if (explanation.length === 0) return []
    const peer = { name: this.parts.peer, version: VERSION }
    return listOf(decodeWire(explanation, this.parts.peer), 'rows', peer).map(row =>
      listOf(row, 'cells', peer).map(cell => stringOf(cell, 'a cell', peer)),
    )
  }

  /** Both the scheduler and the executor that has the result hear of it. */
  cancel(reason: BallistaError): void {
    this.settle(reason)
    this.reader?.abort(reason)
    this.call.cancel()
  }

  /** Sends the request. */
  private dial(): ReturnType<SchedulerClient['submitQuery']> {
    const { request, onProgress } = this.parts.options
    const call = this.parts.client.submitQuery()
    // Late errors of a broken call; the loop of `hear` has seen it end.
    call.on('error', () => undefined)
    const progress = onProgress !== undefined
    for (const piece of pieces(encodeWire(request), FRAME_BYTES)) call.write({ ...OWN_VERSION, ...piece, progress })
    call.end()
    return call
  }

  /** Until there is a verdict, over as many calls as it takes. */
  private async listen(): Promise<void> {
    const { clock, options, reach, rng } = this.parts
    const { reconnectGraceMs = 0 } = options
    let heardAtMs = clock.nowMs()
    for (let losses = 0; ;) {
      const { error, isHeard } = await this.hear()
      if (isHeard) {
        heardAtMs = clock.nowMs()
        losses++
      }
      const mayRepeat = reach.isReached && losses <= MAX_LOSSES && this.latest?.accepted.once !== true
      const isOver = this.ended || !mayRepeat || !isSchedulerLost(error)
      if (isOver || clock.nowMs() - heardAtMs >= reconnectGraceMs) return this.settle(error)
      await this.pause(REDIAL_MS * (0.5 + rng.next()))
      if (this.ended) return
      this.call = this.dial()
    }
  }

  /** All that one call brings, and why it ended. */
  private async hear(): Promise<{ readonly error: BallistaError; readonly isHeard: boolean }> {
    const { peer, reach } = this.parts
    let isHeard = false
    let lost: BallistaError | undefined
    try {
      for await (const event of this.call as AsyncIterable<QueryEvent>) {
        isHeard = true
        reach.isReached = true
        lost = this.receive(event)
      }
      return { error: lost ?? fail('NETWORK', [`${peer} ended the query without a verdict`]), isHeard }
    } catch (error) {
      const cause = error instanceof BallistaError ? error : callError(error as Error, peer)
      return { error: lost ?? cause, isHeard }
    }
  }

  private async pause(delayMs: number): Promise<void> {
    const over = deferred<void>()
    this.wake = () => over.resolve()
    // No connection is open: a program that waits for nothing else would end here.
    const timer = this.parts.clock.after(delayMs, this.wake, 'awaited')
    await over.promise
    timer.cancel()
  }

  /** What it gives says that the scheduler ends, and that another one may have the last word. */
  private receive(event: QueryEvent): BallistaError | undefined {
    if (event.accepted !== undefined) this.begin(event.accepted)
    if (event.progress !== undefined) this.parts.options.onProgress?.(decodeWire(event.progress.job, this.parts.peer))
    if (event.finished !== undefined) this.settle(event.finished)
    if (event.failed === undefined) return undefined
    const error = decodeError(event.failed.error, this.parts.peer)
    if (error.code === 'SCHEDULER_RESTARTED') return error
    this.settle(error)
    return undefined
  }

  /** What is read of the attempt before, if anything still comes, is of no use. */
  private begin(accepted: Accepted): void {
    const next = deferred<Attempt>()
    next.promise.catch(() => undefined)
    const { coming } = this
    this.coming = next
    this.latest = { accepted, next }
    coming.resolve(this.latest)
    this.reader?.abort(fail('NETWORK', ['the query has started again']))
  }

  /** The first verdict stays: after success the end of the call is no failure of rows that are still being read. */
  private settle(outcome: Finished | BallistaError): void {
    if (this.ended) return
    this.end()
    if (!(outcome instanceof BallistaError)) return this.verdict.resolve(outcome)
    this.coming.reject(outcome)
    this.verdict.reject(outcome)
    this.reader?.abort(outcome)
  }

  private end(): void {
    if (this.ended) return
    this.ended = true
    this.wake?.()
    this.parts.options.signal.removeEventListener('abort', this.onAbort)
    this.parts.onEnd()
  }

  /** The rows of the attempt that succeeds, after those of attempts that failed, which `onRestart` takes back. */
  private async *results(first: Attempt, schema: Schema): AsyncGenerator<Batch, void, undefined> {
    const { onRestart } = this.parts.options
    let complete = false
    let isGiven = false
    let next: Attempt | undefined = first
    try {
      while (next !== undefined) {
        const attempt: Attempt = next
        try {
          for await (const batch of this.open(attempt.accepted, schema)) {
            isGiven = true
            yield batch
          }
          next = await this.sealed(attempt)
        } catch (error) {
          next = await this.successor(attempt, toBallistaError(error))
        }
        if (next === undefined || !isGiven) continue
        if (onRestart === undefined)
          throw fail('PARTIAL_RESULT_DELIVERED', ['the cluster lost an executor or its scheduler'])
        onRestart()
        isGiven = false
      }
      complete = true
    } finally {
      this.reader?.cancel()
      if (!complete) this.cancel(fail('CANCELLED', ['the consumer has left']))
    }
  }

  private async *open(accepted: Accepted, schema: Schema): AsyncGenerator<Batch, void, undefined> {
    // A query without rows.
    if (accepted.address === '') return
    const { exchange, windowBytes } = this.parts
    const jobId = attemptId(accepted.jobId, accepted.attempt)
    const key = {
      jobId,
      edge: accepted.edge,
      producer: 0,
      partition: 0,
      schema,
      windowBytes,
      reconnectMs: reconnectMs.defaultValue,
    }
    const reader = new MergedReader([exchange.open(accepted.address, key)])
    // The only channel.
    exchange.endJob(jobId)
    this.reader = reader
    yield* reader
  }

  /** After the last row of an attempt: undefined when it has succeeded, else the attempt that follows. */
  private sealed(attempt: Attempt): Promise<Attempt | undefined> {
    return Promise.race([this.verdict.promise.then(() => undefined), attempt.next.promise])
  }

  /** After a broken result: the attempt that follows. Throws what the scheduler knows, which is better than the echo of it seen here. */
  private async successor(attempt: Attempt, error: BallistaError): Promise<Attempt> {
    const timeout = deferred<never>()
    const timer = this.parts.clock.after(VERDICT_WAIT_MS, () => timeout.reject(error))
    const verdict = this.verdict.promise.then(() => Promise.reject(error))
    try {
      return await Promise.race([attempt.next.promise, verdict, timeout.promise])
    } finally {
      timer.cancel()
    }
  }
}
