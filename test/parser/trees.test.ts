/** SQL in, syntax trees out: every form of statement and expression, and the places their nodes point at. */
import test from 'ava'
import type { ExprNode } from '../../src/parser/ast.js'
import { parseExpression, parseQuery, parseStatement } from '../../src/parser/parse.js'
import { quoteIdent, quoteString } from '../../src/parser/quote.js'
import { EXPRESSIONS } from './expression-cases.js'
import { showTree } from './show-tree.js'
import { STATEMENTS } from './statement-cases.js'
import { TPCH_SHAPES } from './tpch-cases.js'

test('each expression has the tree of its precedence and form', t => {
  for (const [sql, tree] of EXPRESSIONS) t.is(showTree(parseExpression(sql)), tree, sql)
})

test('each statement has the tree of its form', t => {
  for (const [sql, tree] of STATEMENTS) t.is(showTree(parseStatement(sql)), tree, sql)
})

test('the constructs of the 22 TPC-H queries have their trees', t => {
  t.is(TPCH_SHAPES.length, 22)
  for (const [sql, tree] of TPCH_SHAPES) t.is(showTree(parseQuery(sql)), tree, sql)
})

test('keywords are read in any case and need no space beside punctuation', t => {
  const spaced = "SELECT a , 'x' FROM ( SELECT 1 ) AS t WHERE a IN ( 1 ) AND b = - 1"
  const dense = "select a,'x'from(select 1)as t where a in(1)and b=-1"
  t.is(showTree(parseStatement(dense)), showTree(parseStatement(spaced)))
})

test('the span of every node of an expression is its own text', t => {
  // What the grammar adds has no text: the 1 of `substring(a FOR 2)`.
  for (const [sql] of EXPRESSIONS.filter(([text]) => !text.includes(' for 2)'))) {
    const root = parseExpression(sql)
    for (const node of expressionsIn(root)) {
      if (node.kind === 'star') continue
      const text = sql.slice(node.span.start, node.span.end)
      t.is(showTree(parseExpression(text)), showTree(node), `${sql} at ${node.span.start}`)
    }
  }
})

test('a view keeps the text of its query', t => {
  const statement = parseStatement('CREATE VIEW v AS  SELECT 1 -- one\n , 2 ; ')
  t.is(statement.kind === 'createView' && statement.text, 'SELECT 1 -- one\n , 2')
})

test('quoted names and texts are read back as they were', t => {
  for (const name of ['a', 'A', 'select', 'a b', '1a', 'a"b', '""', "it's", 'ü', 'date', '__proto__', '-- x']) {
    t.like(parseExpression(quoteIdent(name)), { kind: 'column', path: [{ name }] })
  }
  for (const value of ['', "it's", "''", '-- x', '/*', 'a\nb', '\\', '$$']) {
    t.like(parseExpression(quoteString(value)), { kind: 'string', value })
  }
  t.deepEqual(['a_1', 'date', 'select', 'A'].map(quoteIdent), ['a_1', 'date', '"select"', '"A"'])
})

test('an option named like a property of objects stays an option', t => {
  const statement = parseStatement("COPY t TO 'x' OPTIONS (__proto__ 1, constructor 2)")
  t.deepEqual(statement.kind === 'copy' && Object.entries(statement.options), [
    ['__proto__', '1'],
    ['constructor', '2'],
  ])
})

/** All expression nodes at or below `value`, the bodies of subqueries included. */
function expressionsIn(value: unknown): ExprNode[] {
  if (Array.isArray(value)) return value.flatMap(expressionsIn)
  if (typeof value !== 'object' || value === null) return []
  const below = Object.values(value).flatMap(expressionsIn)
  return isExpression(value) ? [value, ...below] : below
}

const NOT_EXPRESSIONS = new Set([
  'query',
  'select',
  'values',
  'setOperation',
  'nested',
  'expr',
  'wildcard',
  'table',
  'derived',
])

function isExpression(value: object): value is ExprNode {
  return 'kind' in value && 'span' in value && !NOT_EXPRESSIONS.has(String(value.kind))
}
