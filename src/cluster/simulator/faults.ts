/** What goes wrong in a simulation, drawn from its seed, and when. */
import type { Rng } from '../../common/clock.js'
import { unreachable } from '../../common/invariant.js'
import { SCHEDULER, type Cluster } from './cluster.js'
import type { ClientPlan } from './client.js'
import type { Watch } from './watch.js'
import type { World } from './world.js'

export type Fault = {
  readonly atMs: number
  /** It is undone after this time: the process starts again, the cut is mended. */
  readonly forMs: number
} & (
  | { readonly kind: 'kill' | 'powerLoss' | 'shutDown' | 'drain' | 'pause' | 'slow'; readonly host: string }
  | { readonly kind: 'cut'; readonly from: string; readonly to: string; readonly bothWays: boolean }
  | { readonly kind: 'isolate'; readonly host: string }
  | { readonly kind: 'reset'; readonly from: string; readonly to: string }
  /** The scheduler's connections to all executors are lost; they live, and dial again. */
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'duplicates'; readonly likelihood: number }
)

/** A fault after which jobs may fail: late messages, slow machines and executors that drain are no excuse. */
export const disturbs = ({ kind }: Fault): boolean => kind !== 'slow' && kind !== 'drain' && kind !== 'duplicates'

/**
 * One executor less, or one connection: when nothing else goes wrong, a job that this befalls is tried again and succeeds. Hosts are
 * executors but for the scheduler and the clients.
 */
export function isSurvived(fault: Fault, clients: readonly string[]): boolean {
  switch (fault.kind) {
    case 'kill':
    case 'powerLoss':
    case 'shutDown':
    case 'pause':
      return fault.host !== SCHEDULER && !clients.includes(fault.host)
    case 'reset':
      return !clients.includes(fault.from) && !clients.includes(fault.to)
    case 'disconnect':
      return true
    case 'cut':
    case 'isolate':
      return false
    default:
      return !disturbs(fault)
  }
}

/** A fault that may make executors seem dead, one unless it befalls the scheduler: a connection that is lost does not. */
export const seemsDeath = (fault: Fault): boolean =>
  disturbs(fault) && fault.kind !== 'reset' && fault.kind !== 'disconnect'

/** Most faults begin so long after the start of a query, others in the time of all. */
const QUERY_MS = 700
const FAULTS_MS = 12_000
const SLOWNESS = 30

export function drawFaults(rng: Rng, executors: readonly string[], clients: readonly ClientPlan[]): Fault[] {
  const count = Math.floor(rng.next() ** 2 * 5)
  const hosts = clients.map(({ host }) => host)
  return Array.from({ length: count }, () => {
    const { startMs } = clients[Math.floor(rng.next() * clients.length)]
    const atMs = rng.next() < 0.7 ? startMs + QUERY_MS * rng.next() ** 2 : FAULTS_MS * rng.next()
    return drawFault(rng, executors, hosts, atMs)
  })
}

function drawFault(rng: Rng, executors: readonly string[], clients: readonly string[], atMs: number): Fault {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(rng.next() * list.length)]
  const everyone = [...executors, ...clients, SCHEDULER]
  const between = (): { from: string; to: string } => {
    const from = pick(everyone)
    return { from, to: pick(everyone.filter(host => host !== from)) }
  }
  // Most are over before anybody notices by himself, some only long after.
  const forMs = rng.next() < 0.75 ? 3_000 * rng.next() : 50_000 * rng.next()
  const when = { atMs, forMs }
  const dice = rng.next()
  // The scheduler is alone: it seldom dies.
  const node = (): string => (rng.next() < 0.1 ? SCHEDULER : pick(executors))
  if (dice < 0.2) return { ...when, kind: 'kill', host: node() }
  if (dice < 0.3) return { ...when, kind: 'powerLoss', host: node() }
  if (dice < 0.34) return { ...when, kind: 'shutDown', host: pick(executors) }
  if (dice < 0.38) return { ...when, kind: 'drain', host: pick(executors) }
  if (dice < 0.5) return { ...when, kind: 'pause', host: pick(everyone) }
  if (dice < 0.6) return { ...when, kind: 'slow', host: pick(everyone) }
  if (dice < 0.75) return { ...when, kind: 'cut', ...between(), bothWays: rng.next() < 0.5 }
  if (dice < 0.82) return { ...when, kind: 'isolate', host: pick(executors) }
  if (dice < 0.92) return forMs < 1_000 ? { ...when, kind: 'disconnect' } : { ...when, kind: 'reset', ...between() }
  return { ...when, kind: 'duplicates', likelihood: rng.next() }
}

/** Lets the faults happen to a cluster, and ends them. */
export class Fate {
  private readonly world: World
  private readonly cluster: Cluster
  private readonly watch: Watch

  constructor(world: World, cluster: Cluster, watch: Watch) {
    this.world = world
    this.cluster = cluster
    this.watch = watch
  }

  schedule(faults: readonly Fault[]): void {
    const fate = this.world.start('fate', this.world.rng)
    for (const fault of faults) {
      this.world.time.at(fault.atMs, fate, () => {
        const undo = this.begin(fault)
        this.world.time.at(fault.atMs + fault.forMs, fate, () => {
          this.watch.note(() => `${faultText(fault)} is over`)
          undo()
        })
      })
    }
  }

  /** Gives what undoes it. */
  private begin(fault: Fault): () => void {
    const { cluster, world } = this
    this.watch.note(() => faultText(fault))
    switch (fault.kind) {
      case 'kill':
      case 'powerLoss':
        cluster.kill(fault.host, fault.kind === 'powerLoss')
        return () => void cluster.startNode(fault.host)
      case 'shutDown':
      case 'drain': {
        const gone = cluster.shutDown(fault.host, fault.kind === 'drain')
        return () => void gone.then(() => cluster.startNode(fault.host))
      }
      case 'pause': {
        const machine = world.machines.get(fault.host)
        if (machine === undefined || machine.paused) return () => undefined
        world.pause(machine)
        return () => world.resume(machine)
      }
      case 'slow': {
        const machine = world.machines.get(fault.host)
        if (machine !== undefined) machine.slowness = SLOWNESS
        return () => {
          if (machine !== undefined) machine.slowness = 1
        }
      }
      case 'cut':
        world.cut(fault.from, fault.to, fault.bothWays)
        return () => world.mend(fault.from, fault.to, fault.bothWays)
      case 'isolate': {
        const others = [...world.machines.keys()].filter(host => host !== fault.host)
        for (const other of others) world.cut(fault.host, other, true)
        return () => {
          for (const other of others) world.mend(fault.host, other, true)
        }
      }
      case 'reset':
        world.reset(fault.from, fault.to)
        return () => undefined
      case 'disconnect':
        for (const host of cluster.executorHosts) world.reset(SCHEDULER, host)
        return () => undefined
      case 'duplicates':
        this.watch.duplicates = fault.likelihood
        return () => {
          this.watch.duplicates = 0
        }
      default:
        return unreachable(fault)
    }
  }
}

/** `kill executor-2 for 310 ms`. */
function faultText(fault: Fault): string {
  const { kind, atMs: _, forMs, ...what } = fault
  return `${kind} ${Object.values(what).join(' ')} for ${forMs.toFixed(0)} ms`
}
