/** What a statement is planned with, beside its request. */
import type { Registry } from '../exchange/registry.js'
import type { StagePlan } from '../exchange/stage.js'
import type { LogicalPlan } from '../logical/plan.js'
import type { RuleEvent } from '../optimizer/optimizer.js'
import type { StatementNode } from '../parser/ast.js'
import type { PhysicalPlan } from '../physical/plan.js'
import type { PlanCache } from './plan-cache.js'
import type { SessionCatalog } from './request-names.js'
import type { OpenTables } from './tables.js'
import type { Warehouse } from './warehouse.js'

/** What happened on the way, for `trace` and EXPLAIN VERBOSE. */
export interface PlanTrace {
  statement?(statement: StatementNode): void
  logical?(plan: LogicalPlan): void
  rule?(event: RuleEvent): void
  optimized?(plan: LogicalPlan): void
  physical?(plan: PhysicalPlan): void
  stages?(stages: readonly StagePlan[]): void
}

export interface PlanEnvironment {
  /** Task slots there are: what `target_partitions` 0 means. */
  readonly slots: number
  readonly openTables?: OpenTables
  readonly trace?: PlanTrace
  /** Nanoseconds since 1970-01-01T00:00Z: what now() is throughout the statement. */
  readonly now: bigint
  /** Whether plans may hold functions that travel as code. */
  readonly allowsUserCode: boolean
  /** Default: the engine without extensions. */
  readonly registry?: Registry
  /** What sessions share; default: nothing. */
  readonly catalog?: SessionCatalog
  /** Where CREATE TABLE writes; absent: its rows are for the session. */
  readonly warehouse?: Warehouse
  /** Of the queries before. */
  readonly plans?: PlanCache
}
