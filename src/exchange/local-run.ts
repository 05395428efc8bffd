/** Runs the stages of a query in this process: the same hub and worker threads as on an executor, and no network. */
import type { Batch } from '../arrow/batch.js'
import type { Clock, Rng } from '../common/clock.js'
import { fail, toBallistaError } from '../common/errors.js'
import { newJobId } from '../common/ids.js'
import type { Settings } from '../common/option.js'
import type { MetricsRow } from '../runtime/metrics.js'
import { openStream, type OperatorTable } from '../runtime/run-pipelines.js'
import { spillSpace, type SpillPlace } from '../runtime/spill-space.js'
import type { ExchangePorts, InputStream } from '../runtime/task-context.js'
import type { LocalTasks } from './local-tasks.js'
import { sharedLimit, sharedMemoryPool } from './shared-memory-pool.js'
import type { StagePlan, TaskReport, TaskSpec } from './stage.js'
import { functionsOf, stagedBy, taskContext, type TaskEnvironment } from './task-run.js'

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
  let tasks: Promise<LocalTasks> | undefined
  // Most small queries are one task, and need nothing of it.
  const loadTasks = async (): Promise<LocalTasks> => {
    const { localTasks } = await import('./local-tasks.js')
    return localTasks({ ...options, memory: limit, spill })
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
      const { run } = await (tasks ??= loadTasks())
      yield* run(jobId, query, environment)
    },
    close: async () => (await tasks)?.close(),
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
    query.onTask?.({ ...identity, operators: belowSink(operators()), ...stagedBy(context) })
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

/** The tasks of a stage; everything runs in this process. */
export function taskSpecs(jobId: string, { stages, settings }: LocalQuery, stage: StagePlan): TaskSpec[] {
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
