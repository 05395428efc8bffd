/** Physical plans: plain data that travels as JSON. The behaviour of a kind is in its OperatorDefinition. */
import type { Schema } from '../arrow/schema.js'
import type { Expr, SortKey } from '../expr/expr.js'
import type { LogicalPlan } from '../logical/plan.js'
import type { Operator, Sink, Source } from '../runtime/operator.js'
import type { TaskContext } from '../runtime/task-context.js'

/** Every node: its kind (ends in `Exec`), its output schema and its inputs; the rest is particular to the kind. */
export interface PhysicalPlan {
  readonly kind: string
  readonly schema: Schema
  readonly children: readonly PhysicalPlan[]
}

/** How the rows of a plan lie over its partitions (DataFusion's terms). */
export type Partitioning =
  | { readonly kind: 'single' }
  /** Rows with equal values of `exprs` are in one partition. */
  | { readonly kind: 'hash'; readonly exprs: readonly Expr[]; readonly count: number }
  | { readonly kind: 'unknown'; readonly count: number }
  /** Every partition has all rows: only for the build side of a join. */
  | { readonly kind: 'broadcast'; readonly count: number }

export interface Properties {
  readonly partitioning: Partitioning
  /** Order of the rows inside each partition; empty: none known. */
  readonly ordering: readonly SortKey[]
  /** Estimated rows over all partitions; absent: unknown. */
  readonly rowCount?: number
}

/** What an operator asks of one input. `hash` exprs are over that input's schema. */
export type Distribution =
  | { readonly kind: 'any' }
  | { readonly kind: 'single' }
  | { readonly kind: 'hash'; readonly exprs: readonly Expr[] }

/** State shared by the two pipelines of one task of an operator that breaks pipelines (a join's hash table). */
export interface BuildState {
  close(): void
}

export interface OperatorDefinition<P extends PhysicalPlan = PhysicalPlan> {
  readonly kind: P['kind']
  properties(plan: P, inputs: readonly Properties[]): Properties
  /** One per child; absent: any. */
  requiredDistribution?(plan: P): readonly Distribution[]
  /** What EXPLAIN prints after the kind, e.g. `predicate=a@0 <= b@1`. */
  details(plan: P): string
  /**
   * Logical node to physical, inputs already lowered; undefined if this operator does not implement it.
   * `context` resolves expressions to `input` columns and knows the options.
   */
  lower?(plan: LogicalPlan, inputs: readonly PhysicalPlan[], context: LowerContext): PhysicalPlan | undefined
  /** Exactly one of the three groups below. */
  /** (1) A leaf, or an operator that reads its children itself as streams (union). */
  source?(plan: P, ctx: TaskContext, inputs: readonly Source[]): Source
  /** With `source`: while it gives nothing it waits for other operators; absent: it works. */
  readonly waits?: boolean
  /** With `source`: the context in which its inputs run; absent: that of the task. */
  inputContext?(plan: P, ctx: TaskContext): TaskContext
  /** (2) Transforms its only child, or, with `build`, its second child. */
  open?(plan: P, ctx: TaskContext, state?: BuildState): Operator
  /** With `open`: child 0 is first run into `sink`, to its end; then child 1 streams through `open`. */
  readonly build?: { state(plan: P, ctx: TaskContext): BuildState; sink(state: BuildState): Sink }
  /** (3) The root of a stage. */
  sink?(plan: P, ctx: TaskContext): Sink
  /** Plans that the contract tests run (children are in-memory scans). */
  samples(): readonly P[]
}

export interface LowerContext {
  /** Column references of `expr` resolved to positions in `schema` fields of the given logical input. */
  resolve(expr: Expr, input: LogicalPlan): Expr
  /** Partitions to aim for. */
  readonly targetPartitions: number
  /** Bytes of a table that are worth a partition of their own; absent: the default of the setting. */
  readonly minPartitionBytes?: number
}

/** Keeps the definition's own type; registration lists collect them. */
export const defineOperator = <P extends PhysicalPlan>(definition: OperatorDefinition<P>): OperatorDefinition<P> =>
  definition
