/** The producer's end of the exchange between processes: serves the hub's channels to the consumers that dial. */
import { encodeBatch } from '../arrow/frame.js'
import { releaseBatch } from '../arrow/column.js'
import { fail, toBallistaError } from '../common/errors.js'
import { Gate } from '../common/gate.js'
import { countBytesSent } from '../runtime/io-counters.js'
import { canSend, newSender, stepSender, type SenderEvent, type SenderState } from './channel-state.js'
import type { ExchangeHub } from './exchange-hub.js'
import { frameChecksum } from './frame-checksum.js'
import { messagesOf, type ExchangeCall } from './grpc.js'
import { FRAME_BYTES, MIN_READ_WINDOW } from './options.js'
import type { OutputChannel } from './output-buffer.js'
import type { ChannelOpen, Hello, ToConsumer, ToProducer } from './proto/messages.js'
import { checkVersion, encodeError, OWN_VERSION } from './protocol.js'

/** Handles one call from its first message to its end; never rejects. */
export async function serveConsumer(call: ExchangeCall, hub: ExchangeHub): Promise<void> {
  const session = new ProducerSession(call, hub)
  // Late errors of a broken call; the loop below has seen it end.
  call.on('error', () => undefined)
  try {
    for await (const message of messagesOf<ToProducer>(call)) session.receive(message)
    session.close(fail('NETWORK', [`the consumer at ${call.getPeer()} closed the exchange early`]))
  } catch (error) {
    session.close(
      fail('NETWORK', [`the exchange with the consumer at ${call.getPeer()} broke: ${(error as Error).message}`]),
    )
  }
  call.end()
}

/** One channel: the state machine, what it takes batches from, and the rest of the batch that is being sent. */
interface SenderChannel {
  readonly number: number
  readonly frameBytes: number
  state: SenderState
  output: OutputChannel | undefined
  pending: { bytes: Uint8Array; rows: number } | undefined
  failure: Error | undefined
}

class ProducerSession {
  private readonly call: ExchangeCall
  private readonly hub: ExchangeHub
  private readonly peer: string
  private readonly channels = new Map<number, SenderChannel>()
  private readonly drain = new Gate()
  private hello: Hello | undefined
  private pumping = false
  private closed = false

  constructor(call: ExchangeCall, hub: ExchangeHub) {
    this.call = call
    this.hub = hub
    this.peer = `the consumer at ${call.getPeer()}`
    call.on('drain', () => this.drain.notify())
  }

  /** Throws PROTOCOL on what no consumer of this version sends. */
  receive(message: ToProducer): void {
    if (message.message === 'hello' && message.hello !== undefined) return this.greet(message.hello)
    if (this.hello === undefined) throw fail('PROTOCOL', [this.peer, 'its first message is not Hello'])
    if (message.open !== undefined) return this.open(message.open, this.hello)
    const number = (message.credit ?? message.cancel ?? message.bye)?.channel ?? -1
    const channel = this.channels.get(number)
    if (channel === undefined) return
    if (message.credit !== undefined) this.step(channel, { kind: 'credit', creditBytes: message.credit.creditBytes })
    if (message.cancel !== undefined) this.step(channel, { kind: 'cancel' })
    if (message.bye !== undefined)
      this.step(channel, { kind: 'bye', batches: message.bye.batches, rows: message.bye.rows })
    void this.pump()
  }

  /** The call has ended: channels that have not are failures of their producers. */
  close(error: Error): void {
    this.closed = true
    this.drain.notify()
    for (const channel of this.channels.values()) {
      channel.pending = undefined
      // Cancelled before its producer has started: `attach` will tell it.
      if (channel.state.phase === 'done') continue
      if (channel.output === undefined) channel.failure = error
      else channel.output.abort(error)
    }
    this.channels.clear()
  }

  private greet(hello: Hello): void {
    this.call.write({ helloAck: OWN_VERSION })
    checkVersion(hello, this.peer)
    this.hello = hello
  }

  private open(open: ChannelOpen, hello: Hello): void {
    if (this.channels.has(open.channel)) throw fail('PROTOCOL', [this.peer, `channel ${open.channel} is opened twice`])
    const key = { jobId: hello.jobId, edge: hello.edge, producer: open.producer }
    if (open.creditBytes === 0) return void this.hub.decline(key)
    if (open.creditBytes < MIN_READ_WINDOW)
      throw fail('PROTOCOL', [this.peer, `a window of ${open.creditBytes} bytes is too small`])
    const channel: SenderChannel = {
      number: open.channel,
      frameBytes: Math.min(FRAME_BYTES, Math.floor(open.creditBytes / 2)),
      state: newSender(open.creditBytes),
      output: undefined,
      pending: undefined,
      failure: undefined,
    }
    this.channels.set(open.channel, channel)
    this.hub.channel(key, open.partition).then(
      output => this.attach(channel, output),
      error => this.failed(channel, error),
    )
  }

