/** One SELECT with the ORDER BY of its query: FROM, WHERE, GROUP BY, HAVING, the select list, DISTINCT, ORDER BY. */
import { fail, type Span } from '../../common/errors.js'
import { equals } from '../../common/tree.js'
import { INT64 } from '../../arrow/types.js'
import { binaryExpr, columnExpr } from '../../expr/build.js'
import { exprTree, literal, type Expr, type SortKey } from '../../expr/expr.js'
import type { ExprNode, QueryNode, SelectItem, SelectNode } from '../../parser/ast.js'
import { filterPlan, projectionPlan, rowNumberPlan } from '../build.js'
import { hasAggregate } from '../plan-exprs.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalPlan, NamedExpr } from '../plan.js'
import { bindAggregation, checkGroup } from './aggregate.js'
import { aliasesBefore, aliasLookup, earlierAliases } from './aliases.js'
import { at, type Binder } from './context.js'
import { bindExpr, nodeName, noted, type ExprContext } from './expr.js'
import { bindFrom } from './from.js'
import { distinctRows, groupKey, sortedBy } from './interval-keys.js'
import { isOrderAll, orderKey, ordinalOf } from './order.js'
import { asPredicate } from './predicate.js'
import type { Scope } from './scope.js'
import { bindWhere, scalarSubqueries } from './subquery.js'
import { hasRepeatedColumns, uniqueName, uniqueNames, withNamesOf } from './unique.js'
import { expandWildcard } from './wildcard.js'

/** A column of the select list. */
export interface OutputItem extends NamedExpr {
  /** How it was written; absent for wildcards. */
  readonly node?: ExprNode
  readonly aliased: boolean
  readonly span: Span
}

interface SortedSelect {
  readonly select: SelectNode
  readonly orderBy: QueryNode['orderBy']
  /** The expressions of DISTINCT ON; empty for other SELECTs. */
  readonly on: readonly Expr[]
}

/** The plan of a SELECT, sorted by `orderBy`. */
export function bindSelect(select: SelectNode, orderBy: QueryNode['orderBy'], binder: Binder): LogicalPlan {
  refuseUnsupported(select)
  const from = bindFrom(select.from, binder)
  const below = scalarSubqueries(binder, from.scope)
  const beside = scalarSubqueries(binder, from.scope)
  const base = { binder, scope: from.scope, subquery: beside.bind }
  const whereContext = { ...base, clause: 'WHERE', subquery: below.bind }
  const reusable = aliasesBefore(select.items, whereContext)
  const input = bindWhere(from.plan, select.where, { ...whereContext, reusable }, below)
  const items = bindItems(select.items, { ...base, clause: 'the select list', allowAggregates: true })
  if (items.length === 0) throw fail('INVALID_ARGUMENT', ['the select list is empty'], { span: select.span })
  const aliases = aliasLookup(items)
  const groups = bindGroupBy(select, items, { ...base, clause: 'GROUP BY', allowAggregates: true, aliases })
  const having =
    select.having && bindHaving(select.having, { ...base, clause: 'HAVING', allowAggregates: true, aliases })
  const keys = orderKeys(orderBy, items, { ...base, clause: 'ORDER BY', allowAggregates: true, aliases })
  const on = distinctOn(select, items, { ...base, clause: 'DISTINCT ON', allowAggregates: true, aliases })
  const exprs = [
    ...items.map(item => item.expr),
    ...(having ? [having] : []),
    ...keys.map(key => key.expr),
    ...on,
    ...beside.operands(),
  ]
  if (select.groupBy.length === 0 && having === undefined && !exprs.some(hasAggregate)) {
    return project(beside.joinTo(input), items, keys, { select, orderBy, on }, expr => expr)
  }
  // Subqueries that are grouped by are joined below the aggregate, and all others with them.
  const isGrouped = groups.some(({ expr }) => exprTree.some(expr, beside.has))
  const grouped = isGrouped ? beside.joinTo(input) : input
  const isValue = isGrouped ? () => false : beside.has
  const { plan, above } = bindAggregation(grouped, groups, exprs, { binder, isValue })
  const kept = filterPlan(isGrouped ? plan : beside.joinTo(plan, above), having && above(having))
  return project(kept, items, keys, { select, orderBy, on: on.map(above) }, above)
}

