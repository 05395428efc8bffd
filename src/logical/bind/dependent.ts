/**
 * Subqueries that need the rows of the query around them: computed once for each combination of the values they take
 * from it (Neumann and Kemper, "Unnesting Arbitrary Queries"). Slower than pulling predicates up, but for any subquery.
 */
import { BOOLEAN, INT64, UTF8, type DataType, type Value } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { invariant } from '../../common/invariant.js'
import { equals } from '../../common/tree.js'
import { binaryExpr, callExpr, caseExpr, castExpr, columnExpr, conjunction, isNullExpr } from '../../expr/build.js'
import { exprTree, literal, typeOf, type AggregateExpr, type ColumnExpr, type Expr } from '../../expr/expr.js'
import { isVolatile } from '../../expr/volatile.js'
import {
  aggregatePlan,
  aliasPlan,
  distinctPlan,
  filterPlan,
  joinPlan,
  makeJoin,
  namedColumn,
  projectionPlan,
  rowNumberPlan,
  unionPlan,
  type JoinPlan,
} from '../build.js'
import { isNullable } from '../nullable.js'
import { columnsOf, isOver, mapPlanExprs, planExprs } from '../plan-exprs.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import { planTree, type LogicalPlan, type NamedExpr, type PlanField } from '../plan.js'
import { fromOuter, isOuter } from './correlation.js'
import { uniqueName } from './unique.js'

type Of<Kind extends LogicalPlan['kind']> = Extract<LogicalPlan, { kind: Kind }>

/** A subquery without the columns of the query around it. */
export interface Dependent {
  /** The subquery's columns, and the `keys`. */
  readonly plan: LogicalPlan
  readonly keys: readonly ColumnExpr[]
  /** True for the rows of `plan` that belong to a row of the outer plan. */
  readonly condition: Expr
}

/**
 * What `subquery` gives for the rows of `outer`, to be joined to them by the condition. Columns from further out stay, one
 * level less deep. Throws NOT_SUPPORTED where the outer plan could give other rows when it runs a second time.
 */
export function dependOn(outer: LogicalPlan, subquery: LogicalPlan, nextRelation: () => string): Dependent {
  const taken = outerColumns(subquery)
  if (taken.length === 0) return { plan: nearer(subquery), keys: [], condition: literal(true, BOOLEAN) }
  const sources = taken.map(fromOuter)
  if (!sources.every(source => isOver(source, schemaOf(outer))))
    throw fail('NOT_SUPPORTED', ['a correlated subquery above GROUP BY'])
  const source = sourceOf(outer, sources)
  if (!isRepeatable(source))
    throw fail('NOT_SUPPORTED', ['a correlated subquery of this form over a query with LIMIT or volatile functions'])
  const domain = new Domain(source, taken, nextRelation)
  const { plan, columns } = attach(subquery, domain)
  const condition = conjunction(sources.flatMap((source, i) => sameValue(source, columns[i])))
  return { plan, keys: columns, condition: condition ?? literal(true, BOOLEAN) }
}

/** The part of a plan that decides which values there are: not what other subqueries add to its rows, or each doubled the plan. */
function sourceOf(plan: LogicalPlan, values: readonly Expr[]): LogicalPlan {
  const isAdding = plan.kind === 'join' && (plan.type === 'left' || plan.type === 'leftMark')
  return isAdding && values.every(value => isOver(value, schemaOf(plan.left))) ? sourceOf(plan.left, values) : plan
}

/** Gives the same rows whenever it runs: no volatile function, and no LIMIT, which may pick others, unless they are only counted. */
function isRepeatable(plan: LogicalPlan): boolean {
  if (plan.kind === 'limit' || planExprs(plan).some(isVolatile)) return false
  const children = planTree.children(plan)
  return children.every((child, i) =>
    isRepeatable(i === children.length - 1 && onlyCounts(plan) ? unlimited(child) : child),
  )
}

