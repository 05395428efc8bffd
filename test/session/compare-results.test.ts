/** What EXPLAIN VERIFY says of two results: equal as far as the query determines them, or the first cell that differs. */
import test from 'ava'
import { field, schemaOf } from '../../src/arrow/schema.js'
import { FLOAT64, INT64, UTF8, type Value } from '../../src/arrow/types.js'
import { parseQuery } from '../../src/parser/parse.js'
import { compareResults } from '../../src/session/compare-results.js'

const schema = schemaOf(field('a', INT64), field('s', UTF8), field('d', FLOAT64))

type Rows = readonly (readonly Value[])[]

const ROWS: Rows = [
  [1n, 'x', 0.5],
  [2n, null, 1.5],
  [2n, 'y', 2.5],
  [3n, 'z', 3.5],
]

const cases: readonly (readonly [name: string, sql: string, left: Rows, right: Rows, different: readonly string[]])[] = [
  ['the same rows', 'SELECT * FROM t', ROWS, ROWS, []],
  ['another order where none is asked for', 'SELECT * FROM t', ROWS, ROWS.toReversed(), []],
  ['rows that tie in another order', 'SELECT * FROM t ORDER BY a', ROWS, [ROWS[0], ROWS[2], ROWS[1], ROWS[3]], []],
  ['another order', 'SELECT * FROM t ORDER BY a', ROWS, [ROWS[1], ROWS[0], ROWS[2], ROWS[3]], ['order: row 1, column a: 1 here, 2 there']],
  ['another order by a position', 'SELECT * FROM t ORDER BY 1', ROWS, ROWS.toReversed(), ['order: row 1, column a: 1 here, 3 there']],
  ['another order by an expression', 'SELECT a + 1, s, d FROM t ORDER BY a + 1', ROWS, ROWS.toReversed(), ['order: row 1, column a: 1 here, 3 there']],
  ['another order by what is no column', 'SELECT * FROM t ORDER BY a % 2', ROWS, ROWS.toReversed(), []],
  ['a missing row', 'SELECT * FROM t', ROWS, ROWS.slice(1), ['rows: 4 rows here, 3 there', 'cells: row 1 is only here: a = 1, s = x, d = 0.5']],
  ['a row more', 'SELECT * FROM t', ROWS, [...ROWS, ROWS[3]], ['rows: 4 rows here, 5 there', 'cells: row 5 is only there: a = 3, s = z, d = 3.5']],
  ['another value', 'SELECT * FROM t', ROWS, [...ROWS.slice(0, 3), [3n, 'Z', 3.5]], ['cells: row 4, column s: z here, Z there']],
  ['NULL for a value', 'SELECT * FROM t', ROWS, [[1n, 'x', null], ...ROWS.slice(1)], ['cells: row 1, column d: 0.5 here, NULL there']],
  ['a float that differs in its last digits', 'SELECT * FROM t', ROWS, [[1n, 'x', 0.5 + 1e-12], ...ROWS.slice(1)], []],
  ['a float that differs more', 'SELECT * FROM t', ROWS, [[1n, 'x', 0.5 + 1e-6], ...ROWS.slice(1)], ['cells: row 1, column d: 0.5 here, 0.500001 there']],
  ['any rows of a LIMIT', 'SELECT * FROM t LIMIT 1', [ROWS[0]], [ROWS[1]], []],
  ['another row that ties at the LIMIT', 'SELECT * FROM t ORDER BY a LIMIT 2', ROWS.slice(0, 2), [ROWS[0], ROWS[2]], []],
  ['another row before the LIMIT', 'SELECT * FROM t ORDER BY a LIMIT 2', ROWS.slice(0, 2), [[1n, 'X', 0.5], ROWS[2]], ['cells: row 1, column s: x here, X there']],
] // oxfmt-ignore

for (const [name, sql, left, right, different] of cases) {
  test(name, t => {
    const checks = compareResults(
      parseQuery(sql),
      { name: 'here', schema, rows: left },
      { name: 'there', schema, rows: right },
    )
    const found = checks.filter(({ result }) => result === 'differs').map(({ check, detail }) => `${check}: ${detail}`)
    t.is(found.length, different.length, found.join('\n'))
    different.forEach((text, i) => t.true(found[i].startsWith(text), found[i]))
  })
}

test('other columns', t => {
  const other = schemaOf(field('a', INT64), field('s', UTF8))
  const checks = compareResults(
    parseQuery('SELECT 1'),
    { name: 'here', schema, rows: [] },
    { name: 'there', schema: other, rows: [] },
  )
  t.deepEqual(checks, [
    { check: 'schema', result: 'differs', detail: 'a BIGINT, s VARCHAR, d DOUBLE here, a BIGINT, s VARCHAR there' },
  ])
})
