/** The rows of a query in the form of a table: INSERT, CREATE TABLE AS, UPDATE. */
import type { Schema } from '../arrow/schema.js'
import { UTF8, type Value } from '../arrow/types.js'
import { didYouMean, fail, type Span } from '../common/errors.js'
import { callExpr, castExpr } from '../expr/build.js'
import { literal, type Expr } from '../expr/expr.js'
import { isNullable } from '../logical/nullable.js'
import type { LogicalPlan, NamedExpr, PlanField } from '../logical/plan.js'
import { fieldColumn, schemaOf } from '../logical/schema-of.js'
import type { Ident } from '../parser/ast.js'

/** The plan of a new table's rows; INVALID_ARGUMENT if two columns have one name. */
export function distinctNames(plan: LogicalPlan, span: Span): LogicalPlan {
  const names = schemaOf(plan).map(({ name }) => name)
  const repeated = names.find((name, i) => names.indexOf(name) < i)
  if (repeated === undefined) return plan
  throw fail('INVALID_ARGUMENT', [`the table would have two columns '${repeated}'; give one of them an alias`], {
    span,
  })
}

/** For each column of the table, the column of the query that fills it; undefined: NULL. */
export function insertPositions(
  table: Schema,
  columns: readonly Ident[],
  query: readonly PlanField[],
  span: Span,
): (number | undefined)[] {
  const wanted = columns.length === 0 ? table.fields.length : columns.length
  if (query.length !== wanted) {
    throw fail('INVALID_ARGUMENT', [`${wanted} columns expected, but the query gives ${query.length}`], { span })
  }
  const unknown = columns.find(({ name }) => !table.fields.some(candidate => candidate.name === name))
  if (unknown !== undefined) {
    const hint = didYouMean(
      unknown.name,
      table.fields.map(({ name }) => name),
    )
    throw fail('COLUMN_NOT_FOUND', [unknown.name, hint], { span: unknown.span })
  }
  const repeated = columns.find(({ name }, i) => columns.findIndex(other => other.name === name) < i)
  if (repeated !== undefined)
    throw fail('INVALID_ARGUMENT', [`column '${repeated.name}' is named twice`], { span: repeated.span })
  if (columns.length === 0) return table.fields.map((_, i) => i)
  return table.fields.map(({ name }) => {
    const at = columns.findIndex(column => column.name === name)
    return at < 0 ? undefined : at
  })
}

/** The columns of a query as INSERT BY NAME means them. */
export const sameNames = (query: LogicalPlan, span: Span): readonly Ident[] =>
  schemaOf(query).map(({ name }) => ({ name, quoted: true, span }))

/** The input's columns at `positions`, or constants, cast to the names and types of `target`. */
export function castTo(
  input: LogicalPlan,
  target: Schema,
  positions: readonly (number | Expr | undefined)[] = target.fields.map((_, i) => i),
): LogicalPlan {
  const fields = schemaOf(input)
  const exprs = target.fields.map(({ name, type, nullable }, i): NamedExpr => {
    const position = positions[i]
    const given = typeof position === 'number' ? fieldColumn(fields[position]) : position
    const value: Expr = given === undefined ? literal(null, type) : castExpr(given, type)
    const checked = nullable || !isNullable(value) ? value : callExpr('not_null', [value, literal(name, UTF8)])
    return { expr: checked, name }
  })
  return { kind: 'projection', input, exprs }
}

/** Rows of text. */
export function textValues(names: readonly string[], rows: readonly (readonly Value[])[]): LogicalPlan {
  const schema = names.map((name, i): PlanField => ({ name, type: UTF8, nullable: rows.some(row => row[i] === null) }))
  if (rows.length === 0) return { kind: 'empty', schema, oneRow: false }
  return { kind: 'values', schema, rows: rows.map(row => row.map(value => literal(value, UTF8))) }
}
