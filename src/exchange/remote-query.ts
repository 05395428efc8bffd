/** A client's end of a cluster: submits a request to the scheduler and reads the result where its root task runs. */
import type { Batch } from '../arrow/batch.js'
import type { Schema } from '../arrow/schema.js'
import { cancellation } from '../common/abort.js'
import { systemClock, type Clock } from '../common/clock.js'
import { deferred } from '../common/deferred.js'
import { BallistaError, fail, toBallistaError } from '../common/errors.js'
import { decodeWire, encodeWire } from '../common/wire.js'
import type { SchedulerClient } from './grpc.js'
import { MergedReader } from './merged-reader.js'
import { exchangeReadBytes, FRAME_BYTES } from './options.js'
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

/** Connections of one client to one cluster, made when first used. */
export interface ClusterClient {
  /** Plans and starts; `request` is plain data for the scheduler's planner. Throws its error, or NETWORK. */
  submit(request: unknown, signal: AbortSignal): Promise<RemoteResult>
  /** Cancels what runs and closes all connections. */
  close(): Promise<void>
}

/** How long a client that lost its result waits for the scheduler to say why. */
const VERDICT_WAIT_MS = 2_000

/** `address` is the scheduler's `host:port`. */
export function clusterClient(options: {
  address: string
  windowBytes?: number
  clock?: Clock
  transport?: Transport
}): ClusterClient {
  const transport = options.transport ?? grpcTransport
  const exchange = new RemoteExchange(transport)
  const submissions = new Set<Submission>()
  let scheduler: Promise<SchedulerClient> | undefined
  return {
    async submit(request, signal) {
      scheduler ??= transport.scheduler(options.address)
      const client = await scheduler
      const submission = new Submission({
        peer: `scheduler ${options.address}`,
        client,
        exchange,
        windowBytes: options.windowBytes ?? exchangeReadBytes.defaultValue,
        clock: options.clock ?? systemClock,
        signal,
        onEnd: () => submissions.delete(submission),
      })
      submissions.add(submission)
      return submission.start(request)
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
  readonly signal: AbortSignal
  readonly onEnd: () => void
}

/** One job: the open SubmitQuery call is its lease. */
class Submission {
  private readonly parts: SubmissionParts
  private readonly call: ReturnType<SchedulerClient['submitQuery']>
  private readonly accepted = deferred<Accepted>()
  /** The scheduler's last word. */
  private readonly verdict = deferred<Finished>()
  private readonly onAbort: () => void
  private reader: MergedReader | undefined
  private ended = false

  constructor(parts: SubmissionParts) {
    this.parts = parts
    this.onAbort = () => this.cancel(cancellation(parts.signal.reason))
    this.call = parts.client.submitQuery()
    // Late errors of a broken call; the loop of `listen` has seen it end.
    this.call.on('error', () => undefined)
    this.accepted.promise.catch(() => undefined)
    this.verdict.promise.catch(() => undefined)
    void this.listen()
  }

  async start(request: unknown): Promise<RemoteResult> {
    const { signal } = this.parts
    signal.addEventListener('abort', this.onAbort, { once: true })
    if (signal.aborted) this.onAbort()
    for (const piece of pieces(encodeWire(request), FRAME_BYTES)) this.call.write({ ...OWN_VERSION, ...piece })
    this.call.end()
    const accepted = await this.accepted.promise
    const peer = { name: this.parts.peer, version: VERSION }
    const schema = schemaIn(decodeWire(accepted.schema, this.parts.peer), peer)
    return {
      jobId: accepted.jobId,
      schema,
      batches: { [Symbol.asyncIterator]: () => this.results(accepted, schema) },
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

  private async listen(): Promise<void> {
    try {
      for await (const event of this.call as AsyncIterable<QueryEvent>) this.receive(event)
      this.settle(fail('NETWORK', [`${this.parts.peer} ended the query without a verdict`]))
    } catch (error) {
      this.settle(error instanceof BallistaError ? error : this.broken(error as Error & { details?: string }))
    }
  }

  private broken(error: Error & { details?: string }): BallistaError {
    const reason = (error.details ?? error.message).replace(/ Resolution note: $/, '')
    return fail('NETWORK', [`no connection to ${this.parts.peer}: ${reason}`], { cause: error })
  }

  private receive(event: QueryEvent): void {
    if (event.accepted !== undefined) this.accepted.resolve(event.accepted)
    if (event.failed !== undefined) this.settle(decodeError(event.failed.error, this.parts.peer))
    if (event.finished !== undefined) this.settle(event.finished)
  }

  /** The first verdict stays. */
  private settle(outcome: Finished | BallistaError): void {
    this.end()
    if (!(outcome instanceof BallistaError)) return this.verdict.resolve(outcome)
    this.accepted.reject(outcome)
    this.verdict.reject(outcome)
    this.reader?.abort(outcome)
  }

  private end(): void {
    if (this.ended) return
    this.ended = true
    this.parts.signal.removeEventListener('abort', this.onAbort)
    this.parts.onEnd()
  }

  private async *results(accepted: Accepted, schema: Schema): AsyncGenerator<Batch, void, undefined> {
    let complete = false
    try {
      if (accepted.address !== '') yield* this.open(accepted, schema)
      await this.verdict.promise
      complete = true
    } catch (error) {
      throw await this.explain(toBallistaError(error))
    } finally {
      this.reader?.cancel()
      if (!complete) this.cancel(fail('CANCELLED', ['the consumer has left']))
    }
  }

  private open(accepted: Accepted, schema: Schema): MergedReader {
    const { exchange, windowBytes } = this.parts
    const key = { jobId: accepted.jobId, edge: accepted.edge, producer: 0, partition: 0, schema, windowBytes }
    this.reader = new MergedReader([exchange.open(accepted.address, key)])
    return this.reader
  }

  /** A broken result stream is often the echo of what the scheduler knows better. */
  private async explain(error: BallistaError): Promise<BallistaError> {
    const timeout = deferred<BallistaError>()
    const timer = this.parts.clock.after(VERDICT_WAIT_MS, () => timeout.resolve(error))
    const verdict = this.verdict.promise.then(() => error, toBallistaError)
    const explained = await Promise.race([verdict, timeout.promise])
    timer.cancel()
    return explained
  }
}
