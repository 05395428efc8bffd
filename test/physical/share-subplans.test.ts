/** Subplans that occur more than once are computed once, in plans of one task. */
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

test.serial('what is computed anew each time, cheap, or spread over tasks, is not shared', async t => {
  const ctx = await session()
  const plans = [
    'WITH s AS (SELECT a, max(random()) AS r FROM example GROUP BY a) SELECT s.r FROM s JOIN s AS s2 ON s.r < s2.r',
    'WITH s AS (SELECT a FROM example WHERE b > 2) SELECT s.a FROM s JOIN s AS s2 ON s.a = s2.a',
    'SELECT count(*) FROM example UNION ALL SELECT sum(b) FROM example',
  ]
  for (const sql of plans) t.notRegex(await physicalPlan(ctx, sql), /SharedRowsExec/, sql)
  await ctx.close()
  const settings = {
    'ballista.optimizer.repartition_file_min_size': '1',
    'ballista.execution.target_partitions': '2',
  }
  const spread = await session(settings)
  t.notRegex(await physicalPlan(spread, CTE), /SharedRowsExec/)
  t.deepEqual(await (await spread.sql(CTE)).rows(), [{ a: 2n, total: 13n }])
  await spread.close()
})
