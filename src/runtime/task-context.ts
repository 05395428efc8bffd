/** What a running task sees of the world: its identity, limits, cancellation and the ports of its exchange edges. */
import type { Batch } from '../arrow/batch.js'
import type { Schema } from '../arrow/schema.js'
import type { Config } from '../common/option.js'
import type { DynamicFilters } from './dynamic-filter.js'
import type { SharedRows } from './shared-rows.js'
import type { SpillSpace } from './spill-space.js'
import type { SplitClaims } from './split-claims.js'
import type { StagedPart } from './staged-part.js'

/** Bytes an operator holds, charged before they are allocated. */
export interface Reservation {
  /** Bytes held now. */
  readonly byteLength: number
  /** Sets the size; false if the limit refuses it (the old size stays). */
  tryResize(byteLength: number): boolean
  /** Sets the size; throws MEMORY_LIMIT. */
  resize(byteLength: number): void
  /** Sets the size, past the limit too: for the batch in hand of an operator that spills. MEMORY_LIMIT if no batch is that large. */
  force(byteLength: number): void
  release(): void
}

export interface MemoryPool {
  readonly limit: number
  readonly reserved: number
  reserve(owner: string): Reservation
}

/** Producer end of one exchange edge for one task: one channel per output partition. */
export interface ExchangeWriter {
  /**
   * One part for each partition; empty ones are undefined. Takes over one reference of each, whatever comes of it. Resolves when more
   * may be sent; `closed` when no partition wants more.
   */
  write(parts: readonly (Batch | undefined)[]): Promise<'open' | 'closed'>
  /** Every channel ends with its totals. */
  end(): Promise<void>
  fail(error: Error): void
}

/** Consumer end of one exchange edge for one task: the batches of one partition, as they come. */
export interface ExchangeReader {
  /** Batches given away; ends after the explicit end of every producer; throws the producer's error. */
  batches(): AsyncIterable<Batch>
}

/** An edge, as one of its producers opens it. */
export interface EdgeToWrite {
  readonly edge: number
  readonly schema: Schema
  readonly partitionCount: number
  /** The writer never waits: what has not been taken goes to a file when it is much. */
  readonly spillable?: boolean
  /** As `spillable`, and `end` does not wait until consumers have everything. */
  readonly materialized?: boolean
}

/** An edge, as one of its consumers opens it. */
export interface EdgeToRead {
  readonly edge: number
  readonly schema: Schema
  /** Only what this task gives, in its order; then every producer of the edge must be opened. Absent: what all of them give. */
  readonly producer?: number
}

export interface ExchangePorts {
  openWriter(edge: EdgeToWrite): ExchangeWriter
  openReader(edge: EdgeToRead): ExchangeReader
}

/** Counters of one operator of one task. */
export interface OperatorMetrics {
  outputRows: number
  outputBatches: number
  outputBytes: number
  /** Milliseconds spent inside the operator's code. */
  elapsedComputeMs: number
  /** Milliseconds a finished batch waited for its consumer. */
  blockedMs: number
  /** Times the operator was refused memory and wrote what it held to a file. */
  spillCount: number
  spilledBytes: number
  spilledRows: number
}

/** A stream that this process reads as a table: all columns of the table, once. */
export interface InputStream {
  /** Batches of at most `batchRows` rows, given away; `return()` may come while `next()` is pending, which then settles at once. */
  open(batchRows: number): AsyncIterator<Batch, undefined>
}

export interface TaskContext {
  readonly jobId: string
  readonly stage: number
  /** This task's partition, 0 .. partitionCount - 1. */
  readonly partition: number
  readonly partitionCount: number
  readonly config: Config
  readonly signal: AbortSignal
  readonly memory: MemoryPool
  readonly exchange: ExchangePorts
  /** Name of this host, for error messages. */
  readonly host: string
  /** Made on first use; `path` is the operator's place in the stage plan, e.g. `0.1.0`. */
  metrics(path: string, kind: string): OperatorMetrics
  /** Those of the operator that is opened with this context. */
  counters(): OperatorMetrics
  /** Temporary files. */
  readonly spill: SpillSpace
  /** Input streams of this process by name. */
  readonly streams: ReadonlyMap<string, InputStream>
  readonly filters: DynamicFilters
  readonly shared: SharedRows
  /** By source, how the scans that the tasks of this process share are divided among them; absent: each reads its partition. */
  readonly claims: ReadonlyMap<object, SplitClaims>
  /** Files that the task has staged, for its report. */
  readonly parts: StagedPart[]
}

/** The same task with some fields replaced. (A spread would lose what an implementation keeps in its prototype.) */
export const derivedContext = (
  ctx: TaskContext,
  changes: Partial<Pick<TaskContext, 'partition' | 'partitionCount' | 'signal' | 'counters'>>,
): TaskContext => ({
  jobId: ctx.jobId,
  stage: ctx.stage,
  partition: changes.partition ?? ctx.partition,
  partitionCount: changes.partitionCount ?? ctx.partitionCount,
  config: ctx.config,
  signal: changes.signal ?? ctx.signal,
  memory: ctx.memory,
  exchange: ctx.exchange,
  host: ctx.host,
  metrics: (path, kind) => ctx.metrics(path, kind),
  counters: changes.counters ?? (() => ctx.counters()),
  spill: ctx.spill,
  streams: ctx.streams,
  filters: ctx.filters,
  shared: ctx.shared,
  claims: ctx.claims,
  parts: ctx.parts,
})
