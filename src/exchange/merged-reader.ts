/** The consumer's end of an edge: one partition from all producers, local and remote, merged as the batches come. */
import type { Batch } from '../arrow/batch.js'
import { fail, toBallistaError } from '../common/errors.js'
import { Gate } from '../common/gate.js'
import type { ExchangeHub, OutputKey } from './exchange-hub.js'
import { openEncoded } from './encoded-batch.js'
import type { ChannelTotals, OutputChannel } from './output-channel.js'
import { bytesOf } from './output-item.js'
import { openParcel, parcelBytes, type Parcel } from './received-batch.js'

/** One producer as its consumer sees it. */
export interface InputChannel {
  /** Called once, first (or `decline`); `onChange` runs when `take`, `status` or `failure` may answer anew. */
  attach(onChange: () => void): void
  /** The next batch, its reference passing to the caller. */
  take(): Parcel | undefined
  /** `ended` once everything has been taken and the totals agreed. */
  readonly status: 'open' | 'ended' | 'failed'
  readonly failure: Error | undefined
  /** The consumer wants no more; drops what is queued. */
  cancel(): void
  /** In place of `attach`, for a producer on demand: it need not start. */
  decline(): void
}

/** A channel of this process's hub, which may not exist yet. */
export function localInput(hub: ExchangeHub, key: OutputKey, partition: number): InputChannel {
  let output: OutputChannel | undefined
  let failure: Error | undefined
  let cancelled = false
  let seen: ChannelTotals = { batches: 0, rows: 0, bytes: 0 }
  let ended = false
  const take = (): Parcel | undefined => {
    const item = output?.take()
    if (output === undefined || item === undefined) return undefined
    const bytes = bytesOf(item)
    const batch = item.kind === 'batch' ? item.batch : openEncoded(item.encoded, output.schema)
    seen = { batches: seen.batches + 1, rows: seen.rows + batch.rowCount, bytes: seen.bytes + bytes }
    return { kind: 'batch', batch }
  }
  return {
    attach(onChange) {
      hub.channel(key, partition).then(
        found => {
          output = found
          if (cancelled) return found.cancel()
          try {
            found.attach(onChange)
          } catch (error) {
            failure = toBallistaError(error)
          }
          onChange()
        },
        error => {
          failure = toBallistaError(error)
          onChange()
        },
      )
    },
    take,
    get status() {
      if (this.failure !== undefined) return 'failed'
      if (output === undefined || ended) return ended ? 'ended' : 'open'
      if (!output.isExhausted) return 'open'
      output.acknowledge(seen)
      ended = output.failure === undefined
      return ended ? 'ended' : 'failed'
    },
    get failure() {
      return failure ?? output?.failure
    },
    cancel() {
      cancelled = true
      output?.cancel()
    },
    decline: () => void hub.decline(key),
  }
}

/**
 * Reads all channels in turn and owns them. With `rampBytes`, for producers on demand, it asks one with the first `next()`, twice as
 * many whenever all it has asked have ended, and all when it has given so many bytes; those that it never asks it declines. Can be
 * iterated once; `return()` of the iterator, also during a pending `next()`, cancels what has not ended.
 */
export class MergedReader implements AsyncIterable<Batch> {
  private readonly channels = new Set<InputChannel>()
  /** Those that may have something, in the order of their turns. */
  private readonly ready = new Set<InputChannel>()
  /** Not asked yet. */
  private readonly waiting: InputChannel[]
  private readonly rampBytes: number
  private givenBytes = 0
  private nextAsked = 1
  private readonly gate = new Gate()
  private failure: Error | undefined

  constructor(channels: readonly InputChannel[], rampBytes = 0) {
    this.waiting = [...channels]
    this.rampBytes = rampBytes
    if (rampBytes === 0) this.ask(Infinity)
  }

  /** The next batch (given away), or undefined after the end of every channel or a `cancel`. Throws the first channel's failure. */
  async next(): Promise<Batch | undefined> {
    const parcel = await this.nextParcel()
    try {
      return parcel === undefined ? undefined : openParcel(parcel)
    } catch (error) {
      throw this.abort(toBallistaError(error))
    }
  }

  /** As `next`; what came from another process is not yet decoded. */
  async nextParcel(): Promise<Parcel | undefined> {
    for (;;) {
      if (this.failure !== undefined) throw this.failure
      if (this.givenBytes >= this.rampBytes) this.ask(Infinity)
      else if (this.channels.size === 0) this.ask(this.nextAsked)
      const parcel = this.poll()
      if (parcel !== undefined) return parcel
      if (this.channels.size === 0 && this.waiting.length === 0) return undefined
      if (this.waiting.length > 0 && this.channels.size === 0) continue
      await this.gate.wait()
    }
  }

  /** Wants no more of any channel. */
  cancel(): void {
    const channels = [...this.channels]
    this.channels.clear()
    this.ready.clear()
    for (const channel of channels) channel.cancel()
    for (const channel of this.waiting.splice(0)) channel.decline()
    this.gate.notify()
  }

  /** Wants no more of any channel; present and later calls of `next` throw the error, which is returned. */
  abort(error: Error): Error {
    this.failure ??= error
    this.cancel()
    return error
  }

  [Symbol.asyncIterator](): AsyncIterator<Batch, undefined> {
    const done = { done: true, value: undefined } as const
    return {
      next: async () => {
        const value = await this.next()
        return value === undefined ? done : { done: false, value }
      },
      return: async () => {
        this.cancel()
        return done
      },
    }
  }

  /** What the first channel gives that has something; it goes to the end of the row. Drops ended channels. */
  private poll(): Parcel | undefined {
    for (const channel of this.ready) {
      this.ready.delete(channel)
      const parcel = channel.take()
      if (parcel !== undefined) {
        this.ready.add(channel)
        return this.given(parcel)
      }
      const status = channel.status
      if (status === 'failed')
        throw this.abort(channel.failure ?? fail('INTERNAL', ['an exchange failed without an error']))
      if (status === 'ended') this.channels.delete(channel)
    }
    return undefined
  }

  private given(parcel: Parcel): Parcel {
    if (this.waiting.length > 0) this.givenBytes += parcelBytes(parcel)
    return parcel
  }

  private changed(channel: InputChannel): void {
    if (this.channels.has(channel)) this.ready.add(channel)
    this.gate.notify()
  }

  private ask(count: number): void {
    this.nextAsked = 2 * count
    for (const channel of this.waiting.splice(0, count)) {
      this.channels.add(channel)
      channel.attach(() => this.changed(channel))
    }
  }
}
