/** Operations on single columns of a frame, written out over all of its columns. */
import type { Field } from '../arrow/schema.js'
import { isNumeric, type DataType } from '../arrow/types.js'
import { didYouMean, fail } from '../common/errors.js'
import { quoteIdent } from '../parser/quote.js'
import { call } from './expr/call.js'
import { ident, when } from './expr/builders.js'
import { sqlType } from './expr/literal.js'
import { toExpr, type Expr, type ExprInput } from './expr/expr.js'
import type { FrameQuery } from './frame-query.js'
import { closed, isOpenAt, type SelectText } from './select-text.js'
import { joinText, text } from './sql-text.js'

/** A SELECT in which every column of the frame has its own bare name. */
function overColumns({ query, schema, uses }: FrameQuery): SelectText {
  const isOpen = isOpenAt(query, 'items') && query.source !== undefined
  return isOpen ? query : closed(query, schema, uses)
}

/** All columns, and `expr` in the place of the column `name`, else last. */
export function extended(frame: FrameQuery, name: string, expr: ExprInput): SelectText {
  const column = toExpr(expr).alias(name)
  const isThere = frame.schema.fields.some(field => field.name === name)
  if (!isThere) return { ...overColumns(frame), items: text`*, ${column.toItem()}` }
  return withColumns(frame, field => (field.name === name ? column : ident(field.name)))
}

export function renamed(frame: FrameQuery, from: string, to: string): SelectText {
  checkNames(frame, [from])
  return withColumns(frame, field => (field.name === from ? ident(from).alias(to) : ident(field.name)))
}

export function excluded(frame: FrameQuery, names: readonly string[]): SelectText {
  checkNames(frame, names)
  if (names.length === 0) return overColumns(frame)
  return { ...overColumns(frame), items: [`* EXCLUDE (${names.map(quoteIdent).join(', ')})`] }
}

/** `value` in place of NULL or NaN. */
export function filled(
  frame: FrameQuery,
  what: 'NULL' | 'NaN',
  value: ExprInput,
  columns: readonly string[] | undefined,
): SelectText {
  if (columns !== undefined) checkNames(frame, columns)
  const fits = (field: Field): boolean =>
    (what === 'NULL' || field.type.kind === 'float') && (columns?.includes(field.name) ?? canHold(field.type, value))
  return withColumns(frame, field => {
    const column = ident(field.name)
    if (!fits(field)) return column
    const typed = toExpr(value).cast(sqlType(field.type))
    const full =
      what === 'NULL' ? call('coalesce', [column, typed]) : when(call('isnan', [column]), typed).otherwise(column)
    return full.alias(field.name)
  })
}

function withColumns(frame: FrameQuery, expr: (field: Field) => Expr): SelectText {
  const items = joinText(
    frame.schema.fields.map(field => expr(field).toItem()),
    ', ',
  )
  return { ...overColumns(frame), items }
}

/** Whether a JavaScript value is of the column's kind; of an expression it is hoped. */
function canHold(type: DataType, value: ExprInput): boolean {
  switch (typeof value) {
    case 'number':
      return type.kind === 'int' ? Number.isInteger(value) : isNumeric(type)
    case 'bigint':
      return isNumeric(type)
    case 'string':
      return type.kind === 'utf8'
    case 'boolean':
      return type.kind === 'boolean'
    default:
      if (value instanceof Date) return type.kind === 'date' || type.kind === 'timestamp'
      return value instanceof Uint8Array ? type.kind === 'binary' : isPlain(type)
  }
}

/** Nested types have no cast. */
const isPlain = ({ kind }: DataType): boolean => !['list', 'struct', 'map', 'null'].includes(kind)

function checkNames({ schema }: FrameQuery, names: readonly string[]): void {
  const known = schema.fields.map(field => field.name)
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) throw fail('COLUMN_NOT_FOUND', [unknown, didYouMean(unknown, known)])
}
