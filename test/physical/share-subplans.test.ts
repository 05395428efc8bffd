/** Subplans that occur more than once are computed once: held in plans of one task, else sent to all who read them. */
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'

const CTE = `WITH sums AS (SELECT a, sum(b) AS total FROM example GROUP BY a)
  SELECT a, total FROM sums WHERE total = (SELECT max(total) FROM sums) ORDER BY a`

async function session(settings: Readonly<Record<string, string>> = {}): Promise<SessionContext> {
  const ctx = new SessionContext({ settings })
  await ctx.registerCsv('example', 'test/data/example.csv')
  return ctx
}

const physicalPlan = async (ctx: SessionContext, sql: string): Promise<string> =>
  String((await (await ctx.sql(`EXPLAIN ${sql}`)).rows())[1].plan)

test.serial('a CTE that is read twice is aggregated once', async t => {
  const ctx = await session()
  const plan = await physicalPlan(ctx, CTE)
  t.is(plan.match(/AggregateExec: mode=Single, gby=\[a/g)?.length, 1, plan)
  t.is(plan.match(/SharedRowsExec: rows=#0/g)?.length, 2, plan)
  t.regex(plan, /^MaterializeExec: rows=#0\n/)
  const [{ plan: analyzed }] = await (await ctx.sql(`EXPLAIN ANALYZE ${CTE}`)).rows()
  t.is(String(analyzed).match(/DataSourceExec/g)?.length, 1)
  t.deepEqual(await (await ctx.sql(CTE)).rows(), [{ a: 2n, total: 13n }])
  await ctx.close()
  t.is(bytesInUse(), 0)
})

test.serial(
  'held rows that the limit refuses are written to a file, and nothing is left when only some are read',
  async t => {
    for (const limit of ['1', '100KB']) {
      const ctx = await session({ 'ballista.memory.limit': limit, 'ballista.execution.batch_size': '2' })
      t.deepEqual(await (await ctx.sql(CTE)).rows(), [{ a: 2n, total: 13n }])
      const some = await (
        await ctx.sql(`WITH s AS (SELECT DISTINCT b FROM example) SELECT 1 AS one FROM s, s AS s2 LIMIT 1`)
      ).rows()
      t.deepEqual(some, [{ one: 1n }])
      await ctx.close()
    }
    t.is(bytesInUse(), 0)
  },
)

test.serial('what is computed anew each time, or cheap, is not shared', async t => {
  const ctx = await session()
  const plans = [
    'WITH s AS (SELECT a, max(random()) AS r FROM example GROUP BY a) SELECT s.r FROM s JOIN s AS s2 ON s.r < s2.r',
    'WITH s AS (SELECT a FROM example WHERE b > 2) SELECT s.a FROM s JOIN s AS s2 ON s.a = s2.a',
    'SELECT count(*) FROM example UNION ALL SELECT sum(b) FROM example',
  ]
  for (const sql of plans) t.notRegex(await physicalPlan(ctx, sql), /SharedRowsExec/, sql)
  await ctx.close()
})

/** Three tasks a stage, and outputs of which no batch fits the buffer. */
const SPREAD = {
  'ballista.optimizer.repartition_file_min_size': '1',
  'ballista.execution.target_partitions': '3',
  'ballista.exchange.write_buffer': '1',
  'ballista.execution.batch_size': '2',
}

test.serial('in plans of several tasks one stage feeds all exchanges that read a CTE', async t => {
  const ctx = await session(SPREAD)
  const plan = await physicalPlan(ctx, CTE)
  t.is(plan.match(/ExchangeExec: .*shared=#0/g)?.length, 2, plan)
  t.is(plan.match(/DataSourceExec/g)?.length, 1, plan)
  const [{ plan: analyzed }] = await (await ctx.sql(`EXPLAIN ANALYZE ${CTE}`)).rows()
  t.regex(String(analyzed), /ExchangeSinkExec: stage=\d+, tasks=3, edge=\d+, .*; edge=\d+, .*spillable/)
  t.deepEqual(await (await ctx.sql(CTE)).rows(), [{ a: 2n, total: 13n }])
  await ctx.close()
  t.is(bytesInUse(), 0)
})

const SHAPES: Readonly<Record<string, string>> = {
  'joined with itself': `WITH s AS (SELECT a, b, sum(c) AS total FROM example GROUP BY a, b)
    SELECT l.a, l.b, r.b AS rb, l.total + r.total AS t FROM s AS l JOIN s AS r ON l.a = r.a ORDER BY 1, 2, 3`,
  'three times': `WITH s AS (SELECT b, sum(c) AS total FROM example GROUP BY b)
    SELECT x.b, x.total, y.total AS yt, z.total AS zt FROM s AS x
      JOIN s AS y ON x.b = y.total LEFT JOIN s AS z ON y.b = z.total ORDER BY 1, 2, 3, 4`,
  'in the two inputs of a union': `WITH s AS (SELECT DISTINCT b FROM example) SELECT b FROM s UNION ALL SELECT b + 1 FROM s ORDER BY 1`,
  'by a join that wants few rows': `WITH s AS (SELECT b, count(*) AS n FROM example GROUP BY b)
    SELECT count(*) AS one FROM (SELECT l.n, r.n AS m FROM s AS l JOIN s AS r ON l.b = r.b LIMIT 1)`,
  'below another one': `WITH s AS (SELECT a, b FROM example GROUP BY a, b),
      m AS (SELECT a, count(*) AS n FROM s GROUP BY a)
    SELECT s.a, s.b, m.n, o.n AS o FROM s JOIN m ON s.a = m.a JOIN m AS o ON o.n = m.n ORDER BY 1, 2, 3, 4`,
}

for (const [name, sql] of Object.entries(SHAPES)) {
  test.serial(`a CTE ${name}: the same rows with one task and with several, and no stage waits for itself`, async t => {
    const one = await session({ 'ballista.execution.target_partitions': '1' })
    const expected = await (await one.sql(sql)).rows()
    await one.close()
    t.true(expected.length > 0)
    for (const materialize of ['auto', 'always']) {
      const several = await session({ ...SPREAD, 'ballista.exchange.materialize': materialize })
      t.regex(await physicalPlan(several, sql), /shared=#0/)
      t.deepEqual(await (await several.sql(sql)).rows(), expected)
      await several.close()
    }
    t.is(bytesInUse(), 0)
  })
}
