/** The cluster under test in its world: the real scheduler and executors, each on a machine of its own, started and killed at will. */
import { seededRng, type Rng } from '../../common/clock.js'
import type { Batch } from '../../arrow/batch.js'
import type { OperatorDefinition } from '../../physical/plan.js'
import type { ProcessUse } from '../../runtime/process-use.js'
import { eventLoopSlices } from '../../runtime/time-slice.js'
import type { Source } from '../../runtime/operator.js'
import { startExecutor, type RunningExecutor } from '../executor/server.js'
import { PLACEMENT_POLICIES } from '../scheduler/placement-policies.js'
import { startScheduler, type RunningScheduler, type SchedulerOptions } from '../scheduler/server.js'
import type { Machine } from './machine.js'
import { memoryFs } from './memory-fs.js'
import { PORT, simulatedTransport } from './transport.js'
import type { Watch } from './watch.js'
import type { Workload } from './workload.js'
import type { World } from './world.js'

export const SCHEDULER = 'scheduler'
export const SCHEDULER_ADDRESS = `${SCHEDULER}:${PORT}`

/** A scan pauses after a batch with this likelihood, for up to so long: its machine works meanwhile. */
const PACE = { likelihood: 0.4, mostMs: 100 }

/** Simulated processes take nothing. */
const noUse = (): ProcessUse => ({ cpuMs: 0, peakRssBytes: 0 })

/** Longer than any job takes. */
const DRAIN_MS = 300_000

interface Node<Running> {
  readonly machine: Machine
  /** `undefined` while it starts. */
  running: Running | undefined
}

export interface ClusterOptions extends Pick<SchedulerOptions, 'admission' | 'placement'> {
  readonly executors: number
  readonly slots: number
  readonly memoryLimit: number
  /** What of a process writes to disks; default: nothing does. */
  readonly disks?: Disks
}

/** Called for each process that starts. */
export interface Disks {
  /** Of a scheduler. */
  coordinating(machine: Machine): Promise<Pick<SchedulerOptions, 'state' | 'writes'>>
  /** Of an executor. */
  staging(definition: OperatorDefinition, machine: Machine): OperatorDefinition
}

export class Cluster {
  readonly executorHosts: readonly string[]
  private readonly world: World
  private readonly watch: Watch
  private readonly workload: Pick<Workload, 'operators' | 'planner'>
  private readonly options: ClusterOptions
  private readonly nodes = new Map<string, Node<RunningScheduler | RunningExecutor>>()
  private closing = false
  /** What was killed lets go of what it held: the operating system would do that. */
  private readonly ending: Promise<void>[] = []

  constructor(world: World, watch: Watch, workload: Pick<Workload, 'operators' | 'planner'>, options: ClusterOptions) {
    this.world = world
    this.watch = watch
    this.workload = workload
    this.options = options
    this.executorHosts = Array.from({ length: options.executors }, (_, i) => `executor-${i + 1}`)
  }

  /** Resolves when all listen; executors register later. */
  async start(): Promise<void> {
    await this.startNode(SCHEDULER)
    for (const host of this.executorHosts) await this.startNode(host)
  }

  machine(host: string): Machine | undefined {
    return this.nodes.get(host)?.machine
  }

  scheduler(): RunningScheduler | undefined {
    return this.nodes.get(SCHEDULER)?.running as RunningScheduler | undefined
  }

  executors(): RunningExecutor[] {
    return this.executorHosts.flatMap(host => {
      const running = this.nodes.get(host)?.running as RunningExecutor | undefined
      return running === undefined ? [] : [running]
    })
  }

  /** Hosts whose process runs. */
  get up(): readonly string[] {
    return [...this.nodes.keys()]
  }

  async startNode(host: string): Promise<void> {
    if (this.closing || this.nodes.has(host)) return
    const machine = this.world.start(host, this.childRng())
    const node: Node<RunningScheduler | RunningExecutor> = { machine, running: undefined }
    this.nodes.set(host, node)
    this.watch.note(() => `${host} starts`)
    node.running = await (host === SCHEDULER ? this.startScheduler(machine) : this.startExecutor(machine))
  }

  kill(host: string, powerLoss: boolean): void {
    const node = this.nodes.get(host)
    if (node === undefined) return
    this.nodes.delete(host)
    this.watch.note(() => `${host} ${powerLoss ? 'loses its power' : 'is killed'}`)
    this.world.kill(node.machine, powerLoss)
    this.ending.push(node.running?.close() ?? Promise.resolve())
  }

  /** The process shuts down as it does when it is asked to, after its work if it `drains`; then it is gone. */
  async shutDown(host: string, drains = false): Promise<void> {
    const node = this.nodes.get(host)
    if (node?.running === undefined) return
    if (drains && 'drain' in node.running) await node.running.drain(DRAIN_MS)
    // It may have been killed meanwhile.
    if (this.nodes.get(host) !== node) return
    this.nodes.delete(host)
    this.watch.note(() => `${host} shuts down`)
    const closed = node.running.close()
    this.ending.push(closed)
    await closed
    this.world.kill(node.machine, false)
  }

  /** Shuts everything down; resolves when nothing runs, also of what was killed. */
  async close(): Promise<void> {
    this.closing = true
    for (const host of this.executorHosts) await this.shutDown(host)
    await this.shutDown(SCHEDULER)
    await Promise.all(this.ending)
  }

  private async startScheduler(machine: Machine): Promise<RunningScheduler> {
    const { planner } = this.workload
    const { disks } = this.options
    const { admission = {}, placement = PLACEMENT_POLICIES['round-robin'] } = this.options
    return startScheduler({
      admission,
      placement,
      host: SCHEDULER,
      port: PORT,
      logLevel: 'silent',
      clock: machine.clock,
      rng: machine.rng,
      transport: simulatedTransport(this.world, machine),
      processUse: noUse,
      planner: (request, cluster) =>
        this.world.time.external(async () => {
          // A plan that is known is there at once, another one later: either way after all that the event has set going.
          await eventLoopSlices.next()
          return planner(request, cluster)
        }),
      ...(await disks?.coordinating(machine)),
    })
  }

  private startExecutor(machine: Machine): Promise<RunningExecutor> {
    const { disks } = this.options
    const { operators } = this.workload
    const own = disks === undefined ? operators : operators.map(each => disks.staging(each, machine))
    return startExecutor({
      host: machine.name,
      port: PORT,
      schedulerHost: SCHEDULER,
      schedulerPort: PORT,
      slots: this.options.slots,
      workDir: '',
      spillFs: memoryFs(machine),
      memoryLimit: this.options.memoryLimit,
      processUse: noUse,
      logLevel: 'silent',
      threads: 0,
      operators: own.map(definition => paced(definition, machine)),
      clock: machine.clock,
      rng: machine.rng,
      transport: simulatedTransport(this.world, machine),
    })
  }

  private childRng(): Rng {
    return seededRng(1 + Math.floor(this.world.rng.next() * 2 ** 31))
  }
}

/** The operator, whose scans take time. */
function paced(definition: OperatorDefinition, machine: Machine): OperatorDefinition {
  const { source } = definition
  if (source === undefined) return definition
  return {
    ...definition,
    source: (plan, ctx, inputs) => {
      const batches = source(plan, ctx, inputs)
      return plan.children.length > 0 ? batches : withPauses(batches, machine, ctx.signal)
    },
  }
}

async function* withPauses(batches: Source, machine: Machine, signal: AbortSignal): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    yield batch
    if (machine.rng.next() < PACE.likelihood)
      await machine.pause(PACE.mostMs * machine.rng.next() * machine.slowness, signal)
  }
}
