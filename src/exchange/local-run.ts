/** Runs the stages of a query in this process: the same hub and worker threads as on an executor, and no network. */
import type { Batch } from '../arrow/batch.js'
import { cancellation, sharedAbortController } from '../common/abort.js'
import type { Clock, Rng } from '../common/clock.js'
import { BallistaError, fail, toBallistaError, type ErrorInfo } from '../common/errors.js'
import { newJobId } from '../common/ids.js'
import type { Settings } from '../common/option.js'
import type { PhysicalPlan } from '../physical/plan.js'
import type { MetricsRow } from '../runtime/metrics.js'
import { openStream, type OperatorTable } from '../runtime/run-pipelines.js'
import { spillSpace, type SpillPlace } from '../runtime/spill-space.js'
import type { ExchangePorts, InputStream } from '../runtime/task-context.js'
import { ExchangeHub } from './exchange-hub.js'
import { localInput, MergedReader } from './merged-reader.js'
import { shareScans } from './shared-scans.js'
import { sharedLimit, sharedMemoryPool } from './shared-memory-pool.js'
import { regionsOf, type Region } from './regions.js'
import { callsClosure } from './stage-functions.js'
import type { StagePlan, TaskReport, TaskSpec } from './stage.js'
import { functionsOf, inlineHost, taskContext, type TaskEnvironment, type TaskHost } from './task-host.js'

export interface LocalEngineOptions {
  /** Worker threads for queries of several tasks, started with the first such query; 0: all tasks run on the calling thread. */
  readonly threads: number
  /** For tasks on the calling thread; threads load the lists that `workerEntry` names. */
  readonly operators: OperatorTable
  /** Bytes that the operators of all tasks together may hold. */
  readonly memoryLimit: number
  /** Where operators that reach it write. */
  readonly temp: SpillPlace
  readonly clock: Clock
  readonly rng: Rng
  /** Name of this host, for error messages. */
  readonly host: string
  /** URLs of extensions that threads load; whose operators are in `operators`. */
  readonly extensions?: readonly string[]
  /** Module of the worker threads; default: the engine's own. */
  readonly workerEntry?: URL
  /** As in ThreadHostOptions. */
  readonly stuckTaskMs?: number
}

export interface LocalQuery {
  /** As `fragment` gives them: the last stage has one task, whose output is the result. */
  readonly stages: readonly StagePlan[]
  readonly settings: Settings
  readonly signal?: AbortSignal
  /** Input streams by name; tasks that read one run on the calling thread. */
  readonly streams?: ReadonlyMap<string, InputStream>
  /** Called once for every task that has ended. */
  readonly onTask?: (report: TaskReport) => void
}

export interface LocalEngine {
  /**
   * The result, batch by batch, each given away. Nothing starts before the first `next()`; leaving early cancels what runs. Throws
   * the first failure of a task, or CANCELLED. After its end nothing of the query is left.
   */
  run(query: LocalQuery): AsyncGenerator<Batch, void, undefined>
  /** Ends the threads; no query may be running. */
  close(): Promise<void>
}

/** One per session. */
export function createLocalEngine(options: LocalEngineOptions): LocalEngine {
  const limit = sharedLimit(options.memoryLimit, options.threads)
  const memory = sharedMemoryPool(limit)
  const spill = spillSpace(options.temp)
  const hub = new ExchangeHub({ clock: options.clock, memoryLimit: options.memoryLimit, space: spill })
  let threads: Promise<TaskHost> | undefined
  const startThreads = async (): Promise<TaskHost> => {
    const { threadHost } = await import('./thread-host.js')
    return threadHost({
      hub,
      threads: options.threads,
      memory: limit,
      temp: options.temp,
      host: options.host,
      clock: options.clock,
      ...(options.stuckTaskMs === undefined ? {} : { stuckTaskMs: options.stuckTaskMs }),
      allowsUserCode: true,
      ...(options.extensions === undefined ? {} : { extensions: options.extensions }),
      ...(options.workerEntry === undefined ? {} : { workerEntry: options.workerEntry }),
    })
  }
  return {
    async *run(query) {
      const environment = {
        operators: options.operators,
        memory,
        spill,
        host: options.host,
        allowsUserCode: true,
        streams: query.streams ?? new Map(),
      }
      const jobId = newJobId(options.rng)
      if (query.stages.length === 1 && query.stages[0].taskCount === 1)
        return yield* runInline(jobId, query, environment)
      const inline = inlineHost({ hub, environment })
      const threaded = options.threads === 0 ? inline : await (threads ??= startThreads())
      const hostOf = (stage: StagePlan): TaskHost =>
        needsThisThread(stage.plan) || callsClosure(stage) ? inline : threaded
      yield* new LocalJob(jobId, query, hub, hostOf).results()
    },
    close: async () => (await threads)?.close(),
  }
}

const NO_EXCHANGE: ExchangePorts = {
  openReader: ({ edge }) => {
    throw fail('INTERNAL', [`edge ${edge} of a query of one task`])
  },
  openWriter: ({ edge }) => {
    throw fail('INTERNAL', [`edge ${edge} of a query of one task`])
  },
}

