/**
 * One write on the simulated cluster that meets one fault. Real: the scheduler with its job machine, coordinator, committers and intents,
 * the executors with their operators and part files on this disk, the client's library, and the reader. Simulated: time, network, the
 * life and death of processes, and the store, which is in memory.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesInUse } from '../../../src/arrow/memory.js'
import type { Call, Side } from '../../../src/cluster/simulator/call.js'
import { Cluster, SCHEDULER, SCHEDULER_ADDRESS } from '../../../src/cluster/simulator/cluster.js'
import { SimulatedDisk, type DiskOperation } from '../../../src/cluster/simulator/disk.js'
import type { Machine } from '../../../src/cluster/simulator/machine.js'
import { simulatedTransport } from '../../../src/cluster/simulator/transport.js'
import { Watch } from '../../../src/cluster/simulator/watch.js'
import { World } from '../../../src/cluster/simulator/world.js'
import { seededRng } from '../../../src/common/clock.js'
import { toBallistaError, type BallistaError } from '../../../src/common/errors.js'
import { clusterClient } from '../../../src/exchange/remote-query.js'
import { MemoryStore } from '../../../src/kv/memory-store.js'
import { OPERATORS } from '../../../src/physical/operators/index.js'
import { eventLoopSlices, useTimeSlices } from '../../../src/runtime/time-slice.js'
import { planForCluster } from '../../../src/session/plan-for-cluster.js'
import { openBelow } from '../../helpers/node-watch.js'
import { WriteCase, type Seen, type WriteKind } from './write-kinds.js'

/** `executors`: all of them at once. `connection`: that of client and scheduler. `disk`: it is full for every process. */
export const TARGETS = ['scheduler', 'executor', 'executors', 'client', 'connection', 'disk'] as const

export type Target = (typeof TARGETS)[number]

export interface Crash {
  readonly target: Target
  /** It comes before this step: a message that is sent or arrives, or an operation on the disk or in the store. */
  readonly step: number
}

export interface CrashRun {
  /** What they were. */
  readonly steps: readonly string[]
  /** Of the first client. */
  readonly end: End
  readonly violations: readonly string[]
}

/** A number: rows that were acknowledged. */
export type End = number | BallistaError | 'died' | 'waits'

const KEY = { 'ballista.write.idempotency_key': 'the key' }
const SETTINGS = {
  ...KEY,
  'ballista.execution.target_partitions': '2',
  'ballista.execution.batch_size': '10',
  'ballista.optimizer.repartition_file_min_size': '1',
}
const EXECUTORS = 2
const GRACE_MS = 30_000
/** For everything that a client waits for, and for what comes after it. */
const LIMIT_MS = 120_000
const MAX_TRIES = 20
const CLEANING_MS = 10_000
/** What an operation takes at most: with a slow one, others come while a scheduler recovers. */
const QUICK_DISK_MS = 3
const SLOW_DISK_MS = 200
/** What readers might notice. */
const CHANGES: ReadonlySet<string> = new Set(['create', 'rename', 'link', 'unlink', 'removeDirectory'])

export async function runCrash(
  kind: WriteKind,
  seed: number,
  crash?: Crash,
  trace?: (line: string) => void,
): Promise<CrashRun> {
  const home = mkdtempSync(join(tmpdir(), 'write-crash-'))
  const run = new Run(new WriteCase(kind, home), home, seed, crash, trace)
  useTimeSlices(run.slices())
  try {
    return await run.whole()
  } finally {
    useTimeSlices(eventLoopSlices)
    rmSync(home, { recursive: true })
  }
}

/** Counts messages as steps. */
class StepWatch extends Watch {
  onMessage: (text: string) => void = () => undefined

  override sent(call: Call, side: Side, message: object): void {
    super.sent(call, side, message)
    this.#step('sends', side === 'client' ? call.parts.client : call.parts.server, message)
  }

  override arrived(call: Call, side: Side, message: object): void {
    super.arrived(call, side, message)
    this.#step('gets', side === 'client' ? call.parts.server : call.parts.client, message)
  }

  #step(verb: string, { name }: Machine, message: object): void {
    const kind = (message as { message?: string }).message ?? 'request'
    if (kind !== 'heartbeat') this.onMessage(`${name} ${verb} ${kind}`)
  }
}

class Run {
  readonly #case: WriteCase
  readonly #home: string
  readonly #crash: Crash | undefined
  readonly #watch: StepWatch
  readonly #world: World
  readonly #cluster: Cluster
  readonly #disk: SimulatedDisk
  readonly #store = new MemoryStore()
  readonly #steps: string[] = []
  readonly #arenaBytes = bytesInUse()
  #counts = false
  /** Since the reader has looked. */
  #mayHaveChanged = false
  #fullOperations = 0
  #seen: Seen = 'old'
  /** What was killed is started again. */
  #mended = true
  #clients = 0
  #killClient: (() => void) | undefined

