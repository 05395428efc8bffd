/** A task context for plans without exchanges: local runs of one stage, and tests. */
import { hostname } from 'node:os'
import { configOf, type Config } from '../common/option.js'
import { fail } from '../common/errors.js'
import { DynamicFilters } from './dynamic-filter.js'
import { memoryPool } from './memory-pool.js'
import { noMetrics, taskMetrics, type TaskMetrics } from './metrics.js'
import { memoryLimit } from './options.js'
import { spillPlace, spillSpace, type SpillSpace } from './spill-space.js'
import { SharedRows } from './shared-rows.js'
import type { ExchangePorts, InputStream, MemoryPool, TaskContext } from './task-context.js'

export interface LocalTask {
  readonly jobId?: string
  readonly stage?: number
  readonly partition?: number
  readonly partitionCount?: number
  readonly config?: Config
  readonly signal?: AbortSignal
  readonly memory?: MemoryPool
  readonly exchange?: ExchangePorts
  readonly metrics?: TaskMetrics
  readonly spill?: SpillSpace
  readonly streams?: ReadonlyMap<string, InputStream>
}

/** Absent: partition 0 of 1, default configuration, no cancellation, a pool of its own, no exchange edges. */
export function localTaskContext(task: LocalTask = {}): TaskContext {
  const config = task.config ?? configOf({})
  const metrics = task.metrics ?? taskMetrics()
  return {
    jobId: task.jobId ?? 'local',
    stage: task.stage ?? 0,
    partition: task.partition ?? 0,
    partitionCount: task.partitionCount ?? 1,
    config,
    signal: task.signal ?? new AbortController().signal,
    memory: task.memory ?? memoryPool(config.get(memoryLimit)),
    exchange: task.exchange ?? NO_EXCHANGE,
    host: hostname(),
    metrics: (path, kind) => metrics.of(path, kind),
    counters: noMetrics,
    spill: task.spill ?? spillSpace(spillPlace(config)),
    streams: task.streams ?? new Map(),
    filters: new DynamicFilters(),
    shared: new SharedRows(),
    claims: new Map(),
    parts: [],
  }
}

const NO_EXCHANGE: ExchangePorts = {
  openWriter: ({ edge }) => {
    throw fail('INTERNAL', [`a local plan wrote to exchange edge ${edge}`])
  },
  openReader: ({ edge }) => {
    throw fail('INTERNAL', [`a local plan read exchange edge ${edge}`])
  },
}
