/** Every function's examples, and the declarations around them. */
import test from 'ava'
import { columnValues, releaseColumn } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { schemaOf } from '../../src/arrow/schema.js'
import { BallistaError } from '../../src/common/errors.js'
import { callExpr } from '../../src/expr/build.js'
import { compileExprs } from '../../src/expr/compile.js'
import { typeOf, type Expr } from '../../src/expr/expr.js'
import { foldConstants } from '../../src/expr/fold.js'
import { SCALARS, functionNames, scalarFunction } from '../../src/expr/functions/index.js'
import { evaluateRow } from '../../src/expr/interpret.js'
import { literal } from '../../src/expr/expr.js'
import { valueText } from '../../src/expr/value-text.js'
import { NULL, UTF8, type Value } from '../../src/arrow/types.js'
import { bindQuery } from '../../src/logical/bind/query.js'
import { resolveTables } from '../../src/logical/bind/tables.js'
import { parseQuery } from '../../src/parser/parse.js'

const NOW = 1_709_211_600_000_000_000n

async function bound(sql: string): Promise<Expr> {
  const query = parseQuery(`SELECT ${sql}`)
  const tables = await resolveTables(query, { resolveTable: () => Promise.reject(new Error('no tables')) } as never, {
    now: NOW,
  })
  const plan = bindQuery(query, { tables, now: NOW })
  if (plan.kind !== 'projection') throw new Error(`a projection was expected, got ${plan.kind}`)
  return plan.exprs[0].expr
}

/** The value through the compiler, over one row without columns. */
function compiled(expr: Expr): Value {
  const [column] = compileExprs([expr], schemaOf()).evaluate({ schema: schemaOf(), rowCount: 1, columns: [] })
  const [value] = columnValues(column)
  releaseColumn(column)
  return value
}

for (const definition of SCALARS) {
  test(`the examples of ${definition.name} hold`, async t => {
    const before = bytesInUse()
    t.true(definition.examples.length >= 2, 'fewer than two examples')
    t.true(
      definition.examples.some(({ sql, result }) => result === 'NULL' || /\bNULL\b/.test(sql)),
      'no example with NULL',
    )
    t.true(definition.description.length > 0)
    for (const { sql, result } of definition.examples) {
      const expr = await bound(sql)
      t.is(valueText(evaluateRow(expr, []), typeOf(expr)), result, sql)
      t.is(valueText(compiled(foldConstants(expr)), typeOf(expr)), result, `compiled ${sql}`)
    }
    t.is(bytesInUse(), before)
  })
}

test('names and aliases are unique and lower case', t => {
  const names = functionNames()
  t.deepEqual(names, [...new Set(names)])
  for (const name of names) t.is(name, name.toLowerCase())
  for (const definition of SCALARS) for (const alias of definition.aliases) t.is(scalarFunction(alias), definition)
})

test('lazy branches never raise', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['CASE WHEN true THEN 1 ELSE 1 / 0 END', '1'],
    ['coalesce(1, 1 / 0)', '1'],
    ['false AND 1 / 0 = 1', 'false'],
    ['true OR 1 / 0 = 1', 'true'],
    ['nvl2(NULL, 1 / 0, 3)', '3'],
    ["TRY_CAST('x' AS INT)", 'NULL'],
    ['1 IN (1, NULL)', 'true'],
    ['2 IN (1, NULL)', 'NULL'],
    ['2 NOT IN (1, NULL)', 'NULL'],
    ['NULL AND false', 'false'],
    ['NULL OR true', 'true'],
    ['NOT NULL', 'NULL'],
  ]
  for (const [sql, result] of cases) {
    const expr = await bound(sql)
    t.is(valueText(evaluateRow(expr, []), typeOf(expr)), result, sql)
    t.is(valueText(compiled(expr), typeOf(expr)), result, `compiled ${sql}`)
  }
})

