/** Joins over exchanges reduce their probe sides at the scans: the same rows, fewer of them exchanged. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'

const directory = await mkdtemp(join(tmpdir(), 'ballista-reduce-'))
test.after.always(() => rm(directory, { recursive: true, force: true }))

/** 20 000 facts of 4 000 keys, of which every 50th is in `few`, each of these several times. */
test.before(async () => {
  const ctx = new SessionContext({ baseDirectory: directory })
  const series = 'FROM generate_series(0, 19999) AS s(i)'
  await ctx.sql(
    `COPY (SELECT i % 4000 AS k, i % 7 AS l, i AS v, CASE WHEN i % 11 = 0 THEN NULL ELSE i % 4000 END AS n ${series})
      TO 'facts.parquet' OPTIONS (max_row_group_size 2000)`,
  )
  await ctx.sql(
    `COPY (SELECT i % 8000 AS k, i % 3 AS l, i AS w ${series}) TO 'few.parquet' OPTIONS (max_row_group_size 2000)`,
  )
  await ctx.close()
})

async function session(partitions: number, more: Readonly<Record<string, string>> = {}): Promise<SessionContext> {
  const settings = {
    'ballista.optimizer.repartition_file_min_size': '1',
    'ballista.execution.target_partitions': String(partitions),
    ...more,
  }
  const ctx = new SessionContext({ baseDirectory: directory, settings })
  await ctx.registerParquet('facts', 'facts.parquet')
  await ctx.registerParquet('few', 'few.parquet')
  return ctx
}

async function physicalPlan(ctx: SessionContext, sql: string): Promise<string> {
  const rows = (await (await ctx.sql(`EXPLAIN ${sql}`)).rows()) as { plan_type: string; plan: string }[]
  return rows.find(({ plan_type: type }) => type === 'physical_plan')?.plan ?? ''
}

/** `few` keeps its rows (a left side whose rows come out once is not broadcast), so that both sides are exchanged. */
const SELECTED = 'few WHERE w % 100 = 0 AND w < 9000'
const SHAPES: Readonly<Record<string, { readonly sql: string; readonly keys: string; readonly columns?: string }>> = {
  'a semi join': {
    sql: `SELECT k, w FROM ${SELECTED} AND EXISTS (SELECT 1 FROM facts WHERE facts.k = few.k AND facts.v > 4500)`,
    keys: '(k@0, k@0)',
  },
  'an anti join': {
    sql: `SELECT k, w FROM ${SELECTED} AND NOT EXISTS (SELECT 1 FROM facts WHERE facts.n = few.k)`,
    keys: '(k@0, n@0)',
  },
  'a left join': {
    sql: `SELECT f.k, f.w, facts.v FROM (SELECT * FROM ${SELECTED}) AS f LEFT JOIN facts ON facts.n = f.k`,
    keys: '(k@0, n@',
    columns: '1, 2, 3',
  },
  'a join by two keys with groups': {
    sql: `SELECT f.k, f.w, g.total FROM (SELECT * FROM ${SELECTED}) AS f
      LEFT JOIN (SELECT k, l, sum(v) AS total FROM facts GROUP BY k, l) AS g ON g.k = f.k AND g.l = f.l`,
    keys: '(k@0, k@0), (l@1, l@1)',
  },
  'two joins in a row': {
    sql: `SELECT k, w FROM ${SELECTED} AND EXISTS (SELECT 1 FROM facts WHERE facts.k = few.k AND facts.l < few.l)
      AND NOT EXISTS (SELECT 1 FROM facts WHERE facts.n = few.k AND facts.l > 5)`,
    keys: '(k@0, n@0)',
  },
}

for (const [name, { sql, keys, columns = '1, 2' }] of Object.entries(SHAPES)) {
  test.serial(`${name} sends its keys to the scan`, async t => {
    const ordered = `SELECT * FROM (${sql}) AS q ORDER BY ${columns}`
    const one = await session(1)
    const expected = await (await one.sql(ordered)).rows()
    await one.close()
    t.true(expected.length > 0)
    for (const more of [{}, { 'ballista.exchange.materialize': 'always' }, { 'ballista.exchange.write_buffer': '1' }]) {
      const ctx = await session(3, more)
      const plan = await physicalPlan(ctx, sql)
      t.true(plan.includes(`HashJoinExec: join_type=RightSemi, on=[${keys}`), plan)
      t.regex(plan, /ExchangeExec: partitioning=broadcast to 3, columns=\[k(, l)?\], shared=#\d/)
      t.deepEqual(await (await ctx.sql(ordered)).rows(), expected, `${JSON.stringify(more)}: ${plan}`)
      await ctx.close()
    }
    t.is(bytesInUse(), 0)
  })
}

test.serial('nothing is sent where it would drop nothing, or where rows without a partner come out', async t => {
  const ctx = await session(3)
  for (const sql of [
    'SELECT k FROM few WHERE EXISTS (SELECT 1 FROM facts WHERE facts.k = few.k)',
    `SELECT facts.v FROM facts LEFT JOIN (SELECT * FROM ${SELECTED}) AS f ON facts.k = f.k`,
    `SELECT f.w, facts.v FROM (SELECT * FROM ${SELECTED}) AS f FULL JOIN facts ON facts.k = f.k`,
  ]) {
    t.notRegex(await physicalPlan(ctx, sql), /shared=/, sql)
  }
  await ctx.close()
})
