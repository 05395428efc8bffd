/** Queries over edges that store all rows before they are read: in regions, one after the other. */
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'

const QUERY = `SELECT l.b, count(*) AS n, sum(r.c) AS total
  FROM example AS l JOIN example AS r ON l.a = r.a
  GROUP BY l.b ORDER BY l.b`

async function rowsOf(settings: Readonly<Record<string, string>>, sql = QUERY): Promise<unknown[]> {
  const ctx = new SessionContext({ settings })
  await ctx.registerCsv('example', 'test/data/example.csv')
  const rows = await (await ctx.sql(sql)).rows()
  await ctx.close()
  return rows
}

const SPREAD = {
  'ballista.optimizer.repartition_file_min_size': '1',
  'ballista.execution.target_partitions': '3',
  'ballista.exchange.write_buffer': '1',
}

test.serial('materialized edges give the same rows, also where no output fits the buffer', async t => {
  const expected = await rowsOf({ 'ballista.execution.target_partitions': '1' })
  t.true(expected.length > 0)
  t.deepEqual(await rowsOf(SPREAD), expected)
  t.deepEqual(await rowsOf({ ...SPREAD, 'ballista.exchange.materialize': 'always' }), expected)
  t.is(bytesInUse(), 0)
})

test.serial('a failure in the first region ends the query', async t => {
  const settings = { ...SPREAD, 'ballista.exchange.materialize': 'always' }
  const failing = `SELECT a, count(*) FROM (SELECT a, 1 / (b - b) AS q FROM example) WHERE q > 0 GROUP BY a`
  await t.throwsAsync(rowsOf(settings, failing), { code: 'DIVIDE_BY_ZERO' })
  t.is(bytesInUse(), 0)
})

test.serial('an unknown way to materialize is refused', async t => {
  await t.throwsAsync(rowsOf({ 'ballista.exchange.materialize': 'never' }), { message: /expected auto or always/ })
})

test.serial('a cluster of one slot runs a plan of many tasks in parts', async t => {
  const expected = await rowsOf({ 'ballista.execution.target_partitions': '1' })
  const settings = { ...SPREAD, 'ballista.execution.target_partitions': '60' }
  const ctx = await SessionContext.standalone({ executors: 1, slots: 1, settings })
  await ctx.registerCsv('example', 'test/data/example.csv')
  const plans = await (await ctx.sql(`EXPLAIN ${QUERY}`)).rows()
  const stages = String(plans.find(({ plan_type }) => plan_type === 'distributed_plan')?.plan)
  // Together more than 64 tasks.
  t.regex(stages, /tasks=60[^]*tasks=60/)
  t.regex(stages, /edge=\d+, partitioning=[^;\n]*, materialized/)
  t.regex(stages, /Stage \d+: tasks=\d+, after stages \d/)
  t.deepEqual(await (await ctx.sql(QUERY)).rows(), expected)
  await ctx.close()
  t.is(bytesInUse(), 0)
})
