/** Where tasks run: on the main thread, or on worker threads (thread-host.ts). Both speak to the same hub. */
import type { Schema } from '../arrow/schema.js'
import { toBallistaError } from '../common/errors.js'
import { configOf } from '../common/option.js'
import type { MetricsRow } from '../runtime/metrics.js'
import type { EdgeToRead, ExchangePorts, ExchangeWriter } from '../runtime/task-context.js'
import type { ExchangeHub } from './exchange-hub.js'
import { partOf } from './output-item.js'
import { localInput, MergedReader, type InputChannel } from './merged-reader.js'
import { exchangeReadBytes, exchangeWriteBytes, reconnectMs, SMALL_READ_WINDOW } from './options.js'
import type { ProducerPlace, TaskReport, TaskSpec } from './stage.js'
import { runTaskSpec, type TaskEnvironment } from './task-run.js'

export interface TaskHost {
  /** Runs a task to its end; never rejects, and resolves only when nothing of the task is left running. */
  run(spec: TaskSpec, signal: AbortSignal): Promise<TaskReport>
  /** What tasks that run have counted; on threads, when they were asked last: every call asks anew. */
  counters(): readonly TaskCounters[]
  /** After the hub has closed the job and all its tasks have ended: memory of dead threads may be swept. */
  endJob(jobId: string): void
  /** Ends threads; no task may be running. */
  close(): Promise<void>
}

export interface TaskCounters {
  readonly jobId: string
  readonly stage: number
  readonly operators: readonly MetricsRow[]
}

/** Opens a channel to a producer of another process. */
export type RemoteInputs = (address: string, key: RemoteKey) => InputChannel

export interface RemoteKey {
  readonly jobId: string
  readonly edge: number
  readonly producer: number
  readonly partition: number
  readonly schema: Schema
  readonly windowBytes: number
  readonly reconnectMs: number
}

/** An input of a task, as one reader. */
export function openInputs(
  hub: ExchangeHub,
  remote: RemoteInputs | undefined,
  spec: TaskSpec,
  edge: EdgeToRead,
  windowBytes: number,
): MergedReader {
  const input = spec.inputs.find(candidate => candidate.edge === edge.edge)
  const producers = input?.producers ?? []
  const wanted = edge.producer === undefined ? producers : producers.slice(edge.producer, edge.producer + 1)
  const open = (place: ProducerPlace): InputChannel => {
    const key = { jobId: spec.jobId, edge: edge.edge, producer: place.task }
    if (place.address === undefined || remote === undefined) return localInput(hub, key, spec.partition)
    return remote(place.address, {
      ...key,
      partition: spec.partition,
      schema: edge.schema,
      windowBytes,
      reconnectMs: configOf(spec.settings).get(reconnectMs),
    })
  }
  return new MergedReader(wanted.map(open), input?.onDemand === true ? RAMP_BYTES : 0)
}

/**
 * More than the buffers between a scan and a client hold by default: when so much has passed, the client reads on, and all producers
 * on demand may work for it.
 */
const RAMP_BYTES = 40 * 1024 ** 2

/** Bytes that the task may have written and its consumers not taken: little where a client may want only the first rows. */
export function writeLimitOf({ plan, inputs, settings }: TaskSpec): number {
  const limit = configOf(settings).get(exchangeWriteBytes)
  const isOnDemand = plan.onDemand === true || inputs.some(input => input.onDemand === true)
  return isOnDemand ? Math.min(limit, SMALL_READ_WINDOW) : limit
}

/** What bounds an output of the task in bytes and time. */
export const outputLimits = (spec: TaskSpec): { limit: number; idleMs?: number } => ({
  limit: writeLimitOf(spec),
  ...(spec.clientIdleMs === undefined ? {} : { idleMs: spec.clientIdleMs }),
})

