/** The simulated world: machines by host, the calls between them, and what befalls them. */
import type { Duplex } from 'node:stream'
import type { Rng } from '../../common/clock.js'
import type { Services } from '../../exchange/transport.js'
import { Call, REFUSED, UNAVAILABLE, type CallObserver } from './call.js'
import { Machine } from './machine.js'
import { Network, type Latency } from './network.js'
import { VirtualTime } from './virtual-time.js'

/** TCP gives up to connect to a host that does not answer. */
const CONNECT_TIMEOUT_MS = 20_000

export interface WorldOptions {
  readonly rng: Rng
  readonly latency: Latency
  readonly windowBytes: number
  readonly observer: CallObserver
}

export class World {
  readonly time = new VirtualTime()
  readonly network: Network
  readonly rng: Rng
  /** The process of each host that was started last. */
  readonly machines = new Map<string, Machine>()
  private readonly options: WorldOptions
  /** Hosts without power: nobody answers there, not even with a refusal. */
  private readonly dark = new Set<string>()
  private callCount = 0
  private openCalls = new Set<Call>()

  constructor(options: WorldOptions) {
    this.options = options
    this.rng = options.rng
    this.network = new Network(this.time, options.rng, options.latency)
  }

  /** A new process on a host whose process, if there was one, is dead. Its peers of before hear at once that it knows no calls. */
  start(host: string, rng: Rng): Machine {
    const before = this.machines.get(host)
    const machine = new Machine(host, this.time, rng)
    this.machines.set(host, machine)
    this.dark.delete(host)
    if (before !== undefined) this.resetCalls(before)
    return machine
  }

  /**
   * The process is gone. Its host tells all peers, unless it has lost its power as well: then they notice by unanswered pings, or
   * when the next process starts there. Code of the dead process goes on, but nothing of what it does reaches anybody.
   */
  kill(machine: Machine, powerLoss: boolean): void {
    this.resume(machine)
    machine.alive = false
    machine.services = undefined
    for (const call of machine.calls) call.break(machine)
    if (powerLoss) {
      this.dark.add(machine.name)
      this.giveUpLater(machine, () => !machine.alive)
    } else this.resetCalls(machine)
  }

  /** SIGSTOP: the kernel still takes what comes, and pings stay without an answer. */
  pause(machine: Machine): void {
    machine.paused = true
    this.giveUpLater(machine, () => machine.paused)
  }

  resume(machine: Machine): void {
    if (!machine.paused) return
    machine.paused = false
    this.time.release(machine)
  }

  /** Nothing passes in the given directions; whoever has a call between these hosts gives it up after a while. */
  cut(from: string, to: string, bothWays: boolean): void {
    this.network.cut(from, to)
    if (bothWays) this.network.cut(to, from)
    for (const call of this.callsBetween(from, to)) this.watch(call)
  }

  mend(from: string, to: string, bothWays: boolean): void {
    this.network.mend(from, to)
    if (bothWays) this.network.mend(to, from)
  }

  /** A connection is lost; both ends notice. */
  reset(from: string, to: string): void {
    for (const call of this.callsBetween(from, to)) call.break(call.parts.client)
  }

  dial(
    client: Machine,
    address: string,
    kind: Call['parts']['kind'],
    handle: (services: Services, stream: Duplex) => void,
  ): Call {
    const host = address.slice(0, address.lastIndexOf(':'))
    const target = this.machines.get(host)
    const server = target ?? new Machine(host, this.time, this.rng)
    const { network } = this
    const { windowBytes, observer } = this.options
    const call = new Call({ number: this.callCount++, kind, client, server, network, windowBytes, observer })
    this.openCalls.add(call)
    const refuse = (delayMs: number): void =>
      void this.time.at(this.time.nowMs + delayMs, client, () => call.break(client, REFUSED))
    if (this.dark.has(host)) refuse(CONNECT_TIMEOUT_MS)
    else if (target === undefined || !target.alive) refuse(2 * network.delayMs(client))
    else {
      call.dial(stream => {
        if (target.services === undefined) call.break(target)
        else handle(target.services, stream)
      })
      this.watch(call)
    }
    return call
  }

  /** Calls that one end at least holds open. */
  get open(): readonly Call[] {
    this.openCalls = new Set([...this.openCalls].filter(call => !call.isOver))
    return [...this.openCalls]
  }

  private callsBetween(one: string, other: string): Call[] {
    const between = ({ parts: { client, server } }: Call): boolean =>
      (client.name === one && server.name === other) || (client.name === other && server.name === one)
    return this.open.filter(between)
  }

  /** The peers of a dead process hear from its host that it is gone. */
  private resetCalls(dead: Machine): void {
    for (const call of dead.calls) {
      const peer = call.parts.client === dead ? call.parts.server : call.parts.client
      this.time.at(this.time.nowMs + this.network.delayMs(peer), peer, () => call.break(peer))
    }
  }

  private giveUpLater(silent: Machine, stillSilent: () => boolean): void {
    for (const call of silent.calls) {
      const peer = call.parts.client === silent ? call.parts.server : call.parts.client
      this.after(peer, this.network.patienceMs(), () => {
        if (stillSilent()) call.break(peer)
      })
    }
  }

  /** Each end gives the call up after a while, if a direction is still cut then. */
  private watch(call: Call): void {
    const { client, server } = call.parts
    const isCut = (): boolean =>
      this.network.isCut(client.name, server.name) || this.network.isCut(server.name, client.name)
    if (!isCut()) return
    for (const machine of [client, server]) {
      this.after(machine, this.network.patienceMs(), () => {
        if (isCut()) call.break(machine, UNAVAILABLE)
      })
    }
  }

  private after(machine: Machine, delayMs: number, action: () => void): void {
    this.time.at(this.time.nowMs + delayMs, machine, action)
  }
}
