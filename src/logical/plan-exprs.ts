/** The expressions inside plan nodes: listing, mapping and asking about them, written once for binder and optimizer. */
import { mapList } from '../common/tree.js'
import { exprTree, type ColumnExpr, type Expr, type SortKey } from '../expr/expr.js'
import { fieldColumn, findColumn } from './schema-of.js'
import type { LogicalPlan, NamedExpr, PlanSchema } from './plan.js'

/** Every expression of one node (not of its children). */
export function planExprs(plan: LogicalPlan): readonly Expr[] {
  const list: Expr[] = []
  mapPlanExprs(plan, expr => {
    list.push(expr)
    return expr
  })
  return list
}

/** The node with every own expression changed; the same object when no expression changed. */
export function mapPlanExprs(plan: LogicalPlan, change: (expr: Expr) => Expr): LogicalPlan {
  switch (plan.kind) {
    case 'scan':
      return replaced(plan, { filters: mapList(plan.filters, change) })
    case 'filter':
      return replaced(plan, { predicate: change(plan.predicate) })
    case 'projection':
      return replaced(plan, { exprs: mapNamed(plan.exprs, change) })
    case 'aggregate':
      return replaced(plan, { groups: mapNamed(plan.groups, change), aggregates: mapNamed(plan.aggregates, change) })
    case 'join': {
      const on = mapList(plan.on, pair => replaced(pair, { left: change(pair.left), right: change(pair.right) }))
      return plan.filter === undefined ? replaced(plan, { on }) : replaced(plan, { on, filter: change(plan.filter) })
    }
    case 'sort':
      return replaced(plan, { keys: mapSortKeys(plan.keys, change) })
    case 'rowNumber':
      return replaced(plan, { partitionBy: mapList(plan.partitionBy, change) })
    case 'values':
      return replaced(plan, { rows: mapList(plan.rows, row => mapList(row, change)) })
    case 'limit':
    case 'distinct':
    case 'union':
    case 'empty':
    case 'alias':
    case 'write':
      return plan
  }
}

/** `node` with some fields set; the same object when they already have these values. */
export function replaced<T extends object>(node: T, fields: Partial<T>): T {
  const keys = Object.keys(fields) as (keyof T)[]
  return keys.every(key => node[key] === fields[key]) ? node : { ...node, ...fields }
}

export const mapNamed = (list: readonly NamedExpr[], change: (expr: Expr) => Expr): readonly NamedExpr[] =>
  mapList(list, named => replaced(named, { expr: change(named.expr) }))

export const mapSortKeys = (keys: readonly SortKey[], change: (expr: Expr) => Expr): readonly SortKey[] =>
  mapList(keys, key => replaced(key, { expr: change(key.expr) }))

/** Every column reference in `expr`, repeated as often as it occurs. */
export function columnsOf(expr: Expr): readonly ColumnExpr[] {
  const list: ColumnExpr[] = []
  exprTree.walk(expr, node => {
    if (node.kind === 'column') list.push(node)
  })
  return list
}

/** True if every column of `expr` is in `schema`. Constants are over every schema. */
export const isOver = (expr: Expr, schema: PlanSchema): boolean =>
  columnsOf(expr).every(column => findColumn(schema, column) >= 0)

/** Replaces the columns of `from` in `expr` by the expressions at the same positions of `to`. */
export function substitute(expr: Expr, from: PlanSchema, to: readonly Expr[]): Expr {
  return exprTree.transformUp(expr, node => {
    if (node.kind !== 'column') return node
    const index = findColumn(from, node)
    return index < 0 ? node : to[index]
  })
}

/** Renames the columns of `from` in `expr` to the columns of `to` at the same positions. */
export const rebase = (expr: Expr, from: PlanSchema, to: PlanSchema): Expr =>
  substitute(expr, from, to.map(fieldColumn))

/** The expression over bare column names, as ScanRequest.filters wants it. */
export const stripRelation = (expr: Expr): Expr =>
  exprTree.transformUp(expr, node =>
    node.kind === 'column' ? { kind: 'column', name: node.name, type: node.type, nullable: node.nullable } : node,
  )

export const hasAggregate = (expr: Expr): boolean => exprTree.some(expr, node => node.kind === 'aggregate')
