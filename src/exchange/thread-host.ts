/** Tasks on worker threads: the main thread's side of their exchange edges, and the ledger of batches on their way to them. */
import { sweepOwner } from '../arrow/memory.js'
import type { Schema } from '../arrow/schema.js'
import type { Clock, Timer } from '../common/clock.js'
import { deferred } from '../common/deferred.js'
import { BallistaError, toBallistaError } from '../common/errors.js'
import { Gate } from '../common/gate.js'
import type { SpillPlace } from '../runtime/spill-space.js'
import type { EdgeToRead, EdgeToWrite } from '../runtime/task-context.js'
import type { MetricsRow } from '../runtime/metrics.js'
import { WorkerPool } from '../runtime/worker-pool.js'
import { BatchLedger, ReceivedCounts } from './batch-ledger.js'
import type { ExchangeHub } from './exchange-hub.js'
import type { MergedReader } from './merged-reader.js'
import type { OutputBuffer } from './output-buffer.js'
import { releaseItem } from './output-item.js'
import { parcelBytes, releaseParcel, type Parcel } from './received-batch.js'
import type { ThreadData } from './serve-tasks.js'
import { forgetThread, type SharedLimit } from './shared-memory-pool.js'
import type { TaskReport, TaskSpec } from './stage.js'
import {
  cancelUnopened,
  counted,
  isWanted,
  openInputs,
  outputLimits,
  readWindowOf,
  unstarted,
  writeLimitOf,
  type RemoteInputs,
  type TaskCounters,
  type TaskHost,
} from './task-host.js'
import {
  fromPortablePart,
  toPortable,
  type FromThread,
  type PortablePart,
  type ToReader,
  type ToThread,
} from './thread-messages.js'

interface RunningTask {
  readonly spec: TaskSpec
  readonly thread: number
  readonly outputs: Map<number, { readonly buffer: OutputBuffer; readonly schema: Schema }>
  /** By number of the reader. */
  readonly inputs: Map<number, InputPump>
  /** Edges that the task reads or has read. */
  readonly opened: Set<number>
  /** Bytes that the thread may write to an output and that nobody has taken, as it knows at first. */
  readonly writeLimit: number
  /** Counted when it was asked last. */
  operators: readonly MetricsRow[]
  resolve(ended: EndedTask): void
}

interface EndedTask {
  readonly report: TaskReport
  /** Batches that its thread had received by then. */
  readonly received: number
}

interface InputPump {
  readonly reader: MergedReader
  readonly gate: Gate
  usedBytes: number
}

/**
 * A dead thread's heap, to be swept when these jobs have ended. Blocks of other threads that the dead one held (batches it had
 * received and not yet released) stay in use: nobody knows its references.
 */
interface Remains {
  readonly arenaThread: number
  readonly jobs: Set<string>
}

export interface ThreadHostOptions {
  readonly hub: ExchangeHub
  readonly remote?: RemoteInputs
  readonly threads: number
  /** Default: the bundle of task-worker.js. */
  readonly workerEntry?: URL
  readonly memory: SharedLimit
  readonly temp: SpillPlace
  /** Name of this host, for error messages. */
  readonly host: string
  readonly clock: Clock
  /** A cancelled task that does not end within this time loses its thread, and all tasks on it; default 5 s. */
  readonly stuckTaskMs?: number
  /** Whether functions that travel as code may run here; default: no. */
  readonly allowsUserCode?: boolean
  /** URLs of extensions that threads load. */
  readonly extensions?: readonly string[]
}

/** Operators look for a cancellation after milliseconds of work. */
const STUCK_TASK_MS = 5_000

/** Tasks that are asked for their counters at once; of more, some each time, in turn: the event loop has other work. */
const SAMPLES_AT_ONCE = 1_000

/** Threads start with the first task; many tasks run on one thread, all resident. */
export function threadHost(options: ThreadHostOptions): TaskHost {
  return new ThreadHost(options)
}

class ThreadHost implements TaskHost {
  private readonly hub: ExchangeHub
  private readonly remote: RemoteInputs | undefined
  private readonly memory: SharedLimit
  private readonly clock: Clock
  private readonly stuckTaskMs: number
  private readonly pool: WorkerPool
  private readonly tasks = new Map<number, RunningTask>()
  /** Per thread. */
  private readonly ledgers: readonly BatchLedger[]
  private readonly remains = new Set<Remains>()
  private nextTask = 0
  /** The last task that was asked for its counters in this round; -1: a round begins. */
  private sampledTo = -1

  constructor(options: ThreadHostOptions) {
    const { allowsUserCode = false, extensions = [], host, memory, temp, threads } = options
    const received = ReceivedCounts.forThreads(threads)
    const data: ThreadData = { memory, temp, host, allowsUserCode, extensions, received: received.shared }
    this.memory = options.memory
    this.clock = options.clock
    this.stuckTaskMs = options.stuckTaskMs ?? STUCK_TASK_MS
    this.hub = options.hub
    this.remote = options.remote
    this.ledgers = Array.from({ length: threads }, (_, thread) => new BatchLedger(() => received.of(thread)))
    this.pool = new WorkerPool({
      entry: options.workerEntry ?? new URL('../../threads/task-worker.js', import.meta.url),
      threads,
      data,
      onMessage: (thread, message) => this.receive(thread, message as FromThread),
      onLost: (thread, error, arenaThread) => this.lost(thread, error, arenaThread),
    })
  }

