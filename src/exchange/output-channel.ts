/** The queue of one consumer partition of one output. */
import type { Schema } from '../arrow/schema.js'
import { fail, toBallistaError } from '../common/errors.js'
import { releaseItem, rowsOf, type OutputItem } from './output-item.js'
import type { EncodedBatch } from './encoded-batch.js'
import type { StoredBatch } from './output-spill.js'

export interface ChannelTotals {
  readonly batches: number
  readonly rows: number
  readonly bytes: number
}

/** What a channel needs of its output. */
export interface ChannelOwner {
  readonly schema: Schema
  /** The consumer of a partition is in another process. */
  encodeFromNow(partition: number): void
  /** A batch of the temporary file, its block the caller's. */
  load(stored: StoredBatch): Promise<EncodedBatch>
  /** So many bytes more (or fewer) are queued in memory. */
  countQueued(change: number): void
  /** So many bytes have left the channel. */
  taken(bytes: number): void
  /** The channel is acknowledged, closed or failed, once. */
  finished(partition: number, how: { status: ChannelStatus; failure: Error | undefined }): void
}

/** A batch in memory, or one in the temporary file, which is also in memory from `isLoading` to its end. */
interface Queued {
  readonly bytes: number
  item: OutputItem | undefined
  readonly stored?: StoredBatch
  isLoading: boolean
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

  private readonly owner: ChannelOwner
  private readonly partition: number

  constructor(owner: ChannelOwner, partition: number) {
    this.owner = owner
    this.partition = partition
  }

  /**
   * `onChange` runs after every batch, end or failure: look at `take` and `status`. The consumer of another process wants batches
   * `encoded`. PROTOCOL if somebody is attached already; what has failed is nobody's: a consumer that was given up hears why.
   */
  attach(onChange: () => void, { encoded = false } = {}): void {
    if (this.listener !== undefined && this.status !== 'failed')
      throw fail('PROTOCOL', ['the consumer of an exchange', 'the partition is already being read'])
    this.listener = onChange
    if (encoded && this.status === 'open') this.owner.encodeFromNow(this.partition)
  }

  get schema(): Schema {
    return this.owner.schema
  }

  /** The next batch, its reference passing to the caller; undefined: none yet, or no more. */
  take(): OutputItem | undefined {
    const first = this.queue.at(0)
    if (first === undefined) return undefined
    if (first.item === undefined) {
      void this.load(first)
      return undefined
    }
    this.queue.shift()
    this.owner.countQueued(-first.bytes)
    this.owner.taken(first.bytes)
    const next = this.queue.at(0)
    if (next !== undefined && next.item === undefined) void this.load(next)
    return first.item
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
    this.owner.finished(this.partition, this)
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
    this.owner.countQueued(bytes)
    this.push(rowsOf(item), { bytes, item, isLoading: false })
  }

  /** For OutputBuffer only. */
  addStored(stored: StoredBatch): void {
    this.push(stored.rowCount, { bytes: stored.byteLength, item: undefined, stored, isLoading: false })
  }

  /** For OutputBuffer only. */
  end(): void {
    if (this.status !== 'open') return
    this.status = 'ended'
    this.listener?.()
  }

  private push(rows: number, queued: Queued): void {
    this.queue.push(queued)
    this.batches++
    this.rows += rows
    this.bytes += queued.bytes
    this.listener?.()
  }

  /** Reads the batch at the head of the queue, or the one behind it, from the file. */
  private async load(queued: Queued): Promise<void> {
    if (queued.isLoading || queued.stored === undefined) return
    queued.isLoading = true
    this.owner.countQueued(queued.bytes)
    try {
      const item = { kind: 'encoded', encoded: await this.owner.load(queued.stored) } as const
      if (!this.queue.includes(queued)) return releaseItem(item)
      queued.item = item
      this.listener?.()
    } catch (error) {
      this.abort(toBallistaError(error))
    }
  }

  private stop(status: 'closed' | 'failed'): void {
    this.status = status
    for (const { item, bytes, isLoading } of this.queue.splice(0)) {
      if (item !== undefined) releaseItem(item)
      if (item !== undefined || isLoading) this.owner.countQueued(-bytes)
      this.owner.taken(bytes)
    }
    this.owner.finished(this.partition, this)
    this.listener?.()
  }
}
