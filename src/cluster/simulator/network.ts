/** The wires between simulated machines: latency, order, and directions that are cut for a while. */
import type { Rng } from '../../common/clock.js'
import type { Machine } from './machine.js'
import type { VirtualTime } from './virtual-time.js'

/** How long a message takes: a share of chance on top of the least. */
export interface Latency {
  readonly leastMs: number
  readonly spreadMs: number
}

/** A peer that answers no ping is given up between these times, as grpc-js does with keepalive pings every 10 s. */
const KEEPALIVE_MS = { least: 10_000, most: 15_000 }

/** Cuts are by host: they outlive the processes on it. */
export class Network {
  readonly time: VirtualTime
  readonly rng: Rng
  /** One direction each, as `from>to`, with the number of cuts that lie on it. */
  private readonly cuts = new Map<string, number>()
  private readonly pipes = new Set<Pipe>()
  private readonly latency: Latency

  constructor(time: VirtualTime, rng: Rng, latency: Latency) {
    this.time = time
    this.rng = rng
    this.latency = latency
  }

  /** A message's way takes so long now. */
  delayMs(to: Machine): number {
    const { leastMs, spreadMs } = this.latency
    // Most messages are quick, a few are late: the square of chance.
    return (leastMs + spreadMs * this.rng.next() ** 2) * to.slowness
  }

  patienceMs(): number {
    return KEEPALIVE_MS.least + (KEEPALIVE_MS.most - KEEPALIVE_MS.least) * this.rng.next()
  }

  isCut(from: string, to: string): boolean {
    return (this.cuts.get(`${from}>${to}`) ?? 0) > 0
  }

  /** Nothing arrives from `from` at `to` any more until it is mended; what is sent meanwhile arrives then. */
  cut(from: string, to: string): void {
    const key = `${from}>${to}`
    this.cuts.set(key, (this.cuts.get(key) ?? 0) + 1)
  }

  mend(from: string, to: string): void {
    const key = `${from}>${to}`
    this.cuts.set(key, (this.cuts.get(key) ?? 0) - 1)
    if (this.isCut(from, to)) return
    for (const pipe of this.pipes) if (pipe.from.name === from && pipe.to.name === to) pipe.flush()
  }

  pipe(from: Machine, to: Machine): Pipe {
    const pipe = new Pipe(this, from, to, () => this.pipes.delete(pipe))
    this.pipes.add(pipe)
    return pipe
  }
}

/** One direction of a call: what is sent arrives once and in order, or not before a cut is mended. */
export class Pipe {
  readonly from: Machine
  readonly to: Machine
  private readonly network: Network
  private readonly onClose: () => void
  /** What has been sent and has not arrived, in order. */
  private readonly queue: (() => void)[] = []
  private lastArrivalMs = 0
  /** Arrivals that a cut has held up. */
  private heldUp = 0
  private closed = false

  constructor(network: Network, from: Machine, to: Machine, onClose: () => void) {
    this.network = network
    this.from = from
    this.to = to
    this.onClose = onClose
  }

  /** `arrive` runs at the other end; never, if a process at either end is dead or the pipe has been closed before. */
  send(arrive: () => void): void {
    if (!this.from.alive || this.closed) return
    this.queue.push(arrive)
    this.scheduleArrival()
  }

  flush(): void {
    for (; this.heldUp > 0; this.heldUp--) this.scheduleArrival()
  }

  close(): void {
    this.closed = true
    this.queue.length = 0
    this.onClose()
  }

  private scheduleArrival(): void {
    const { time } = this.network
    this.lastArrivalMs = Math.max(this.lastArrivalMs, time.nowMs + this.network.delayMs(this.to))
    time.at(this.lastArrivalMs, this.to, () => this.arrive())
  }

  /** The order is that of the queue: no message overtakes one that was held up. */
  private arrive(): void {
    if (this.closed || !this.to.alive) return
    if (this.network.isCut(this.from.name, this.to.name)) this.heldUp++
    else this.queue.shift()?.()
  }
}