/** Of its last input it matters how many rows there are, not which: EXISTS. */
function onlyCounts(plan: LogicalPlan): boolean {
  if (plan.kind === 'aggregate')
    return plan.groups.length === 0 && plan.aggregates.every(({ expr }) => isRowCount(expr))
  const isExistence = plan.kind === 'join' && ['leftSemi', 'leftAnti', 'leftMark'].includes(plan.type)
  return isExistence && plan.on.length === 0 && plan.filter === undefined
}

const isRowCount = (expr: Expr): boolean =>
  expr.kind === 'aggregate' && expr.name === 'count' && expr.args.length === 0 && expr.filter === undefined

const unlimited = (plan: LogicalPlan): LogicalPlan =>
  plan.kind === 'limit' || plan.kind === 'alias' ? unlimited(plan.input) : plan

/** A column of the query right around the subquery, not of one further out. */
const isNear = (expr: Expr): expr is ColumnExpr => isOuter(expr) && !isOuter(fromOuter(expr))

const refersOut = (plan: LogicalPlan): boolean =>
  planTree.some(plan, node => planExprs(node).some(expr => exprTree.some(expr, isNear)))

function outerColumns(plan: LogicalPlan): readonly ColumnExpr[] {
  const found: ColumnExpr[] = []
  planTree.walk(plan, node => {
    for (const column of planExprs(node).flatMap(columnsOf))
      if (isNear(column) && !found.some(other => equals(other, column))) found.push(column)
  })
  return found
}

/** The distinct combinations of the values that the subquery takes from outside. */
class Domain {
  readonly #values: LogicalPlan
  readonly #outer: readonly ColumnExpr[]
  readonly #nextRelation: () => string

  constructor(source: LogicalPlan, outer: readonly ColumnExpr[], nextRelation: () => string) {
    const exprs = outer.map((column, i) => ({ expr: fromOuter(column), name: `value_${i + 1}` }))
    this.#values = distinctPlan(projectionPlan(source, exprs))
    this.#outer = outer
    this.#nextRelation = nextRelation
  }