function refuseUnsupported(select: SelectNode): void {
  if (select.qualify !== undefined) throw fail('NOT_SUPPORTED', ['QUALIFY'], { span: select.qualify.span })
}

/** An item may use the aliases of those before it. */
function bindItems(items: readonly SelectItem[], ctx: ExprContext): readonly OutputItem[] {
  const hiddenAliases = new Set(items.flatMap(item => (item.kind === 'expr' && item.alias ? [item.alias.name] : [])))
  const bound: OutputItem[] = []
  const reusable = earlierAliases(bound)
  for (const item of items) bound.push(...bindItem(item, { ...ctx, reusable, hiddenAliases }))
  return bound
}

function bindItem(item: SelectItem, ctx: ExprContext): readonly OutputItem[] {
  if (item.kind === 'wildcard') {
    return expandWildcard(item, ctx).map(column => ({ ...column, expr: noted(column.expr, item.span, ctx.binder) }))
  }
  const expr = bindExpr(item.expr, ctx)
  const common = { expr, node: item.expr, span: item.span }
  if (item.alias !== undefined) return [{ ...common, name: item.alias.name, aliased: true }]
  if (expr.kind === 'column' && item.expr.kind === 'column')
    return [{ ...common, ...nameOfColumn(expr), aliased: false }]
  return [{ ...common, name: outputName(item.expr, ctx.scope), aliased: false }]
}

const nameOfColumn = ({ relation, name }: { relation?: string; name: string }): Omit<NamedExpr, 'expr'> =>
  relation === undefined ? { name } : { relation, name }

/** A merged USING column keeps its own name. */
const outputName = (node: ExprNode, scope: Scope): string =>
  node.kind === 'column' ? node.path[node.path.length - 1].name : nodeName(node, scope)

function bindGroupBy(select: SelectNode, items: readonly OutputItem[], ctx: ExprContext): readonly NamedExpr[] {
  if (select.groupBy === 'all') return items.filter(item => !hasAggregate(item.expr)).map(item => groupOf(item, ctx))
  return select.groupBy.map(node => {
    const ordinal = ordinalOf(node, items.length, 'GROUP BY')
    const group = ordinal === undefined ? { expr: bindExpr(node, ctx), node } : items[ordinal]
    at(node.span, () => checkGroup(group.expr, ctx.binder))
    return groupOf(group, ctx)
  })
}

/** A group column keeps its name and relation; another expression is named as it is written. */
function groupOf({ expr, node }: { expr: Expr; node?: ExprNode }, ctx: ExprContext): NamedExpr {
  if (expr.kind === 'column') return { expr, ...nameOfColumn(expr) }
  return { expr, name: node === undefined ? 'group' : nodeName(node, ctx.scope) }
}

function bindHaving(node: ExprNode, ctx: ExprContext): Expr {
  return at(node.span, () => asPredicate(bindExpr(node, ctx), 'HAVING'))
}

function orderKeys(orderBy: QueryNode['orderBy'], items: readonly OutputItem[], ctx: ExprContext): readonly SortKey[] {
  if (isOrderAll(orderBy)) return items.map(item => orderKey(orderBy, item.expr))
  return orderBy.map(item => orderKey(item, orderExpr(item.expr, items, ctx)))
}

/** Names and positions mean in DISTINCT ON what they mean in ORDER BY. */
function distinctOn({ distinct }: SelectNode, items: readonly OutputItem[], ctx: ExprContext): readonly Expr[] {
  return typeof distinct === 'boolean' ? [] : distinct.on.map(node => orderExpr(node, items, ctx))
}

