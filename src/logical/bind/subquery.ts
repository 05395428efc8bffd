/** Subqueries as AND terms of WHERE become semi and anti joins (IN, EXISTS), all others joins that give at most one row. */
import { fail } from '../../common/errors.js'
import { invariant } from '../../common/invariant.js'
import { aggregateExpr, binaryExpr, callExpr, caseExpr, conjunction, isNullExpr, notExpr } from '../../expr/build.js'
import { BOOLEAN, INT64 } from '../../arrow/types.js'
import { exprTree, literal, type ColumnExpr, type Expr } from '../../expr/expr.js'
import { foldConstants } from '../../expr/fold.js'
import type { ExprNode } from '../../parser/ast.js'
import {
  aggregatePlan,
  aliasPlan,
  filterPlan,
  joinPlan,
  makeJoin,
  namedColumn,
  oneRowPlan,
  projectionPlan,
} from '../build.js'
import { isNullable } from '../nullable.js'
import { columnsOf, isOver, substitute } from '../plan-exprs.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalPlan, NamedExpr } from '../plan.js'
import { at, type Binder } from './context.js'
import { fromOuter, isCorrelated, isolate, isOuter, toOuter, tryPullUp } from './correlation.js'
import { dependOn, valueOfNoRows } from './dependent.js'
import { BINARY_OPS, bindExpr, type ExprContext, type SubqueryNode } from './expr.js'
import { asPredicate } from './predicate.js'
import { rowBound } from './row-bound.js'
import type { Scope } from './scope.js'
import { uniqueColumns, uniqueName } from './unique.js'

/** The scalar subqueries of some clauses: bound as values over columns that are joined to the plan under these clauses. */
export interface ScalarSubqueries {
  /** The value of the subquery, or whether it has rows or the operand of IN; `ctx` is that of the operand. */
  readonly bind: (node: SubqueryNode, ctx: ExprContext) => Expr
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
  /** `plan` is still the bound subquery: what it depends on is known when the outer plan is. */
  readonly isDependent?: true
}

/** `scope` is the FROM of the outer query, to whose columns a subquery may refer. */
export function scalarSubqueries(binder: Binder, scope: Scope): ScalarSubqueries {
  const joins: ScalarJoin[] = []
  const joined: JoinedValues = plan => {
    const relation = binder.nextRelation()
    const { values, join } = isCorrelated(plan) ? correlatedValues(plan, relation) : plainValues(plan, relation)
    joins.push(join)
    return values
  }
  return {
    bind(node, ctx) {
      const plan = bindSubquery(node, binder, scope)
      switch (node.kind) {
        case 'scalarSubquery':
          return scalarValue(plan, joined)
        case 'exists':
          return isPositive(joined(totalOf(existingRows(plan), [COUNT]))[0], node.negated)
        case 'inSubquery':
          return membership(bindExpr(node.input, ctx), plan, joined, node.negated)
        case 'quantified':
          return quantified(node, bindExpr(node.input, ctx), plan, joined)
      }
    },
    has: expr => expr.kind === 'column' && joins.some(({ relation }) => relation === expr.relation),
    joinTo: plan => joins.reduce((left, join) => joinValue(left, join, binder), plan),
  }
}

function joinValue(left: LogicalPlan, join: ScalarJoin, binder: Binder): LogicalPlan {
  const { plan: right, type, condition } = join
  if (join.isDependent) return joinDependent(left, join, binder)
  if (condition === undefined) return makeJoin(left, right, type, [], [])
  const own = [...schemaOf(left), ...schemaOf(right)]
  if (columnsOf(condition).every(column => isOuter(column) || isOver(column, own)))
    return joinPlan(left, right, type, condition)
  throw fail('NOT_SUPPORTED', ['a correlated subquery above GROUP BY'])
}

function joinDependent(left: LogicalPlan, { plan, relation, type }: ScalarJoin, binder: Binder): LogicalPlan {
  const dependent = dependOn(left, plan, () => binder.nextRelation())
  const own = schemaOf(plan).map(field => ({ expr: fieldColumn(field), relation, name: field.name }))
  return joinPlan(
    left,
    projectionPlan(dependent.plan, [...own, ...dependent.keys.map(keyColumn)]),
    type,
    dependent.condition,
  )
}

