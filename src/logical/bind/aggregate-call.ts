/** Calls of aggregates with what may stand in and behind their parentheses: DISTINCT, ORDER BY, WITHIN GROUP, FILTER, NULLS. */
import { BOOLEAN, FLOAT64 } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { aggregateExpr, binaryExpr, conjunction, isNullExpr } from '../../expr/build.js'
import { literal, type Expr, type SortKey } from '../../expr/expr.js'
import { aggregateFunction } from '../../expr/functions/index.js'
import { displayedName } from '../../expr/functions/internal-name.js'
import type { ExprNode, OrderItem } from '../../parser/ast.js'
import { groupKey } from './interval-keys.js'
import type { ExprContext } from './expr.js'

type CallNode = Extract<ExprNode, { kind: 'call' }>
type Bind = (node: ExprNode, ctx: ExprContext) => Expr

/** `name` is the aggregate's in lower case. Throws INVALID_ARGUMENT for modifiers without a meaning. */
export function bindAggregate(node: CallNode, name: string, ctx: ExprContext, bind: Bind): Expr {
  if (ctx.allowAggregates !== true) {
    throw fail('INVALID_ARGUMENT', [`the aggregate ${displayedName(name)}() is not allowed in ${ctx.clause}`])
  }
  const { binder, scope } = ctx
  const inner: ExprContext = { binder, scope, clause: `the arguments of ${displayedName(name)}()` }
  const sorted = (items: readonly OrderItem[]): SortKey[] =>
    items.map(item => sortKey(item, bind(item.expr, { ...inner, clause: `ORDER BY of ${displayedName(name)}()` })))
  const star = node.args.length === 1 && node.args[0].kind === 'star'
  if (star && name !== 'count')
    throw fail('INVALID_ARGUMENT', [`${displayedName(name)}(*) has no meaning; name a column`])
  const written = star ? [] : node.args.map(arg => bind(arg, inner))
  const { args, orderBy } = withGroup(name, written, sorted(node.orderBy), sorted(node.withinGroup ?? []))
  const filter = node.filter === undefined ? undefined : bind(node.filter, { ...inner, clause: 'FILTER' })
  const present = node.nulls === 'ignore' ? [presence(name, args)] : []
  const kept = conjunction(filter === undefined ? present : [filter, ...present])
  return aggregateExpr(name, node.distinct ? args.map(groupKey) : args, {
    distinct: node.distinct,
    filter: kept,
    orderBy,
  })
}

const sortKey = ({ descending, nullsFirst }: OrderItem, expr: Expr): SortKey => ({
  expr,
  descending,
  nullsFirst: nullsFirst ?? descending,
})

interface Sorted {
  readonly args: readonly Expr[]
  readonly orderBy: readonly SortKey[]
}

/** Aggregates whose first argument is the key of WITHIN GROUP. */
const SORTED_INPUT = new Set(['approx_percentile_cont', 'mode', 'percentile_cont', 'percentile_disc'])

/** percentile_cont(p) WITHIN GROUP (ORDER BY x DESC) is percentile_cont(x, 1 - p); for other aggregates it is ORDER BY. */
function withGroup(
  name: string,
  args: readonly Expr[],
  orderBy: readonly SortKey[],
  within: readonly SortKey[],
): Sorted {
  if (within.length === 0) return { args, orderBy }
  const definition = aggregateFunction(name)
  if (orderBy.length > 0) throw fail('INVALID_ARGUMENT', [`${name}() with both ORDER BY and WITHIN GROUP`])
  if (definition?.isOrdered === true) return { args, orderBy: within }
  if (definition === undefined || !SORTED_INPUT.has(definition.name))
    throw fail('INVALID_ARGUMENT', [`WITHIN GROUP has no meaning for ${displayedName(name)}()`])
  if (within.length > 1) throw fail('INVALID_ARGUMENT', [`WITHIN GROUP of ${name}() takes one key`])
  const [{ expr, descending }] = within
  const [fraction, ...rest] = args
  if (fraction === undefined || !descending) return { args: [expr, ...args], orderBy: [] }
  if (definition.name === 'percentile_disc') return { args: [expr, fraction, literal(true, BOOLEAN)], orderBy: [] }
  return { args: [expr, binaryExpr('-', literal(1, FLOAT64), fraction), ...rest], orderBy: [] }
}

/** IGNORE NULLS as a condition on the rows. */
function presence(name: string, args: readonly Expr[]): Expr {
  if (args.length === 0 || aggregateFunction(name)?.isOrdered !== true)
    throw fail('INVALID_ARGUMENT', [`IGNORE NULLS has no meaning for ${displayedName(name)}()`])
  return isNullExpr(args[0], true)
}