/** Bytes that may be on their way to the task from one producer; producers that are read apart share the window of an edge. */
export function readWindowOf(hub: ExchangeHub, { inputs, settings }: TaskSpec, { edge, producer }: EdgeToRead): number {
  const windowBytes = Math.min(configOf(settings).get(exchangeReadBytes), hub.budget.inputShare)
  const readers = producer === undefined ? 1 : inputs.find(input => input.edge === edge)?.producers.length
  return Math.ceil(windowBytes / (readers ?? 1))
}

/** Runs a task within its share of the hub's budget. */
export async function counted<T>(hub: ExchangeHub, spec: TaskSpec, run: () => Promise<T>): Promise<T> {
  hub.budget.count(spec, 1)
  try {
    return await run()
  } finally {
    hub.budget.count(spec, -1)
  }
}

/** False for a task on demand whose consumer has declined; waits until it has decided. Rejects when the job ends. */
export async function isWanted(hub: ExchangeHub, { jobId, partition, plan }: TaskSpec): Promise<boolean> {
  const [{ edge }] = plan.outputs
  return plan.onDemand !== true || hub.demanded({ jobId, edge, producer: partition })
}

/** The report of a task that never ran. */
export function unstarted({ stage, partition }: TaskSpec, error?: unknown): TaskReport {
  const identity = { stage, partition, operators: [] }
  return error === undefined ? identity : { ...identity, error: toBallistaError(error).toInfo() }
}

/**
 * After a task has finished: inputs that it never opened (the second input of a union behind a LIMIT) are cancelled, else their
 * producers would wait for ever.
 */
export function cancelUnopened(
  hub: ExchangeHub,
  remote: RemoteInputs | undefined,
  spec: TaskSpec,
  opened: ReadonlySet<number>,
): void {
  for (const { edge } of spec.inputs) {
    if (!opened.has(edge)) openInputs(hub, remote, spec, { edge, schema: { fields: [] } }, SMALL_READ_WINDOW).cancel()
  }
}

/** Tasks on the calling thread: for small queries, for tests, and for tasks that read streams of this process. */
export function inlineHost(options: {
  hub: ExchangeHub
  remote?: RemoteInputs
  environment: TaskEnvironment
}): TaskHost {
  const { hub, remote, environment } = options
  const running = new Map<TaskSpec, () => readonly MetricsRow[]>()
  return {
    async run(spec, signal) {
      try {
        if (!(await isWanted(hub, spec))) return unstarted(spec)
      } catch (error) {
        return unstarted(spec, error)
      }
      const opened = new Set<number>()
      const ports = hubPorts(hub, remote, spec, opened)
      const onStart = (operators: () => readonly MetricsRow[]): unknown => running.set(spec, operators)
      const report = await counted(hub, spec, () => runTaskSpec(spec, ports, signal, environment, onStart))
      running.delete(spec)
      if (report.error === undefined) cancelUnopened(hub, remote, spec, opened)
      return report
    },
    counters: () => Array.from(running, ([{ jobId, stage }, operators]) => ({ jobId, stage, operators: operators() })),
    endJob() {},
    async close() {},
  }
}

/** `opened` collects the edges that the task reads. */
function hubPorts(
  hub: ExchangeHub,
  remote: RemoteInputs | undefined,
  spec: TaskSpec,
  opened: Set<number>,
): ExchangePorts {
  return {
    openWriter({ edge, ...options }): ExchangeWriter {
      const key = { jobId: spec.jobId, edge, producer: spec.partition }
      const output = hub.openOutput(key, { ...options, ...outputLimits(spec) })
      return {
        async write(parts) {
          output.addParts(parts.flatMap((batch, partition) => (batch === undefined ? [] : [partOf(partition, batch)])))
          await output.writable()
          return output.isClosed ? 'closed' : 'open'
        },
        async end() {
          output.end()
          await output.drained()
        },
        fail: error => output.fail(error),
      }
    },
    openReader(edge) {
      opened.add(edge.edge)
      return {
        batches: () => openInputs(hub, remote, spec, edge, readWindowOf(hub, spec, edge)),
      }
    },
  }
}
