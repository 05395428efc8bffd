/**
 * The producer's end of one channel to another process: turns what an output channel gives into messages. It outlives the call that
 * carries it: when that breaks, it waits some time for the consumer to come back.
 */
import { release, retain } from '../arrow/memory.js'
import { releaseBatch } from '../arrow/column.js'
import type { Clock, Timer } from '../common/clock.js'
import { fail, toBallistaError } from '../common/errors.js'
import {
  canSend,
  newSender,
  stepSender,
  type FrameHeader,
  type SenderEffect,
  type SenderEvent,
  type SenderState,
} from './channel-state.js'
import { encodeForExchange, pieceOf, type EncodedBatch } from './encoded-batch.js'
import { sealFrame } from './frame-checksum.js'
import { FRAME_BYTES } from './options.js'
import type { OutputChannel } from './output-channel.js'
import type { ToConsumer } from './proto/messages.js'
import { encodeError } from './protocol.js'

/** The call that carries a channel now. */
export interface Carrier {
  readonly peer: string
  /** There may be something to send. */
  wake(channel: SenderChannel): void
}

/** A frame that has not been acknowledged; it has a reference of the block, until it is `gone`. */
interface SentFrame {
  readonly header: FrameHeader
  readonly encoded: EncodedBatch
  readonly start: number
  gone: boolean
}

export class SenderChannel {
  /** The consumer's number for it. */
  readonly number: number
  private state: SenderState
  private carrier: Carrier | undefined
  /** The number of the last call that has opened it. */
  private call = 0
  private output: OutputChannel | undefined
  /** The batch that is being sent, and where its next frame starts. */
  private current: { readonly encoded: EncodedBatch; start: number } | undefined
  private readonly sent: SentFrame[] = []
  private readonly outbox: ToConsumer[] = []
  private failure: Error | undefined
  private timer: Timer | undefined
  private readonly clock: Clock
  private readonly onDone: () => void

  /** `onDone` is called once: nobody needs to know the channel any more. */
  constructor(options: { number: number; creditBytes: number; clock: Clock; onDone: () => void }) {
    this.number = options.number
    this.state = newSender(options.creditBytes)
    this.clock = options.clock
    this.onDone = options.onDone
  }

  /** Nothing is left to be sent, now or later. */
  get isSpent(): boolean {
    return this.state.phase === 'done' && this.outbox.length === 0
  }

  carriedBy(carrier: Carrier, call: number): void {
    this.timer?.cancel()
    this.carrier = carrier
    this.call = call
  }

  /** The consumer has given the call up for the one that carries the channel: what it said there is from before. */
  isBeyond(call: number): boolean {
    return call < this.call
  }

  /** The call broke. If no other one carries the channel already, the consumer gets `waitMs` to come back before the producer fails. */
  dropped(carrier: Carrier, error: Error, waitMs: number): void {
    if (this.carrier !== carrier) return
    this.carrier = undefined
    this.outbox.length = 0
    if (this.state.phase === 'done') return
    if (waitMs === 0) this.giveUp(error)
    else this.timer = this.clock.after(waitMs, () => this.giveUp(error))
  }

  /** The producer has started. */
  attach(output: OutputChannel): void {
    if (this.failure !== undefined) return output.abort(this.failure)
    this.output = output
    if (this.state.phase === 'done') {
      output.cancel()
      return this.onDone()
    }
    try {
      output.attach(() => this.changed(), { encoded: true })
    } catch (error) {
      // It belongs to another consumer, which must not notice.
      this.output = undefined
      return this.fail(error)
    }
    this.changed()
  }

  /** The consumer sees `error`. */
  fail(error: unknown): void {
    this.failure ??= toBallistaError(error)
    // Cancelled before its producer could start, which it will not.
    if (this.state.phase === 'done') return this.onDone()
    this.step({ kind: 'fail' })
    this.changed()
  }

  receive(event: Extract<SenderEvent, { kind: 'credit' | 'cancel' | 'bye' | 'resume' }>): void {
    if (event.kind === 'resume') this.outbox.length = 0
    this.step(event)
  }

  /** What to send next over this call; undefined: nothing now. A call that the consumer has given up gets no more. */
  next(carrier: Carrier): ToConsumer | undefined {
    if (carrier !== this.carrier) return undefined
    const waiting = this.outbox.shift()
    if (waiting !== undefined) return waiting
    return this.advance() ? this.outbox.shift() : undefined
  }

