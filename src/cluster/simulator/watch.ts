/** Sees every message of a simulation: writes the trace, keeps its hash, and checks that credits are kept. */
import { crc32 } from 'node:zlib'
import type { Rng } from '../../common/clock.js'
import type { ToConsumer, ToProducer } from '../../exchange/proto/messages.js'
import type { Call, CallObserver, CallStatus, Side } from './call.js'
import type { VirtualTime } from './virtual-time.js'

/** Messages whose repetition changes nothing: limits that only grow, and ends that come once. */
const REPEATABLE = ['credit', 'cancel', 'heartbeat', 'cancelJob', 'taskStatus']

/** Bytes of one channel as the wires see them. */
interface ChannelBytes {
  readonly window: number
  credit: number
  sent: number
  arrived: number
}

export class Watch implements CallObserver {
  /** Of the whole trace so far. */
  hash = 0
  events = 0
  /** How likely a message that may arrive twice does. */
  duplicates = 0
  readonly violations: string[] = []
  private readonly channels = new WeakMap<Call, Map<number, ChannelBytes>>()
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

  note(text: string): void {
    const line = `${(this.time?.nowMs ?? 0).toFixed(3)} ${text}`
    this.hash = crc32(line, this.hash)
    this.events++
    this.write?.(line)
  }

  violated(text: string): void {
    this.note(`VIOLATION ${text}`)
    this.violations.push(text)
  }

  sent(call: Call, side: Side, message: object): void {
    if (call.parts.kind === 'exchange') this.count(call, side, message, 'sent')
  }

  arrived(call: Call, side: Side, message: object): void {
    const [from, to] =
      side === 'client' ? [call.parts.client, call.parts.server] : [call.parts.server, call.parts.client]
    this.note(`${from.name} > ${to.name} ${call.parts.kind} ${call.parts.number} ${messageText(message)}`)
    if (call.parts.kind === 'exchange') this.count(call, side, message, 'arrived')
  }

  copies(_call: Call, message: object): number {
    if (this.duplicates === 0 || !REPEATABLE.some(kind => kind in message)) return 1
    return this.rng.next() < this.duplicates ? 2 : 1
  }

  ended(call: Call, side: Side, status: CallStatus): void {
    const { client, server, kind, number } = call.parts
    this.note(`${(side === 'client' ? client : server).name} ends ${kind} ${number}: ${status.details}`)
  }

  /** No producer sends more than its consumer has allowed, and no more than one window is ever on its way. */
  private count(call: Call, side: Side, message: object, when: 'sent' | 'arrived'): void {
    const channels = this.channels.get(call) ?? new Map<number, ChannelBytes>()
    this.channels.set(call, channels)
    if (side === 'client') {
      const { open, credit } = message as ToProducer
      if (open !== undefined && when === 'sent')
        channels.set(open.channel, { window: open.creditBytes, credit: 0, sent: 0, arrived: 0 })
      const granted = open ?? credit
      const channel = channels.get(granted?.channel ?? -1)
      if (when === 'arrived' && granted !== undefined && channel !== undefined)
        channel.credit = Math.max(channel.credit, granted.creditBytes)
      return
    }
    const { frame } = message as ToConsumer
    const channel = channels.get(frame?.channel ?? -1)
    if (frame === undefined || channel === undefined) return
    channel[when] += frame.payload.length
    if (channel.sent > channel.credit)
      this.violated(`${call.parts.server.name} sent ${channel.sent} bytes with credit for ${channel.credit}`)
    if (channel.sent - channel.arrived > channel.window)
      this.violated(`${channel.sent - channel.arrived} bytes on their way in a window of ${channel.window}`)
  }
}

/** What a message says, leaving out what differs between runs: reports tell of real time. */
function messageText(message: object): string {
  const isPart = (value: unknown): boolean => typeof value === 'object' && !ArrayBuffer.isView(value)
  const [kind, part] = Object.entries(message).find(([, value]) => isPart(value)) ?? ['request', message]
  const fields = Object.entries(part as object)
    .filter(([, value]) => typeof value !== 'object')
    .map(([name, value]) => (name === 'crc32' ? '' : ` ${name}=${value}`))
  return `${kind}${fields.join('')}`
}
