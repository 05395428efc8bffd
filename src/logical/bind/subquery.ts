/**
 * Subqueries become joins: as AND terms of WHERE semi and anti joins (IN, EXISTS), elsewhere mark joins, and scalar ones joins that
 * give at most one row.
 */
import { BOOLEAN, INT64 } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import {
  aggregateExpr,
  binaryExpr,
  callExpr,
  caseExpr,
  columnExpr,
  conjunction,
  disjunction,
  isNullExpr,
  notExpr,
} from '../../expr/build.js'
import { literal, type Expr } from '../../expr/expr.js'
import type { ExprNode } from '../../parser/ast.js'
import { aggregatePlan, filterPlan, joinPlan, limitPlan, markJoin, namedColumn, projectionPlan } from '../build.js'
import { isNullable } from '../nullable.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalPlan } from '../plan.js'
import { at, type Binder } from './context.js'
import { isCorrelated } from './correlation.js'
import { BINARY_OPS, bindExpr, type ExprContext, type SubqueryNode } from './expr.js'
import { asPredicate } from './predicate.js'
import { rowBound } from './row-bound.js'
import type { Scope } from './scope.js'
import { correlate, correlatedTotal, plainValues, type Attachment, type OuterQuery } from './subquery-join.js'
import { uniqueColumns, uniqueName } from './unique.js'

/** The subqueries of some clauses: bound as values over columns that are joined to the plan under these clauses. */
export interface ScalarSubqueries {
  /** The value of the subquery, or whether it has rows or the operand of IN; `ctx` is that of the operand. */
  readonly bind: (node: SubqueryNode, ctx: ExprContext) => Expr
  /** Whether a column comes from such a join. */
  readonly has: (expr: Expr) => boolean
  /** What the joins read of the outer query: their aggregates are made before. */
  readonly operands: () => readonly Expr[]
  /** `above` rewrites expressions over FROM to expressions over the plan. */
  readonly joinTo: (plan: LogicalPlan, above?: (expr: Expr) => Expr) => LogicalPlan
  /** Joins a bound plan of at most one row too, and gives its values. */
  readonly join: JoinedValues
}

/** `scope` is the FROM of the outer query, to whose columns a subquery may refer. */
export function scalarSubqueries(binder: Binder, scope: Scope): ScalarSubqueries {
  const attachments: Attachment[] = []
  const operands: Expr[] = []
  const joined: JoinedValues = plan => {
    const relation = binder.nextRelation()
    const made = isCorrelated(plan) ? correlatedTotal(plan, relation, binder) : plainValues(plan, relation)
    attachments.push(made.attachment)
    return made.values
  }
  const marked: JoinedMark = (plan, compared) => {
    const relation = binder.nextRelation()
    const wanted = compared === undefined ? [] : [compared.column]
    const attach = (left: OuterQuery): LogicalPlan => {
      const right = correlate(plan, wanted, left, { relation, binder })
      const conditions = [
        ...(compared === undefined ? [] : [binaryExpr('=', left.above(compared.operand), right.columns[0])]),
        ...(right.condition === undefined ? [] : [right.condition]),
      ]
      return markJoin(left.plan, right.plan, { relation, name: 'mark' }, conjunction(conditions))
    }
    attachments.push({ relation, attach })
    return columnExpr('mark', BOOLEAN, false, relation)
  }
  return {
    join: joined,
    bind(node, ctx) {
      const plan = bindSubquery(node, binder, scope)
      switch (node.kind) {
        case 'scalarSubquery':
          return scalarValue(plan, joined)
        case 'exists':
          return existence(plan, { joined, marked }, node.negated)
        case 'inSubquery': {
          const operand = bindExpr(node.input, ctx)
          operands.push(operand)
          return membership({ operand, column: oneColumn(plan) }, plan, { joined, marked }, node.negated)
        }
        case 'quantified':
          return quantified(node, bindExpr(node.input, ctx), plan, joined)
      }
    },
    has: expr => expr.kind === 'column' && attachments.some(({ relation }) => relation === expr.relation),
    operands: () => operands,
    joinTo: (plan, above = expr => expr) =>
      attachments.reduce((left, { attach }) => attach({ plan: left, above }), plan),
  }
}

/** Joins a plan of at most one row to the outer query; gives the values of its columns there, NULL where there is no row. */
type JoinedValues = (plan: LogicalPlan) => readonly Expr[]
/** Marks the rows of the outer query for which the plan has rows, or rows with which the operand compares. */
type JoinedMark = (plan: LogicalPlan, compared?: Compared) => Expr

interface Compared {
  readonly operand: Expr
  /** Of the plan. */
  readonly column: Expr
}

interface Joins {
  readonly joined: JoinedValues
  readonly marked: JoinedMark
}

const COUNT = aggregateExpr('count', [])

