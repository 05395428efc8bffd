/**
 * What one task has produced for one edge and nobody has taken yet: a queue of batches per consumer partition, bounded in bytes.
 * It lives on the main thread of the producer's process and owns one reference of every queued batch.
 */
import { batchBytes, releaseBatch } from '../arrow/column.js'
import type { Batch } from '../arrow/batch.js'
import { release } from '../arrow/memory.js'
import type { Schema } from '../arrow/schema.js'
import { deferred } from '../common/deferred.js'
import { fail } from '../common/errors.js'
import { Gate } from '../common/gate.js'
import { invariant } from '../common/invariant.js'
import type { EncodedBatch } from './encoded-batch.js'

export interface ChannelTotals {
  readonly batches: number
  readonly rows: number
  readonly bytes: number
}

/** One reference of a batch, or of the block of one that is encoded. */
export type OutputItem =
  { readonly kind: 'batch'; readonly batch: Batch } | { readonly kind: 'encoded'; readonly encoded: EncodedBatch }

export const rowsOf = (item: OutputItem): number =>
  item.kind === 'batch' ? item.batch.rowCount : item.encoded.rowCount

export const bytesOf = (item: OutputItem): number =>
  item.kind === 'batch' ? batchBytes(item.batch) : item.encoded.byteLength

export function releaseItem(item: OutputItem): void {
  if (item.kind === 'batch') releaseBatch(item.batch)
  else release(item.encoded.block)
}

interface Queued {
  readonly item: OutputItem
  readonly bytes: number
}

/**
 * `open`: more may come. `ended`: the queue is the rest. `acknowledged`: the consumer has everything. `closed`: the consumer wants no
 * more. `failed`: the producer or the connection to the consumer broke.
 */
export type ChannelStatus = 'open' | 'ended' | 'acknowledged' | 'closed' | 'failed'

/** The queue of one consumer partition. It has one consumer, which attaches once. */
export class OutputChannel {
  private readonly queue: Queued[] = []
  private listener: (() => void) | undefined
  private batches = 0
  private rows = 0
  private bytes = 0
  status: ChannelStatus = 'open'
  failure: Error | undefined

  private readonly owner: OutputBuffer
  private readonly partition: number

  constructor(owner: OutputBuffer, partition: number) {
    this.owner = owner
    this.partition = partition
  }

  /**
   * `onChange` runs after every batch, end or failure: look at `take` and `status`. The consumer of another process wants batches
   * `encoded`. PROTOCOL if somebody is attached already.
   */
  attach(onChange: () => void, { encoded = false } = {}): void {
    if (this.listener !== undefined)
      throw fail('PROTOCOL', ['the consumer of an exchange', 'the partition is already being read'])
    this.listener = onChange
    if (encoded && this.status === 'open') this.owner.encodeFromNow(this.partition)
  }

  get schema(): Schema {
    return this.owner.schema
  }

  /** The next batch, its reference passing to the caller; undefined: none yet, or no more. */
  take(): OutputItem | undefined {
    const first = this.queue.shift()
    if (first !== undefined) this.owner.taken(first.bytes)
    return first?.item
  }

  get queuedBatches(): number {
    return this.queue.length
  }

  /** Everything has been taken, and no more comes. */
  get isExhausted(): boolean {
    return this.status === 'ended' && this.queue.length === 0
  }

  /** Everything added so far; final once `status` is `ended`. */
  totals(): ChannelTotals {
    return { batches: this.batches, rows: this.rows, bytes: this.bytes }
  }

  /** The consumer has received the end and its totals agree: PROTOCOL if they do not. */
  acknowledge(seen: ChannelTotals): void {
    if (this.status !== 'ended') return
    const sent = this.totals()
    if (seen.batches !== sent.batches || seen.rows !== sent.rows) {
      const found = `it saw ${seen.batches} batches with ${seen.rows} rows of ${sent.batches} with ${sent.rows}`
      this.abort(fail('PROTOCOL', ['the consumer of an exchange', found]))
      return
    }
    this.status = 'acknowledged'
    this.owner.changed()
  }

