/** What methods of frames take for columns, keys and conditions. */
import { fail } from '../common/errors.js'
import type { QueryNode, SelectNode } from '../parser/ast.js'
import { parseQuery } from '../parser/parse.js'
import { quoteIdent } from '../parser/quote.js'
import { col } from './expr/builders.js'
import { keyText, operand, RANK, SortExpr, sortText, toExpr, type Expr } from './expr/expr.js'
import { Sql } from './expr/sql.js'
import { joinText, text, type SqlText } from './sql-text.js'

/** A column by name (`a`, `t.a`), an expression or a fragment. */
export type ColumnInput = string | Expr | Sql

/** A condition as an expression, a fragment, or SQL text. */
export type PredicateInput = string | Expr | Sql

/** A key of an order: descending only by `desc()`. */
export type SortInput = ColumnInput | SortExpr

export const columnExpr = (input: ColumnInput): Expr => (typeof input === 'string' ? col(input) : toExpr(input))

/** Items of a select list; `*` and `t.*` are all columns. INVALID_ARGUMENT if there are none. */
export function itemsText(inputs: readonly ColumnInput[]): SqlText {
  if (inputs.length === 0) throw fail('INVALID_ARGUMENT', ['no columns are given'])
  return joinText(
    inputs.map(input => {
      if (input === '*') return ['*']
      if (typeof input === 'string' && input.endsWith('.*')) return text`${col(input.slice(0, -2)).text}.*`
      return columnExpr(input).toItem()
    }),
    ', ',
  )
}

/** Items of a select list as SQL text, each perhaps with its alias. SYNTAX for anything else. */
export function sqlItems(items: readonly string[]): SqlText {
  if (items.length === 0) throw fail('INVALID_ARGUMENT', ['no columns are given'])
  return joinText(items.map(sqlItem), ', ')
}

/** Without an alias it is called as it is written. */
function sqlItem(item: string): SqlText {
  const query = parseQuery(`SELECT ${item}`)
  if (!isSelectList(query)) throw fail('SYNTAX', [`'${item}' is more than an expression with its alias`])
  const [only, ...more] = query.body.items
  const isNamed = more.length > 0 || only.kind !== 'expr' || only.alias !== undefined || only.expr.kind === 'column'
  const end = item.includes('--') ? '\n' : ''
  return isNamed ? [item + end] : text`${item}${end} AS ${quoteIdent(item.trim())}`
}

function isSelectList(query: QueryNode): query is QueryNode & { readonly body: SelectNode } {
  const { body, orderBy, limit, offset } = query
  return (
    body.kind === 'select' &&
    body.distinct === false &&
    body.from.length + body.groupBy.length === 0 &&
    !('kind' in orderBy) &&
    orderBy.length === 0 &&
    [body.where, body.having, body.qualify, limit, offset].every(clause => clause === undefined)
  )
}

export const keysText = (inputs: readonly ColumnInput[]): SqlText =>
  joinText(
    inputs.map(input => keyText(columnExpr(input))),
    ', ',
  )

export function orderText(inputs: readonly SortInput[]): SqlText {
  if (inputs.length === 0) throw fail('INVALID_ARGUMENT', ['no sort keys are given'])
  return joinText(
    inputs.map(input => sortText(input instanceof SortExpr ? input : columnExpr(input))),
    ', ',
  )
}

/** A condition that may stand in an AND without parentheses. */
export function predicateText(input: PredicateInput): SqlText {
  return operand(typeof input === 'string' ? new Sql([input]) : input, RANK.and)
}

/** A whole number that is not negative. */
export function countText(what: string, count: number): string {
  if (Number.isSafeInteger(count) && count >= 0) return String(count)
  throw fail('INVALID_ARGUMENT', [`${what} must be a whole number that is not negative, got ${count}`])
}