test('arithmetic of literals has the documented types and values', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['7 / 2', '3'],
    ['-7 / 2', '-3'],
    ['-7 % 3', '-1'],
    ['7.0 / 2', '3.50000'],
    ['1.00 / 3', '0.333333'],
    ['-2.00 / 3', '-0.666666'],
    ['0.05 + 1', '1.05'],
    ['1 - 0.05', '0.95'],
    ['1e0 / 0', 'inf'],
    ['1.5 * 2.25', '3.375'],
    ['CAST(2.5 AS INT)', '3'],
    ['CAST(-2.5 AS INT)', '-3'],
    ['CAST(1.5e0 AS BIGINT)', '2'],
    ['CAST(1.245 AS DECIMAL(4, 2))', '1.25'],
    ['CAST(-1.245 AS DECIMAL(4, 2))', '-1.25'],
    ["date '1998-12-01' - interval '90' day", '1998-09-02'],
    ["date '1996-01-31' + interval '1' month", '1996-02-29'],
    ["date '1995-01-01' + interval '1' year", '1996-01-01'],
    ["date '1998-12-01' - date '1998-11-01'", '30'],
    ["date '1998-12-01' + 31", '1999-01-01'],
    ["timestamp '2024-02-29 12:00:00' - interval '1 year 12:30:00'", '2023-02-27T23:30:00'],
    ["timestamp '2024-03-01 06:00:00' - timestamp '2024-02-28 12:00:00'", '1 days 18 hours'],
    ["'2' > 1", 'true'],
    ["date '1998-12-01' = '1998-12-01'", 'true'],
    ['-9223372036854775808', '-9223372036854775808'],
    ["'a' || 1 || NULL", 'NULL'],
    ["'NaN'::double = 'NaN'::double", 'true'],
    ["'NaN'::double > 'inf'::double", 'true'],
    ["'\u{1F986}' > '\uFF5E'", 'true'],
    ['1 IS DISTINCT FROM NULL', 'true'],
    ["EXTRACT(year FROM date '1995-06-17')", '1995'],
    ["EXTRACT(epoch FROM timestamp '1970-01-02 00:00:00')", '86400.0'],
    ["interval '1 month' + interval '2 days'", '1 mons 2 days'],
    ["POSITION('b' IN 'abc')", '2'],
    ["SUBSTRING('alphabet' FROM 3 FOR 2)", 'ph'],
    ["TRIM(BOTH 'x' FROM 'xxabcx')", 'abc'],
    ["'A%B' LIKE 'A\\%B'", 'true'],
    ["'AxB' LIKE 'A!%B' ESCAPE '!'", 'false'],
    ["'PROMO' ILIKE 'pro%'", 'true'],
  ]
  for (const [sql, result] of cases) {
    const expr = await bound(sql)
    t.is(valueText(evaluateRow(expr, []), typeOf(expr)), result, sql)
    t.is(valueText(compiled(expr), typeOf(expr)), result, `compiled ${sql}`)
  }
})

test('errors have their codes and whole messages', async t => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['1 / 0', 'DIVIDE_BY_ZERO', 'division by zero'],
    ['1.5 % 0', 'DIVIDE_BY_ZERO', 'division by zero'],
    ['9223372036854775807 + 1', 'NUMERIC_OVERFLOW', 'value out of range for BIGINT'],
    ['abs(-9223372036854775808)', 'NUMERIC_OVERFLOW', 'value out of range for BIGINT'],
    ['CAST(300 AS TINYINT)', 'NUMERIC_OVERFLOW', 'value out of range for TINYINT'],
    ["CAST('12x' AS INT)", 'INVALID_CAST', "cannot cast VARCHAR to INT: '12x'"],
    ["date '1998-02-30'", 'INVALID_CAST', "cannot cast VARCHAR to DATE: '1998-02-30'"],
    ["'a' + 1", 'INVALID_CAST', "cannot cast VARCHAR to BIGINT: 'a'"],
    ['true + 1', 'TYPE_MISMATCH', 'cannot apply + to BOOLEAN and BIGINT; cast one of them'],
    ['1 AND true', 'TYPE_MISMATCH', 'AND needs BOOLEAN, got BIGINT; compare it with something'],
    ['1 LIKE 2', 'TYPE_MISMATCH', 'LIKE needs VARCHAR, got BIGINT; cast it'],
    ["upper(date '1998-01-01')", 'FUNCTION_ARGUMENTS', 'upper takes (VARCHAR), got (DATE)'],
    [
      'substr(1, 2, 3, 4)',
      'FUNCTION_ARGUMENTS',
      'substr takes (VARCHAR, BIGINT, [BIGINT]), got (BIGINT, BIGINT, BIGINT, BIGINT)',
    ],
    ["uper('a')", 'FUNCTION_NOT_FOUND', "function 'uper' not found, did you mean 'upper'?"],
    ['CAST(true AS DATE)', 'TYPE_MISMATCH', 'cannot cast BOOLEAN to DATE'],
    ['CAST(1 AS FOO)', 'TYPE_MISMATCH', "unknown type 'FOO'"],
  ]
  for (const [sql, code, message] of cases) {
    const error = await t.throwsAsync<BallistaError>(async () => evaluateRow(await bound(sql), []), undefined, sql)
    t.is(error?.code, code as BallistaError['code'], sql)
    t.is(code === 'TYPE_MISMATCH' && sql.includes('FOO') ? error?.message.split(';')[0] : error?.message, message, sql)
  }
})

test('constants fold, and what would raise stays', t => {
  const text = literal('abc', UTF8)
  t.deepEqual(foldConstants(callExpr('upper', [text])), literal('ABC', UTF8))
  const raising = callExpr('chr', [literal(0n, { kind: 'int', bits: 64, signed: true })])
  t.is(foldConstants(raising), raising)
  t.is(foldConstants(callExpr('random', [])).kind, 'call')
  t.deepEqual(foldConstants(callExpr('upper', [literal(null, NULL)])), literal(null, UTF8))
})