/** Of a subquery that may give more rows, the greatest value, checked where it is used to be the only one. */
function scalarValue(plan: LogicalPlan, joined: JoinedValues): Expr {
  const value = oneColumn(plan)
  if (isCorrelated(plan) ? isTotal(plan) : rowBound(plan) !== 'many') return joined(plan)[0]
  return callExpr('only_value', joined(totalOf(plan, [aggregateExpr('max', [value]), COUNT])))
}

/** `[NOT] EXISTS (plan)`. */
function existence(plan: LogicalPlan, { joined, marked }: Joins, negated: boolean): Expr {
  const rows = existingRows(plan)
  if (rowBound(rows) === 'one') return literal(!negated, BOOLEAN)
  if (!isCorrelated(rows)) return isPositive(joined(totalOf(limitPlan(rows, 0, 1), [COUNT]))[0], negated)
  const mark = marked(rows)
  return negated ? { kind: 'not', input: mark } : mark
}

/**
 * `operand [NOT] IN (plan)`: true if the comparison is for some row; NULL if it is for none but NULL for some; else false, which
 * it is without rows even of a NULL operand.
 */
function membership(compared: Compared, plan: LogicalPlan, { joined, marked }: Joins, negated: boolean): Expr {
  const { operand, column } = compared
  const some = marked(plan, compared)
  if (!isNullable(operand) && !isNullable(column)) return negated ? { kind: 'not', input: some } : some
  const truth = (value: boolean | null): Expr => literal(value === null ? null : value !== negated, BOOLEAN)
  return caseExpr([some, isUnknown(operand, column, plan, joined)], [truth(true), truth(null)], truth(false))
}

/** Whether comparing the operand with some row gives NULL: there are rows, and it is NULL, or one of them is. */
function isUnknown(operand: Expr, column: Expr, plan: LogicalPlan, joined: JoinedValues): Expr {
  const [rows, values] = joined(totalOf(plan, [COUNT, aggregateExpr('count', [column])]))
  const some = isPositive(rows, false)
  return disjunction([binaryExpr('and', isNullExpr(operand), some), binaryExpr('>', rows, values)]) ?? some
}

/** `operand op ANY|ALL (plan)`: decided by the least or the greatest of its values, else as `isUnknown` says. */
function quantified(
  { op, quantifier }: Extract<SubqueryNode, { kind: 'quantified' }>,
  operand: Expr,
  plan: LogicalPlan,
  joined: JoinedValues,
): Expr {
  const column = oneColumn(plan)
  const extremes = (['min', 'max'] as const).map(name => aggregateExpr(name, [column]))
  const [least, greatest] = joined(totalOf(plan, extremes))
  const compare = (value: Expr): Expr => binaryExpr(BINARY_OPS[op], operand, value)
  const any = quantifier === 'any'
  const both = binaryExpr(any ? 'or' : 'and', compare(least), compare(greatest))
  const decisive = op === '=' || op === '<>' ? both : compare((op === '>' || op === '>=') === any ? least : greatest)
  const truth = (value: boolean | null): Expr => literal(value, BOOLEAN)
  const decided = any ? decisive : notExpr(decisive)
  return caseExpr([decided, isUnknown(operand, column, plan, joined)], [truth(any), truth(null)], truth(!any))
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
  const bound = bindSubquery(node, ctx.binder, ctx.scope)
  if (node.kind === 'inSubquery') return joinMembers(left, { node, bound, negated }, ctx)
  const rows = existingRows(bound)
  if (rowBound(rows) === 'one') return negated ? filterPlan(left, literal(false, BOOLEAN)) : left
  const place = { relation: ctx.binder.nextRelation(), binder: ctx.binder }
  const enough = isCorrelated(rows) ? rows : limitPlan(rows, 0, 1)
  const { plan, condition } = correlate(enough, [], { plan: left, above: same }, place)
  return joinPlan(left, plan, negated ? 'leftAnti' : 'leftSemi', condition)
}

const same = (expr: Expr): Expr => expr

interface Members {
  readonly node: Extract<SubqueryNode, { kind: 'inSubquery' }>
  readonly bound: LogicalPlan
  readonly negated: boolean
}

/** NOT IN drops a row also when the comparison with some row of the subquery is NULL: that is a filter of its own. */
function joinMembers(left: LogicalPlan, { node, bound, negated }: Members, ctx: ExprContext): LogicalPlan {
  const operand = bindExpr(node.input, ctx)
  const column = oneColumn(bound)
  const unknown = scalarSubqueries(ctx.binder, ctx.scope)
  const relation = ctx.binder.nextRelation()
  const place = { relation, binder: ctx.binder }
  const right = correlate(bound, [column], { plan: left, above: same }, place)
  const compared = binaryExpr('=', operand, right.columns[0])
  const condition = conjunction([compared, ...(right.condition === undefined ? [] : [right.condition])])
  const joined = joinPlan(left, right.plan, negated ? 'leftAnti' : 'leftSemi', condition)
  if (!negated || (!isNullable(operand) && !isNullable(column))) return joined
  const isNull = isUnknown(operand, column, bound, plan => unknown.join(plan))
  return filterPlan(unknown.joinTo(joined), { kind: 'not', input: isNull })
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
