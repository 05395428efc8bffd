/** The logical plan: what the query means. Columns are named `{ relation?, name }`; nodes are never mutated. */
import type { DataType } from '../arrow/types.js'
import type { TableProvider } from '../catalog/table-provider.js'
import type { StagedWrite } from '../catalog/table-write.js'
import { tree, type ChildTable } from '../common/tree.js'
import type { Expr, SortKey } from '../expr/expr.js'

export interface PlanField {
  /** The table name or alias that qualifies the column. */
  readonly relation?: string
  readonly name: string
  readonly type: DataType
  readonly nullable: boolean
}
export type PlanSchema = readonly PlanField[]

/** An expression and the column it makes. */
export interface NamedExpr {
  readonly expr: Expr
  readonly relation?: string
  readonly name: string
}

/**
 * `left…` of semi, anti and mark joins: rows of the left side that have a partner, that have none, or all of them with a column
 * that says whether they have one (true or false, never NULL).
 */
export type LogicalJoinType =
  | 'inner'
  | 'left'
  | 'right'
  | 'full'
  | 'leftSemi'
  | 'leftAnti'
  | 'leftMark'
  | 'rightSemi'
  | 'rightAnti'
  | 'rightMark'

export interface MarkColumn {
  readonly relation: string
  readonly name: string
}

export type LogicalPlan =
  /** Reads `projection` (column numbers of the provider's schema) of the rows that pass all `filters`. */
  | {
      readonly kind: 'scan'
      readonly table: string
      readonly relation: string
      readonly provider: TableProvider
      readonly projection: readonly number[]
      readonly filters: readonly Expr[]
      readonly fetch?: number
    }
  | { readonly kind: 'filter'; readonly input: LogicalPlan; readonly predicate: Expr }
  | { readonly kind: 'projection'; readonly input: LogicalPlan; readonly exprs: readonly NamedExpr[] }
  /** Output: groups, then aggregates. No groups: exactly one row. */
  | {
      readonly kind: 'aggregate'
      readonly input: LogicalPlan
      readonly groups: readonly NamedExpr[]
      readonly aggregates: readonly NamedExpr[]
    }
  /** Output: left then right columns (semi, anti: one side; mark: one side, then `mark`). No `on` and no `filter`: cross join. */
  | {
      readonly kind: 'join'
      readonly left: LogicalPlan
      readonly right: LogicalPlan
      readonly type: LogicalJoinType
      readonly on: readonly { readonly left: Expr; readonly right: Expr }[]
      readonly filter?: Expr
      /** Of mark joins only. */
      readonly mark?: MarkColumn
    }
  | { readonly kind: 'sort'; readonly input: LogicalPlan; readonly keys: readonly SortKey[]; readonly fetch?: number }
  | { readonly kind: 'limit'; readonly input: LogicalPlan; readonly skip: number; readonly fetch?: number }
  | { readonly kind: 'distinct'; readonly input: LogicalPlan }
  /**
   * Output: the input, and a BIGINT column `name` (without relation) that numbers the rows of each key 1, 2, … in input
   * order; NULL keys are equal.
   */
  | {
      readonly kind: 'rowNumber'
      readonly input: LogicalPlan
      readonly partitionBy: readonly Expr[]
      readonly name: string
    }
  /** UNION ALL; the schema is the first input's, types are already unified. */
  | { readonly kind: 'union'; readonly inputs: readonly LogicalPlan[] }
  | { readonly kind: 'values'; readonly schema: PlanSchema; readonly rows: readonly (readonly Expr[])[] }
  /** No rows, or one row without columns (SELECT without FROM). */
  | { readonly kind: 'empty'; readonly schema: PlanSchema; readonly oneRow: boolean }
  /** Renames the relation of every column (derived tables, views, aliases). */
  | { readonly kind: 'alias'; readonly input: LogicalPlan; readonly relation: string }
  /** COPY and INSERT: stages the input; its coordinator gives one row `count` (BIGINT). */
  | { readonly kind: 'write'; readonly input: LogicalPlan; readonly staged: StagedWrite }

export const PLAN_CHILDREN = {
  scan: {},
  filter: { input: true },
  projection: { input: true },
  aggregate: { input: true },
  join: { left: true, right: true },
  sort: { input: true },
  limit: { input: true },
  distinct: { input: true },
  rowNumber: { input: true },
  union: { inputs: true },
  values: {},
  empty: {},
  alias: { input: true },
  write: { input: true },
} as const satisfies ChildTable<LogicalPlan>

export const planTree = tree<LogicalPlan>(PLAN_CHILDREN)
