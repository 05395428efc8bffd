/** What is refused, what is said about it, and where it points. */
import test from 'ava'
import { BallistaError, fail } from '../../src/common/errors.js'
import { formatError, parseExpression, parseQuery, parseStatement } from '../../src/parser/parse.js'
import { ERRORS } from './error-cases.js'

function errorOf(action: () => unknown): BallistaError {
  try {
    action()
  } catch (error) {
    if (error instanceof BallistaError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

test('each mistake is named with its place', t => {
  for (const [sql, code, message, text, start] of ERRORS) {
    const error = errorOf(() => parseStatement(sql))
    t.deepEqual([error.code, error.message], [code, message], sql)
    t.deepEqual(error.span, { start, end: start + text.length }, sql)
    t.is(sql.slice(start, start + text.length), text, sql)
  }
})

test('a query or an expression takes no semicolon and nothing after it', t => {
  t.is(errorOf(() => parseExpression('a b')).message, "expected an operator or end of statement but found 'b'")
  t.is(errorOf(() => parseExpression('a;')).message, "expected an operator or end of statement but found ';'")
  t.regex(errorOf(() => parseQuery('SELECT 1;')).message, / but found ';'$/)
})

test('an error is shown with its line and carets below its place', t => {
  const sql = 'SELECT a\nFROM t\r\nWHERE\ta = = 1\nLIMIT 1'
  t.is(
    formatError(
      errorOf(() => parseStatement(sql)),
      sql,
    ),
    "expected an expression but found '=' [SYNTAX]\nline 3: WHERE a = = 1\n                  ^",
  )
  t.is(
    formatError(
      errorOf(() => parseStatement('')),
      '',
    ),
    'expected a statement but found the end of the text [SYNTAX]\nline 1: \n        ^',
  )
  t.is(formatError(fail('DIVIDE_BY_ZERO'), sql), 'division by zero [DIVIDE_BY_ZERO]')
  const many = fail('SYNTAX', ['wrong'], { span: { start: 7, end: 14 } })
  t.is(formatError(many, 'SELECT a\nFROM t'), 'wrong [SYNTAX]\nline 1: SELECT a\n               ^')
})

test('a long line is cut around the place', t => {
  const sql = `SELECT ${'a, '.repeat(40)}FROM FROM ${', t'.repeat(40)}`
  const [message, line, carets] = formatError(
    errorOf(() => parseStatement(sql)),
    sql,
  ).split('\n')
  t.is(message, "expected a table but found 'FROM' [SYNTAX]")
  t.is(line, `line 1: …${sql.slice(82, 182)}…`)
  t.is(carets, `${' '.repeat(9 + 50)}^^^^`)
})