const keyColumn = (key: ColumnExpr): NamedExpr => namedColumn({ ...key })

/** Joins a plan of at most one row to the outer query; gives the values of its columns there, NULL where there is no row. */
type JoinedValues = (plan: LogicalPlan) => readonly Expr[]

const COUNT = aggregateExpr('count', [])

/** Of a subquery that may give more rows, the greatest value, checked where it is used to be the only one. */
function scalarValue(plan: LogicalPlan, joined: JoinedValues): Expr {
  const value = oneColumn(plan)
  if (isCorrelated(plan) ? isTotal(plan) : rowBound(plan) !== 'many') return joined(plan)[0]
  return callExpr('only_value', joined(totalOf(plan, [aggregateExpr('max', [value]), COUNT])))
}

/** `operand [NOT] IN (plan)`: from the number of its rows that are equal, that are there, and that are not NULL. */
function membership(operand: Expr, plan: LogicalPlan, joined: JoinedValues, negated: boolean): Expr {
  if (exprTree.some(operand, node => node.kind === 'aggregate'))
    throw fail('NOT_SUPPORTED', ['IN (subquery) of an aggregate'])
  const column = oneColumn(plan)
  const [equal] = joined(totalOf(filterPlan(plan, binaryExpr('=', column, toOuter(operand))), [COUNT]))
  if (!isNullable(operand) && !isNullable(column)) return isPositive(equal, negated)
  const [rows, values] = joined(totalOf(plan, [COUNT, aggregateExpr('count', [column])]))
  const truth = (value: boolean | null): Expr => literal(value === null ? null : value !== negated, BOOLEAN)
  const unknown = binaryExpr('or', isNullExpr(operand), binaryExpr('>', rows, values))
  return caseExpr(
    [isPositive(equal, false), isPositive(rows, true), unknown],
    [truth(true), truth(false), truth(null)],
    truth(false),
  )
}

/**
 * `operand op ANY|ALL (plan)`: decided by the least or the greatest of its values, and unknown if that leaves it open and
 * there are NULLs.
 */
function quantified(
  { op, quantifier }: Extract<SubqueryNode, { kind: 'quantified' }>,
  operand: Expr,
  plan: LogicalPlan,
  joined: JoinedValues,
): Expr {
  const column = oneColumn(plan)
  const extremes = (['min', 'max'] as const).map(name => aggregateExpr(name, [column]))
  const [least, greatest, values, rows] = joined(totalOf(plan, [...extremes, aggregateExpr('count', [column]), COUNT]))
  const compare = (value: Expr): Expr => binaryExpr(BINARY_OPS[op], operand, value)
  const any = quantifier === 'any'
  const both = binaryExpr(any ? 'or' : 'and', compare(least), compare(greatest))
  const decisive = op === '=' || op === '<>' ? both : compare((op === '>' || op === '>=') === any ? least : greatest)
  const truth = (value: boolean | null): Expr => literal(value, BOOLEAN)
  const unknown = binaryExpr(
    'or',
    binaryExpr('and', isNullExpr(operand), isPositive(rows, false)),
    binaryExpr('>', rows, values),
  )
  const decided = any ? decisive : notExpr(decisive)
  return caseExpr([decided, unknown], [truth(any), truth(null)], truth(!any))
}

const isPositive = (count: Expr, negated: boolean): Expr => binaryExpr(negated ? '=' : '>', count, literal(0n, INT64))

/** Aggregates over all rows, in the form of a bound SELECT. */
function totalOf(plan: LogicalPlan, exprs: readonly Expr[]): LogicalPlan {
  const taken = new Set<string>()
  const total = aggregatePlan(
    plan,
    [],
    exprs.map(expr => ({ expr, name: uniqueName('value', taken) })),
  )
  return projectionPlan(total, schemaOf(total).map(namedColumn))
}

const isTotal = (plan: LogicalPlan): boolean =>
  plan.kind === 'projection' && plan.input.kind === 'aggregate' && plan.input.groups.length === 0

interface JoinedColumns {
  readonly values: readonly Expr[]
  readonly join: ScalarJoin
}

