/** Queries of several tasks in this process: a hub for their rows, and threads that start with the first one. */
import type { Batch } from '../arrow/batch.js'
import { cancellation, sharedAbortController } from '../common/abort.js'
import { BallistaError, fail, toBallistaError, type ErrorInfo } from '../common/errors.js'
import type { PhysicalPlan } from '../physical/plan.js'
import type { SpillSpace } from '../runtime/spill-space.js'
import { ExchangeHub } from './exchange-hub.js'
import { taskSpecs, type LocalEngineOptions, type LocalQuery } from './local-run.js'
import { localInput, MergedReader } from './merged-reader.js'
import { regionsOf, type Region } from './regions.js'
import type { SharedLimit } from './shared-memory-pool.js'
import { shareScans } from './shared-scans.js'
import { callsClosure } from './stage-functions.js'
import type { StagePlan, TaskReport, TaskSpec } from './stage.js'
import { inlineHost, type TaskHost } from './task-host.js'
import type { TaskEnvironment } from './task-run.js'

export interface LocalTasks {
  /** As LocalEngine.run. */
  readonly run: (
    jobId: string,
    query: LocalQuery,
    environment: TaskEnvironment,
  ) => AsyncGenerator<Batch, void, undefined>
  /** Ends the threads; no query may be running. */
  readonly close: () => Promise<void>
}

export function localTasks(
  options: LocalEngineOptions & { readonly memory: SharedLimit; readonly spill: SpillSpace },
): LocalTasks {
  const { clock, memory, memoryLimit, spill } = options
  const hub = new ExchangeHub({ clock, memoryLimit, space: spill })
  let threads: Promise<TaskHost> | undefined
  const startThreads = async (): Promise<TaskHost> => {
    const { threadHost } = await import('./thread-host.js')
    return threadHost({ ...options, hub, memory, allowsUserCode: true })
  }
  return {
    async *run(jobId, query, environment) {
      const inline = inlineHost({ hub, environment })
      const threaded = options.threads === 0 ? inline : await (threads ??= startThreads())
      const hostOf = (stage: StagePlan): TaskHost =>
        needsThisThread(stage.plan) || callsClosure(stage) ? inline : threaded
      yield* new LocalJob(jobId, query, hub, hostOf).results()
    },
    close: async () => (await threads)?.close(),
  }
}

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

/** Streams and tables of this process can be reached from its main thread only. */
function needsThisThread(plan: PhysicalPlan): boolean {
  const { source, target } = plan as PhysicalPlan & { source?: { kind?: string }; target?: { kind?: string } }
  return source?.kind === 'stream' || target?.kind === 'memory' || plan.children.some(needsThisThread)
}
