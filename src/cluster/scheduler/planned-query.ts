/** What the planner, which is injected, makes of a client's request. */
import type { Schema } from '../../arrow/schema.js'
import type { WriteIntent } from '../../catalog/table-write.js'
import type { StagePlan, TaskReport } from '../../exchange/stage.js'
import type { PlanTexts } from './job-record.js'

export interface PlannedQuery {
  readonly schema: Schema
  /** As `fragment` gives them; empty: the query has no rows and nothing runs. */
  readonly stages: readonly StagePlan[]
  /** Called after success: rows for the client that stand for the result (EXPLAIN ANALYZE). */
  readonly explain?: (reports: readonly TaskReport[]) => readonly (readonly string[])[]
  /** The parts that its tasks report are to be committed, before the client hears of success: then it gets the number of rows. */
  readonly write?: WriteIntent
  /** Called when its write is committed; what it throws is the query's failure. */
  readonly onWritten?: () => Promise<void>
  /** The plans as people read them. */
  readonly describe?: () => PlanTexts
}

export type Planner = (
  request: unknown,
  cluster: { readonly slots: number; readonly wallMs: number },
) => Promise<PlannedQuery>
