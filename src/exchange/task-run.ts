/** One task on this thread, apart from where its rows come from and go. */
import { toBallistaError } from '../common/errors.js'
import { configOf } from '../common/option.js'
import { bringShipped } from '../expr/functions/brought.js'
import { DynamicFilters } from '../runtime/dynamic-filter.js'
import { noMetrics, taskMetrics, type MetricsRow } from '../runtime/metrics.js'
import { SharedRows } from '../runtime/shared-rows.js'
import { runTask, type OperatorTable } from '../runtime/run-pipelines.js'
import type { SpillSpace } from '../runtime/spill-space.js'
import type { ExchangePorts, InputStream, MemoryPool, TaskContext } from '../runtime/task-context.js'
import { claimsOf } from './shared-scans.js'
import type { ExchangeSinkExec, TaskReport, TaskSpec } from './stage.js'

/** What a task sees beyond its specification. */
export interface TaskEnvironment {
  readonly operators: OperatorTable
  readonly memory: MemoryPool
  readonly spill: SpillSpace
  readonly host: string
  readonly streams: ReadonlyMap<string, InputStream>
  /** Whether functions that travel as code may run here; default: no. */
  readonly allowsUserCode?: boolean
}

/** The context of one task, and the counters that its operators have filled. */
export function taskContext(
  spec: TaskSpec,
  exchange: ExchangePorts,
  signal: AbortSignal,
  environment: Omit<TaskEnvironment, 'operators'>,
): { context: TaskContext; operators: () => readonly MetricsRow[] } {
  const metrics = taskMetrics()
  const context: TaskContext = {
    jobId: spec.jobId,
    stage: spec.stage,
    partition: spec.partition,
    partitionCount: spec.partitionCount,
    config: configOf(spec.settings),
    signal,
    memory: environment.memory,
    exchange,
    host: environment.host,
    metrics: (path, kind) => metrics.of(path, kind),
    counters: noMetrics,
    spill: environment.spill,
    streams: environment.streams,
    filters: new DynamicFilters(),
    shared: new SharedRows(),
    claims: claimsOf(spec),
    parts: [],
  }
  return { context, operators: () => metrics.snapshot() }
}

/** Runs one task with the given ports on this thread; never rejects. `onStart` gets what gives its counters at any time. */
export async function runTaskSpec(
  spec: TaskSpec,
  exchange: ExchangePorts,
  signal: AbortSignal,
  environment: TaskEnvironment,
  onStart: (operators: () => readonly MetricsRow[]) => unknown,
): Promise<TaskReport> {
  const { context, operators } = taskContext(spec, exchange, signal, environment)
  onStart(operators)
  const identity = { stage: spec.stage, partition: spec.partition }
  let release: (() => void) | undefined
  try {
    release = await functionsOf(spec.plan, environment)
    await runTask(spec.plan, context, environment.operators)
    return { ...identity, operators: operators(), ...stagedBy(context) }
  } catch (error) {
    return { ...identity, error: toBallistaError(error).toInfo(), operators: operators() }
  } finally {
    release?.()
  }
}

/** What a task that has succeeded reports of its files. */
export const stagedBy = ({ parts }: TaskContext): Pick<TaskReport, 'parts'> => (parts.length === 0 ? {} : { parts })

/** Loads the functions of users that a stage calls; the returned function lets them go. Throws as bringShipped. */
export async function functionsOf(
  { functions }: ExchangeSinkExec,
  { allowsUserCode = false }: Pick<TaskEnvironment, 'allowsUserCode'>,
): Promise<(() => void) | undefined> {
  return functions === undefined ? undefined : bringShipped(functions, allowsUserCode)
}
