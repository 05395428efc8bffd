/** What frames refuse, and what they hold on to: names, types and forms are checked by each method, tables stay those they were. */
import test from 'ava'
import type { BallistaError } from '../../src/common/errors.js'
import { col, fn, lit, or, SessionContext, sql } from '../../src/index.js'

const failure = (error: BallistaError): string => `${error.code}: ${error.message}`

test('wrong names, types and forms fail at the method, in every mode', async t => {
  // Nothing listens there: what is found without a cluster is found before the first byte is sent.
  await using ctx = await SessionContext.remote('df://127.0.0.1:1')
  ctx.registerMemory(
    'm',
    { fields: [{ name: 'amount', type: { kind: 'int', bits: 64, signed: true }, nullable: true }] },
    [],
  )
  const m = await ctx.table('m')
  const thrown = (action: () => unknown): string => {
    const error = t.throws(action)
    return failure(error as BallistaError)
  }
  t.is(
    thrown(() => m.select('amuont')),
    "COLUMN_NOT_FOUND: column 'amuont' not found, did you mean 'amount'?",
  )
  t.is(
    thrown(() => m.drop('amuont')),
    "COLUMN_NOT_FOUND: column 'amuont' not found, did you mean 'amount'?",
  )
  t.regex(
    thrown(() => m.filter(col('amount').like('x'))),
    /^TYPE_MISMATCH: /,
  )
  t.regex(
    thrown(() => m.filter('amount > 1; DROP TABLE m')),
    /^SYNTAX: /,
  )
  t.regex(
    thrown(() => m.filter(sql`${1}) OR (1 = 1`)),
    /^SYNTAX: /,
  )
  t.regex(
    thrown(() => m.selectExprs('amount FROM m')),
    /^SYNTAX: /,
  )
  t.regex(
    thrown(() => m.select(col('amount').cast('BIGINT) OR (TRUE'))),
    /^SYNTAX: /,
  )
  t.regex(
    thrown(() => m.select(col('amount').cast('BIGINT) --'))),
    /^SYNTAX: /,
  )
  t.regex(
    thrown(() => m.select(col('amount').cast('BIGINT)::VARCHAR(5'))),
    /^SYNTAX: 'BIGINT\)::VARCHAR\(5' is not the name of a type/,
  )
  t.regex(
    thrown(() => m.limit(-1)),
    /^INVALID_ARGUMENT: /,
  )
  t.regex(
    thrown(() => m.select()),
    /^INVALID_ARGUMENT: /,
  )
  t.regex(
    thrown(() => m.union(m.select('amount', lit(1).alias('x')))),
    /columns/,
  )
  t.regex(
    thrown(() => m.join(m, {})),
    /^INVALID_ARGUMENT: /,
  )
  t.regex(
    thrown(() => m.filter(col('amount').inList([]))),
    /^INVALID_ARGUMENT: /,
  )
  t.is(
    thrown(() => fn['summ']),
    "FUNCTION_NOT_FOUND: function 'summ' not found, did you mean 'sum'?",
  )
  t.regex(
    thrown(() => lit(undefined as unknown as null)),
    /^INVALID_ARGUMENT: /,
  )
  t.regex(
    thrown(() => m.withParams({ nope: 1 })),
    /^INVALID_ARGUMENT: /,
  )
  t.is(
    await ctx.sql('SELECT amuont FROM m').then(String, failure),
    "COLUMN_NOT_FOUND: column 'amuont' not found, did you mean 'amount'?",
  )
})

test('frames keep the tables they were written over', async t => {
  await using ctx = new SessionContext()
  await ctx.sql('CREATE TABLE t AS SELECT 1 AS x')
  const before = await ctx.table('t')
  await ctx.sql('INSERT INTO t VALUES (2)')
  const after = await ctx.table('t')
  t.deepEqual(await before.filter('x > 0').rows(), [{ x: 1n }])
  t.deepEqual(await after.sort('x').rows(), [{ x: 1n }, { x: 2n }])
  const error = t.throws(() => before.union(after)) as BallistaError
  t.regex(failure(error), /^INVALID_ARGUMENT: table 't' was changed between/)
})

test('a view keeps what it reads, and a table that is gone is not brought back by it', async t => {
  await using ctx = new SessionContext()
  await ctx.sql('CREATE TABLE t AS SELECT 1 AS x')
  const frame = await ctx.table('t')
  const held = (await frame.cache()).filter('x = 1')
  await ctx.sql('DROP TABLE t')
  const error = t.throws(() => frame.createView('v')) as BallistaError
  t.regex(failure(error), /^INVALID_ARGUMENT: table 't': it was changed since the frame was made/)
  held.createView('v')
  await ctx.sql('CREATE TABLE t AS SELECT 2 AS x')
  t.deepEqual(await (await ctx.sql('SELECT t.x AS t, v.x AS v FROM t, v')).rows(), [{ t: 2n, v: 1n }])
})

test('parameters that have a value and those that have none, by any name', async t => {
  await using ctx = new SessionContext()
  const named = (await ctx.sql('SELECT $a AS a, $constructor AS b')).withParams({ a: 1 }).filter('a = 1')
  t.is(await named.rows().then(String, failure), 'INVALID_ARGUMENT: parameter $constructor has no value')
  t.deepEqual(await named.withParams({ constructor: 2 }).rows(), [{ a: 1n, b: 2n }])
  const placed = (await ctx.sql('SELECT ? AS a, ? AS b')).withParams({ 1: 1 }).filter('a = 1')
  t.deepEqual(await placed.withParams({ 2: 2 }).rows(), [{ a: 1n, b: 2n }])
  await ctx.sql('CREATE VIEW v AS SELECT ? AS x, $2 AS y', [1, "it's"])
  t.deepEqual(await (await ctx.sql('SELECT * FROM v')).rows(), [{ x: 1n, y: "it's" }])
})

test('a template may have its own WITH, and end with a semicolon', async t => {
  await using ctx = new SessionContext()
  const two = ctx.fromColumns({ x: [1, 2] })
  const frame = await ctx.sql(
    sql`WITH one AS (SELECT ${10} AS ten) SELECT x + ten AS y FROM ${two}, one ORDER BY y DESC; -- ;`,
  )
  t.deepEqual(await frame.rows(), [{ y: 12n }, { y: 11n }])
  t.deepEqual(await frame.filter('y > 11').rows(), [{ y: 12n }])
})

test('long chains stay flat: 60 new columns, 400 unions, 2000 conditions', async t => {
  await using ctx = new SessionContext()
  await ctx.sql('CREATE TABLE t AS SELECT 1 AS x')
  const one = await ctx.table('t')
  let columns = one
  for (let i = 0; i < 60; i++) columns = columns.withColumn('x', col('x').add(1)).filter('x > 0')
  t.deepEqual(await columns.rows(), [{ x: 61n }])
  let all = one
  for (let i = 0; i < 399; i++) all = all.union(one)
  t.is(await all.count(), 400)
  const conditions = Array.from({ length: 2000 }, (_, i) => col('x').eq(i))
  t.is(await one.filter(or(...conditions)).count(), 1)
})
