/** Logical plans as text, in DataFusion's wording: what EXPLAIN shows and the plan tests compare. */
import type { TextTree } from '../common/tree-text.js'
import { displayExpr, displaySortKey } from '../expr/display.js'
import type { Expr } from '../expr/expr.js'
import { planTree, type LogicalPlan, type NamedExpr } from './plan.js'

/** One line a node, children indented by two spaces under their parent; no trailing newline. */
export function displayLogical(plan: LogicalPlan): string {
  const lines: string[] = []
  const visit = (node: LogicalPlan, depth: number): void => {
    lines.push('  '.repeat(depth) + displayNode(node))
    for (const child of planTree.children(node)) visit(child, depth + 1)
  }
  visit(plan, 0)
  return lines.join('\n')
}

/** The plan as a tree of texts. */
export function logicalTree(plan: LogicalPlan): TextTree {
  const [, name, details] = /^([^:]*):? ?(.*)$/s.exec(displayNode(plan)) ?? []
  return { name, details, notes: [], children: planTree.children(plan).map(logicalTree) }
}

/** The line of one node. */
export function displayNode(plan: LogicalPlan): string {
  switch (plan.kind) {
    case 'scan':
      return displayScan(plan)
    case 'filter':
      return `Filter: ${displayExpr(plan.predicate)}`
    case 'projection':
      return `Projection: ${plan.exprs.map(displayNamed).join(', ')}`
    case 'aggregate':
      return `Aggregate: groupBy=[[${plan.groups.map(displayNamed).join(', ')}]], aggr=[[${plan.aggregates.map(displayNamed).join(', ')}]]`
    case 'join':
      return displayJoin(plan)
    case 'sort':
      return `Sort: ${[...plan.keys.map(displaySortKey), ...optional('fetch', plan.fetch)].join(', ')}`
    case 'limit':
      return `Limit: ${[`skip=${plan.skip}`, ...optional('fetch', plan.fetch)].join(', ')}`
    case 'distinct':
      return 'Distinct:'
    case 'rowNumber':
      return `RowNumber: partition by [${plan.partitionBy.map(displayExpr).join(', ')}] AS ${plan.name}`
    case 'union':
      return 'Union'
    case 'values':
      return `Values: ${plan.rows.map(row => `(${row.map(displayExpr).join(', ')})`).join(', ')}`
    case 'empty':
      return plan.oneRow ? 'EmptyRelation: rows=1' : 'EmptyRelation: rows=0'
    case 'alias':
      return `SubqueryAlias: ${plan.relation}`
    case 'write':
      return `Write: ${plan.staged.target} (${plan.staged.format})`
  }
}

const optional = (name: string, value: number | undefined): string[] =>
  value === undefined ? [] : [`${name}=${value}`]

/** The expression, and `AS name` where the column is not named as the expression reads. */
export function displayNamed({ expr, relation, name }: NamedExpr): string {
  const text = displayExpr(expr)
  return text === name || text === `${relation}.${name}` ? text : `${text} AS ${name}`
}

function displayScan(plan: Extract<LogicalPlan, { kind: 'scan' }>): string {
  const { provider, projection, table, relation, filters, fetch } = plan
  const name = table === relation ? table : `${table} AS ${relation}`
  const parts = [
    `projection=[${projection.map(index => provider.schema.fields[index].name).join(', ')}]`,
    ...(filters.length === 0 ? [] : [`full_filters=[${filters.map(displayExpr).join(', ')}]`]),
    ...optional('fetch', fetch),
  ]
  return `TableScan: ${name} ${parts.join(', ')}`
}

const JOIN_NAMES = {
  inner: 'Inner Join',
  left: 'Left Join',
  right: 'Right Join',
  full: 'Full Join',
  leftSemi: 'LeftSemi Join',
  leftAnti: 'LeftAnti Join',
  leftMark: 'LeftMark Join',
  rightSemi: 'RightSemi Join',
  rightAnti: 'RightAnti Join',
  rightMark: 'RightMark Join',
} as const

function displayJoin(plan: Extract<LogicalPlan, { kind: 'join' }>): string {
  if (plan.type === 'inner' && plan.on.length === 0 && plan.filter === undefined) return 'Cross Join:'
  const text = (expr: Expr): string => displayExpr(expr)
  const keys = plan.on.map(({ left, right }) => `${text(left)} = ${text(right)}`)
  const filter = plan.filter === undefined ? [] : [`Filter: ${text(plan.filter)}`]
  const condition = [keys.join(', '), ...filter].filter(part => part !== '').join(' ')
  return `${JOIN_NAMES[plan.type]}:${condition === '' ? '' : ` ${condition}`}`
}
