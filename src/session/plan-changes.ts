/** DELETE and UPDATE of a table in memory, as queries for the rows that it has afterwards. */
import type { Schema } from '../arrow/schema.js'
import { didYouMean, fail } from '../common/errors.js'
import { caseExpr, castExpr } from '../expr/build.js'
import { at } from '../logical/bind/context.js'
import { projectionPlan } from '../logical/build.js'
import type { LogicalPlan } from '../logical/plan.js'
import { fieldColumn, schemaOf } from '../logical/schema-of.js'
import type { ExprNode, QueryNode, SelectItem, StatementNode } from '../parser/ast.js'
import { castTo } from './table-rows.js'

type DeleteNode = Extract<StatementNode, { kind: 'delete' }>
type UpdateNode = Extract<StatementNode, { kind: 'update' }>
export type ChangeNode = DeleteNode | UpdateNode

/** The rows for which the condition is not true. */
export function remainingRows(statement: DeleteNode): QueryNode {
  const { where, span } = statement
  const kept: ExprNode =
    where === undefined
      ? { kind: 'boolean', value: false, span }
      : { kind: 'isTruth', input: where, truth: 'true', negated: true, span: where.span }
  return rowsOf(statement, [], kept)
}

/** All columns, then the new values (NULL in rows that stay as they are), then whether the row changes. */
export function rowsToUpdate(statement: UpdateNode): QueryNode {
  const { set, span } = statement
  const where: ExprNode = statement.where ?? { kind: 'boolean', value: true, span }
  const values = set.map(({ value }): ExprNode => ({ kind: 'case', whens: [where], thens: [value], span: value.span }))
  return rowsOf(statement, [...values, { kind: 'case', whens: [where], thens: [TRUE], span }])
}

const TRUE: ExprNode = { kind: 'boolean', value: true, span: { start: 0, end: 0 } }

function rowsOf({ table, span }: ChangeNode, values: readonly ExprNode[], where?: ExprNode): QueryNode {
  const own: SelectItem = { kind: 'wildcard', exclude: [], replace: [], span }
  const items = [
    own,
    ...values.map((expr, i): SelectItem => {
      const alias = { name: `\0${i}`, quoted: true, span: expr.span }
      return { kind: 'expr', expr, alias, span: expr.span }
    }),
  ]
  const from = [{ kind: 'table', name: table, span: table[0].span }] as const
  const body = { kind: 'select', distinct: false, items, from, groupBy: [], span } as const
  return {
    kind: 'query',
    with: [],
    recursive: false,
    body: where === undefined ? body : { ...body, where },
    orderBy: [],
    span,
  }
}

/** The table's columns from the plan of rowsToUpdate(). Throws COLUMN_NOT_FOUND, INVALID_ARGUMENT, TYPE_MISMATCH. */
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
  const changes = columns[columns.length - 1]
  const exprs = table.fields.map(({ name, type }, i) => {
    const assigned = positions.indexOf(i)
    if (assigned < 0) return { expr: columns[i], name }
    const value = at(set[assigned].value.span, () => castExpr(columns[table.fields.length + assigned], type))
    return { expr: caseExpr([changes], [value], columns[i]), name }
  })
  return castTo(projectionPlan(rows, exprs), table)
}