/** A bare name is an output column if there is one; within an expression, input columns come first. */
function orderExpr(node: ExprNode, items: readonly OutputItem[], ctx: ExprContext): Expr {
  const ordinal = ordinalOf(node, items.length, ctx.clause)
  if (ordinal !== undefined) return items[ordinal].expr
  const named = node.kind === 'column' && node.path.length === 1 ? ctx.aliases?.(node.path[0]) : undefined
  return named ?? bindExpr(node, ctx)
}

/**
 * The select list over `input`, DISTINCT and sorted. Keys that are output columns are sorted above the projection,
 * others below it: over its input they need no column of their own.
 */
function project(
  input: LogicalPlan,
  items: readonly OutputItem[],
  keys: readonly SortKey[],
  { select, orderBy, on }: SortedSelect,
  above: (expr: Expr) => Expr,
): LogicalPlan {
  const outputs = items.map(item => ({ ...namedOf(item), expr: above(item.expr) }))
  const sortKeys = keys.map(key => ({ ...key, expr: above(key.expr) }))
  if (on.length > 0) return projectionPlan(firstOfEach(input, on, sortKeys), outputs)
  if (select.distinct === true) return distinctSorted(input, outputs, sortKeys, { select, orderBy, on })
  const projection = projectionPlan(input, outputs)
  if (keys.length === 0) return projection
  const overOutputs = outputKeys(projection, outputs, sortKeys)
  if (hasRepeatedColumns(schemaOf(projection)) || overOutputs.includes(undefined)) {
    return projectionPlan(sortedBy(input, sortKeys), outputs)
  }
  return sortedBy(
    projection,
    overOutputs.filter(key => key !== undefined),
  )
}

const namedOf = ({ relation, name }: OutputItem): Omit<NamedExpr, 'expr'> =>
  relation === undefined ? { name } : { relation, name }

/** DISTINCT ON: in the order of ORDER BY, the first row for each combination of the keys. */
function firstOfEach(input: LogicalPlan, on: readonly Expr[], keys: readonly SortKey[]): LogicalPlan {
  const name = uniqueName('row_number', new Set(schemaOf(input).map(field => field.name)))
  const numbered = rowNumberPlan(keys.length === 0 ? input : sortedBy(input, keys), on.map(groupKey), name)
  return filterPlan(numbered, binaryExpr('=', columnExpr(name, INT64, false), literal(1n, INT64)))
}

function distinctSorted(
  input: LogicalPlan,
  outputs: readonly NamedExpr[],
  keys: readonly SortKey[],
  { select, orderBy }: SortedSelect,
): LogicalPlan {
  const spans = isOrderAll(orderBy) ? [] : orderBy.map(item => item.expr.span)
  const plain = projectionPlan(input, outputs)
  const repeated = keys.length > 0 && hasRepeatedColumns(schemaOf(plain))
  const projection = repeated ? projectionPlan(input, uniqueNames(outputs)) : plain
  const distinct = distinctRows(projection)
  if (keys.length === 0) return distinct
  const overOutputs = outputKeys(projection, outputs, keys)
  if (overOutputs.includes(undefined)) {
    const text = 'with SELECT DISTINCT, ORDER BY expressions must be in the select list'
    throw fail('INVALID_ARGUMENT', [text], { span: spans[overOutputs.indexOf(undefined)] ?? select.span })
  }
  const sorted = sortedBy(
    distinct,
    overOutputs.filter(key => key !== undefined),
  )
  return repeated ? withNamesOf(sorted, schemaOf(plain)) : sorted
}

/** Each key as a column of the projection; undefined where it is none. */
function outputKeys(
  projection: LogicalPlan,
  outputs: readonly NamedExpr[],
  keys: readonly SortKey[],
): readonly (SortKey | undefined)[] {
  const schema = schemaOf(projection)
  return keys.map(key => {
    const index = outputs.findIndex(output => equals(output.expr, key.expr))
    return index < 0 ? undefined : { ...key, expr: fieldColumn(schema[index]) }
  })
}