/** The one task of a query as a stream: no thread, no buffer, no exchange. */
async function* runInline(
  jobId: string,
  query: LocalQuery,
  environment: TaskEnvironment,
): AsyncGenerator<Batch, void, undefined> {
  const [stage] = query.stages
  const [spec] = taskSpecs(jobId, query, stage)
  const { context, operators } = taskContext(
    spec,
    NO_EXCHANGE,
    query.signal ?? new AbortController().signal,
    environment,
  )
  const identity = { stage: stage.id, partition: 0 }
  let release: (() => void) | undefined
  try {
    release = await functionsOf(stage.plan, environment)
    yield* openStream(stage.plan.children[0], context, environment.operators)
    query.onTask?.({ ...identity, operators: belowSink(operators()) })
  } catch (error) {
    query.onTask?.({ ...identity, error: toBallistaError(error).toInfo(), operators: belowSink(operators()) })
    throw error
  } finally {
    release?.()
  }
}

/** The places of operators as in the whole stage, whose root, the sink, does not run here. */
const belowSink = (rows: readonly MetricsRow[]): readonly MetricsRow[] =>
  rows.map(row => ({ ...row, path: `0.${row.path}` }))

class LocalJob {
  private readonly jobId: string
  private readonly query: LocalQuery
  private readonly hub: ExchangeHub
  private readonly hostOf: (stage: StagePlan) => TaskHost
  private readonly controller = sharedAbortController()
  private readonly failures: TaskReport[] = []
  /** Resolves when the hub holds nothing of the job. */
  private closed: Promise<void> | undefined
  /** The caller's abort. */
  private cancelled: BallistaError | undefined

  constructor(jobId: string, query: LocalQuery, hub: ExchangeHub, hostOf: (stage: StagePlan) => TaskHost) {
    this.jobId = jobId
    this.query = query
    this.hub = hub
    this.hostOf = hostOf
  }

  async *results(): AsyncGenerator<Batch, void, undefined> {
    const { signal, stages } = this.query
    const cancel = (): void => {
      this.cancelled = cancellation(signal?.reason)
      this.end('the query was aborted')
    }
    this.hub.openJob(this.jobId)
    const tasks = this.start()
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted) cancel()
    const root = { jobId: this.jobId, edge: stages[stages.length - 1].plan.outputs[0].edge, producer: 0 }
    try {
      yield* new MergedReader([localInput(this.hub, root, 0)])
      await Promise.all(tasks)
    } catch (error) {
      this.end('the query failed')
      await Promise.all(tasks)
      throw this.cause(toBallistaError(error))
    } finally {
      signal?.removeEventListener('abort', cancel)
      this.end('the consumer has left')
      await Promise.all(tasks)
      await this.closed
      for (const host of new Set(stages.map(this.hostOf))) host.endJob(this.jobId)
    }
    if (this.failures.length > 0) throw this.cause(new BallistaError(this.failures[0].error as ErrorInfo))
  }

  /** Starts every region when those that it waits for have ended; one promise a region. */
  private start(): Promise<void>[] {
    const regions: Promise<void>[] = []
    for (const { stages, after } of regionsOf(this.query.stages)) {
      const before = after.map(at => regions[at])
      regions.push(before.length === 0 ? this.runAll(stages) : Promise.all(before).then(() => this.runAll(stages)))
    }
    return regions
  }

  private async runAll(stages: Region['stages']): Promise<void> {
    if (this.controller.signal.aborted) return
    const tasks = stages.map(stage => {
      const host = this.hostOf(stage)
      return shareScans(taskSpecs(this.jobId, this.query, stage)).map(spec => this.runTask(host, spec))
    })
    await Promise.all(tasks.flat())
  }

  private async runTask(host: TaskHost, spec: TaskSpec): Promise<void> {
    const report = await host.run(spec, this.controller.signal)
    this.query.onTask?.(report)
    if (report.error === undefined) return
    this.failures.push(report)
    this.end('another task failed')
  }

  /** Aborts the tasks, and wakes those that wait for the exchange; the first call counts. */
  private end(why: string): void {
    if (this.controller.signal.aborted) return
    const reason = fail('CANCELLED', [why])
    this.controller.abort(reason)
    this.closed = this.hub.closeJob(this.jobId, reason)
  }

  /** The caller's abort, else the failure nearest to the sources: producers have lower stage ids than what their failure broke. */
  private cause(seen: BallistaError): BallistaError {
    const own = this.failures.filter(report => report.error?.code !== 'CANCELLED')
    const [first] = own.sort((left, right) => left.stage - right.stage || left.partition - right.partition)
    return this.cancelled ?? (first?.error === undefined ? seen : new BallistaError(first.error))
  }
}

function taskSpecs(jobId: string, { stages, settings }: LocalQuery, stage: StagePlan): TaskSpec[] {
  const taskCounts = new Map(stages.map(({ id, taskCount }) => [id, taskCount]))
  const inputs = stage.inputs.map(input => ({
    edge: input.edge,
    producers: Array.from({ length: taskCounts.get(input.stage) ?? 0 }, (_, task) => ({ task })),
    ...(input.onDemand === undefined ? {} : { onDemand: input.onDemand }),
  }))
  return Array.from({ length: stage.taskCount }, (_, partition) => ({
    jobId,
    stage: stage.id,
    partition,
    partitionCount: stage.taskCount,
    plan: stage.plan,
    settings,
    inputs,
  }))
}

/** Streams and tables of this process can be reached from its main thread only. */
function needsThisThread(plan: PhysicalPlan): boolean {
  const { source, target } = plan as PhysicalPlan & { source?: { kind?: string }; target?: { kind?: string } }
  return source?.kind === 'stream' || target?.kind === 'memory' || plan.children.some(needsThisThread)
}