  async run(spec: TaskSpec, signal: AbortSignal): Promise<TaskReport> {
    this.pool.hold()
    try {
      if (!(await isWanted(this.hub, spec))) return unstarted(spec)
      return await counted(this.hub, spec, async () => {
        await this.pool.start()
        return this.runOnThread(spec, signal)
      })
    } catch (error) {
      return unstarted(spec, error)
    } finally {
      this.pool.unhold()
    }
  }

  counters(): readonly TaskCounters[] {
    const asked = [...this.tasks.keys()].filter(task => task > this.sampledTo).slice(0, SAMPLES_AT_ONCE)
    this.sampledTo = asked.length < SAMPLES_AT_ONCE ? -1 : asked[asked.length - 1]
    for (const task of asked) this.post((this.tasks.get(task) as RunningTask).thread, { kind: 'sample', task })
    return Array.from(this.tasks.values(), ({ spec, operators }) => ({
      jobId: spec.jobId,
      stage: spec.stage,
      operators,
    }))
  }

  endJob(jobId: string): void {
    for (const remains of this.remains) {
      remains.jobs.delete(jobId)
      this.sweepIfUnused(remains)
    }
  }

  async close(): Promise<void> {
    await this.pool.close()
    this.ledgers.forEach(ledger => ledger.releaseAll())
  }

  private async runOnThread(spec: TaskSpec, signal: AbortSignal): Promise<TaskReport> {
    const task = this.nextTask++
    const thread = task % this.pool.threads
    const ended = deferred<EndedTask>()
    const running: RunningTask = {
      spec,
      thread,
      outputs: new Map(),
      inputs: new Map(),
      opened: new Set(),
      writeLimit: Math.min(writeLimitOf(spec), this.hub.budget.outputShare),
      operators: [],
      resolve: how => ended.resolve(how),
    }
    let received = 0
    let lastResort: Timer | undefined
    const abort = (): void => {
      this.post(thread, { kind: 'cancel', task, reason: toBallistaError(signal.reason).toInfo() })
      lastResort = this.clock.after(this.stuckTaskMs, () => this.pool.terminate(thread))
    }
    try {
      this.tasks.set(task, running)
      // The thread needs no places of producers: the main thread dials them.
      this.post(thread, { kind: 'run', task, spec: { ...spec, inputs: [] }, writeLimit: running.writeLimit })
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
      const how = await ended.promise
      const { report } = how
      received = how.received
      lastResort?.cancel()
      if (report.error === undefined) cancelUnopened(this.hub, this.remote, spec, running.opened)
      return report
    } finally {
      signal.removeEventListener('abort', abort)
      this.tasks.delete(task)
      for (const reader of running.inputs.keys()) this.closeInput(running, reader)
      await this.ledgers[thread].settled(task, received)
    }
  }

  private post(thread: number, message: ToThread): void {
    this.pool.post(thread, message)
  }

  private receive(thread: number, message: FromThread): void {
    if (message.kind === 'batchDropped') return this.ledgers[thread].dropped(message.task)
    const running = this.tasks.get(message.task)
    if (running === undefined) {
      if (message.kind === 'write') drop(message.parts)
      return
    }
    switch (message.kind) {
      case 'openWriter':
        return this.openOutput(message.task, running, message.output)
      case 'write':
        return this.write(message.task, running, message)
      case 'writeEnd':
        return this.endOutput(message.task, running, message.edge)
      case 'writeAbort':
        return running.outputs.get(message.edge)?.buffer.fail(new BallistaError(message.error))
      case 'openReader':
        return void this.pump(message.task, running, message)
      case 'readCredit': {
        const input = running.inputs.get(message.reader)
        if (input === undefined) return
        input.usedBytes = message.bytes
        return input.gate.notify()
      }
      case 'closeReader':
        return this.closeInput(running, message.reader)
      case 'sampled':
        running.operators = message.operators
        return
      case 'done':
        return running.resolve(message)
    }
  }

  private openOutput(task: number, running: RunningTask, { edge, ...options }: EdgeToWrite): void {
    const { jobId, partition: producer } = running.spec
    const { hub } = this
    // What is materialized is read when its writer has long ended.
    const tell = (message: ToThread): void => {
      if (this.tasks.has(task)) this.post(running.thread, message)
    }
    let taken = 0
    let told = 0
    let toldLimit = running.writeLimit
    // Not every batch: a writer that waits has written a limit more than it was told.
    const tellTaken = (): void => {
      const limit = running.outputs.get(edge)?.buffer.limit ?? toldLimit
      if (taken - told < Math.min(limit, toldLimit) / 2) return
      told = taken
      toldLimit = Math.min(limit, running.writeLimit)
      tell({ kind: 'writeCredit', task, edge, bytes: taken, limit })
    }
    try {
      const buffer = hub.openOutput(
        { jobId, edge, producer },
        {
          ...options,
          ...outputLimits(running.spec),
          onTaken(bytes) {
            taken += bytes
            tellTaken()
          },
          onClosed: partition => tell({ kind: 'writeClosed', task, edge, partition }),
          onEncode: partition => tell({ kind: 'writeEncoded', task, edge, partition }),
        },
      )
      running.outputs.set(edge, { buffer, schema: options.schema })
      void buffer.failed.then(error => this.writeFailed(task, running, edge, error))
    } catch (error) {
      this.writeFailed(task, running, edge, error)
    }
  }

