/** Columns of an enclosing query inside a subquery, and the pulling up of the predicates that contain them. */
import { equals } from '../../common/tree.js'
import { conjunction, splitConjunction } from '../../expr/build.js'
import { exprTree, type Expr } from '../../expr/expr.js'
import { filterPlan, makeJoin, projectionPlan, type JoinPlan } from '../build.js'
import { columnsOf, mapPlanExprs, planExprs, rebase } from '../plan-exprs.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import { planTree, type LogicalPlan, type NamedExpr } from '../plan.js'
import { uniqueName } from './unique.js'

/** No user can write a relation that starts so: an outer column is never mistaken for an inner one. */
const OUTER_PREFIX = '\0outer:'

/** The expression of an enclosing query as it stands inside a subquery; twice for a subquery of that subquery. */
export const toOuter = (expr: Expr): Expr => mapRelations(expr, relation => `${OUTER_PREFIX}${relation ?? ''}`)

/** Back to the columns of the enclosing query, for a predicate that has been pulled up into it. */
export const fromOuter = (expr: Expr): Expr =>
  mapRelations(expr, relation => {
    if (relation === undefined || !relation.startsWith(OUTER_PREFIX)) return relation
    return relation === OUTER_PREFIX ? undefined : relation.slice(OUTER_PREFIX.length)
  })

function mapRelations(expr: Expr, change: (relation: string | undefined) => string | undefined): Expr {
  return exprTree.transformUp(expr, node => {
    if (node.kind !== 'column') return node
    const relation = change(node.relation)
    if (relation === node.relation) return node
    const { name, type, nullable } = node
    return relation === undefined
      ? { kind: 'column', name, type, nullable }
      : { kind: 'column', relation, name, type, nullable }
  })
}

export const isOuter = (expr: Expr): boolean =>
  expr.kind === 'column' && expr.relation?.startsWith(OUTER_PREFIX) === true

export const hasOuter = (expr: Expr): boolean => exprTree.some(expr, isOuter)

/** Whether a bound subquery refers to the query around it. */
export const isCorrelated = (plan: LogicalPlan): boolean => planTree.some(plan, node => planExprs(node).some(hasOuter))

/** The plan as it stands `levels` subqueries deeper than where it was bound. */
export function deepened(plan: LogicalPlan, levels: number): LogicalPlan {
  if (levels === 0 || !isCorrelated(plan)) return plan
  const deeper = (expr: Expr): Expr => exprTree.transformUp(expr, node => (isOuter(node) ? toOuter(node) : node))
  const once = planTree.transformUp(plan, node => mapPlanExprs(node, deeper))
  return deepened(once, levels - 1)
}

/** A plan without outer columns, and the predicates with outer columns that its rows must fulfil. */
export interface PulledUp {
  readonly plan: LogicalPlan
  /** Their inner columns are in the plan's schema, which may have got columns at its end for them. */
  readonly predicates: readonly Expr[]
}

/**
 * Takes the predicates with outer columns out of filters and inner joins. Through an aggregate only equalities go: their
 * inner sides become group columns. So an aggregate without groups loses the row that it has for no input: only `total`, for
 * which the caller makes up for that, may be one. Undefined for outer columns anywhere else: `dependOn` takes these.
 */
export function pullUp(plan: LogicalPlan, total?: LogicalPlan): PulledUp | undefined {
  if (!isCorrelated(plan)) return { plan, predicates: [] }
  switch (plan.kind) {
    case 'filter': {
      const below = pullUp(plan.input)
      if (below === undefined) return undefined
      const { inner, outer } = splitOuter(splitConjunction(plan.predicate))
      return { plan: filterPlan(below.plan, conjunction(inner)), predicates: [...below.predicates, ...outer] }
    }
    case 'projection':
      return pullUpProjection(plan, total)
    case 'alias': {
      const below = pullUp(plan.input)
      if (below === undefined) return undefined
      const renamed: LogicalPlan = { ...plan, input: below.plan }
      const rename = (expr: Expr): Expr => rebase(expr, schemaOf(below.plan), schemaOf(renamed))
      return { plan: renamed, predicates: below.predicates.map(rename) }
    }
    case 'join':
      return pullUpJoin(plan)
    case 'aggregate':
      return plan.groups.length === 0 && plan !== total ? undefined : pullUpAggregate(plan)
    case 'sort':
    case 'distinct': {
      const below = planExprs(plan).some(hasOuter) ? undefined : pullUp(plan.input)
      // A DISTINCT of more columns would keep more rows; a row that exists is one row or several.
      return below && { plan: { ...plan, input: below.plan }, predicates: below.predicates }
    }
    case 'limit':
    case 'rowNumber':
    case 'union':
    case 'scan':
    case 'values':
    case 'empty':
    case 'write':
      return undefined
  }
}

function splitOuter(conjuncts: readonly Expr[]): { inner: readonly Expr[]; outer: readonly Expr[] } {
  return { inner: conjuncts.filter(expr => !hasOuter(expr)), outer: conjuncts.filter(hasOuter) }
}

