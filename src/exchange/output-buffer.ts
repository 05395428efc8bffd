/**
 * What one task has produced for one edge and nobody has taken yet, by consumer partition: bounded in bytes, because its producer
 * waits, or because what is too much goes to a temporary file. It lives on the main thread of the producer's process and owns one
 * reference of every queued batch.
 */
import { releaseBatch } from '../arrow/column.js'
import type { Batch } from '../arrow/batch.js'
import type { Schema } from '../arrow/schema.js'
import { deferred } from '../common/deferred.js'
import type { Clock } from '../common/clock.js'
import { fail, toBallistaError } from '../common/errors.js'
import { Gate } from '../common/gate.js'
import { invariant } from '../common/invariant.js'
import type { SpillSpace } from '../runtime/spill-space.js'
import { encodeForExchange, type EncodedBatch } from './encoded-batch.js'
import type { ExchangeBudget } from './exchange-budget.js'
import { IdleWatch } from './idle-watch.js'
import { OutputChannel, type ChannelOwner, type ChannelStatus } from './output-channel.js'
import { bytesOf, releaseItem, type OutputItem, type OutputPart } from './output-item.js'
import { OutputSpill, type StoredBatch } from './output-spill.js'

/** How far producers may be ahead of the disk. */
const MAX_UNWRITTEN_BYTES = 8 * 1024 ** 2

export interface OutputOptions {
  readonly schema: Schema
  readonly partitionCount: number
  /** Bytes that may be queued before a writer has to wait; one batch always may. */
  readonly limit: number
  /** Writers never wait for consumers. */
  readonly spillable?: boolean
  /** As `spillable`, and `drained` does not wait for them either. */
  readonly materialized?: boolean
  /** The output fails with CLIENT_IDLE when nothing is taken for so long. */
  readonly idleMs?: number
  /** Bytes for which a writer on another thread need not wait any more. */
  readonly onTaken?: (bytes: number) => void
  /** The consumer of a partition wants no more. */
  readonly onClosed?: (partition: number) => void
  /** What is added to the partition (undefined: to any) from now on is best encoded already: it goes to another process, or to a file. */
  readonly onEncode?: (partition: number | undefined) => void
}

export class OutputBuffer implements ChannelOwner {
  readonly channels: readonly OutputChannel[]
  private readonly options: OutputOptions
  private readonly budget: ExchangeBudget
  /** Undefined: producers wait. */
  private readonly spill: OutputSpill | undefined
  private readonly idle: IdleWatch | undefined
  private readonly gate = new Gate()
  private readonly failure = deferred<Error>()
  private firstFailure: Error | undefined
  /** Channels by how they ended. */
  private closedCount = 0
  private acknowledgedCount = 0
  private failedCount = 0
  /** On their way to the file. */
  private unwrittenBytes = 0
  private isStoring = false
  /** Bytes queued in memory over all channels now, and the most there ever were. */
  queuedBytes = 0
  peakBytes = 0

  constructor(
    options: OutputOptions,
    { budget, space, clock }: { budget: ExchangeBudget; space: SpillSpace; clock: Clock },
  ) {
    this.options = options
    this.budget = budget
    const isStored = options.materialized === true || options.spillable === true
    if (isStored) this.spill = new OutputSpill(space, error => this.fail(error))
    this.channels = Array.from({ length: options.partitionCount }, (_, partition) => new OutputChannel(this, partition))
    const { idleMs } = options
    if (idleMs === undefined) return
    this.idle = new IdleWatch({
      clock,
      idleMs,
      isWaiting: () => this.channels.some(({ status, queuedBatches }) => status === 'ended' || queuedBatches > 0),
      onIdle: () => this.fail(fail('CLIENT_IDLE', [idleMs])),
    })
  }

  get schema(): Schema {
    return this.options.schema
  }

  /** Takes over one reference of a non-empty batch, also when the answer is `closed` or an error is thrown. */
  add(partition: number, batch: Batch): 'open' | 'closed' {
    return this.addItem(partition, { kind: 'batch', batch })
  }

  /** As `add`. */
  addItem(partition: number, item: OutputItem, bytes = bytesOf(item)): 'open' | 'closed' {
    const channel = this.channels[partition]
    invariant(channel !== undefined, `partition ${partition} of ${this.channels.length}`)
    invariant(channel.status !== 'ended', 'a batch after the end of its edge')
    if (channel.status === 'open') {
      this.idle?.watch()
      if (this.spill !== undefined && this.queuedBytes > 0 && !this.budget.mayKeep(bytes))
        this.store(this.spill, channel, item, bytes)
      else this.keep(channel, item, bytes)
      return 'open'
    }
    releaseItem(item)
    this.options.onTaken?.(bytes)
    if (channel.failure !== undefined) throw channel.failure
    return 'closed'
  }

