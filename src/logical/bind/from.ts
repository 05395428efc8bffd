/** FROM: tables, views, CTEs, derived tables and joins as a plan and the scope that names its columns. */
import { fail, type Span } from '../../common/errors.js'
import { invariant, unreachable } from '../../common/invariant.js'
import { binaryExpr, caseExpr, conjunction, isNullExpr } from '../../expr/build.js'
import type { Expr } from '../../expr/expr.js'
import type { ExprNode, Ident, JoinType, TableAlias, TableNode } from '../../parser/ast.js'
import { substitute } from '../plan-exprs.js'
import { aliasPlan, joinPlan, makeJoin, oneRowPlan, projectionPlan, scanPlan } from '../build.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalJoinType, LogicalPlan } from '../plan.js'
import { at, type Binder } from './context.js'
import { deepened } from './correlation.js'
import { dependOn } from './dependent.js'
import { bindExpr } from './expr.js'
import { boundedPlan } from './plan-size.js'
import { asPredicate } from './predicate.js'
import {
  findInScope,
  columnNotFound,
  joinScopes,
  relationsOf,
  scopeOf,
  EMPTY_SCOPE,
  type Scope,
  type ScopeColumn,
} from './scope.js'
import { referenceKey, viewError, type ResolvedTable } from './tables.js'
import { uniqueColumns } from './unique.js'

export interface BoundFrom {
  readonly plan: LogicalPlan
  readonly scope: Scope
}

/** The comma list of FROM as cross joins; one row without columns when there is no FROM. */
export function bindFrom(tables: readonly TableNode[], binder: Binder): BoundFrom {
  if (tables.length === 0) return { plan: oneRowPlan(), scope: EMPTY_SCOPE }
  const [first, ...rest] = tables
  let bound = bindTable(first, binder)
  for (const table of rest) {
    if (isLateral(table)) {
      bound = bindLateral(bound, table, 'inner', binder)
      continue
    }
    const right = bindTable(table, binder)
    checkRelations(bound.scope, right.scope, table.span)
    bound = { plan: makeJoin(bound.plan, right.plan, 'inner', [], []), scope: joinScopes(bound.scope, right.scope) }
  }
  return bound
}

function bindTable(node: TableNode, binder: Binder): BoundFrom {
  switch (node.kind) {
    case 'table':
      return scoped(bindNamedTable(node, binder))
    case 'file':
    case 'function': {
      const table = binder.context.tables.get(referenceKey(node))
      invariant(table?.kind === 'table', 'files and table functions were resolved')
      return scoped(
        renameColumns(scanPlan(table.name, node.alias?.name.name ?? table.name, table.provider), node.alias),
      )
    }
    case 'derived':
      return scoped(bindDerived(node, binder))
    case 'join':
      return bindJoin(node, binder)
    default:
      return unreachable(node)
  }
}

type DerivedNode = Extract<TableNode, { kind: 'derived' }>

function bindDerived(node: DerivedNode, binder: Binder): LogicalPlan {
  const relation = node.alias?.name.name ?? binder.nextRelation()
  return renameColumns(aliasPlan(uniqueColumns(binder.bindQuery(node.query, binder)), relation), node.alias)
}

const isLateral = (node: TableNode): node is DerivedNode => node.kind === 'derived' && node.lateral

/** Joins the rows that the query gives for each row on its left, whose columns it may use. */
function bindLateral(
  left: BoundFrom,
  node: DerivedNode,
  type: 'inner' | 'left',
  binder: Binder,
  on?: ExprNode,
): BoundFrom {
  const query = bindDerived(node, { ...binder, outer: [...binder.outer, left.scope] })
  const right = scopeOf(schemaOf(query))
  checkRelations(left.scope, right, node.span)
  const scope = joinScopes(left.scope, right)
  const dependent = at(node.span, () => dependOn(left.plan, query, () => binder.nextRelation()))
  const conditions = [dependent.condition, ...(on === undefined ? [] : [bindCondition(on, scope, binder)])]
  const plan = joinPlan(left.plan, dependent.plan, type, conjunction(conditions))
  return { plan, scope: asJoined(scope, plan) }
}

