/** DELETE and UPDATE of a table in memory, as queries for the rows that it has afterwards. */
import { field, type Schema } from '../arrow/schema.js'
import { BOOLEAN } from '../arrow/types.js'
import { didYouMean, fail } from '../common/errors.js'
import { caseExpr, castExpr } from '../expr/build.js'
import { at } from '../logical/bind/context.js'
import { projectionPlan } from '../logical/build.js'
import type { LogicalPlan } from '../logical/plan.js'
import { fieldColumn, schemaOf } from '../logical/schema-of.js'
import type { ExprNode, QueryNode, SelectItem, StatementNode, TableNode } from '../parser/ast.js'
import { castTo } from './table-rows.js'

type DeleteNode = Extract<StatementNode, { kind: 'delete' }>
type UpdateNode = Extract<StatementNode, { kind: 'update' }>
export type ChangeNode = DeleteNode | UpdateNode

/** The rows for which the condition is not true. */
export function remainingRows(statement: DeleteNode): QueryNode {
  const { table, where, span } = statement
  const kept: ExprNode =
    where === undefined
      ? { kind: 'boolean', value: false, span }
      : { kind: 'isTruth', input: where, truth: 'true', negated: true, span: where.span }
  return rowsOf({ kind: 'table', name: table, span: table[0].span }, [], kept)
}

/** Whether a row changes: TRUE or NULL. No column of a program has this name. */
const CHANGES = '\0'

/** All columns, CHANGES, then the new values (NULL in rows that stay as they are). */
export function rowsToUpdate({ table, set, where, span }: UpdateNode): QueryNode {
  const changes: ExprNode = where === undefined ? TRUE : onlyWhere(where, TRUE)
  // A query of its own: the condition is evaluated once a row, also one that is random.
  const query = rowsOf({ kind: 'table', name: table, span: table[0].span }, [{ name: CHANGES, expr: changes }])
  const condition: ExprNode = { kind: 'column', path: [{ name: CHANGES, quoted: true, span }], span }
  const values = set.map(({ value }, i) => ({ name: `${CHANGES}${i}`, expr: onlyWhere(condition, value) }))
  const alias = { name: table[table.length - 1], columns: [] }
  return rowsOf({ kind: 'derived', query, alias, lateral: false, span }, values)
}

const TRUE: ExprNode = { kind: 'boolean', value: true, span: { start: 0, end: 0 } }

const onlyWhere = (condition: ExprNode, value: ExprNode): ExprNode => ({
  kind: 'case',
  whens: [condition],
  thens: [value],
  span: value.span,
})

/** All columns of `from`, and more. */
function rowsOf(
  from: TableNode,
  more: readonly { readonly name: string; readonly expr: ExprNode }[],
  where?: ExprNode,
): QueryNode {
  const { span } = from
  const own: SelectItem = { kind: 'wildcard', exclude: [], replace: [], span }
  const items = more.map(({ name, expr }): SelectItem => {
    return { kind: 'expr', expr, alias: { name, quoted: true, span: expr.span }, span: expr.span }
  })
  const body = { kind: 'select', distinct: false, items: [own, ...items], from: [from], groupBy: [], span } as const
  return {
    kind: 'query',
    with: [],
    recursive: false,
    body: where === undefined ? body : { ...body, where },
    orderBy: [],
    span,
  }
}

/** The table's columns and CHANGES from the plan of rowsToUpdate(). Throws COLUMN_NOT_FOUND, INVALID_ARGUMENT, TYPE_MISMATCH. */
export function updatedRows(rows: LogicalPlan, table: Schema, { set }: UpdateNode): LogicalPlan {
  const positions = set.map(({ name }, i) => {
    const index = table.fields.findIndex(field => field.name === name.name)
    const known = table.fields.map(field => field.name)
    if (index < 0) throw fail('COLUMN_NOT_FOUND', [name.name, didYouMean(name.name, known)], { span: name.span })
    if (set.findIndex(other => other.name.name === name.name) < i)
      throw fail('INVALID_ARGUMENT', [`column '${name.name}' is set twice`], { span: name.span })
    return index
  })
  const columns = schemaOf(rows).map(fieldColumn)
  const changes = columns[table.fields.length]
  const values = columns.slice(table.fields.length + 1)
  const exprs = table.fields.map(({ name, type }, i) => {
    const assigned = positions.indexOf(i)
    if (assigned < 0) return { expr: columns[i], name }
    const value = at(set[assigned].value.span, () => castExpr(values[assigned], type))
    return { expr: caseExpr([changes], [value], columns[i]), name }
  })
  const marked = projectionPlan(rows, [...exprs, { expr: changes, name: CHANGES }])
  return castTo(marked, { fields: [...table.fields, field(CHANGES, BOOLEAN)] })
}
