/** The producer's end of the exchange between processes: serves the hub's channels to the consumers that dial. */
import type { Clock } from '../common/clock.js'
import { fail } from '../common/errors.js'
import { Gate } from '../common/gate.js'
import { countBytesSent } from '../runtime/io-counters.js'
import type { ExchangeHub } from './exchange-hub.js'
import { messagesOf, type ExchangeCall } from './grpc.js'
import { MAX_RECONNECT_MS } from './options.js'
import type { ChannelOpen, Hello, ToConsumer, ToProducer } from './proto/messages.js'
import { checkVersion, OWN_VERSION } from './protocol.js'
import { SenderChannel, type Carrier } from './sender-channel.js'

/** All channels that consumers of other processes have opened here and that have not ended. */
export class ExchangeServer {
  readonly hub: ExchangeHub
  private readonly clock: Clock
  /** By consumer, and what it reads. */
  private readonly channels = new Map<string, SenderChannel>()

  constructor(options: { hub: ExchangeHub; clock: Clock }) {
    this.hub = options.hub
    this.clock = options.clock
  }

  /** Handles one call from its first message to its end; never rejects. */
  async serve(call: ExchangeCall): Promise<void> {
    const session = new ProducerSession(call, this)
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

  /**
   * The channel that a consumer opens: a new one, or the one that a broken call of the same consumer left. Undefined when that has been
   * opened by a later call: connections overtake each other where a network fails for a while.
   */
  channelOf(hello: Hello, open: ChannelOpen): SenderChannel | undefined {
    const name = `${hello.consumer} ${hello.jobId} ${open.edge}/${open.producer}/${open.partition}`
    const known = this.channels.get(name)
    if (known?.isBeyond(hello.call) === true) return undefined
    if (known !== undefined) {
      known.receive({ kind: 'resume', creditBytes: open.creditBytes, received: open.received })
      return known
    }
    const channel = new SenderChannel({
      number: open.channel,
      creditBytes: open.creditBytes,
      clock: this.clock,
      onDone: () => {
        if (this.channels.get(name) === channel) this.channels.delete(name)
      },
    })
    this.channels.set(name, channel)
    if (open.received > 0) {
      channel.fail(fail('NETWORK', [`what came after frame ${open.received} of the exchange is no longer here`]))
    } else {
      this.hub.channel({ jobId: hello.jobId, edge: open.edge, producer: open.producer }, open.partition).then(
        output => channel.attach(output),
        error => channel.fail(error),
      )
    }
    return channel
  }
}

/** One call and the channels that it carries. */
class ProducerSession implements Carrier {
  readonly peer: string
  private readonly call: ExchangeCall
  private readonly server: ExchangeServer
  private readonly channels = new Map<number, SenderChannel>()
  /** Those that may have something to send, in the order of their turns. */
  private readonly ready = new Set<SenderChannel>()
  private readonly drain = new Gate()
  private hello: Hello | undefined
  private pumping = false
  private closed = false

  constructor(call: ExchangeCall, server: ExchangeServer) {
    this.call = call
    this.server = server
    this.peer = `the consumer at ${call.getPeer()}`
    call.on('drain', () => this.drain.notify())
  }

  /** Throws PROTOCOL on what no consumer of this version sends. */
  receive(message: ToProducer): void {
    if (message.message === 'hello' && message.hello !== undefined) return this.greet(message.hello)
    if (this.hello === undefined) throw fail('PROTOCOL', [this.peer, 'its first message is not Hello'])
    if (message.open !== undefined) return this.open(message.open, this.hello)
    const { credit, cancel, bye } = message
    const channel = this.channels.get((credit ?? cancel ?? bye)?.channel ?? -1)
    if (channel === undefined) return
    if (credit !== undefined)
      channel.receive({ kind: 'credit', creditBytes: credit.creditBytes, received: credit.received })
    if (cancel !== undefined) channel.receive({ kind: 'cancel' })
    if (bye !== undefined) channel.receive({ kind: 'bye', batches: bye.batches, rows: bye.rows })
    this.wake(channel)
  }

  wake(channel: SenderChannel): void {
    this.ready.add(channel)
    void this.pump()
  }

  /** The call has ended: channels that have not wait for another one. */
  close(error: Error): void {
    this.closed = true
    this.drain.notify()
    const waitMs = Math.min(this.hello?.reconnectMs ?? 0, MAX_RECONNECT_MS)
    for (const channel of this.channels.values()) channel.dropped(this, error, waitMs)
    this.channels.clear()
    this.ready.clear()
  }

  private greet(hello: Hello): void {
    this.call.write({ helloAck: OWN_VERSION })
    checkVersion(hello, this.peer)
    this.hello = hello
  }

  private open(open: ChannelOpen, hello: Hello): void {
    if (this.channels.has(open.channel)) throw fail('PROTOCOL', [this.peer, `channel ${open.channel} is opened twice`])
    // What a consumer on demand declines.
    if (open.creditBytes === 0)
      return void this.server.hub.decline({ jobId: hello.jobId, edge: open.edge, producer: open.producer })
    const channel = this.server.channelOf(hello, open)
    if (channel === undefined) return
    if (channel.number !== open.channel)
      throw fail('PROTOCOL', [this.peer, `channel ${channel.number} is opened anew as ${open.channel}`])
    channel.carriedBy(this, hello.call)
    this.channels.set(open.channel, channel)
    this.wake(channel)
  }

  /** Sends while there is something to send and the call takes more; one loop at a time. */
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

  /** One message of the first channel that has one; the channel goes to the end of the row. False: nothing to do. */
  private sendOne(): boolean {
    for (const channel of this.ready) {
      this.ready.delete(channel)
      const message = channel.next(this)
      if (channel.isSpent) this.channels.delete(channel.number)
      if (message === undefined) continue
      this.ready.add(channel)
      this.send(message)
      return true
    }
    return false
  }

  private send(message: ToConsumer): void {
    if (!this.call.writable) return
    this.call.write(message)
    if (message.frame !== undefined) countBytesSent(message.frame.payload.length)
  }
}
