/** Syntax tree of a query to logical plan. Synchronous: tables were resolved before (resolveTables). */
import { sameType, typeName, type DataType } from '../../arrow/types.js'
import { fail, type Span } from '../../common/errors.js'
import { unreachable } from '../../common/invariant.js'
import { castExpr } from '../../expr/build.js'
import { evaluateRow } from '../../expr/interpret.js'
import { typeOf, type Expr } from '../../expr/expr.js'
import { unionType } from '../../expr/types.js'
import { valueText } from '../../expr/value-text.js'
import { isNullable } from '../nullable.js'
import type { ExprNode, QueryBody, QueryNode } from '../../parser/ast.js'
import { limitPlan } from '../build.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalPlan } from '../plan.js'
import { bindConstant } from './constant.js'
import { at, newBinder, type BindContext, type Binder } from './context.js'
import { bindExpr, type ExprContext } from './expr.js'
import { withColumnNames } from './from.js'
import { sortedBy } from './interval-keys.js'
import { boundedPlan } from './plan-size.js'
import { isOrderAll, orderKey, ordinalOf } from './order.js'
import { scopeOf } from './scope.js'
import { bindSelect } from './select.js'
import { bindSetOperation } from './set-operation.js'
import { uniqueColumns, withNamesOf } from './unique.js'

export type { BindContext } from './context.js'

/**
 * The plan of a query. Throws coded errors with the span of the part that is wrong (errors inside a view have the view
 * as context instead).
 */
export function bindQuery(query: QueryNode, context: BindContext): LogicalPlan {
  return boundedPlan(bindNested(query, newBinder(context, bindNested)))
}

function bindNested(query: QueryNode, outer: Binder): LogicalPlan {
  const binder = withCtes(query, outer)
  const sorted = bindSorted(query, binder)
  return bindLimit(query, sorted, binder)
}

/** The binder that also knows the CTEs of `query`; each sees those before it. */
function withCtes(query: QueryNode, binder: Binder): Binder {
  if (query.with.length === 0) return binder
  if (query.recursive) throw fail('NOT_SUPPORTED', ['WITH RECURSIVE'], { span: query.with[0].name.span })
  const ctes = new Map(binder.ctes)
  const defined = new Set<string>()
  for (const { name, columns, query: definition } of query.with) {
    if (defined.has(name.name))
      throw fail('INVALID_ARGUMENT', [`CTE '${name.name}' is defined twice`], { span: name.span })
    defined.add(name.name)
    const plan = at(name.span, () => boundedPlan(uniqueColumns(bindNested(definition, { ...binder, ctes }))))
    const names = columns.map(column => column.name)
    const named = names.length === 0 ? plan : at(name.span, () => withColumnNames(plan, names, `CTE '${name.name}'`))
    ctes.set(name.name, { plan: named, depth: binder.outer.length })
  }
  return { ...binder, ctes }
}

function bindSorted(query: QueryNode, binder: Binder): LogicalPlan {
  if (query.body.kind === 'select') return bindSelect(query.body, query.orderBy, binder)
  const plan = bindBody(query.body, binder)
  if (!isOrderAll(query.orderBy) && query.orderBy.length === 0) return plan
  const unique = uniqueColumns(plan)
  const sorted = sortOutputs(query, unique, binder)
  return unique === plan ? sorted : withNamesOf(sorted, schemaOf(plan))
}

function sortOutputs(query: QueryNode, plan: LogicalPlan, binder: Binder): LogicalPlan {
  const schema = schemaOf(plan)
  const ctx: ExprContext = { binder, scope: scopeOf(schema), clause: 'ORDER BY of a set operation' }
  const { orderBy } = query
  if (isOrderAll(orderBy)) {
    return sortedBy(
      plan,
      schema.map(field => orderKey(orderBy, fieldColumn(field))),
    )
  }
  const keys = orderBy.map(item => {
    const ordinal = ordinalOf(item.expr, schema.length, 'ORDER BY')
    return orderKey(item, ordinal === undefined ? bindExpr(item.expr, ctx) : fieldColumn(schema[ordinal]))
  })
  return sortedBy(plan, keys)
}

function bindBody(body: QueryBody, binder: Binder): LogicalPlan {
  switch (body.kind) {
    case 'select':
      return bindSelect(body, [], binder)
    case 'values':
      return bindValues(body.rows, body.span, binder)
    case 'setOperation':
      return bindSetOperation(body, child => bindBody(child, binder))
    case 'nested':
      return bindNested(body.query, binder)
    default:
      return unreachable(body)
  }
}

function bindLimit(query: QueryNode, plan: LogicalPlan, binder: Binder): LogicalPlan {
  const skip = query.offset === undefined ? undefined : constantCount(query.offset, 'OFFSET', binder)
  const fetch = query.limit === undefined ? undefined : constantCount(query.limit, 'LIMIT', binder)
  return skip === undefined && fetch === undefined ? plan : limitPlan(plan, skip ?? 0, fetch)
}

/** A row count; undefined for NULL (no limit). */
function constantCount(node: ExprNode, clause: string, binder: Binder): number | undefined {
  return at(node.span, () => {
    const expr = bindConstant(node, binder, clause)
    const value = evaluateRow(expr, [])
    if (value === null) return undefined
    const count = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NaN
    if (Number.isSafeInteger(count) && count >= 0) return count
    throw fail('INVALID_ARGUMENT', [
      `${clause} needs a whole number that is not negative, got ${valueText(value, typeOf(expr))}`,
    ])
  })
}

/** VALUES: columns `column1`, `column2`, … whose types unite those of all rows. */
function bindValues(rows: readonly (readonly ExprNode[])[], span: Span, binder: Binder): LogicalPlan {
  const width = rows[0].length
  const uneven = rows.find(row => row.length !== width)
  if (uneven !== undefined) {
    const place = uneven[0]?.span ?? span
    throw fail('INVALID_ARGUMENT', [`VALUES rows differ in length: ${width} and ${uneven.length}`], { span: place })
  }
  const bound = rows.map(row => row.map(node => bindConstant(node, binder, 'VALUES')))
  const types = Array.from({ length: width }, (_, column) => valuesType(rows, bound, column))
  const schema = types.map((type, column) => ({
    name: `column${column + 1}`,
    type,
    nullable: bound.some(row => isNullable(row[column])),
  }))
  const cast = bound.map((row, r) => row.map((expr, c) => at(rows[r][c].span, () => castExpr(expr, types[c]))))
  return { kind: 'values', schema, rows: cast }
}

function valuesType(
  rows: readonly (readonly ExprNode[])[],
  bound: readonly (readonly Expr[])[],
  column: number,
): DataType {
  return bound
    .map(row => typeOf(row[column]))
    .reduce((left, right, row) => {
      const type = sameType(left, right) ? left : unionType(left, right)
      if (type !== undefined) return type
      const text = `column ${column + 1} of VALUES has both ${typeName(left)} and ${typeName(right)}`
      throw fail('TYPE_MISMATCH', [text], { span: rows[row][column].span })
    })
}
