/** One simulation from one seed: a cluster, its clients and its bad luck; and the rules that hold whatever happens. */
import { bytesInUse } from '../../arrow/memory.js'
import { seededRng, type Rng } from '../../common/clock.js'
import type { ErrorCode } from '../../common/errors.js'
import { eventLoopSlices, useTimeSlices } from '../../runtime/time-slice.js'
import { drawClient, runClient, type ClientPlan, type ClientWorld, type Manner, type Outcome } from './client.js'
import { Cluster, SCHEDULER } from './cluster.js'
import { disturbs, drawFaults, isSurvived, seemsDeath, Fate, type Fault } from './faults.js'
import { PLACEMENT_POLICIES } from '../scheduler/placement-policies.js'
import { Watch } from './watch.js'
import { wrongRows, type Workload } from './workload.js'
import { World } from './world.js'

export interface SimulationOptions {
  readonly seed: number
  readonly workload: Workload
  /** Gets every line of the trace. */
  readonly trace?: (line: string) => void
}

export interface SimulationResult {
  readonly seed: number
  /** Lines of its trace. */
  readonly events: number
  readonly virtualMs: number
  readonly outcomes: readonly Outcome[]
  /** Empty when all went as promised. */
  readonly violations: readonly string[]
}

/** After the last disturbance every job comes to its end within this time. */
const JOB_BOUND_MS = 90_000
/** After it every executor is registered again and nothing is left of any job. */
const CALM_MS = 60_000
const LOOK_MS = 250
/** A loss may go unnoticed so long, and fail a job that came after it. */
const AFTERMATH_MS = 40_000
/** For everything to shut down, and for the timers of those who waited for a job that never came. */
const CLOSING_MS = 60_000
const LAST_TIMERS_MS = 30_000

/** So little that operators and buffers go to files. */
const SMALL_MEMORY = 4_000

/** What faults of the cluster and the network may do to a job. */
const LOSSES: readonly ErrorCode[] = ['EXECUTOR_LOST', 'NETWORK', 'NO_EXECUTORS', 'TASK_KILLS_EXECUTOR']

const CANCELLING: readonly Manner[] = ['abort', 'cancelled', 'die']

