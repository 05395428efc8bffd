/** Stages and tasks as plain data: what a query is cut into, and what travels to threads and executors. */
import type { ErrorInfo } from '../common/errors.js'
import type { Settings } from '../common/option.js'
import type { PhysicalPlan } from '../physical/plan.js'
import type { Expr } from '../expr/expr.js'
import type { MetricsRow } from '../runtime/metrics.js'

/**
 * How the rows of an edge are divided over the tasks of its consumer; with `broadcast` each of them gets all rows. `hash` exprs
 * are over the producer's output schema.
 */
export type EdgePartitioning =
  | { readonly kind: 'single' }
  | { readonly kind: 'hash'; readonly exprs: readonly Expr[]; readonly count: number }
  | { readonly kind: 'broadcast'; readonly count: number }

/** The marker that the physical planner leaves where rows change tasks; `fragment` replaces it. */
export interface ExchangeExec extends PhysicalPlan {
  readonly kind: 'ExchangeExec'
  readonly partitioning: EdgePartitioning
}

/** The root of every stage: sends the rows of its only child down an edge. */
export interface ExchangeSinkExec extends PhysicalPlan {
  readonly kind: 'ExchangeSinkExec'
  readonly edge: number
  readonly partitioning: EdgePartitioning
  /** The task starts when its consumer asks for it, or ends without having run when the consumer declines. */
  readonly onDemand?: boolean
}

/** A leaf: this task's partition of an edge, from all tasks of the producing stage, in no order. */
export interface ExchangeSourceExec extends PhysicalPlan {
  readonly kind: 'ExchangeSourceExec'
  readonly edge: number
  /** Tasks of the consuming stage. */
  readonly partitionCount: number
  /** Estimated rows over all partitions; absent: unknown. */
  readonly rowCount?: number
}

/** Tasks 0 .. taskCount - 1 run the same plan, each on its own partition. Stage s feeds edge s and no other. */
export interface StagePlan {
  readonly id: number
  /** Root: ExchangeSinkExec; leaves: scans, values and ExchangeSourceExec. */
  readonly plan: PhysicalPlan
  readonly taskCount: number
  readonly inputs: readonly StageInput[]
  readonly output: { readonly edge: number; readonly partitioning: EdgePartitioning }
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
  readonly plan: PhysicalPlan
  readonly settings: Settings
  readonly inputs: readonly TaskInput[]
}

/** What is known of a task that has ended; `error` is absent when it finished. */
export interface TaskReport {
  readonly stage: number
  readonly partition: number
  readonly error?: ErrorInfo
  readonly operators: readonly MetricsRow[]
}

export const partitionCountOf = (partitioning: EdgePartitioning): number =>
  partitioning.kind === 'single' ? 1 : partitioning.count