  private attach(channel: SenderChannel, output: OutputChannel): void {
    if (channel.failure !== undefined) return output.abort(channel.failure)
    if (channel.state.phase === 'done') {
      this.channels.delete(channel.number)
      return output.cancel()
    }
    try {
      output.attach(() => void this.pump())
    } catch (error) {
      return this.failed(channel, error)
    }
    channel.output = output
    void this.pump()
  }

  private failed(channel: SenderChannel, error: unknown): void {
    channel.failure ??= toBallistaError(error)
    if (!this.closed) this.step(channel, { kind: 'fail' })
  }

  /** Sends while there is credit and the call takes more; one loop at a time. */
  private async pump(): Promise<void> {
    if (this.pumping) return
    this.pumping = true
    try {
      while (!this.closed && this.sendOne()) {
        while (!this.closed && this.call.writableNeedDrain) await this.drain.wait()
      }
    } finally {
      this.pumping = false
    }
  }

  /** One frame of the first channel that can send one; the channel goes to the end of the row. False: nothing to do. */
  private sendOne(): boolean {
    for (const channel of this.channels.values()) {
      if (!this.advance(channel)) continue
      if (this.channels.delete(channel.number)) this.channels.set(channel.number, channel)
      return true
    }
    return false
  }

  private advance(channel: SenderChannel): boolean {
    const { output } = channel
    if (output === undefined || channel.state.phase !== 'streaming') return false
    if (output.failure !== undefined) {
      this.failed(channel, output.failure)
      return true
    }
    if (channel.pending === undefined && channel.state.creditBytes > channel.state.sent.bytes)
      this.encodeNext(channel, output)
    if (channel.pending !== undefined) return this.sendFrame(channel, channel.pending)
    if (output.failure !== undefined) return this.advance(channel)
    if (output.status !== 'ended' || output.queuedBatches > 0) return false
    this.step(channel, { kind: 'end' })
    return true
  }

  private encodeNext(channel: SenderChannel, output: OutputChannel): void {
    const item = output.take()
    if (item === undefined) return
    try {
      channel.pending = { bytes: encodeBatch(item.batch), rows: item.batch.rowCount }
    } catch (error) {
      output.abort(toBallistaError(error))
    } finally {
      releaseBatch(item.batch)
    }
  }

  private sendFrame(channel: SenderChannel, pending: { bytes: Uint8Array; rows: number }): boolean {
    const bytes = Math.min(channel.frameBytes, pending.bytes.length)
    if (!canSend(channel.state, bytes)) return false
    const more = bytes < pending.bytes.length
    this.step(channel, { kind: 'send', bytes, rows: more ? 0 : pending.rows, more }, pending.bytes.subarray(0, bytes))
    channel.pending = more ? { bytes: pending.bytes.subarray(bytes), rows: pending.rows } : undefined
    return true
  }

  private step(channel: SenderChannel, event: SenderEvent, payload: Uint8Array = new Uint8Array(0)): void {
    const { state, effects } = stepSender(channel.state, event)
    channel.state = state
    for (const effect of effects) {
      switch (effect.kind) {
        case 'sendFrame': {
          const { seq, rows, more } = effect.frame
          const crc32 = frameChecksum(channel.number, { seq, rows, more }, payload)
          this.send({ frame: { channel: channel.number, seq, rows, more, crc32, payload } })
          countBytesSent(payload.length)
          break
        }
        case 'sendEos':
          this.send({ eos: { channel: channel.number, ...effect.totals } })
          break
        case 'sendFailure':
          this.send({ failure: { channel: channel.number, error: encodeError(channel.failure) } })
          break
        case 'acknowledged':
          channel.output?.acknowledge(channel.output.totals())
          break
        case 'cancelled':
          channel.output?.cancel()
          break
        case 'violated':
          channel.output?.abort(fail('PROTOCOL', [this.peer, effect.found]))
          break
      }
    }
    // A channel that is cancelled before its producer has started waits for `attach`.
    if (state.phase === 'done' && (channel.output ?? channel.failure) !== undefined)
      this.channels.delete(channel.number)
  }

  private send(message: ToConsumer): void {
    if (!this.closed && this.call.writable) this.call.write(message)
  }
}
