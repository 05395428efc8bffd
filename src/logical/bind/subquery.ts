/** Subqueries in WHERE as semi and anti joins (IN, EXISTS), scalar subqueries as joins that give at most one row. */
import { fail } from '../../common/errors.js'
import { binaryExpr, caseExpr, conjunction, isNullExpr } from '../../expr/build.js'
import { BOOLEAN, INT64 } from '../../arrow/types.js'
import { literal, typeOf, type Expr } from '../../expr/expr.js'
import { foldConstants } from '../../expr/fold.js'
import type { ExprNode } from '../../parser/ast.js'
import { aliasPlan, filterPlan, joinPlan, makeJoin } from '../build.js'
import { isNullable } from '../nullable.js'
import { columnsOf, isOver, substitute } from '../plan-exprs.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalPlan } from '../plan.js'
import { at, type Binder } from './context.js'
import { fromOuter, isCorrelated, isolate, isOuter, pullUp } from './correlation.js'
import { bindExpr, type ExprContext, type SubqueryNode } from './expr.js'
import { asPredicate } from './predicate.js'
import { rowBound } from './row-bound.js'
import type { Scope } from './scope.js'
import { uniqueColumns } from './unique.js'

/** The scalar subqueries of some clauses: bound as values over columns that are joined to the plan under these clauses. */
export interface ScalarSubqueries {
  /** The value of the subquery; throws NOT_SUPPORTED for what is no scalar subquery of at most one row. */
  readonly bind: (node: SubqueryNode) => Expr
  /** Whether a column comes from such a join. */
  readonly has: (expr: Expr) => boolean
  readonly joinTo: (plan: LogicalPlan) => LogicalPlan
}

interface ScalarJoin {
  readonly relation: string
  readonly plan: LogicalPlan
  readonly type: 'inner' | 'left'
  /** Over the outer plan and `plan`; absent: the one row of `plan` belongs to every outer row. */
  readonly condition?: Expr
}

/** `scope` is the FROM of the outer query, to whose columns a subquery may refer. */
export function scalarSubqueries(binder: Binder, scope: Scope): ScalarSubqueries {
  const joins: ScalarJoin[] = []
  return {
    bind(node) {
      if (node.kind !== 'scalarSubquery') {
        const text = node.kind === 'exists' ? 'EXISTS' : 'IN (subquery)'
        throw fail('NOT_SUPPORTED', [`${text} other than as an AND term of WHERE`])
      }
      const plan = bindSubquery(node, binder, scope)
      const { value, join } = isCorrelated(plan)
        ? correlatedValue(plan, binder.nextRelation())
        : plainValue(plan, binder.nextRelation())
      joins.push(join)
      return value
    },
    has: expr => expr.kind === 'column' && joins.some(({ relation }) => relation === expr.relation),
    joinTo: plan => joins.reduce(joinValue, plan),
  }
}

function joinValue(left: LogicalPlan, { plan: right, type, condition }: ScalarJoin): LogicalPlan {
  if (condition === undefined) return makeJoin(left, right, type, [], [])
  if (isOver(condition, [...schemaOf(left), ...schemaOf(right)])) return joinPlan(left, right, type, condition)
  throw fail('NOT_SUPPORTED', ['a correlated subquery above GROUP BY'])
}

const manyRows = (): Error =>
  fail('NOT_SUPPORTED', ['a scalar subquery that may give more than one row (add LIMIT 1 or aggregate it)'])

function plainValue(bound: LogicalPlan, relation: string): { value: Expr; join: ScalarJoin } {
  const rows = rowBound(bound)
  if (rows === 'many') throw manyRows()
  const plan = aliasPlan(bound, relation)
  return { value: oneColumn(plan), join: { relation, plan, type: rows === 'one' ? 'inner' : 'left' } }
}

/**
 * An aggregating subquery, grouped by the inner sides of its correlation and left-joined on them. Where no group
 * matches, the value is that of the aggregates over no rows: NULL, but for count.
 */
function correlatedValue(bound: LogicalPlan, relation: string): { value: Expr; join: ScalarJoin } {
  oneColumn(bound)
  const onEmpty = valueOfNoRows(bound)
  const { plan, predicates } = pullUp(bound)
  const value = fieldColumn(schemaOf(plan)[0])
  const keys = predicates.flatMap(columnsOf).filter(column => !isOuter(column))
  const matched = literal(true, BOOLEAN)
  const isolated = isolate(plan, [value, ...keys, matched], relation)
  const [result, found] = [
    isolated.rename(value),
    fieldColumn(schemaOf(isolated.plan)[schemaOf(isolated.plan).length - 1]),
  ]
  const condition = conjunction(predicates.map(expr => fromOuter(isolated.rename(expr))))
  const join: ScalarJoin = {
    relation,
    plan: isolated.plan,
    type: 'left',
    ...(condition === undefined ? {} : { condition }),
  }
  const nullable: Expr = result.kind === 'column' ? { ...result, nullable: true } : result
  if (onEmpty.kind === 'literal' && onEmpty.value === null) return { value: nullable, join }
  const missing = isNullExpr({ ...found, nullable: true })
  return { value: caseExpr([missing], [onEmpty], nullable), join }
}

