/**
 * The consumer's end of the exchange between processes: dials producers, checks what comes before it is decoded, and gives it to
 * readers as InputChannels. One call per producer process, job and edge.
 */
import { decodeBatch } from '../arrow/frame.js'
import { releaseBatch } from '../arrow/column.js'
import type { Batch } from '../arrow/batch.js'
import { fail, toBallistaError } from '../common/errors.js'
import { newReceiver, stepReceiver, type ReceiverEvent, type ReceiverState } from './channel-state.js'
import { frameChecksum } from './frame-checksum.js'
import type { ExchangeClient } from './grpc.js'
import type { InputChannel } from './merged-reader.js'
import { MAX_READ_WINDOW } from './options.js'
import type { Eos, Frame, ToConsumer, ToProducer } from './proto/messages.js'
import { checkVersion, decodeError, OWN_VERSION } from './protocol.js'
import type { RemoteKey } from './task-host.js'
import { grpcTransport, type Transport } from './transport.js'

/** The calls of one process to all its peers. */
export class RemoteExchange {
  private readonly clients = new Map<string, Promise<ExchangeClient>>()
  private readonly links = new Map<string, Link>()
  private readonly transport: Transport

  constructor(transport: Transport = grpcTransport) {
    this.transport = transport
  }

  /** A channel to one producer; nothing is dialled before `attach`. Errors come as the channel's `failure`. */
  open(address: string, key: RemoteKey): InputChannel {
    return new RemoteChannel(address, key, () => this.link(address, key))
  }

  /** Calls that are open; for tests and metrics. */
  get openCalls(): number {
    return this.links.size
  }

  /** Breaks all calls and closes all connections. */
  async close(): Promise<void> {
    for (const link of this.links.values()) link.cancel()
    const clients = [...this.clients.values()]
    this.clients.clear()
    await Promise.all(
      clients.map(client =>
        client.then(
          opened => opened.close(),
          () => undefined,
        ),
      ),
    )
  }

  private link(address: string, key: RemoteKey): Link {
    const name = `${address} ${key.jobId} ${key.edge}`
    const known = this.links.get(name)
    if (known !== undefined) return known
    const link = new Link(address, key, this.client(address), () => {
      if (this.links.get(name) === link) this.links.delete(name)
    })
    this.links.set(name, link)
    return link
  }

  private client(address: string): Promise<ExchangeClient> {
    const client = this.clients.get(address) ?? this.transport.exchange(address)
    this.clients.set(address, client)
    return client
  }
}

type Call = ReturnType<ExchangeClient['open']>

/** One call and its channels. It half-closes when its last channel is done, and is then not used again. */
class Link {
  readonly peer: string
  private readonly outbox: ToProducer[]
  private readonly channels = new Map<number, RemoteChannel>()
  private readonly onDone: () => void
  private nextChannel = 0
  private call: Call | undefined
  private done = false

  constructor(address: string, key: RemoteKey, client: Promise<ExchangeClient>, onDone: () => void) {
    this.peer = `executor ${address}`
    this.onDone = onDone
    this.outbox = [{ hello: { ...OWN_VERSION, jobId: key.jobId, edge: key.edge } }]
    void this.run(client)
  }

  add(channel: RemoteChannel): number {
    this.channels.set(this.nextChannel, channel)
    return this.nextChannel++
  }

  send(message: ToProducer): void {
    if (this.call === undefined) this.outbox.push(message)
    else if (this.call.writable) this.call.write(message)
  }

  /** The channel needs no more messages. */
  remove(number: number): void {
    this.channels.delete(number)
    if (this.channels.size > 0 || this.done) return
    this.finish()
    this.call?.end()
  }

  cancel(): void {
    this.finish()
    this.call?.cancel()
    this.breakChannels('this process closed it')
  }

  private async run(client: Promise<ExchangeClient>): Promise<void> {
    try {
      const dialled = (await client).open()
      // Late errors of a broken call; the loop below has seen it end.
      dialled.on('error', () => undefined)
      for (const message of this.outbox.splice(0)) dialled.write(message)
      this.call = dialled
      if (this.done) dialled.end()
      for await (const message of dialled as AsyncIterable<ToConsumer>) this.receive(message)
      this.breakChannels('it ended early')
    } catch (error) {
      this.call?.cancel()
      this.breakChannels((error as Error).message, error)
    } finally {
      this.finish()
    }
  }

  private receive(message: ToConsumer): void {
    if (message.helloAck !== undefined) return checkVersion(message.helloAck, this.peer)
    const part = message.frame ?? message.eos ?? message.failure
    const channel = part === undefined ? undefined : this.channels.get(part.channel)
    if (channel === undefined) return
    if (message.frame !== undefined) channel.receiveFrame(message.frame)
    if (message.eos !== undefined) channel.receiveEos(message.eos)
    if (message.failure !== undefined) channel.fail(decodeError(message.failure.error, this.peer))
  }

