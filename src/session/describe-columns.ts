/** `describe()`: one row of facts about every column, turned into one row a fact. */
import type { Field, Schema } from '../arrow/schema.js'
import { isNumeric } from '../arrow/types.js'
import { col, ident, lit } from './expr/builders.js'
import { call, countRows } from './expr/call.js'
import type { Expr } from './expr/expr.js'
import { frameStep, type FrameQuery } from './frame-query.js'
import { selectFrom, type SelectText } from './select-text.js'
import { joinText, text } from './sql-text.js'

/** In the order in which they are shown. */
const FACTS: readonly { readonly name: string; readonly of: (column: Expr, field: Field) => Expr | undefined }[] = [
  { name: 'count', of: column => call('count', [column]) },
  { name: 'null_count', of: column => countRows().sub(call('count', [column])) },
  { name: 'mean', of: (column, { type }) => (isNumeric(type) ? call('avg', [column.cast('DOUBLE')]) : undefined) },
  { name: 'std', of: (column, { type }) => (isNumeric(type) ? call('stddev', [column.cast('DOUBLE')]) : undefined) },
  { name: 'min', of: (column, { type }) => (isOrdered(type.kind) ? call('min', [column]) : undefined) },
  { name: 'max', of: (column, { type }) => (isOrdered(type.kind) ? call('max', [column]) : undefined) },
  { name: 'median', of: (column, { type }) => (isNumeric(type) ? call('median', [column.cast('DOUBLE')]) : undefined) },
]

const isOrdered = (kind: Field['type']['kind']): boolean =>
  ['int', 'float', 'decimal', 'utf8', 'date', 'timestamp'].includes(kind)

const factName = (column: number, fact: number): string => `c${column}_${fact}`

/** One row: every fact of every column as text. */
export function columnFacts(frame: FrameQuery): SelectText {
  const items = frame.schema.fields.flatMap((field, i) =>
    FACTS.map(({ of }, fact) => {
      const value = of(ident(field.name), field) ?? lit(null)
      return value.cast('VARCHAR').alias(factName(i, fact)).toItem()
    }),
  )
  return { ...selectFrom([frameStep(frame)]), items: joinText(items, ', ') }
}

/** A column that orders the facts. */
export const FACT_NUMBER = '#'

/** One row a fact from that one row. */
export function factRows(frame: FrameQuery, { fields }: Schema): SelectText {
  const names = FACTS.map(({ name }, fact) => text`(${fact}, ${lit(name).text})`)
  const columns = fields.map((field, i) => {
    const arms = FACTS.map((_, fact) => text`WHEN ${fact} THEN ${col(factName(i, fact)).text}`)
    return text`CASE names.column1 ${joinText(arms, ' ')} END AS ${ident(field.name).text}`
  })
  const items = joinText(
    [text`names.column1 AS ${ident(FACT_NUMBER).text}, names.column2 AS describe`, ...columns],
    ', ',
  )
  const from = text`${frameStep(frame)} CROSS JOIN (VALUES ${joinText(names, ', ')}) AS names`
  return { kind: 'select', from, relations: [], where: [], items }
}