  private write(task: number, running: RunningTask, message: Extract<FromThread, { kind: 'write' }>): void {
    const output = running.outputs.get(message.edge)
    if (output === undefined) return drop(message.parts)
    try {
      output.buffer.addParts(message.parts.map(part => fromPortablePart(part, output.schema)))
    } catch (error) {
      this.writeFailed(task, running, message.edge, error)
    }
  }

  private endOutput(task: number, running: RunningTask, edge: number): void {
    const buffer = running.outputs.get(edge)?.buffer
    if (buffer === undefined) return
    buffer.end()
    buffer.drained().then(
      () => this.tasks.has(task) && this.post(running.thread, { kind: 'writeDrained', task, edge }),
      error => this.writeFailed(task, running, edge, error),
    )
  }

  private writeFailed(task: number, running: RunningTask, edge: number, error: unknown): void {
    if (this.tasks.has(task))
      this.post(running.thread, { kind: 'writeFailed', task, edge, error: toBallistaError(error).toInfo() })
  }

  /** Moves batches to the thread while fewer than the window's bytes are unused there. */
  private async pump(
    task: number,
    running: RunningTask,
    { reader: number, input: edge }: { reader: number; input: EdgeToRead },
  ): Promise<void> {
    const windowBytes = readWindowOf(this.hub, running.spec, edge)
    const reader = openInputs(this.hub, this.remote, running.spec, edge, windowBytes)
    const input: InputPump = { reader, gate: new Gate(), usedBytes: 0 }
    running.inputs.set(number, input)
    running.opened.add(edge.edge)
    let sentBytes = 0
    let askedBytes = 0
    try {
      for (let parcel = await reader.nextParcel(); parcel !== undefined; parcel = await reader.nextParcel()) {
        if (!this.tasks.has(task)) return releaseParcel(parcel)
        sentBytes += parcelBytes(parcel)
        // Not every batch: while this waits for the thread, a batch that asked for an answer is unused there.
        const wantsCredit = sentBytes - askedBytes >= windowBytes / 2
        if (wantsCredit) askedBytes = sentBytes
        this.forward(running.thread, { task, reader: number, wantsCredit }, parcel)
        while (sentBytes - input.usedBytes >= windowBytes && running.inputs.has(number)) await input.gate.wait()
      }
      if (this.tasks.has(task)) this.post(running.thread, { kind: 'readEnd', task, reader: number })
    } catch (error) {
      if (this.tasks.has(task))
        this.post(running.thread, { kind: 'readFailed', task, reader: number, error: toBallistaError(error).toInfo() })
    }
  }

  /** Gives the thread what its task reads. */
  private forward(thread: number, to: ToReader, parcel: Parcel): void {
    this.ledgers[thread].sent(to.task, parcel)
    if (parcel.kind === 'received') return this.post(thread, { kind: 'received', ...to, received: parcel.received })
    this.post(thread, { kind: 'batch', ...to, batch: toPortable(parcel.batch), bytes: parcelBytes(parcel) })
  }

  private closeInput(running: RunningTask, reader: number): void {
    const input = running.inputs.get(reader)
    running.inputs.delete(reader)
    input?.reader.cancel()
    input?.gate.notify()
  }

  /** All tasks of the thread fail; what was on its way to it comes back. */
  private lost(thread: number, error: Error, arenaThread: number | undefined): void {
    // Also jobs of which no task runs here now: what ended tasks have given may lie in the thread's heap.
    const jobs = new Set(this.hub.openJobs)
    for (const running of this.tasks.values()) {
      if (running.thread !== thread) continue
      for (const { buffer } of running.outputs.values()) buffer.fail(error)
      const { stage, partition } = running.spec
      const report = { stage, partition, error: toBallistaError(error).toInfo(), operators: [] }
      running.resolve({ report, received: 0 })
    }
    this.ledgers[thread].releaseAll()
    forgetThread(this.memory, thread)
    if (arenaThread === undefined) return
    const remains = { arenaThread, jobs }
    this.remains.add(remains)
    this.sweepIfUnused(remains)
  }

  private sweepIfUnused(remains: Remains): void {
    if (remains.jobs.size > 0) return
    this.remains.delete(remains)
    sweepOwner(remains.arenaThread)
  }
}

/** Parts that nobody takes. */
const drop = (parts: readonly PortablePart[]): void =>
  parts.forEach(part => releaseItem(fromPortablePart(part, { fields: [] }).item))