  /** The consumer wants no more: what is queued is dropped and later batches are refused. Not an error. */
  cancel(): void {
    if (this.status === 'open' || this.status === 'ended') this.stop('closed')
  }

  /** The consumer is gone, or the producer failed: both sides see `error`. */
  abort(error: Error): void {
    if (this.status !== 'open' && this.status !== 'ended') return
    this.failure = error
    this.stop('failed')
  }

  /** For OutputBuffer only. */
  add(item: OutputItem, bytes: number): void {
    this.queue.push({ item, bytes })
    this.batches++
    this.rows += rowsOf(item)
    this.bytes += bytes
    this.listener?.()
  }

  /** For OutputBuffer only. */
  end(): void {
    if (this.status !== 'open') return
    this.status = 'ended'
    this.listener?.()
  }

  private stop(status: 'closed' | 'failed'): void {
    this.status = status
    for (const { item, bytes } of this.queue.splice(0)) {
      releaseItem(item)
      this.owner.taken(bytes)
    }
    this.owner.changed(status === 'closed' ? this.partition : undefined)
    this.listener?.()
  }
}

export interface OutputOptions {
  readonly schema: Schema
  readonly partitionCount: number
  /** Bytes that may be queued before a writer has to wait; one batch always may. */
  readonly limit: number
  /** Writers never wait for consumers. */
  readonly spillable?: boolean
  /** As `spillable`, and `drained` does not wait for them either. */
  readonly materialized?: boolean
  /** Bytes for which a writer on another thread need not wait any more. */
  readonly onTaken?: (bytes: number) => void
  /** The consumer of a partition wants no more. */
  readonly onClosed?: (partition: number) => void
  /** The consumer of a partition is in another process: what is added from now on is best encoded already. */
  readonly onEncode?: (partition: number) => void
}

export class OutputBuffer {
  readonly channels: readonly OutputChannel[]
  private readonly options: OutputOptions
  private readonly blocksWriters: boolean
  private readonly gate = new Gate()
  private readonly failure = deferred<Error>()
  /** Bytes queued over all channels now, and the most there ever were. */
  queuedBytes = 0
  peakBytes = 0

  constructor(options: OutputOptions) {
    this.options = options
    this.blocksWriters = options.materialized !== true && options.spillable !== true
    this.channels = Array.from({ length: options.partitionCount }, (_, partition) => new OutputChannel(this, partition))
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
      this.queuedBytes += bytes
      this.peakBytes = Math.max(this.peakBytes, this.queuedBytes)
      channel.add(item, bytes)
      if (!this.blocksWriters) this.options.onTaken?.(bytes)
      return 'open'
    }
    releaseItem(item)
    this.options.onTaken?.(bytes)
    if (channel.failure !== undefined) throw channel.failure
    return 'closed'
  }

  /** Resolves with the first failure of a channel; never, if there is none. */
  get failed(): Promise<Error> {
    return this.failure.promise
  }

  /** Resolves when less than the limit is queued; rejects when a channel has failed. */
  async writable(): Promise<void> {
    while (this.blocksWriters && this.queuedBytes >= this.options.limit) await this.gate.wait()
  }

  end(): void {
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
    if (this.options.materialized === true) return
    while (!this.channels.every(channel => channel.status === 'acknowledged' || channel.status === 'closed')) {
      await this.gate.wait()
    }
  }

  /** For OutputChannel only. */
  taken(bytes: number): void {
    this.queuedBytes -= bytes
    if (this.blocksWriters) this.options.onTaken?.(bytes)
    this.gate.notify()
  }

  /** For OutputChannel only. */
  encodeFromNow(partition: number): void {
    this.options.onEncode?.(partition)
  }

  /** For OutputChannel only. */
  changed(closed?: number): void {
    if (closed !== undefined) this.options.onClosed?.(closed)
    const failure = this.channels.find(channel => channel.failure !== undefined)?.failure
    if (failure === undefined) return this.gate.notify()
    this.gate.fail(failure)
    this.failure.resolve(failure)
  }
}