  /** Puts one message into the outbox, if there is one. */
  private advance(): boolean {
    const { output } = this
    if (output === undefined || this.state.phase !== 'streaming') return false
    if (this.current === undefined && canSend(this.state)) this.take(output)
    if (this.current !== undefined) return canSend(this.state) && this.sendFrame(this.current)
    return output.isExhausted && this.step({ kind: 'end' })
  }

  private take(output: OutputChannel): void {
    const item = output.take()
    if (item === undefined) return
    if (item.kind === 'encoded') {
      this.current = { encoded: item.encoded, start: 0 }
      return
    }
    // Written before the producer knew where its consumer is.
    try {
      this.current = { encoded: encodeForExchange(item.batch), start: 0 }
    } catch (error) {
      output.abort(toBallistaError(error))
    } finally {
      releaseBatch(item.batch)
    }
  }

  private sendFrame(current: { encoded: EncodedBatch; start: number }): boolean {
    const { encoded, start } = current
    const bytes = Math.min(FRAME_BYTES, encoded.byteLength - start)
    const more = start + bytes < encoded.byteLength
    return this.step({ kind: 'send', bytes, rows: more ? 0 : encoded.rowCount, more })
  }

  /** True, for its callers: something happened. */
  private step(event: SenderEvent): true {
    const before = this.state.phase
    const { state, effects } = stepSender(this.state, event)
    this.state = state
    for (const effect of effects) this.perform(effect)
    if (before !== 'done' && state.phase === 'done') this.finish()
    return true
  }

  private perform(effect: SenderEffect): void {
    switch (effect.kind) {
      case 'sendFrame':
        return this.put(this.cut(effect.frame))
      case 'resend':
        return this.sent.filter(({ header }) => header.seq >= effect.from).forEach(frame => this.put(frame))
      case 'forget':
        return this.forget(effect.received)
      case 'sendEos':
        return void this.outbox.push({ eos: { channel: this.number, ...effect.totals } })
      case 'sendFailure':
        return void this.outbox.push({ failure: { channel: this.number, error: encodeError(this.failure) } })
      case 'acknowledged':
        return this.output?.acknowledge(this.output.totals())
      case 'cancelled':
        return this.output?.cancel()
      case 'violated': {
        const peer = this.carrier?.peer ?? 'a consumer'
        this.failure = fail('PROTOCOL', [peer, effect.found])
        this.outbox.push({ failure: { channel: this.number, error: encodeError(this.failure) } })
        return this.output?.abort(this.failure)
      }
    }
  }

  /** The next frame of the current batch. */
  private cut(header: FrameHeader): SentFrame {
    const { encoded, start } = this.current as { encoded: EncodedBatch; start: number }
    // The last frame takes over the reference of the batch.
    if (header.more) retain(encoded.block)
    this.current = header.more ? { encoded, start: start + header.bytes } : undefined
    const frame = { header, encoded, start, gone: false }
    this.sent.push(frame)
    return frame
  }

  private put(sent: SentFrame): void {
    const { header, encoded, start } = sent
    const { seq, rows, more } = header
    const checksum = sealFrame(this.number, header, encoded.checksums[start / FRAME_BYTES])
    const payload = pieceOf(encoded, start)
    this.outbox.push({ frame: { channel: this.number, seq, rows, more, checksum, payload, isGone: () => sent.gone } })
  }

  private forget(received: number): void {
    while (this.sent.length > 0 && this.sent[0].header.seq < received) {
      this.sent[0].gone = true
      release(this.sent[0].encoded.block)
      this.sent.shift()
    }
  }

  /** After a failure nothing refers to the producer's blocks any more when this returns: its thread may be dead. */
  private changed(): void {
    if (this.output?.failure !== undefined) {
      this.failure ??= this.output.failure
      this.step({ kind: 'fail' })
    }
    this.carrier?.wake(this)
  }

  private giveUp(error: Error): void {
    this.failure ??= error
    this.output?.abort(error)
    this.step({ kind: 'fail' })
  }

  /** A channel that is cancelled before its producer has started waits for `attach`. */
  private finish(): void {
    this.timer?.cancel()
    this.forget(Infinity)
    if (this.current !== undefined) release(this.current.encoded.block)
    this.current = undefined
    if ((this.output ?? this.failure) !== undefined) this.onDone()
  }
}