/** Simulations of one process run one after the other: they share its arena. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const simulation = new Simulation(options)
  useTimeSlices(simulation.slices())
  try {
    return await simulation.run()
  } finally {
    useTimeSlices(eventLoopSlices)
  }
}

class Simulation {
  private readonly options: SimulationOptions
  private readonly rng: Rng
  private readonly watch: Watch
  private readonly world: World
  private readonly cluster: Cluster
  private readonly outcomes: Outcome[] = []
  /** One query runs and one waits; others are refused. */
  private readonly isBusy: boolean
  /** Of before. */
  private readonly arenaBytes = bytesInUse()
  private faults: readonly Fault[] = []

  constructor(options: SimulationOptions) {
    this.options = options
    // Neighbouring seeds of xorshift begin alike.
    const rng = seededRng(Math.imul(options.seed, 0x9e3779b1) ^ 0x5bd1e995)
    for (let i = 0; i < 8; i++) rng.next()
    this.rng = rng
    this.watch = new Watch(rng, options.trace)
    const latency = { leastMs: 0.05, spreadMs: 2 * 10 ** (2 * rng.next()) }
    const windowBytes = 10 ** (2 + 4 * rng.next())
    this.world = new World({ rng, latency, windowBytes, observer: this.watch })
    this.watch.follow(this.world.time)
    this.isBusy = rng.next() < 0.1
    const policies = Object.values(PLACEMENT_POLICIES)
    this.cluster = new Cluster(this.world, this.watch, options.workload, {
      placement: policies[Math.floor(rng.next() * policies.length)],
      ...(this.isBusy ? { admission: { maxRunning: 1, maxQueued: 1 } } : {}),
      executors: 3 + Math.floor(3 * rng.next()),
      slots: 1 + Math.floor(2 * rng.next()),
      memoryLimit: rng.next() < 0.3 ? SMALL_MEMORY : 1024 ** 3,
    })
  }

  /** A turn is over when chance says so: other streams come between. */
  slices(): { isOver(): boolean; next(): Promise<void> } {
    const { rng, world } = this
    return {
      isOver: () => rng.next() < 0.05,
      next: () => new Promise(resolve => void world.time.at(world.time.nowMs, NOBODY, resolve)),
    }
  }

  async run(): Promise<SimulationResult> {
    const { cluster, options, rng, watch, world } = this
    const { queries } = options.workload
    const clients = Array.from({ length: 1 + Math.floor(3 * rng.next()) }, (_, i) =>
      drawClient(rng, `client-${i + 1}`, queries),
    )
    this.faults = drawFaults(rng, cluster.executorHosts, clients)
    await cluster.start()
    new Fate(world, cluster, watch).schedule(this.faults)
    for (const plan of clients) this.startClient(plan)
    await this.awaitOutcomes(clients)
    await this.awaitCalm()
    await this.close()
    for (const outcome of this.outcomes) this.judge(outcome)
    return {
      seed: options.seed,
      events: watch.events,
      virtualMs: world.time.nowMs,
      outcomes: this.outcomes,
      violations: watch.violations,
    }
  }

  private startClient(plan: ClientPlan): void {
    const { outcomes, rng, watch, world } = this
    const machine = world.start(plan.host, rng)
    machine.clock.after(plan.startMs, () => {
      watch.note(() => `${plan.host} ${plan.manner} ${plan.query.sql}`)
      void runClient(this.clientWorld(), machine, plan).then(outcome => {
        watch.note(() => `${plan.host} has ${outcome.error?.code ?? `${outcome.rows?.length ?? 'some'} rows`}`)
        outcomes.push(outcome)
      })
    })
  }

  private clientWorld(): ClientWorld {
    const { cluster, world } = this
    const { workload } = this.options
    return { world, workload, cancelJob: jobId => cluster.scheduler()?.jobs.cancel(jobId, 'by somebody') }
  }

  private async awaitOutcomes(clients: readonly ClientPlan[]): Promise<void> {
    const lastEvent = Math.max(
      ...this.faults.map(({ atMs, forMs }) => atMs + forMs),
      ...clients.map(({ delayMs, startMs }) => startMs + delayMs),
    )
    const isOver = (): boolean => this.outcomes.length === clients.length
    if (await this.world.time.run(isOver, lastEvent + JOB_BOUND_MS)) {
      await this.world.time.run(() => false, lastEvent)
      return
    }
    for (const { host, query } of clients) {
      if (!this.outcomes.some(({ plan }) => plan.host === host))
        this.watch.violated(`${host} still waits for ${query.sql}`)
    }
  }

  /** All is mended: the cluster is whole, and answers. */
  private async awaitCalm(): Promise<void> {
    const { watch, world } = this
    const endMs = world.time.nowMs + CALM_MS
    let left = this.leftOver()
    while (left.length > 0 && world.time.nowMs < endMs) {
      await world.time.run(() => false, world.time.nowMs + LOOK_MS)
      left = this.leftOver()
    }
    for (const what of left) watch.violated(`in the end: ${what}`)
  }

  private async close(): Promise<void> {
    const { cluster, watch, world } = this
    let isClosed = false
    void cluster.close().then(() => (isClosed = true))
    if (!(await world.time.run(() => isClosed, world.time.nowMs + CLOSING_MS)))
      watch.violated('the cluster does not close')
    await world.time.run(() => false, world.time.nowMs + LAST_TIMERS_MS)
    const leaked = bytesInUse() - this.arenaBytes
    if (leaked > 0) watch.violated(`${leaked} bytes in the arena after the end`)
    for (const call of world.open) watch.violated(`${call.parts.kind} ${call.parts.number} is open after the end`)
    for (const machine of world.machines.values()) {
      if (machine.timers > 0) watch.violated(`${machine.timers} timers of ${machine.name} after the end`)
    }
  }

  /** Who is missing, and what jobs have left on the nodes. */
  private leftOver(): string[] {
    const { cluster } = this
    const due = cluster.executorHosts.length
    const registered = cluster.scheduler()?.stats().executors ?? 0
    if (registered !== due) return [`${registered} of ${due} executors are registered`]
    const nodes = [cluster.scheduler(), ...cluster.executors()]
    const held = nodes.flatMap(node => {
      if (node === undefined) return []
      const { jobs, openCalls, queuedBytes, reservedBytes, runningTasks } = node.stats()
      return Object.entries({ jobs, openCalls, queuedBytes, reservedBytes, runningTasks })
        .filter(([, count]) => count > 0)
        .map(([what, count]) => `${what} is ${count} at ${node.address}`)
    })
    const bytes = bytesInUse() - this.arenaBytes
    return bytes > 0 ? [...held, `${bytes} bytes in the arena`] : held
  }

  private judge(outcome: Outcome): void {
    const { plan, error, rows } = outcome
    const { answer, sql } = plan.query
    const who = `${plan.host} (${plan.manner} ${sql})`
    if (rows !== undefined) {
      const wrong = wrongRows(answer, rows)
      if (wrong !== undefined) this.watch.violated(`${who}: ${wrong}`)
      return
    }
    if (error === undefined || (answer.kind === 'error' && error.code === answer.code)) return
    if (CANCELLING.includes(plan.manner) && error.code === 'CANCELLED') return
    if (error.code === 'RESOURCE_EXHAUSTED' && this.isBusy) return
    const allowed = plan.holds ? LOSSES : [...LOSSES, 'PARTIAL_RESULT_DELIVERED']
    if (allowed.includes(error.code) && this.isExcused(outcome)) return
    this.watch.violated(`${who}: ${error.code} ${error.message} ${error.context.join('; ')}`)
  }

  /** Something may be the reason of its failure; for who can start again, more than one loss of an executor. */
  private isExcused({ error, plan, endMs }: Outcome): boolean {
    const near = this.faults.filter(
      fault => disturbs(fault) && fault.atMs <= endMs && fault.atMs + fault.forMs + AFTERMATH_MS >= plan.startMs,
    )
    if (error?.code === 'TASK_KILLS_EXECUTOR' && !mayKillTwo(near)) return false
    if (!plan.holds || !plan.retries || near.length !== 1) return near.length > 0
    return !isSurvived(near[0], [plan.host])
  }
}

/** Two executors may have been taken for dead. */
const mayKillTwo = (faults: readonly Fault[]): boolean => {
  const deaths = faults.filter(seemsDeath)
  return deaths.length > 1 || deaths.some(fault => Object.values(fault).includes(SCHEDULER))
}

const NOBODY = { name: 'nobody', paused: false, held: [] }
