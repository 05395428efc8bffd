/** What binding knows besides the query: resolved tables, CTEs, parameters and the one instant of `now()`. */
import { BallistaError, type Span } from '../../common/errors.js'
import type { Expr, LiteralExpr } from '../../expr/expr.js'
import type { LogicalPlan } from '../plan.js'
import type { QueryNode } from '../../parser/ast.js'
import type { Scope } from './scope.js'
import type { ResolvedTables } from './tables.js'

export interface BindContext {
  /** From resolveTables() of the same query. */
  readonly tables: ResolvedTables
  /** By name without the dollar sign: `1`, `name`. */
  readonly parameters?: ReadonlyMap<string, LiteralExpr>
  /** Nanoseconds since 1970-01-01T00:00Z: the value of now() throughout the query. */
  readonly now: bigint
  /** Called when that becomes part of the plan. */
  readonly onNow?: () => void
  /** Functions of users: internal names by the names that SQL calls. */
  readonly functions?: ReadonlyMap<string, string>
}

export interface BoundCte {
  readonly plan: LogicalPlan
  /** How many queries are around the one that defines it. */
  readonly depth: number
}

/** The state of one bindQuery call; notes are kept beside expressions, never in them. */
export interface Binder {
  readonly context: BindContext
  /** CTEs that are in scope, already bound; their columns have no relation yet. */
  readonly ctes: ReadonlyMap<string, BoundCte>
  /** FROM scopes of the enclosing queries, for a subquery: a name found there is a correlation. */
  readonly outer: readonly Scope[]
  /** Where a bound column or aggregate was written: for errors that are found later. */
  readonly spans: WeakMap<Expr, Span>
  /** What an aggregate is called when it becomes a column. */
  readonly names: WeakMap<Expr, string>
  /** Binds a nested query in the same context. */
  bindQuery(query: QueryNode, binder: Binder): LogicalPlan
  /** A relation name for a derived table without alias. */
  nextRelation(): string
}

/** The state at the start; `bindQuery` binds nested queries. */
export function newBinder(context: BindContext, bindQuery: Binder['bindQuery']): Binder {
  let relations = 0
  return {
    context,
    ctes: new Map(),
    outer: [],
    spans: new WeakMap(),
    names: new WeakMap(),
    bindQuery,
    nextRelation: () => `subquery_${++relations}`,
  }
}

/**
 * The error of a text that the user did not write in this statement (a view, a prepared statement): its span would mean
 * nothing here, so it gets `what` as context instead.
 */
export function errorInside(what: string, error: unknown): unknown {
  if (!(error instanceof BallistaError)) return error
  const { code, message, context } = error
  return new BallistaError({ code, message, context: [what, ...context] }, { cause: error })
}

/** Runs `action`; a coded error without a place gets `span`. */
export function at<T>(span: Span, action: () => T): T {
  try {
    return action()
  } catch (error) {
    // Others pass as they are: at the end of the stack there is no room to do more.
    if (!(error instanceof BallistaError) || error.span !== undefined || error.code === 'INTERNAL') throw error
    throw new BallistaError({ ...error.toInfo(), span }, { cause: error.cause })
  }
}