function bindCondition(node: ExprNode, scope: Scope, binder: Binder): Expr {
  return at(node.span, () => asPredicate(bindExpr(node, { binder, scope, clause: 'ON' }), 'ON'))
}

const scoped = (plan: LogicalPlan): BoundFrom => ({ plan, scope: scopeOf(schemaOf(plan)) })

function bindNamedTable(node: Extract<TableNode, { kind: 'table' }>, binder: Binder): LogicalPlan {
  const name = node.name[node.name.length - 1].name
  const relation = node.alias?.name.name ?? name
  const cte = node.name.length === 1 ? binder.ctes.get(name) : undefined
  if (cte !== undefined) {
    if (node.version !== undefined)
      throw fail('NOT_SUPPORTED', [`a version of '${name}', which is no table,`], { span: node.span })
    const plan = deepened(cte.plan, binder.outer.length - cte.depth)
    return renameColumns(aliasPlan(plan, relation), node.alias)
  }
  const table = binder.context.tables.get(referenceKey(node))
  invariant(table !== undefined, `table ${name} was resolved`)
  if (table.kind === 'table') return renameColumns(scanPlan(table.name, relation, table.provider), node.alias)
  return renameColumns(aliasPlan(bindView(table, binder), relation), node.alias)
}

function bindView(view: Extract<ResolvedTable, { kind: 'view' }>, binder: Binder): LogicalPlan {
  try {
    const plan = boundedPlan(uniqueColumns(binder.bindQuery(view.query, { ...binder, ctes: new Map(), outer: [] })))
    if (view.columns.length === 0) return plan
    return withColumnNames(plan, view.columns, `view '${view.name}'`)
  } catch (error) {
    throw viewError(view.name, error)
  }
}

/** `t AS x (a, b)`: new names for the first columns, the rest keep theirs. */
function renameColumns(plan: LogicalPlan, alias: TableAlias | undefined): LogicalPlan {
  if (alias === undefined || alias.columns.length === 0) return plan
  const { span } = alias.columns[alias.columns.length - 1]
  return at(span, () =>
    withColumnNames(
      plan,
      alias.columns.map(ident => ident.name),
      `table '${alias.name.name}'`,
    ),
  )
}

/** Renames the leading columns; throws INVALID_ARGUMENT for too many or repeated names. */
export function withColumnNames(plan: LogicalPlan, names: readonly string[], what: string): LogicalPlan {
  const schema = schemaOf(plan)
  if (names.length > schema.length) {
    throw fail('INVALID_ARGUMENT', [`${what} has ${schema.length} columns but ${names.length} names are given`])
  }
  const exprs = schema.map((field, i) => ({
    ...(field.relation === undefined ? {} : { relation: field.relation }),
    expr: fieldColumn(field),
    name: names[i] ?? field.name,
  }))
  const repeated = exprs.find(({ name }, i) => exprs.findIndex(other => other.name === name) < i)
  if (repeated !== undefined)
    throw fail('INVALID_ARGUMENT', [`column name '${repeated.name}' is given twice in ${what}`])
  return projectionPlan(plan, exprs)
}

function checkRelations(left: Scope, right: Scope, span: Span): void {
  const known = new Set(relationsOf(left))
  const repeated = relationsOf(right).find(relation => known.has(relation))
  if (repeated !== undefined)
    throw fail('INVALID_ARGUMENT', [`table name '${repeated}' is used twice in FROM; give one of them an alias`], {
      span,
    })
}

const JOIN_TYPES: Readonly<Record<JoinType, LogicalJoinType>> = {
  inner: 'inner',
  left: 'left',
  right: 'right',
  full: 'full',
  cross: 'inner',
  'left semi': 'leftSemi',
  'right semi': 'rightSemi',
  'left anti': 'leftAnti',
  'right anti': 'rightAnti',
}

type JoinNode = Extract<TableNode, { kind: 'join' }>

