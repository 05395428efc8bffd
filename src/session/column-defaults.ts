/** DEFAULT of columns: checked by CREATE TABLE, kept as text with the table, evaluated by INSERT where a row gives no value. */
import type { Field, Schema } from '../arrow/schema.js'
import { invariant } from '../common/invariant.js'
import { castExpr } from '../expr/build.js'
import type { Expr } from '../expr/expr.js'
import { evaluateRow } from '../expr/interpret.js'
import { bindAlone } from '../logical/bind/constant.js'
import { at, errorInside } from '../logical/bind/context.js'
import type { ConstantContext } from '../logical/bind/tables.js'
import type { ColumnDefinition, ExprNode, QueryNode, StatementNode } from '../parser/ast.js'
import { parseExpression } from '../parser/parse.js'
import { sqlType } from './expr/literal.js'
import type { Registration } from './registration.js'

type InsertNode = Extract<StatementNode, { kind: 'insert' }>

/** `sql` is an expression that names no column and has no parameter. */
export interface ColumnDefault {
  readonly column: string
  readonly sql: string
}

/** What a registration has of the defaults that CREATE TABLE declares. */
export function declaredDefaults(columns: readonly ColumnDefinition[]): {
  readonly defaults?: readonly ColumnDefault[]
} {
  const defaults = columns.flatMap(column =>
    column.default === undefined ? [] : [{ column: column.name.name, sql: column.default.text }],
  )
  return defaults.length === 0 ? {} : { defaults }
}

/** The default of a column as SQL; undefined: NULL. */
export const defaultOf = (table: Registration, column: string): string | undefined =>
  'defaults' in table ? table.defaults?.find(each => each.column === column)?.sql : undefined

/** Throws, with a span, what every INSERT would throw: what has no value of the column's type. `fields`: those of the columns. */
export function checkDefaults(
  columns: readonly ColumnDefinition[],
  fields: readonly Field[],
  context: ConstantContext,
): void {
  for (const [i, { default: declared }] of columns.entries()) {
    if (declared === undefined) continue
    const { expr } = declared
    at(expr.span, () => evaluateRow(castExpr(bindAlone(expr, context, 'DEFAULT'), fields[i].type), []))
  }
}

export interface InsertDefaults {
  /** With the defaults in the place of the word DEFAULT. */
  readonly query: QueryNode
  /** By column, of its type: for columns that get no value. */
  readonly values: ReadonlyMap<string, Expr>
}

interface DefaultsContext extends ConstantContext {
  readonly table: Registration
  readonly schema: Schema
}

/** What the table gives to an INSERT into it. */
export function insertDefaults(
  { columns, partition, query }: InsertNode,
  { schema, table, ...context }: DefaultsContext,
): InsertDefaults {
  const fields =
    columns.length === 0
      ? schema.fields.filter(({ name }) => !partition.some(key => key.name.name === name))
      : columns.map(column => schema.fields.find(({ name }) => name === column.name))
  const values = schema.fields.flatMap(({ name, type }): [string, Expr][] => {
    const sql = defaultOf(table, name)
    if (sql === undefined) return []
    try {
      return [[name, castExpr(bindAlone(parseExpression(sql), context, 'DEFAULT'), type)]]
    } catch (error) {
      throw errorInside(`in the default of column '${name}'`, error)
    }
  })
  return { query: replaceDefaults(query, fields, table), values: new Map(values) }
}

/** The word DEFAULT, which is a name elsewhere. */
const isDefault = (node: ExprNode): boolean =>
  node.kind === 'column' && node.path.length === 1 && !node.path[0].quoted && /^default$/i.test(node.path[0].name)

/**
 * DEFAULT is replaced where it is a value of VALUES. Then all values of that column have its type, so that they need no common one.
 * `columns`: which get the values, in order.
 */
function replaceDefaults(query: QueryNode, columns: readonly (Field | undefined)[], table: Registration): QueryNode {
  const { body } = query
  if (body.kind !== 'values') return query
  const hasDefault = new Set(body.rows.flatMap(row => row.flatMap((node, i) => (isDefault(node) ? [i] : []))))
  if (hasDefault.size === 0) return query
  const value = (node: ExprNode, i: number): ExprNode => {
    if (!hasDefault.has(i)) return node
    const column = columns[i]
    const sql = column && defaultOf(table, column.name)
    const input = !isDefault(node) ? node : defaultNode(sql ?? 'NULL', node)
    // That there is no such column is said where columns and values are compared.
    return column === undefined ? input : { ...castNode(column), input, span: node.span }
  }
  return { ...query, body: { ...body, rows: body.rows.map(row => row.map(value)) } }
}

/** The tree of a default; all of it stands where the word was written. */
const defaultNode = (sql: string, { span }: ExprNode): ExprNode =>
  JSON.parse(JSON.stringify(parseExpression(sql)), (key, value: unknown) => (key === 'span' ? span : value)) as ExprNode

function castNode({ type }: Field): Extract<ExprNode, { kind: 'cast' }> {
  const node = parseExpression(`CAST(NULL AS ${sqlType(type)})`)
  invariant(node.kind === 'cast', 'CAST is a cast')
  return node
}