  constructor(writeCase: WriteCase, home: string, seed: number, crash?: Crash, trace?: (line: string) => void) {
    this.#case = writeCase
    this.#home = home
    this.#crash = crash
    const rng = seededRng(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995)
    for (let i = 0; i < 8; i++) rng.next()
    this.#watch = new StepWatch(rng, trace)
    this.#world = new World({
      rng,
      latency: { leastMs: 0.05, spreadMs: 5 },
      windowBytes: 1024 ** 2,
      observer: this.#watch,
    })
    this.#watch.follow(this.#world.time)
    const watch = {
      before: (operation: DiskOperation): Promise<void> => this.#before(operation),
      isFull: () => this.#counts && this.#fullOperations-- > 0,
    }
    this.#disk = new SimulatedDisk(this.#world, this.#store, watch, rng.next() < 0.5 ? QUICK_DISK_MS : SLOW_DISK_MS)
    const workload = { operators: OPERATORS, planner: planForCluster }
    this.#cluster = new Cluster(this.#world, this.#watch, workload, {
      executors: EXECUTORS,
      slots: 1,
      memoryLimit: 1024 ** 3,
      disks: this.#disk,
    })
  }

  slices(): { isOver(): boolean; next(): Promise<void> } {
    const { time } = this.#world
    const nobody = { name: 'nobody', paused: false, held: [] }
    return { isOver: () => false, next: () => new Promise(resolve => void time.at(time.nowMs, nobody, resolve)) }
  }

  async whole(): Promise<CrashRun> {
    let started = false
    void this.#cluster.start().then(() => (started = true))
    await this.#until('the cluster starts', () => started && this.#isWhole())
    this.#watch.onMessage = text => this.#step(text)
    this.#counts = true
    const end = await this.#write()
    this.#counts = false
    const steps = [...this.#steps]
    // Half of the retries come while the first write may still be at work or being ended.
    if ((this.#crash?.step ?? 0) % 2 === 0) await this.#checkRecovered(end)
    await this.#retry()
    await this.#until('the cluster is whole, and no write open', () => this.#isWhole() && this.#openWrites() === 0)
    await this.#checkAfter()
    await this.#close()
    return { steps, end, violations: this.#watch.violations }
  }

  /** From a client of its own. */
  async #write(): Promise<End> {
    const host = `client-${++this.#clients}`
    const machine = this.#world.start(host, seededRng(this.#clients))
    const { clock, rng } = machine
    const client = clusterClient({
      address: SCHEDULER_ADDRESS,
      clock,
      rng,
      transport: simulatedTransport(this.#world, machine),
    })
    const controller = new AbortController()
    let end: End = 'waits'
    this.#killClient = () => {
      this.#world.kill(machine, false)
      end = 'died'
      controller.abort()
    }
    const written = async (): Promise<number> => {
      const { batches, explanation } = await client.submit({
        request: this.#case.request(SETTINGS),
        signal: controller.signal,
        onRestart: () => undefined,
        reconnectGraceMs: GRACE_MS,
      })
      for await (const _ of batches) this.#watch.violated('a write gives rows')
      return Number((await explanation())[0][0])
    }
    let isOver = false
    const over = written()
      .then(
        rows => void (end = end === 'died' ? end : rows),
        (error: unknown) => void (end = end === 'died' ? end : toBallistaError(error)),
      )
      .then(() => client.close())
      .then(() => (isOver = true))
    await this.#until(`${host} has its answer`, () => end !== 'waits')
    void over
    await this.#until(`${host} is closed`, () => isOver)
    return end
  }

  /** With the same key, until it has an answer: while the other one runs it is a conflict. */
  async #retry(): Promise<void> {
    for (let tries = 1; ; tries++) {
      const end = await this.#write()
      if (end === this.#case.rows) return
      const mayTryAgain = typeof end === 'object' && end.retryable && tries < MAX_TRIES
      if (!mayTryAgain) return this.#watch.violated(`the retry ends with ${endText(end)}`)
      await this.#world.time.run(() => false, this.#world.time.nowMs + 1_000)
    }
  }

  /** Before anybody writes again. */
  async #checkRecovered(end: End): Promise<void> {
    await this.#until('the cluster is whole', () => this.#isWhole())
    const isUnfinished = typeof end === 'object' && end.code === 'WRITE_UNFINISHED'
    // With a full store it may be left open when it has been cleaned.
    if (this.#crash?.target === 'disk') await this.#world.time.run(() => false, this.#world.time.nowMs + CLEANING_MS)
    else await this.#until('no write is open', () => this.#openWrites() === 0)
    const seen = await this.#read()
    if (typeof end === 'number' && seen !== 'new') this.#watch.violated(`acknowledged, and a reader sees ${seen}`)
    if (typeof end === 'object' && !isUnfinished && seen !== 'old')
      this.#watch.violated(`failed with ${end.code}, and a reader sees ${seen}`)
    if (!isUnfinished && this.#staged().length > 0)
      this.#watch.violated(`staging after recovery: ${this.#staged().join()}`)
  }

  async #checkAfter(): Promise<void> {
    const seen = await this.#read()
    if (seen !== 'new') this.#watch.violated(`after the retry a reader sees ${seen}`)
    if (this.#staged().length > 0) this.#watch.violated(`staging after the retry: ${this.#staged().join()}`)
  }

  #staged(): string[] {
    return readdirSync(this.#home, { recursive: true, encoding: 'utf8' }).filter(path => path.startsWith('.'))
  }

  #openWrites(): number {
    return this.#store.scan('write/open/').length
  }

  async #close(): Promise<void> {
    const { time } = this.#world
    let isClosed = false
    void this.#cluster.close().then(() => (isClosed = true))
    await this.#until('the cluster closes', () => isClosed)
    await time.run(() => false, time.nowMs + 30_000)
    this.#disk.close()
    for (let turns = 0; openBelow(this.#home, 'self').length > 0; turns++) {
      await eventLoopSlices.next()
      if (turns === 10_000) return this.#watch.violated(`open: ${openBelow(this.#home, 'self').join()}`)
    }
    const leaked = bytesInUse() - this.#arenaBytes
    if (leaked > 0) this.#watch.violated(`${leaked} bytes in the arena after the end`)
    for (const { parts } of this.#world.open)
      this.#watch.violated(`${parts.kind} ${parts.number} is open after the end`)
    for (const { name, timers } of this.#world.machines.values())
      if (timers > 0) this.#watch.violated(`${timers} timers of ${name} after the end`)
  }

  #isWhole(): boolean {
    const stats = this.#cluster.scheduler()?.stats()
    const tasks = this.#cluster.executors().reduce((sum, each) => sum + each.stats().runningTasks, 0)
    return this.#mended && stats?.executors === EXECUTORS && stats.jobs === 0 && tasks === 0
  }

  async #until(what: string, done: () => boolean): Promise<void> {
    const { time } = this.#world
    // Looked at by the clock: nobody tells of it.
    const end = time.nowMs + LIMIT_MS
    while (!done()) {
      if (time.nowMs >= end) return this.#watch.violated(`never: ${what}`)
      await time.run(done, time.nowMs + 100)
    }
  }

  async #before({ machine, name }: DiskOperation): Promise<void> {
    if (this.#mayHaveChanged) await this.#read()
    this.#mayHaveChanged = CHANGES.has(name)
    this.#step(`${machine.name} ${name}`)
  }

  /** By the polling reader, which sees the old content and then the new one, once. */
  async #read(): Promise<Seen> {
    const seen = await this.#world.time.external(() => this.#case.read())
    if (seen !== this.#seen && !(this.#seen === 'old' && seen === 'new'))
      this.#watch.violated(`a reader saw ${this.#seen}, then ${seen}`)
    this.#seen = seen
    return seen
  }

  #step(text: string): void {
    if (!this.#counts) return
    const step = this.#steps.push(text) - 1
    this.#watch.note(() => `STEP ${step} ${text}`)
    if (step === this.#crash?.step) this.#strike(this.#crash)
  }

  #strike({ target, step }: Crash): void {
    const hosts = this.#cluster.executorHosts
    switch (target) {
      case 'disk':
        this.#fullOperations = step % 3 === 0 ? 1 : Infinity
        return
      case 'client':
        return this.#killClient?.()
      case 'connection':
        return this.#world.reset(`client-${this.#clients}`, SCHEDULER)
      case 'scheduler':
        return this.#restart([SCHEDULER])
      case 'executor':
        return this.#restart([hosts[step % hosts.length]])
      case 'executors':
        return this.#restart(hosts)
    }
  }

  #restart(hosts: readonly string[]): void {
    this.#mended = false
    for (const host of hosts) this.#cluster.kill(host, false)
    const supervisor = this.#world.start('supervisor', this.#world.rng)
    supervisor.clock.after(3_000 * this.#world.rng.next(), () => {
      void Promise.all(hosts.map(host => this.#cluster.startNode(host))).then(() => (this.#mended = true))
    })
  }
}

export const endText = (end: End): string =>
  typeof end === 'object' ? `${end.code} ${end.message}` : typeof end === 'number' ? `${end} rows` : end