  copy(): Attached {
    const plan = aliasPlan(this.#values, this.#nextRelation())
    return { plan, columns: schemaOf(plan).map(fieldColumn) }
  }

  /** The expression over a copy's columns; what is from further out comes one level nearer. */
  lower(expr: Expr, columns: readonly ColumnExpr[]): Expr {
    return exprTree.transformUp(expr, node => {
      if (!isOuter(node)) return node
      const index = this.#outer.findIndex(column => equals(column, node))
      return index < 0 ? fromOuter(node) : columns[index]
    })
  }
}

/** A plan that also has the columns of a copy of the domain. */
interface Attached {
  readonly plan: LogicalPlan
  readonly columns: readonly ColumnExpr[]
}

/** The rows of `plan` for every combination in the domain. */
function attach(plan: LogicalPlan, domain: Domain): Attached {
  if (!refersOut(plan)) {
    const copy = domain.copy()
    return { plan: makeJoin(copy.plan, nearer(plan), 'inner', [], []), columns: copy.columns }
  }
  switch (plan.kind) {
    case 'filter':
      return over(plan.input, domain, (input, lower) => filterPlan(input, lower(plan.predicate)))
    case 'projection':
      return over(plan.input, domain, (input, lower, own) =>
        projectionPlan(input, [...plan.exprs.map(named => ({ ...named, expr: lower(named.expr) })), ...own]),
      )
    case 'alias':
      return over(plan.input, domain, (input, _, own) => {
        const renamed = schemaOf(plan.input).map(field => ({ ...namedColumn(field), relation: plan.relation }))
        return projectionPlan(input, [...renamed, ...own])
      })
    case 'join':
      return attachToJoin(plan, domain)
    case 'aggregate':
      return attachToAggregate(plan, domain)
    case 'distinct':
      return over(plan.input, domain, input => distinctPlan(input))
    case 'sort':
      return over(plan.input, domain, (input, lower) => ({
        ...plan,
        input,
        keys: plan.keys.map(key => ({ ...key, expr: lower(key.expr) })),
      }))
    case 'rowNumber':
      return over(plan.input, domain, (input, lower, own) =>
        rowNumberPlan(input, [...plan.partitionBy.map(lower), ...own.map(({ expr }) => expr)], plan.name),
      )
    case 'limit':
      return over(plan.input, domain, (input, _, own) => limitEach(plan, input, own))
    case 'union':
      return attachToUnion(plan, domain)
    case 'values':
      return attachToValues(plan, domain)
    case 'scan':
    case 'empty':
    case 'write':
      return invariant(false, `${plan.kind} has no columns of an outer query`) as never
  }
}

/** The plan with everything from further out one level nearer. */
const nearer = (plan: LogicalPlan): LogicalPlan =>
  planTree.transformUp(plan, node =>
    mapPlanExprs(node, expr => (columnsOf(expr).some(isOuter) ? fromOuter(expr) : expr)),
  )

type Make = (input: LogicalPlan, lower: (expr: Expr) => Expr, own: readonly NamedExpr[]) => LogicalPlan

/** A node over its attached input; `own` are the columns of the domain there. */
function over(input: LogicalPlan, domain: Domain, make: Make): Attached {
  const { plan, columns } = attach(input, domain)
  return { plan: make(plan, expr => domain.lower(expr, columns), columns.map(namedColumn)), columns }
}

/** Of the rows of each combination those from `skip` on, `fetch` at most, in input order. */
function limitEach(
  { skip, fetch, input: before }: Of<'limit'>,
  input: LogicalPlan,
  own: readonly NamedExpr[],
): LogicalPlan {
  const name = uniqueName('row_number', new Set(schemaOf(input).map(field => field.name)))
  const number = columnExpr(name, INT64, false)
  const count = (rows: number): Expr => literal(BigInt(rows), INT64)
  const bounds = [binaryExpr('>', number, count(skip))]
  if (fetch !== undefined) bounds.push(binaryExpr('<=', number, count(skip + fetch)))
  const numbered = rowNumberPlan(
    input,
    own.map(({ expr }) => expr),
    name,
  )
  return projectionPlan(filterPlan(numbered, conjunction(bounds)), [...schemaOf(before).map(namedColumn), ...own])
}

/** The side whose rows the join keeps gets the domain; the other one too if it needs it, and then both must agree. */
function attachToJoin(plan: JoinPlan, domain: Domain): Attached {
  if (plan.type === 'full')
    throw fail('NOT_SUPPORTED', ['a column of the outer query inside a FULL JOIN of a subquery'])
  const rightFirst =
    plan.type.startsWith('right') || (plan.type === 'inner' && !refersOut(plan.left) && refersOut(plan.right))
  const [first, second] = rightFirst ? [plan.right, plan.left] : [plan.left, plan.right]
  const main = attach(first, domain)
  const other = refersOut(second) ? attach(second, domain) : { plan: nearer(second), columns: [] }
  const conjuncts = [
    ...plan.on.map(pair => binaryExpr('=', pair.left, pair.right)),
    ...(plan.filter === undefined ? [] : [plan.filter]),
  ].map(expr => domain.lower(expr, main.columns))
  const agreeing = other.columns.flatMap((column, i) => sameValue(main.columns[i], column))
  const [left, right] = rightFirst ? [other.plan, main.plan] : [main.plan, other.plan]
  const made = joinPlan(left, right, plan.type, conjunction([...agreeing, ...conjuncts]))
  const join = plan.mark === undefined ? made : { ...made, mark: plan.mark }
  if (other.columns.length === 0) return { plan: join, columns: main.columns }
  const columns = [...schemaOf(plan), ...main.columns.map(asField)]
  return { plan: projectionPlan(join, columns.map(namedColumn)), columns: main.columns }
}

const asField = ({ relation, name, type, nullable }: ColumnExpr): PlanField =>
  relation === undefined ? { name, type, nullable } : { relation, name, type, nullable }

/** The domain becomes a part of the key. Without other keys there is a row also for combinations without input. */
function attachToAggregate(plan: Of<'aggregate'>, domain: Domain): Attached {
  const { plan: input, columns } = attach(plan.input, domain)
  const lower = (list: readonly NamedExpr[]): NamedExpr[] =>
    list.map(named => ({ ...named, expr: domain.lower(named.expr, columns) }))
  const grouped = aggregatePlan(input, [...lower(plan.groups), ...columns.map(namedColumn)], lower(plan.aggregates))
  if (plan.groups.length > 0) return { plan: grouped, columns }
  const name = uniqueName('found', new Set(schemaOf(grouped).map(field => field.name)))
  const flagged = projectionPlan(grouped, [
    ...schemaOf(grouped).map(namedColumn),
    { expr: literal(true, BOOLEAN), name },
  ])
  const copy = domain.copy()
  const agreeing = copy.columns.flatMap((column, i) => sameValue(column, columns[i]))
  const joined = joinPlan(copy.plan, flagged, 'left', conjunction(agreeing))
  const missing = isNullExpr(columnExpr(name, BOOLEAN, true))
  const values = plan.aggregates.map(({ expr, name: column }): NamedExpr => {
    const value = columnExpr(column, typeOf(expr), true)
    return { expr: caseExpr([missing], [valueOfNoRows(expr)], value), name: column }
  })
  return { plan: projectionPlan(joined, [...values, ...copy.columns.map(namedColumn)]), columns: copy.columns }
}

const COUNTS = new Set<AggregateExpr['name']>(['count', 'approx_distinct', 'count_if', 'regr_count'])

/** What an aggregate gives over no rows. */
export const valueOfNoRows = (expr: Expr): Expr =>
  expr.kind === 'aggregate' && COUNTS.has(expr.name)
    ? literal(zeroOf(expr.type) ?? null, expr.type)
    : literal(null, typeOf(expr))

function attachToUnion(plan: Of<'union'>, domain: Domain): Attached {
  const inputs = plan.inputs.map(input => ({ own: schemaOf(input), ...attach(input, domain) }))
  const [first] = inputs
  const aligned = inputs.map(({ own, plan: input, columns }) =>
    projectionPlan(input, [
      ...own.map(namedColumn),
      ...columns.map((column, i) => ({ ...namedColumn(first.columns[i]), expr: column })),
    ]),
  )
  return { plan: unionPlan(aligned), columns: first.columns }
}

function attachToValues(plan: Of<'values'>, domain: Domain): Attached {
  const copies = plan.rows.map(row => ({ row, ...domain.copy() }))
  const [first] = copies
  const rows = copies.map(({ row, plan: input, columns }) =>
    projectionPlan(input, [
      ...row.map((expr, i) => ({ expr: domain.lower(expr, columns), name: plan.schema[i].name })),
      ...columns.map((column, i) => ({ ...namedColumn(first.columns[i]), expr: column })),
    ]),
  )
  return { plan: rows.length === 1 ? rows[0] : unionPlan(rows), columns: first.columns }
}

/**
 * Conjuncts that hold when both are equal or both NULL: as equalities, so that they can be keys of a join. Intervals are told
 * apart as DISTINCT does it, by how they are written.
 */
function sameValue(left: Expr, right: Expr): readonly Expr[] {
  if (typeOf(left).kind === 'interval') return sameValue(castExpr(left, UTF8), castExpr(right, UTF8))
  if (!isNullable(left) && !isNullable(right)) return [binaryExpr('=', left, right)]
  const type = typeOf(left)
  const zero = zeroOf(type)
  if (zero === undefined) return [binaryExpr('notDistinct', left, right)]
  const filled = (expr: Expr): Expr => callExpr('coalesce', [expr, literal(zero, type)])
  return [binaryExpr('=', filled(left), filled(right)), binaryExpr('=', isNullExpr(left), isNullExpr(right))]
}

function zeroOf(type: DataType): Value | undefined {
  switch (type.kind) {
    case 'boolean':
      return false
    case 'int':
      return type.bits === 64 ? 0n : 0
    case 'float':
    case 'date':
      return 0
    case 'decimal':
    case 'timestamp':
      return 0n
    case 'utf8':
      return ''
    default:
      return undefined
  }
}