function bindJoin(node: JoinNode, binder: Binder): BoundFrom {
  const left = bindTable(node.left, binder)
  if (isLateral(node.right)) return bindLateralJoin(left, node, node.right, binder)
  const right = bindTable(node.right, binder)
  checkRelations(left.scope, right.scope, node.right.span)
  const type = JOIN_TYPES[node.type]
  const { condition } = node
  if (condition?.kind === 'on') {
    const scope = joinScopes(left.scope, right.scope)
    const plan = joinPlan(left.plan, right.plan, type, bindCondition(condition.expr, scope, binder))
    return { plan, scope: asJoined(keptScope(type, left.scope, right.scope), plan) }
  }
  const columns =
    condition?.kind === 'using'
      ? condition.columns
      : condition?.kind === 'natural'
        ? commonNames(left.scope, right.scope)
        : []
  if (columns.length === 0 && node.type !== 'cross' && condition?.kind !== 'natural') {
    throw fail('SYNTAX', [`${node.type.toUpperCase()} JOIN needs ON or USING; write CROSS JOIN for all pairs`], {
      span: node.span,
    })
  }
  return bindUsing(left, right, type, columns)
}

function bindLateralJoin(left: BoundFrom, node: JoinNode, right: DerivedNode, binder: Binder): BoundFrom {
  const type = JOIN_TYPES[node.type]
  const { condition } = node
  if (type !== 'inner' && type !== 'left')
    throw fail('NOT_SUPPORTED', [`${node.type.toUpperCase()} JOIN LATERAL`], { span: right.span })
  if (condition !== undefined && condition.kind !== 'on')
    throw fail('NOT_SUPPORTED', ['USING or NATURAL with LATERAL'], { span: right.span })
  return bindLateral(left, right, type, binder, condition?.expr)
}

const keptScope = (type: LogicalJoinType, left: Scope, right: Scope): Scope => {
  if (type === 'leftSemi' || type === 'leftAnti') return left
  return type === 'rightSemi' || type === 'rightAnti' ? right : joinScopes(left, right)
}

/** The scope after the join: columns of the side that may be missing in an outer join can be NULL. */
function asJoined(scope: Scope, plan: LogicalPlan): Scope {
  const schema = schemaOf(plan)
  const joined = (expr: Expr): Expr => substitute(expr, schema, schema.map(fieldColumn))
  const all = (columns: readonly ScopeColumn[]): readonly ScopeColumn[] =>
    columns.map(column => ({ ...column, expr: joined(column.expr) }))
  return { visible: all(scope.visible), qualified: all(scope.qualified) }
}

/** Columns that both sides show exactly once, in the order of the left side. */
function commonNames(left: Scope, right: Scope): readonly Ident[] {
  const names = new Set(right.visible.map(column => column.name))
  return left.visible
    .filter(column => names.has(column.name))
    .map(column => ({ name: column.name, quoted: true, span: { start: 0, end: 0 } }))
}

/** USING: the columns of both sides as one, first; of the side that always has a value, or the first non-NULL of FULL. */
function bindUsing(left: BoundFrom, right: BoundFrom, type: LogicalJoinType, columns: readonly Ident[]): BoundFrom {
  const pairs = columns.map(ident => {
    const sides = [left.scope, right.scope].map(scope => usingColumn(scope, ident))
    const condition = at(ident.span, () => binaryExpr('=', sides[0].expr, sides[1].expr))
    return { left: sides[0], right: sides[1], condition }
  })
  const plan = joinPlan(left.plan, right.plan, type, conjunction(pairs.map(pair => pair.condition)))
  const kept = keptScope(type, left.scope, right.scope)
  if (kept === left.scope || kept === right.scope) return { plan, scope: kept }
  const used = new Set<ScopeColumn>(pairs.flatMap(pair => [pair.left, pair.right]))
  const merged = pairs.map(pair => ({ name: pair.left.name, expr: mergedExpr(type, pair.left.expr, pair.right.expr) }))
  const visible = [...merged, ...kept.visible.filter(column => !used.has(column))]
  return { plan, scope: asJoined({ visible, qualified: kept.qualified }, plan) }
}

function usingColumn(scope: Scope, ident: Ident): ScopeColumn {
  const column = findInScope(scope, [ident], ident.span)
  if (column === undefined) throw columnNotFound(scope, [ident], ident.span)
  return column
}

function mergedExpr(type: LogicalJoinType, left: Expr, right: Expr): Expr {
  if (type === 'full') return caseExpr([isNullExpr(left, true)], [left], right)
  return type === 'right' ? right : left
}