  /** As `add` for each; the first error is thrown when all have been taken over. */
  addParts(parts: readonly OutputPart[]): void {
    let failure: unknown
    for (const { partition, item, bytes } of parts) {
      try {
        this.addItem(partition, item, bytes)
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
  }

  /** No consumer wants more. */
  get isClosed(): boolean {
    return this.closedCount === this.channels.length
  }

  private keep(channel: OutputChannel, item: OutputItem, bytes: number): void {
    channel.add(item, bytes)
    if (this.spill !== undefined) this.options.onTaken?.(bytes)
  }

  /** Writers may go on when the batch is written. */
  private store(spill: OutputSpill, channel: OutputChannel, item: OutputItem, bytes: number): void {
    if (!this.isStoring) this.options.onEncode?.(undefined)
    this.isStoring = true
    const encoded = encodedItem(item)
    try {
      const stored = spill.store(encoded, () => {
        this.unwrittenBytes -= bytes
        this.countQueued(-bytes)
        this.options.onTaken?.(bytes)
        this.gate.notify()
      })
      this.unwrittenBytes += bytes
      this.countQueued(bytes)
      channel.addStored(stored)
    } catch (error) {
      releaseItem({ kind: 'encoded', encoded })
      this.fail(toBallistaError(error))
      throw error
    }
  }

  /** Resolves with the first failure of a channel; never, if there is none. */
  get failed(): Promise<Error> {
    return this.failure.promise
  }

  /** Bytes that may be queued before a writer has to wait. */
  get limit(): number {
    const { limit } = this.options
    return this.spill === undefined ? Math.min(limit, this.budget.outputShare) : limit
  }

  /** Resolves when less than the limit is queued, or little has still to be written; rejects when a channel has failed. */
  async writable(): Promise<void> {
    const isFull = (): boolean =>
      this.spill === undefined ? this.queuedBytes >= this.limit : this.unwrittenBytes >= MAX_UNWRITTEN_BYTES
    while (isFull()) await this.gate.wait()
  }

  end(): void {
    this.idle?.watch()
    for (const channel of this.channels) channel.end()
  }

  /** Consumers see `error` in place of what is queued. */
  fail(error: Error): void {
    for (const channel of this.channels) channel.abort(error)
  }

  /**
   * After `end`: resolves when every consumer has everything or wants no more; rejects when a channel has failed. A materialized
   * output waits for no consumer.
   */
  async drained(): Promise<void> {
    const isDone = (): boolean =>
      this.options.materialized === true
        ? this.unwrittenBytes === 0
        : this.closedCount + this.acknowledgedCount === this.channels.length
    while (!isDone()) await this.gate.wait()
    // A write that failed last has failed the channels before.
    if (this.firstFailure !== undefined) throw this.firstFailure
  }

  /** After `fail`, or when all consumers have what they want: resolves when no file is left. */
  async close(): Promise<void> {
    this.idle?.stop()
    await this.spill?.close()
  }

  /** For OutputChannel only. */
  countQueued(change: number): void {
    this.queuedBytes += change
    this.peakBytes = Math.max(this.peakBytes, this.queuedBytes)
    if (this.spill !== undefined) this.budget.countKept(change)
  }

  /** For OutputChannel only. */
  taken(bytes: number): void {
    this.idle?.touch()
    if (this.spill === undefined) this.options.onTaken?.(bytes)
    this.gate.notify()
  }

  /** For OutputChannel only. */
  encodeFromNow(partition: number): void {
    this.options.onEncode?.(partition)
  }

  /** For OutputChannel only. */
  load(stored: StoredBatch): Promise<EncodedBatch> {
    invariant(this.spill !== undefined, 'a stored batch of an output that stores none')
    return this.spill.read(stored)
  }

  /** For OutputChannel only. */
  finished(partition: number, { status, failure }: { status: ChannelStatus; failure: Error | undefined }): void {
    if (status === 'closed') {
      this.closedCount++
      this.options.onClosed?.(partition)
    } else if (status === 'acknowledged') this.acknowledgedCount++
    else this.failedCount++
    if (this.closedCount + this.acknowledgedCount + this.failedCount === this.channels.length) void this.close()
    this.firstFailure ??= failure
    if (this.firstFailure === undefined) return this.gate.notify()
    this.gate.fail(this.firstFailure)
    this.failure.resolve(this.firstFailure)
  }
}

/** Takes the item over. */
function encodedItem(item: OutputItem): EncodedBatch {
  if (item.kind === 'encoded') return item.encoded
  try {
    return encodeForExchange(item.batch)
  } finally {
    releaseBatch(item.batch)
  }
}