/** The projection also gives the inner columns that the predicates read. */
function pullUpProjection(
  plan: Extract<LogicalPlan, { kind: 'projection' }>,
  total?: LogicalPlan,
): PulledUp | undefined {
  const below = planExprs(plan).some(hasOuter) ? undefined : pullUp(plan.input, total)
  if (below === undefined) return undefined
  const { plan: input, predicates } = below
  const taken = new Set(plan.exprs.map(({ name }) => name))
  const exprs: NamedExpr[] = [...plan.exprs]
  const position = (column: Expr): number => {
    const index = exprs.findIndex(({ expr }) => equals(expr, column))
    return index >= 0 ? index : exprs.push({ expr: column, name: uniqueName('key', taken) }) - 1
  }
  const inner = predicates.flatMap(columnsOf).filter(column => !isOuter(column))
  const positions = inner.map(position)
  const projection = projectionPlan(input, exprs)
  const schema = schemaOf(projection)
  const columns = positions.map(index => fieldColumn(schema[index]))
  return { plan: projection, predicates: predicates.map(expr => replaceColumns(expr, inner, columns)) }
}

/** Columns that equal one of `from` become the expressions at its place in `to`. */
export const replaceColumns = (expr: Expr, from: readonly Expr[], to: readonly Expr[]): Expr =>
  exprTree.transformUp(expr, node => {
    const index = node.kind === 'column' ? from.findIndex(column => equals(column, node)) : -1
    return index < 0 ? node : to[index]
  })

/** Inner joins give up predicates of both sides and of their condition, left, semi and anti joins those of the left side. */
function pullUpJoin(plan: JoinPlan): PulledUp | undefined {
  const left = pullUp(plan.left)
  if (left === undefined) return undefined
  if (plan.type === 'inner') {
    const right = pullUp(plan.right)
    const { inner, outer } = splitOuter(plan.filter === undefined ? [] : splitConjunction(plan.filter))
    const keys = plan.on.filter(pair => !hasOuter(pair.left) && !hasOuter(pair.right))
    if (right === undefined || keys.length < plan.on.length) return undefined
    const join = makeJoin(left.plan, right.plan, 'inner', keys, inner)
    return { plan: join, predicates: [...left.predicates, ...right.predicates, ...outer] }
  }
  const leftOnly = plan.type === 'left' || plan.type === 'leftSemi' || plan.type === 'leftAnti'
  if (!leftOnly || isCorrelated(plan.right) || planExprs(plan).some(hasOuter)) return undefined
  return { plan: { ...plan, left: left.plan }, predicates: left.predicates }
}

function pullUpAggregate(plan: Extract<LogicalPlan, { kind: 'aggregate' }>): PulledUp | undefined {
  const below = planExprs(plan).some(hasOuter) ? undefined : pullUp(plan.input)
  if (below === undefined) return undefined
  const { plan: input, predicates } = below
  const equalities = predicates.flatMap(predicate => outerEquality(predicate) ?? [])
  if (equalities.length < predicates.length) return undefined
  // The columns of an expression would make more rows distinct than its value does.
  const isDistinct = planTree.some(plan.input, ({ kind }) => kind === 'distinct')
  if (isDistinct && equalities.some(({ inner }) => inner.kind !== 'column')) return undefined
  const taken = new Set([...plan.groups, ...plan.aggregates].map(({ name }) => name))
  const keys = equalities.map(({ inner }): NamedExpr => ({ expr: inner, name: uniqueName('key', taken) }))
  const grouped: LogicalPlan = { ...plan, input, groups: [...plan.groups, ...keys] }
  const schema = schemaOf(grouped)
  const inOrder = [
    ...schema.slice(0, plan.groups.length),
    ...schema.slice(plan.groups.length + keys.length),
    ...schema.slice(plan.groups.length, plan.groups.length + keys.length),
  ]
  const reordered = projectionPlan(
    grouped,
    inOrder.map(field => ({ ...relationOf(field), expr: fieldColumn(field), name: field.name })),
  )
  const columns = schemaOf(reordered).slice(-keys.length).map(fieldColumn)
  return {
    plan: reordered,
    predicates: equalities.map(({ predicate, inner }, i) => substituteSide(predicate, inner, columns[i])),
  }
}

const relationOf = ({ relation }: { relation?: string }): { relation?: string } =>
  relation === undefined ? {} : { relation }

/** `inner = outer` taken apart; undefined for every other correlated predicate. */
function outerEquality(predicate: Expr): { predicate: Extract<Expr, { kind: 'binary' }>; inner: Expr } | undefined {
  if (predicate.kind === 'binary' && predicate.op === '=') {
    const { left, right } = predicate
    if (!hasOuter(left) && columnsOf(right).every(isOuter)) return { predicate, inner: left }
    if (!hasOuter(right) && columnsOf(left).every(isOuter)) return { predicate, inner: right }
  }
  return undefined
}

const substituteSide = (predicate: Extract<Expr, { kind: 'binary' }>, side: Expr, column: Expr): Expr =>
  predicate.left === side ? { ...predicate, left: column } : { ...predicate, right: column }

/** The plan with only `columns`, under names that are unique, as relation `relation`; and a renaming of expressions to it. */
export function isolate(
  plan: LogicalPlan,
  columns: readonly Expr[],
  relation: string,
): { plan: LogicalPlan; rename: (expr: Expr) => Expr } {
  const taken = new Set<string>()
  const needed = columns.filter((column, i) => columns.findIndex(other => equals(other, column)) === i)
  const exprs = needed.map(expr => ({ expr, name: uniqueName(expr.kind === 'column' ? expr.name : 'value', taken) }))
  const isolated: LogicalPlan = { kind: 'alias', input: projectionPlan(plan, exprs), relation }
  const renamed = schemaOf(isolated).map(fieldColumn)
  return { plan: isolated, rename: expr => replaceColumns(expr, needed, renamed) }
}
