/** SQL text to syntax trees: the only door to the generated parser. */
import { BallistaError } from '../common/errors.js'
import type { ExprNode, QueryNode, StatementNode } from './ast.js'
import { parse, SyntaxError as PeggySyntaxError } from './generated/sql.js'
import { checkText, tooDeep } from './scan.js'
import { syntaxError } from './syntax-error.js'

export { MAX_NESTING, MAX_SQL_LENGTH, splitStatements } from './scan.js'
export type { StatementText } from './scan.js'
export { formatError } from './syntax-error.js'

/**
 * Parses exactly one statement, which `;` may end. Spans are offsets in `sql`. Throws SYNTAX or NOT_SUPPORTED with a
 * span.
 * The tree is at most a few hundred levels deep, except chains of `+ - * /`, `::` and comparisons, which lean to the
 * left.
 */
export function parseStatement(sql: string): StatementNode {
  return parseAs('statement', sql) as StatementNode
}

/** Parses one query without `;`, e.g. the text of a view. Throws as parseStatement. */
export function parseQuery(sql: string): QueryNode {
  return parseAs('query', sql) as QueryNode
}

/** Parses one expression, e.g. the text of a DataFrame filter. Throws as parseStatement. */
export function parseExpression(sql: string): ExprNode {
  return parseAs('expression', sql) as ExprNode
}

/** A statement is parsed when its frame is made and again when it is planned: the second time the (unchanging) tree is there. */
let last: { readonly entry: string; readonly sql: string; readonly tree: unknown } | undefined

function parseAs(entry: 'statement' | 'query' | 'expression', sql: string): unknown {
  if (last?.entry !== entry || last.sql !== sql) last = { entry, sql, tree: parsed(entry, sql) }
  return last.tree
}

function parsed(entry: 'statement' | 'query' | 'expression', sql: string): unknown {
  const { questionMarks } = checkText(sql)
  try {
    return parse(sql, { entry, questionMarks })
  } catch (error) {
    if (error instanceof BallistaError) throw error
    if (error instanceof PeggySyntaxError)
      throw syntaxError(sql, { offset: error.location.start.offset, expected: error.expected ?? [] })
    // Small stacks of worker threads may end before the nesting limit.
    if (error instanceof RangeError) throw tooDeep(0)
    throw error
  }
}