  private breakChannels(reason: string, cause?: unknown): void {
    const coded = toBallistaError(cause)
    const error =
      coded.code === 'PROTOCOL'
        ? coded
        : fail('NETWORK', [`the exchange with ${this.peer} broke: ${reason}`], { cause })
    for (const channel of this.channels.values()) channel.fail(error)
  }

  private finish(): void {
    this.done = true
    this.onDone()
  }
}

/** Decoded batches wait here for the reader, covered by the credit that was given for them. */
class RemoteChannel implements InputChannel {
  failure: Error | undefined
  private readonly peer: string
  private readonly key: RemoteKey
  private readonly dial: () => Link
  private link: Link | undefined
  private number = -1
  private state: ReceiverState
  private parts: Uint8Array[] = []
  private readonly queue: { batch: Batch; bytes: number }[] = []
  private onChange = (): void => undefined

  constructor(address: string, key: RemoteKey, dial: () => Link) {
    this.peer = `executor ${address}`
    this.key = key
    this.dial = dial
    this.state = newReceiver(Math.min(key.windowBytes, MAX_READ_WINDOW))
  }

  attach(onChange: () => void): void {
    this.onChange = onChange
    this.link = this.dial()
    this.number = this.link.add(this)
    const { producer, partition } = this.key
    this.link.send({ open: { channel: this.number, producer, partition, creditBytes: this.state.creditBytes } })
  }

  take(): Batch | undefined {
    const item = this.queue.shift()
    if (item !== undefined) this.step({ kind: 'used', bytes: item.bytes })
    return item?.batch
  }

  get status(): 'open' | 'ended' | 'failed' {
    if (this.failure !== undefined) return 'failed'
    return this.state.phase === 'ended' && this.queue.length === 0 ? 'ended' : 'open'
  }

  cancel(): void {
    this.release()
    this.step({ kind: 'cancel' })
  }

  decline(): void {
    const link = this.dial()
    const number = link.add(this)
    const { producer, partition } = this.key
    link.send({ open: { channel: number, producer, partition, creditBytes: 0 } })
    link.remove(number)
  }

  fail(error: Error): void {
    if (this.state.phase !== 'open') return
    this.failure = error
    this.release()
    this.step({ kind: 'fail' })
    this.onChange()
  }

  receiveFrame(frame: Frame): void {
    const { seq, rows, more, payload } = frame
    if (frameChecksum(this.number, { seq, rows, more }, payload) !== frame.crc32) {
      return this.refuse(fail('DATA_CORRUPTION', [this.peer, `frame ${seq} has a wrong checksum`]))
    }
    this.step({ kind: 'frame', frame: { seq, rows, more, bytes: payload.length } }, frame)
  }

  receiveEos(eos: Eos): void {
    const { frames, batches, rows, bytes } = eos
    this.step({ kind: 'eos', totals: { frames, batches, rows, bytes } })
    this.onChange()
  }

  private step(event: ReceiverEvent, frame?: Frame): void {
    const before = this.state.phase
    const { state, effects } = stepReceiver(this.state, event)
    this.state = state
    for (const effect of effects) {
      switch (effect.kind) {
        case 'keep':
          this.parts.push((frame as Frame).payload)
          break
        case 'deliver':
          this.deliver(frame as Frame, effect.bytes)
          break
        case 'sendCredit':
          this.link?.send({ credit: { channel: this.number, creditBytes: effect.creditBytes } })
          break
        case 'sendBye':
          this.link?.send({ bye: { channel: this.number, batches: effect.batches, rows: effect.rows } })
          break
        case 'sendCancel':
          this.link?.send({ cancel: { channel: this.number } })
          break
        case 'reject':
          this.refuse(fail(effect.code, [this.peer, effect.found]))
          break
      }
    }
    if (before === 'open' && this.state.phase !== 'open') this.link?.remove(this.number)
  }

  private deliver(frame: Frame, bytes: number): void {
    const whole = this.parts.length === 0 ? frame.payload : Buffer.concat([...this.parts, frame.payload])
    this.parts = []
    try {
      const batch = decodeBatch(whole, this.key.schema)
      this.queue.push({ batch, bytes })
      if (batch.rowCount !== frame.rows)
        throw fail('DATA_CORRUPTION', [this.peer, `${batch.rowCount} rows in a batch of ${frame.rows}`])
    } catch (error) {
      return this.refuse(toBallistaError(error))
    }
    this.onChange()
  }

  /** What came cannot be used: the producer stops, the reader sees why. */
  private refuse(error: Error): void {
    this.failure ??= error
    this.link?.send({ cancel: { channel: this.number } })
    this.release()
    if (this.state.phase === 'open') this.step({ kind: 'fail' })
    this.onChange()
  }

  private release(): void {
    this.parts = []
    for (const item of this.queue.splice(0)) releaseBatch(item.batch)
  }
}
