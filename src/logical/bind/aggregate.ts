/** Splits the expressions of an aggregating SELECT into the aggregate below and what is computed above it. */
import { fail } from '../../common/errors.js'
import { equals } from '../../common/tree.js'
import { displayExpr } from '../../expr/display.js'
import { exprTree, type AggregateExpr, type Expr } from '../../expr/expr.js'
import { aggregatePlan } from '../build.js'
import { hasAggregate } from '../plan-exprs.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalPlan, NamedExpr } from '../plan.js'
import type { Binder } from './context.js'
import { isOuter } from './correlation.js'
import { groupKey } from './interval-keys.js'
import { uniqueName } from './unique.js'

export interface Aggregated {
  readonly plan: LogicalPlan
  /** Rewrites an expression over the input to one over the aggregate's output; throws GROUP_BY_MISSING. */
  readonly above: (expr: Expr) => Expr
}

export interface AggregationContext {
  readonly binder: Binder
  /** Columns that are joined to the aggregate's output later (scalar subqueries): left as they are. */
  readonly isValue: (expr: Expr) => boolean
}

/** `exprs`: everything evaluated above the aggregation; `groups`: the GROUP BY expressions with their names. */
export function bindAggregation(
  input: LogicalPlan,
  groups: readonly NamedExpr[],
  exprs: readonly Expr[],
  ctx: AggregationContext,
): Aggregated {
  const taken = new Set<string>()
  const distinctGroups = groups.filter(({ expr }, i) => groups.findIndex(other => equals(other.expr, expr)) === i)
  const named = distinctGroups.map(group =>
    group.relation === undefined ? { ...group, name: uniqueName(group.name, taken) } : group,
  )
  const aggregates = distinctAggregates(exprs).map(expr => ({
    expr,
    name: uniqueName(ctx.binder.names.get(expr) ?? displayExpr(expr), taken),
  }))
  const keys = named.map(group => ({ ...group, expr: groupKey(group.expr) }))
  const plan = aggregatePlan(input, keys, aggregates)
  const columns = schemaOf(plan).map(fieldColumn)
  const made = new ExprIndex([...named, ...aggregates].map(({ expr }) => expr))
  return { plan, above: expr => rewriteAbove(expr, made, columns, ctx) }
}

function distinctAggregates(exprs: readonly Expr[]): readonly AggregateExpr[] {
  const found: AggregateExpr[] = []
  for (const expr of exprs) {
    exprTree.walk(expr, node => {
      if (node.kind !== 'aggregate') return true
      found.push(node)
      return false
    })
  }
  const index = new ExprIndex(found)
  return found.filter((expr, i) => index.find(expr) === i)
}

/** Finds expressions by structure, without comparing each with each. */
class ExprIndex {
  readonly #exprs: readonly Expr[]
  readonly #kinds: ReadonlySet<string>
  readonly #byText = new Map<string, number[]>()

  constructor(exprs: readonly Expr[]) {
    this.#exprs = exprs
    this.#kinds = new Set(exprs.map(expr => expr.kind))
    for (const [i, expr] of exprs.entries()) {
      const text = displayExpr(expr)
      this.#byText.set(text, [...(this.#byText.get(text) ?? []), i])
    }
  }

  /** The position of the first equal expression; −1 if there is none. */
  find(expr: Expr): number {
    if (!this.#kinds.has(expr.kind)) return -1
    return this.#byText.get(displayExpr(expr))?.find(i => equals(this.#exprs[i], expr)) ?? -1
  }
}

function rewriteAbove(expr: Expr, made: ExprIndex, columns: readonly Expr[], ctx: AggregationContext): Expr {
  if (expr.kind === 'literal' || isOuter(expr) || ctx.isValue(expr)) return expr
  const index = made.find(expr)
  if (index >= 0) return columns[index]
  if (expr.kind === 'column') {
    throw fail('GROUP_BY_MISSING', [displayExpr(expr)], { span: ctx.binder.spans.get(expr) })
  }
  return exprTree.mapChildren(expr, child => rewriteAbove(child, made, columns, ctx))
}

/** Throws INVALID_ARGUMENT if a GROUP BY expression contains an aggregate. */
export function checkGroup(expr: Expr, binder: Binder): void {
  if (!hasAggregate(expr)) return
  let span = binder.spans.get(expr)
  exprTree.walk(expr, node => {
    span ??= binder.spans.get(node)
  })
  throw fail('INVALID_ARGUMENT', [`GROUP BY cannot contain the aggregate ${displayExpr(expr)}`], { span })
}
