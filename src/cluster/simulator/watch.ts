/** Sees every message of a simulation: writes the trace when it is asked for, and checks that credits are kept. */
import type { Rng } from '../../common/clock.js'
import type { ChannelOpen, Hello, ToConsumer, ToProducer } from '../../exchange/proto/messages.js'
import type { Call, CallObserver, CallStatus, Side } from './call.js'
import type { VirtualTime } from './virtual-time.js'

/** Messages whose repetition changes nothing: limits that only grow, and ends that come once. */
const REPEATABLE = ['credit', 'cancel', 'heartbeat', 'cancelJob', 'taskStatus']

/** One channel as the wires see it, over all calls that carry it one after the other. */
interface ChannelBytes {
  readonly windowBytes: number
  /** What the producer has been allowed. */
  creditBytes: number
  /** By frame: bytes up to its end. */
  readonly ends: number[]
}

/** A channel on one call. */
interface CarriedChannel {
  readonly channel: ChannelBytes
  sent: number
  arrived: number
}

export class Watch implements CallObserver {
  /** Lines of the trace so far, whether it is written or not. */
  events = 0
  /** How likely a message that may arrive twice does. */
  duplicates = 0
  readonly violations: string[] = []
  private readonly channels = new Map<string, ChannelBytes>()
  private readonly hellos = new WeakMap<Call, Hello>()
  private readonly carried = new WeakMap<Call, Map<number, CarriedChannel>>()
  private time: VirtualTime | undefined
  private readonly rng: Rng
  private readonly write: ((line: string) => void) | undefined

  constructor(rng: Rng, write: ((line: string) => void) | undefined) {
    this.rng = rng
    this.write = write
  }

  /** Times of the trace are told by this clock from now on. */
  follow(time: VirtualTime): void {
    this.time = time
  }

  /** `text` is asked for when the trace is written: it costs more than the rest of an event's way through here. */
  note(text: () => string): void {
    this.events++
    this.write?.(`${(this.time?.nowMs ?? 0).toFixed(3)} ${text()}`)
  }

  violated(text: string): void {
    this.note(() => `VIOLATION ${text}`)
    this.violations.push(text)
  }

  sent(call: Call, side: Side, message: object): void {
    if (call.parts.kind === 'exchange') this.count(call, side, message, 'sent')
  }

  arrived(call: Call, side: Side, message: object): void {
    const [from, to] =
      side === 'client' ? [call.parts.client, call.parts.server] : [call.parts.server, call.parts.client]
    this.note(() => `${from.name} > ${to.name} ${call.parts.kind} ${call.parts.number} ${messageText(message)}`)
    if (call.parts.kind === 'exchange') this.count(call, side, message, 'arrived')
  }

  copies(_call: Call, message: object): number {
    if (this.duplicates === 0 || !REPEATABLE.some(kind => kind in message)) return 1
    return this.rng.next() < this.duplicates ? 2 : 1
  }

  ended(call: Call, side: Side, status: CallStatus): void {
    const { client, server, kind, number } = call.parts
    this.note(() => `${(side === 'client' ? client : server).name} ends ${kind} ${number}: ${status.details}`)
  }

  /** No producer sends more than its consumer has allowed, and no more than one window is ever on its way. */
  private count(call: Call, side: Side, message: object, when: 'sent' | 'arrived'): void {
    const channels = this.carried.get(call) ?? new Map<number, CarriedChannel>()
    this.carried.set(call, channels)
    if (side === 'server') return this.countFrame(call, channels, message as ToConsumer, when)
    const { hello, open, credit } = message as ToProducer
    if (hello !== undefined) this.hellos.set(call, hello)
    if (open !== undefined && when === 'sent')
      channels.set(open.channel, { channel: this.channelOf(call, open), sent: 0, arrived: 0 })
    const granted = open ?? credit
    const channel = channels.get(granted?.channel ?? -1)?.channel
    if (when === 'arrived' && granted !== undefined && channel !== undefined)
      channel.creditBytes = Math.max(channel.creditBytes, granted.creditBytes)
  }

  private channelOf(call: Call, open: ChannelOpen): ChannelBytes {
    const { consumer, jobId } = this.hellos.get(call) as Hello
    const name = `${call.parts.server.name} ${consumer} ${jobId} ${open.edge} ${open.producer} ${open.partition}`
    const known = this.channels.get(name)
    if (known !== undefined && open.received > 0) return known
    const channel: ChannelBytes = { windowBytes: open.creditBytes, creditBytes: 0, ends: [] }
    this.channels.set(name, channel)
    return channel
  }

  private countFrame(
    call: Call,
    channels: ReadonlyMap<number, CarriedChannel>,
    { frame }: ToConsumer,
    when: 'sent' | 'arrived',
  ): void {
    const carried = channels.get(frame?.channel ?? -1)
    if (frame === undefined || carried === undefined) return
    const { channel } = carried
    const { length } = frame.payload
    carried[when] += length
    if (when === 'arrived') return
    const start = frame.seq === 0 ? 0 : channel.ends[frame.seq - 1]
    channel.ends[frame.seq] = start + length
    const who = `frame ${frame.seq} of ${call.parts.server.name}`
    if (start >= channel.creditBytes) this.violated(`${who} begins at ${start} with credit for ${channel.creditBytes}`)
    const onTheWay = carried.sent - carried.arrived
    if (onTheWay >= channel.windowBytes + length)
      this.violated(`${onTheWay} bytes are on their way with ${who}, in a window of ${channel.windowBytes}`)
  }
}

/** What a message says, leaving out what differs between runs: reports tell of real time. */
function messageText(message: object): string {
  const isPart = (value: unknown): boolean => typeof value === 'object' && !ArrayBuffer.isView(value)
  const [kind, part] = Object.entries(message).find(([, value]) => isPart(value)) ?? ['request', message]
  const fields = Object.entries(part as object)
    .filter(([, value]) => typeof value !== 'object')
    .map(([name, value]) => (name === 'checksum' ? '' : ` ${name}=${value}`))
  return `${kind}${fields.join('')}`
}