function plainValues(bound: LogicalPlan, relation: string): JoinedColumns {
  const isOne = rowBound(bound) === 'one'
  const plan = aliasPlan(bound, relation)
  const columns = schemaOf(plan).map(fieldColumn)
  const values = isOne ? columns : columns.map(column => ({ ...column, nullable: true }))
  return { values, join: { relation, plan, type: isOne ? 'inner' : 'left' } }
}

/**
 * An aggregating subquery, grouped by the inner sides of its correlation and left-joined on them. Where no group
 * matches, the values are those of the aggregates over no rows: NULL, but for count.
 */
function correlatedValues(bound: LogicalPlan, relation: string): JoinedColumns {
  const onEmpty = valuesOfNoRows(bound)
  const pulled = tryPullUp(bound, bound.kind === 'projection' ? bound.input : undefined)
  if (pulled === undefined) return dependentValues(bound, relation)
  const { plan, predicates } = pulled
  const columns = schemaOf(plan).slice(0, onEmpty.length).map(fieldColumn)
  const keys = predicates.flatMap(columnsOf).filter(column => !isOuter(column))
  const isolated = isolate(plan, [...columns, ...keys, literal(true, BOOLEAN)], relation)
  const found = fieldColumn(schemaOf(isolated.plan)[schemaOf(isolated.plan).length - 1])
  const condition = conjunction(predicates.map(expr => fromOuter(isolated.rename(expr))))
  const join: ScalarJoin = {
    relation,
    plan: isolated.plan,
    type: 'left',
    ...(condition === undefined ? {} : { condition }),
  }
  const missing = isNullExpr({ ...found, nullable: true })
  const values = columns.map((column, i) => {
    const result = isolated.rename(column)
    const nullable: Expr = result.kind === 'column' ? { ...result, nullable: true } : result
    const empty = onEmpty[i]
    return empty.kind === 'literal' && empty.value === null ? nullable : caseExpr([missing], [empty], nullable)
  })
  return { values, join }
}

/** The values of a subquery that gives one row for each combination of the values that it takes from outside. */
function dependentValues(plan: LogicalPlan, relation: string): JoinedColumns {
  const values = schemaOf(plan).map((field): Expr => ({ ...fieldColumn(field), relation, nullable: true }))
  return { values, join: { relation, plan, type: 'left', isDependent: true } }
}

/** The values that a projection of an aggregate without groups has over no rows. */
function valuesOfNoRows(plan: LogicalPlan): readonly Expr[] {
  invariant(plan.kind === 'projection' && plan.input.kind === 'aggregate', 'a correlated value that does not aggregate')
  const { exprs, input } = plan
  const aggregates = input.aggregates.map(({ expr }) => valueOfNoRows(expr))
  return exprs.map(({ expr }) => foldConstants(substitute(expr, schemaOf(input), aggregates)))
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
  const rows = node.kind === 'exists' ? existingRows(bound) : bound
  const value = node.kind === 'exists' ? undefined : oneColumn(bound)
  const pulled = tryPullUp(rows)
  if (pulled === undefined) return joinDependentRows(left, { node, negated }, { rows, value, relation, ctx })
  const { plan, predicates } = pulled
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

interface DependentRows {
  readonly rows: LogicalPlan
  /** The column of IN. */
  readonly value: Expr | undefined
  readonly relation: string
  readonly ctx: ExprContext
}

function joinDependentRows(
  left: LogicalPlan,
  { node, negated }: JoinedSubquery,
  { rows, value, relation, ctx }: DependentRows,
): LogicalPlan {
  const dependent = dependOn(left, rows, () => ctx.binder.nextRelation())
  const values = value === undefined ? [] : [{ expr: value, relation, name: 'value' }]
  const right = projectionPlan(dependent.plan, [...values, ...dependent.keys.map(keyColumn)])
  const membership = node.kind === 'exists' ? [] : [inCondition(node, fieldColumn(schemaOf(right)[0]), negated, ctx)]
  const condition = conjunction([...membership, dependent.condition])
  return joinPlan(left, right, negated ? 'leftAnti' : 'leftSemi', condition)
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
      return plan.groups.length === 0 ? oneRowPlan() : plan
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
