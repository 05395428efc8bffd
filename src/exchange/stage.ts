/** Stages and tasks as plain data: what a query is cut into, and what travels to threads and executors. */
import type { ErrorInfo } from '../common/errors.js'
import type { Settings } from '../common/option.js'
import type { SortKey } from '../expr/expr.js'
import type { UserFunction } from '../expr/functions/user-function.js'
import type { ExchangePartitioning } from '../physical/operators/exchange.js'
import type { PhysicalPlan } from '../physical/plan.js'
import type { MetricsRow } from '../runtime/metrics.js'
import type { StagedPart } from '../runtime/staged-part.js'

/** How the rows of an edge are divided over the tasks of its consumer; `hash` exprs are over the producer's output schema. */
export type EdgePartitioning = ExchangePartitioning

/**
 * An edge, as the stage that feeds it sees it: from each of its tasks to each task of the one stage that reads it. Without a flag a
 * task waits while much of what it gave has not been taken.
 */
export interface EdgeOutput {
  readonly edge: number
  readonly partitioning: EdgePartitioning
  /** Only these columns of the rows, in this order; absent: all. */
  readonly columns?: readonly number[]
  /** Tasks do not wait: what has not been taken goes to a file when it is much. */
  readonly spillable?: boolean
  /**
   * As `spillable`, and tasks end without being read: their output stays until the job ends. The reading stage starts when all
   * of them have ended, unless it is in the same region (regions.ts).
   */
  readonly materialized?: boolean
}

/** The root of every stage: sends the rows of its only child down one edge, or all of them down each of several. */
export interface ExchangeSinkExec extends PhysicalPlan {
  readonly kind: 'ExchangeSinkExec'
  /** At least one. */
  readonly outputs: readonly EdgeOutput[]
  /** Only with one output: the task starts when its consumer asks for it, or ends without having run when the consumer declines. */
  readonly onDemand?: boolean
  /** Functions of users that the stage calls; absent: none. */
  readonly functions?: readonly UserFunction[]
}

/** A leaf: this task's partition of an edge, from all tasks of the producing stage. */
export interface ExchangeSourceExec extends PhysicalPlan {
  readonly kind: 'ExchangeSourceExec'
  readonly edge: number
  /** Tasks of the consuming stage. */
  readonly partitionCount: number
  /** Tasks of the producing stage. */
  readonly producerCount: number
  /** What each producer gives is in this order, and so is what the source gives; absent: batches pass as they come. */
  readonly ordering?: readonly SortKey[]
  /** Estimated rows over all partitions; absent: unknown. */
  readonly rowCount?: number
}

/** Tasks 0 .. taskCount - 1 run the same plan, each on its own partition. */
export interface StagePlan {
  readonly id: number
  /** Its leaves: scans, values and ExchangeSourceExec. */
  readonly plan: ExchangeSinkExec
  readonly taskCount: number
  readonly inputs: readonly StageInput[]
}

export interface StageInput {
  readonly edge: number
  /** The stage whose tasks feed the edge. */
  readonly stage: number
  /** Its producers start when they are asked: the consumer asks for one, later for all. */
  readonly onDemand?: boolean
}

/** Where a task that produces an input runs; no address: in this process. */
export interface ProducerPlace {
  readonly task: number
  /** `host:port` of the executor's exchange service. */
  readonly address?: string
}

export interface TaskInput {
  readonly edge: number
  readonly producers: readonly ProducerPlace[]
  /** As in StageInput. */
  readonly onDemand?: boolean
}

/** One task, complete: what a thread needs to run it. */
export interface TaskSpec {
  readonly jobId: string
  readonly stage: number
  readonly partition: number
  readonly partitionCount: number
  readonly plan: ExchangeSinkExec
  readonly settings: Settings
  readonly inputs: readonly TaskInput[]
  /** Its output goes to a client, who may never come: when nothing is taken for so long, the task fails. */
  readonly clientIdleMs?: number
  /** For the scans of the plan, in its order, what the tasks of the stage in this process still have to read (shared-scans.ts). */
  readonly scans?: readonly (SharedArrayBuffer | undefined)[]
}

/** What is known of a task that has ended; `error` is absent when it finished. */
export interface TaskReport {
  readonly stage: number
  readonly partition: number
  readonly error?: ErrorInfo
  readonly operators: readonly MetricsRow[]
  /** Files that it has staged; absent: none. */
  readonly parts?: readonly StagedPart[]
}

export const partitionCountOf = (partitioning: EdgePartitioning): number =>
  partitioning.kind === 'single' ? 1 : partitioning.count