/** The value that a projection of an aggregate without groups has over no rows; throws NOT_SUPPORTED for other plans. */
function valueOfNoRows(plan: LogicalPlan): Expr {
  if (plan.kind !== 'projection' || plan.input.kind !== 'aggregate' || plan.input.groups.length > 0) throw manyRows()
  const aggregates = plan.input.aggregates.map(({ expr }) =>
    expr.kind === 'aggregate' && expr.name === 'count' ? literal(0n, INT64) : literal(null, typeOf(expr)),
  )
  return foldConstants(substitute(plan.exprs[0].expr, schemaOf(plan.input), aggregates))
}

/** The rows that pass WHERE. Its AND terms that are IN (subquery) or EXISTS become joins above the filter of the rest. */
export function bindWhere(
  plan: LogicalPlan,
  where: ExprNode | undefined,
  ctx: ExprContext,
  subqueries: ScalarSubqueries,
): LogicalPlan {
  if (where === undefined) return plan
  const terms = andTerms(where)
  const predicates = terms
    .filter(term => joinedSubquery(term) === undefined)
    .map(term => at(term.span, () => asPredicate(bindExpr(term, ctx), ctx.clause)))
  const joins = terms.flatMap(term => joinedSubquery(term) ?? [])
  const filtered = filterPlan(subqueries.joinTo(plan), conjunction(predicates))
  return joins.reduce((left, join) => at(join.node.span, () => joinSubquery(left, join, ctx)), filtered)
}

interface JoinedSubquery {
  readonly node: Extract<SubqueryNode, { kind: 'inSubquery' | 'exists' }>
  readonly negated: boolean
}

/** `[NOT] IN (subquery)` and `[NOT] EXISTS`, also under NOT; undefined for other terms. */
function joinedSubquery(term: ExprNode): JoinedSubquery | undefined {
  if (term.kind === 'inSubquery' || term.kind === 'exists') return { node: term, negated: term.negated }
  if (term.kind !== 'unary' || term.op !== 'not') return undefined
  const inner = joinedSubquery(term.input)
  return inner && { node: inner.node, negated: !inner.negated }
}

function andTerms(where: ExprNode): readonly ExprNode[] {
  const terms: ExprNode[] = []
  const stack = [where]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.kind === 'binary' && node.op === 'and') stack.push(node.right, node.left)
    else terms.push(node)
  }
  return terms
}

function joinSubquery(left: LogicalPlan, { node, negated }: JoinedSubquery, ctx: ExprContext): LogicalPlan {
  const type = negated ? 'leftAnti' : 'leftSemi'
  const bound = bindSubquery(node, ctx.binder, ctx.scope)
  const relation = ctx.binder.nextRelation()
  if (!isCorrelated(bound)) {
    const right = aliasPlan(bound, relation)
    const condition = node.kind === 'exists' ? undefined : inCondition(node, oneColumn(right), negated, ctx)
    return joinPlan(left, right, type, condition)
  }
  const { plan, predicates } = pullUp(node.kind === 'exists' ? existingRows(bound) : bound)
  const value = node.kind === 'exists' ? undefined : oneColumn(bound)
  const inner = predicates.flatMap(columnsOf).filter(column => !isOuter(column))
  const right = isolate(plan, [...(value === undefined ? [] : [value]), ...inner], relation)
  const membership =
    node.kind === 'exists' || value === undefined ? [] : [inCondition(node, right.rename(value), negated, ctx)]
  return joinPlan(
    left,
    right.plan,
    type,
    conjunction([...membership, ...predicates.map(expr => fromOuter(right.rename(expr)))]),
  )
}

/** NOT IN drops a row also when the comparison with some row of the subquery is NULL. */
function inCondition(
  node: Extract<SubqueryNode, { kind: 'inSubquery' }>,
  column: Expr,
  negated: boolean,
  ctx: ExprContext,
): Expr {
  const value = bindExpr(node.input, ctx)
  const equal = binaryExpr('=', value, column)
  return negated && (isNullable(value) || isNullable(column))
    ? binaryExpr('distinct', equal, literal(false, BOOLEAN))
    : equal
}

/** What decides whether a row exists: not the select list, nor DISTINCT, ORDER BY, or a LIMIT of at least one row. */
function existingRows(plan: LogicalPlan): LogicalPlan {
  switch (plan.kind) {
    case 'projection':
    case 'distinct':
    case 'sort':
      return existingRows(plan.input)
    case 'limit':
      return plan.skip === 0 && plan.fetch !== 0 ? existingRows(plan.input) : plan
    case 'aggregate':
      if (plan.groups.length === 0) throw fail('NOT_SUPPORTED', ['EXISTS of an aggregate without GROUP BY'])
      return plan
    default:
      return plan
  }
}

/** The subquery in its own scope; columns of the enclosing query are marked as outer. */
function bindSubquery(node: SubqueryNode, binder: Binder, scope: Scope): LogicalPlan {
  return uniqueColumns(binder.bindQuery(node.query, { ...binder, outer: [...binder.outer, scope] }))
}

function oneColumn(plan: LogicalPlan): Expr {
  const schema = schemaOf(plan)
  if (schema.length === 1) return fieldColumn(schema[0])
  throw fail('INVALID_ARGUMENT', [`a subquery used as a value must have one column, this one has ${schema.length}`])
}
