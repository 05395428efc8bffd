/**
 * Runs test/logical/bind.txt: SQL texts with the plan that binding gives, or the whole error. Blocks are separated by
 * blank lines: SQL, `----`, then the plan, or `CODE message` and the SQL text at the error's span in «quotes».
 * UPDATE=1 fills the expected part.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { INT64, UTF8 } from '../../src/arrow/types.js'
import { BallistaError } from '../../src/common/errors.js'
import { literal } from '../../src/expr/expr.js'
import { displayLogical } from '../../src/logical/display.js'
import { toArrowFields, schemaOf } from '../../src/logical/schema-of.js'
import { planOf, smallCatalog } from '../helpers/catalog.js'

const PATH = join(process.cwd(), 'test/logical/bind.txt')
const catalog = smallCatalog()
catalog.register(['broken'], { kind: 'view', sql: 'SELECT nothing FROM t', columns: [] })
catalog.register(['renamed'], { kind: 'view', sql: 'SELECT a, b FROM t', columns: ['x', 'y'] })
const parameters = new Map([
  ['1', literal(7n, INT64)],
  ['name', literal('x', UTF8)],
])

async function outcome(sql: string): Promise<string> {
  try {
    return displayLogical(await planOf(sql, catalog, parameters))
  } catch (error) {
    if (!(error instanceof BallistaError)) throw error
    const place = error.span === undefined ? '' : ` «${sql.slice(error.span.start, error.span.end)}»`
    const context = error.context.length === 0 ? '' : ` (in ${error.context.join(', ')})`
    return `${error.code} ${error.message}${place}${context}`
  }
}

const blocks = readFileSync(PATH, 'utf8')
  .trim()
  .split(/\n{2,}/)
const isComment = (block: string): boolean => block.startsWith('#')

test('a query binds to the plan, or fails with the error, that bind.txt says', async t => {
  for (const block of blocks.filter(text => !isComment(text))) {
    const [sql, expected] = block.split('\n----\n')
    if (process.env.UPDATE !== '1') t.is(await outcome(sql), expected, sql)
  }
  if (process.env.UPDATE === '1') {
    const filled = await Promise.all(
      blocks.map(async block => {
        if (isComment(block)) return block
        const [sql] = block.split('\n----')
        return `${sql}\n----\n${await outcome(sql)}`
      }),
    )
    writeFileSync(PATH, `${filled.join('\n\n')}\n`)
    t.pass()
  }
})

const columnsOf = async (sql: string): Promise<string> => {
  const fields = toArrowFields(schemaOf(await planOf(sql, catalog, parameters)))
  return fields.map(field => `${field.name} ${field.type.kind}${field.nullable ? '' : '!'}`).join(', ')
}

test('output columns have names, types and nullability', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['SELECT a, a + 1, count(*) FROM u GROUP BY a', 'a int!, u.a + 1 int!, count(*) int!'],
    ['SELECT u.c FROM t LEFT JOIN u ON t.a = u.a', 'c int'],
    ['SELECT u.c FROM t RIGHT JOIN u ON t.a = u.a', 'c int!'],
    ['SELECT c FROM u UNION ALL SELECT a FROM t', 'c int'],
    ['SELECT a IS NULL AS n, coalesce(a, 1) AS c, CASE WHEN a = 1 THEN 2 END AS k FROM t', 'n boolean!, c int, k int'],
    [
      "SELECT 1 AS i, 1.5 AS d, 1e0 AS f, 'x' AS s, DATE '2020-01-01' AS t, NULL AS n",
      'i int!, d decimal!, f float!, s utf8!, t date!, n null',
    ],
    ['SELECT m, m * m AS p FROM v', 'm decimal, p decimal'],
    ['SELECT * FROM renamed', 'x int, y int'],
    ['VALUES (1, NULL), (2, 3)', 'column1 int!, column2 int'],
  ]
  for (const [sql, expected] of cases) t.is(await columnsOf(sql), expected, sql)
})

test('a chain of 2000 unions and a condition of 5000 terms bind', async t => {
  const union = Array.from({ length: 2000 }, (_, i) => `SELECT ${i} AS x`).join(' UNION ALL ')
  t.is(await columnsOf(union), 'x int!')
  const where = Array.from({ length: 5000 }, (_, i) => `a <> ${i}`).join(' AND ')
  t.is(await columnsOf(`SELECT a FROM t WHERE ${where}`), 'a int')
})
