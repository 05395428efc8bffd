/** How the plan of a subquery is joined to the query around it, whatever of it refers to that query. */
import { BOOLEAN } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { invariant } from '../../common/invariant.js'
import { caseExpr, conjunction, isNullExpr } from '../../expr/build.js'
import { exprTree, literal, type Expr } from '../../expr/expr.js'
import { foldConstants } from '../../expr/fold.js'
import { aliasPlan, joinPlan, makeJoin, projectionPlan } from '../build.js'
import { columnsOf, isOver, rebase, substitute } from '../plan-exprs.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalPlan } from '../plan.js'
import type { Binder } from './context.js'
import { fromOuter, isCorrelated, isOuter, isolate, pullUp, replaceColumns } from './correlation.js'
import { dependOn, valueOfNoRows } from './dependent.js'
import { rowBound } from './row-bound.js'

/** A join that adds the columns of `relation` to every row of the outer query. */
export interface Attachment {
  readonly relation: string
  readonly attach: (outer: OuterQuery) => LogicalPlan
}

export interface OuterQuery {
  readonly plan: LogicalPlan
  /** Rewrites expressions over the FROM of the query to expressions over `plan`. */
  readonly above: (expr: Expr) => Expr
}

interface Place {
  /** What the joined columns are called. */
  readonly relation: string
  readonly binder: Binder
}

/** A plan without columns of the outer query in it. */
export interface Correlated {
  readonly plan: LogicalPlan
  /** The wanted columns in it. */
  readonly columns: readonly Expr[]
  /** When a row belongs to a row of the outer query; absent: always. */
  readonly condition?: Expr
}

/**
 * The rows of a bound subquery for all rows of the outer query. Conditions with outer columns become those of the join where they
 * can be pulled up to it; else the subquery runs for every value of the outer columns at once.
 */
export function correlate(bound: LogicalPlan, columns: readonly Expr[], outer: OuterQuery, place: Place): Correlated {
  if (!isCorrelated(bound)) {
    const plan = aliasPlan(bound, place.relation)
    return { plan, columns: columns.map(column => rebase(column, schemaOf(bound), schemaOf(plan))) }
  }
  const pulled = pullUp(bound)
  if (pulled !== undefined) {
    const inner = pulled.predicates.flatMap(columnsOf).filter(column => !isOuter(column))
    const { plan, rename } = isolate(pulled.plan, [...columns, ...inner], place.relation)
    const predicates = pulled.predicates.map(expr => withoutColumns(fromOuter(rename(expr)), outer, plan))
    return correlated(plan, columns.map(rename), predicates)
  }
  const dependent = dependOn(outer.plan, bound, () => place.binder.nextRelation())
  const { plan, rename } = isolate(dependent.plan, [...columns, ...dependent.keys], place.relation)
  return { plan, columns: columns.map(rename), condition: rename(dependent.condition) }
}

function correlated(plan: LogicalPlan, columns: readonly Expr[], predicates: readonly Expr[]): Correlated {
  const condition = conjunction(predicates)
  return condition === undefined ? { plan, columns } : { plan, columns, condition }
}

/** The columns of the outer query in a pulled-up predicate as the outer plan has them. */
function withoutColumns(expr: Expr, { plan, above }: OuterQuery, right: LogicalPlan): Expr {
  const own = schemaOf(right)
  const rewritten = mapTop(expr, node => (isOver(node, own) ? undefined : above(node)))
  const over = [...schemaOf(plan), ...own]
  if (columnsOf(rewritten).every(column => isOuter(column) || isOver(column, over))) return rewritten
  throw fail('NOT_SUPPORTED', ['a correlated subquery above GROUP BY'])
}

/** Replaces the columns and aggregates of an expression, outermost first. */
function mapTop(expr: Expr, change: (expr: Expr) => Expr | undefined): Expr {
  if (expr.kind === 'column' || expr.kind === 'aggregate') return change(expr) ?? expr
  return exprTree.mapChildren(expr, child => mapTop(child, change))
}

interface JoinedColumns {
  readonly values: readonly Expr[]
  readonly attachment: Attachment
}

