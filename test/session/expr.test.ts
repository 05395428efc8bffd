/** Builders against the parser: random expressions mean what they were built of, and values are never more than values. */
import test from 'ava'
import fc from 'fast-check'
import type { ExprNode } from '../../src/parser/ast.js'
import { parseExpression } from '../../src/parser/parse.js'
import {
  BINARY,
  BOOLEAN,
  DATE,
  FLOAT32,
  FLOAT64,
  INT64,
  INT8,
  INTERVAL,
  UINT64,
  UINT8,
  UTF8,
  decimal,
  timestamp,
} from '../../src/arrow/types.js'
import { functionNames } from '../../src/expr/functions/index.js'
import { col, fn, lit, sql, type Expr } from '../../src/index.js'
import { COMMON_FUNCTIONS } from '../../src/session/expr/functions.js'
import { typeFrom } from '../../src/expr/type-text.js'
import { literalText, sqlType, type SqlValue } from '../../src/session/expr/literal.js'

const RUNS = process.env['BALLISTA_TEST_FULL'] === '1' ? 20_000 : 300

/** An expression, and the same as SQL in which every operation has its parentheses. */
interface Built {
  readonly expr: Expr
  readonly full: string
}

const leaf: fc.Arbitrary<Built> = fc.constantFrom<Built>(
  { expr: col('a'), full: 'a' },
  { expr: col('t.b'), full: 't.b' },
  { expr: lit(7), full: '7' },
  { expr: lit(-7), full: '(-7)' },
  { expr: lit("it's"), full: "'it''s'" },
)

const OPERATORS = {
  add: '+', sub: '-', mul: '*', div: '/', mod: '%', eq: '=', neq: '<>', lt: '<', gte: '>=', and: 'AND', or: 'OR', like: 'LIKE',
  concat: '||', isDistinctFrom: 'IS DISTINCT FROM',
} as const // oxfmt-ignore

const { built } = fc.letrec<{ built: Built }>(tie => ({
  built: fc.oneof(
    { maxDepth: 6, depthIdentifier: 'expr' },
    leaf,
    fc
      .tuple(tie('built'), fc.constantFrom(...(Object.keys(OPERATORS) as (keyof typeof OPERATORS)[])), tie('built'))
      .map(([left, method, right]) => ({
        expr: left.expr[method](right.expr),
        full: `(${left.full} ${OPERATORS[method]} ${right.full})`,
      })),
    tie('built').map(({ expr, full }) => ({ expr: expr.not(), full: `(NOT ${full})` })),
    tie('built').map(({ expr, full }) => ({ expr: expr.neg(), full: `(- ${full})` })),
    tie('built').map(({ expr, full }) => ({ expr: expr.isNull(), full: `(${full} IS NULL)` })),
    fc.tuple(tie('built'), tie('built'), tie('built')).map(([input, low, high]) => ({
      expr: input.expr.between(low.expr, high.expr),
      full: `(${input.full} BETWEEN ${low.full} AND ${high.full})`,
    })),
    tie('built').map(({ expr, full }) => ({ expr: lit(1).add(sql`${expr}`), full: `(1 + ${full})` })),
    tie('built').map(({ expr, full }) => ({ expr: lit(1).mul(sql`${expr} - a`), full: `(1 * (${full} - a))` })),
    tie('built').map(({ expr, full }) => ({ expr: expr.cast('BIGINT'), full: `CAST(${full} AS BIGINT)` })),
  ),
}))

/** Associative: how their chains are nested makes no difference. */
const CHAINS = new Set(['and', 'or', '||'])

/** The tree without places, chains flat. */
function shape(node: ExprNode): unknown {
  if (node.kind === 'binary' && CHAINS.has(node.op)) return [node.op, ...terms(node, node.op).map(shape)]
  const { span: _, ...rest } = node
  return Object.fromEntries(Object.entries(rest).map(([key, part]) => [key, isNode(part) ? shape(part) : part]))
}

const terms = (node: ExprNode, op: string): ExprNode[] =>
  node.kind === 'binary' && node.op === op ? [...terms(node.left, op), ...terms(node.right, op)] : [node]

const isNode = (part: unknown): part is ExprNode =>
  typeof part === 'object' && part !== null && 'kind' in part && 'span' in part

const shapeText = (text: string): string =>
  JSON.stringify(shape(parseExpression(text)), (key, part: unknown) => (key === 'span' ? undefined : part))

test('random expressions are read back as they were built', t => {
  const property = fc.property(built, ({ expr, full }) => shapeText(expr.toString()) === shapeText(full))
  t.notThrows(() => fc.assert(property, { numRuns: RUNS }))
})

const value: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom("'; DROP TABLE t; --", "\\' OR 1=1", '$1 ? /* ', "E'\\n", '"', "''"),
  fc.double(),
  fc.integer(),
  fc.bigInt({ min: -(2n ** 120n), max: 2n ** 120n }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array(),
  fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
)

/** Kinds of nodes that a literal may be made of. */
const CONSTANTS = new Set(['string', 'number', 'boolean', 'null', 'cast', 'unary', 'call'])

test('a value is one constant, whatever it holds', t => {
  const property = fc.property(value, one => {
    const text = literalText(one)
    const node = parseExpression(text)
    const isIt = typeof one !== 'string' || (node.kind === 'string' && node.value === one)
    // As an operand it stays one: what is beside it is what was there.
    const beside = parseExpression(`a - ${text}`)
    const isAlone = beside.kind === 'binary' && beside.op === '-' && CONSTANTS.has(beside.right.kind)
    return CONSTANTS.has(node.kind) && isIt && isAlone
  })
  t.notThrows(() => fc.assert(property, { numRuns: RUNS }))
})

test('every function of SQL has a builder, whose call is read back', t => {
  for (const name of functionNames()) {
    const node = parseExpression(fn[name](col('a'), 1).toString())
    t.true(node.kind === 'call' && node.name.name === name && node.args.length === 2, name)
  }
  t.deepEqual(
    COMMON_FUNCTIONS.filter(name => !(name in fn)),
    [],
  )
})

test('types are written as the grammar reads them', t => {
  const types = [BOOLEAN, INT8, INT64, UINT8, UINT64, FLOAT32, FLOAT64, UTF8, BINARY, DATE, INTERVAL, decimal(10, 2)]
  const timestamps = (['s', 'ms', 'us', 'ns'] as const).map(unit => timestamp(unit))
  for (const type of [...types, ...timestamps]) t.deepEqual(typeFrom(sqlType(type)), type)
})