/** The values of a plan of at most one row that does not refer to the outer query. */
export function plainValues(bound: LogicalPlan, relation: string): JoinedColumns {
  const isOne = rowBound(bound) === 'one'
  const right = aliasPlan(bound, relation)
  const columns = schemaOf(right).map(fieldColumn)
  const values = isOne ? columns : columns.map(column => ({ ...column, nullable: true }))
  const attach = ({ plan }: OuterQuery): LogicalPlan => makeJoin(plan, right, isOne ? 'inner' : 'left', [], [])
  return { values, attachment: { relation, attach } }
}

/**
 * An aggregating subquery, grouped by the inner sides of its correlation and left-joined on them. Where no group
 * matches, the values are those of the aggregates over no rows: NULL, but for count.
 */
export function correlatedTotal(bound: LogicalPlan, relation: string, binder: Binder): JoinedColumns {
  const onEmpty = valuesOfNoRows(bound).map(fromOuter)
  const found: Expr = { kind: 'column', relation, name: 'found', type: BOOLEAN, nullable: true }
  const names = onEmpty.map((_, i) => `value${i}`)
  const attach = (outer: OuterQuery): LogicalPlan => {
    const total = totalByKey(bound, outer, { relation, binder })
    const exprs = [
      ...total.columns.map((expr, i) => ({ expr, name: names[i] })),
      { expr: literal(true, BOOLEAN), name: 'found' },
      ...total.keys.map((expr, i) => ({ expr, name: `key${i}` })),
    ]
    const right = aliasPlan(projectionPlan(total.plan, exprs), relation)
    const keys = schemaOf(right)
      .slice(onEmpty.length + 1)
      .map(fieldColumn)
    return joinPlan(outer.plan, right, 'left', conjunction(total.condition(keys, right)))
  }
  const schema = schemaOf(bound)
  const values = onEmpty.map((empty, i) => {
    const column: Expr = { kind: 'column', relation, name: names[i], type: schema[i].type, nullable: true }
    const isNull = empty.kind === 'literal' && empty.value === null
    return isNull ? column : caseExpr([isNullExpr(found)], [empty], column)
  })
  return { values, attachment: { relation, attach } }
}

interface TotalByKey {
  readonly plan: LogicalPlan
  readonly columns: readonly Expr[]
  /** Over `plan`: what tells apart to which outer rows a total belongs. */
  readonly keys: readonly Expr[]
  /** The conditions of the join, given the keys as columns of its right side. */
  readonly condition: (keys: readonly Expr[], right: LogicalPlan) => readonly Expr[]
}

function totalByKey(bound: LogicalPlan, outer: OuterQuery, place: Place): TotalByKey {
  invariant(
    bound.kind === 'projection' && bound.input.kind === 'aggregate',
    'a correlated value that does not aggregate',
  )
  const pulled = pullUp(bound, bound.input)
  const width = bound.exprs.length
  if (pulled !== undefined) {
    const columns = schemaOf(pulled.plan).slice(0, width).map(fieldColumn)
    const keys = pulled.predicates.flatMap(columnsOf).filter(column => !isOuter(column))
    const condition = (joined: readonly Expr[], right: LogicalPlan): readonly Expr[] =>
      pulled.predicates.map(expr => withoutColumns(fromOuter(replaceColumns(expr, keys, joined)), outer, right))
    return { plan: pulled.plan, columns, keys, condition }
  }
  const { plan, keys, condition } = dependOn(outer.plan, bound, () => place.binder.nextRelation())
  const own = schemaOf(bound).map(fieldColumn)
  return { plan, columns: own, keys, condition: joined => [replaceColumns(condition, keys, joined)] }
}

/** The values that a projection of an aggregate without groups has over no rows. */
function valuesOfNoRows(plan: LogicalPlan): readonly Expr[] {
  invariant(plan.kind === 'projection' && plan.input.kind === 'aggregate', 'a correlated value that does not aggregate')
  const { exprs, input } = plan
  const aggregates = input.aggregates.map(({ expr }) => valueOfNoRows(expr))
  return exprs.map(({ expr }) => foldConstants(substitute(expr, schemaOf(input), aggregates)))
}
