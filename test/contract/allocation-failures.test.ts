/**
 * An allocation of a query fails: the query ends with ARENA_EXHAUSTED and leaves no byte and no file behind. So for every fourth of its
 * allocations, from one that the seed draws; BALLISTA_TEST_FULL=1 lets each of them fail.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { bytesInUse, failAllocation } from '../../src/arrow/memory.js'
import { BallistaError } from '../../src/common/errors.js'
import { SessionContext } from '../../src/index.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { given } from '../../src/session/dataframe.js'
import { below, testRng } from '../arrow/random-columns.js'

// Before the arena is made.
process.env['BALLISTA_ARENA_DEBUG'] = '1'

const ROWS = 24
const directory = mkdtempSync(join(tmpdir(), 'ballista-allocations-'))
test.after.always(() => rmSync(directory, { recursive: true, force: true }))

/** Rows with NULLs, empty and long texts, and duplicates. */
function csvText(): string {
  const lines = ['id,k,s,d,f,dt,n']
  for (let i = 0; i < ROWS; i++) {
    const text = i % 11 === 0 ? '' : `text${(i * 37) % 9}${'é'.repeat(i % 5)}`
    lines.push(
      `${i},${i % 3},${text},${(i * 1234567) % 1000}.25,${i / 4},2020-0${1 + (i % 9)}-11,${i % 4 === 0 ? '' : i}`,
    )
  }
  return `${lines.join('\n')}\n`
}

const TABLES = [
  `CREATE EXTERNAL TABLE c (id BIGINT, k INT, s VARCHAR, d DECIMAL(12, 2), f DOUBLE, dt DATE, n BIGINT)
   STORED AS CSV LOCATION '${directory}/t.csv' OPTIONS (has_header true)`,
  `COPY (SELECT *, CAST(d AS DECIMAL(30, 4)) w, k > 1 b FROM c) TO '${directory}/t.parquet' OPTIONS (max_row_group_size 15)`,
  `COPY (SELECT *, CAST(d AS DECIMAL(30, 4)) w, k > 1 b FROM c) TO '${directory}/t.arrow'`,
  `CREATE EXTERNAL TABLE p STORED AS PARQUET LOCATION '${directory}/t.parquet'`,
  `CREATE EXTERNAL TABLE a STORED AS ARROW LOCATION '${directory}/t.arrow'`,
]

const QUERIES: Readonly<Record<string, string>> = {
  csv: 'SELECT * FROM c',
  parquet: 'SELECT * FROM p',
  arrow: 'SELECT * FROM a',
  values: "SELECT * FROM (VALUES (1, 'a', NULL, DATE '2020-01-01'), (2, 'b', 3, NULL)) t(a, b, c, d)",
  arithmetic: 'SELECT id + k, d * 2.5, w * w, w / 3, f * 2, dt + 3, CAST(d AS BIGINT), CAST(f AS BIGINT) FROM p',
  texts: `SELECT CASE WHEN k = 1 THEN s ELSE upper(s) END, coalesce(n, id), s LIKE '%t%1%', s IN ('text1', 'text2'),
          substr(s, 3, 2), length(s), s || 'x', NOT b, k IS DISTINCT FROM n FROM p WHERE id > 3 AND s <> '' AND (k > 1 OR f > 2)`,
  groups: `SELECT s, k, count(*), sum(n), avg(w), min(s), max(d), max(w), stddev(f), min(b), count(DISTINCT s), sum(DISTINCT n)
           FROM p GROUP BY s, k`,
  total: 'SELECT count(*), sum(n), avg(w), min(s), max(d), min(w), stddev(f), count(DISTINCT s) FROM p',
  'no rows': 'SELECT sum(id), min(id), avg(id), min(w), stddev(f), max(s) FROM p WHERE id < 0',
  'wide sums': 'SELECT k, avg(id * 300000000000000000) FROM c GROUP BY k',
  filtered: "SELECT k, count(*) FILTER (WHERE id > 5), sum(id) FILTER (WHERE s LIKE '%1%') FROM p GROUP BY k",
  'nullable keys': 'SELECT n, count(*) FROM p GROUP BY n',
  sort: 'SELECT s, id FROM p ORDER BY s DESC, w, n NULLS FIRST',
  top: 'SELECT s, id FROM p ORDER BY w DESC, s LIMIT 5',
  join: 'SELECT x.id, y.s FROM p x FULL JOIN c y ON x.s = y.s AND x.n = y.n',
  'join with a filter': 'SELECT x.id, y.s FROM p x LEFT JOIN c y ON x.k = y.k AND x.id < y.id',
  'right join': 'SELECT x.id, y.s FROM p x RIGHT JOIN c y ON x.n = y.id AND x.id > 7',
  semi: 'SELECT id FROM p WHERE s IN (SELECT s FROM c WHERE k = 2)',
  loop: 'SELECT x.id FROM p x JOIN (SELECT * FROM c WHERE id < 3) y ON x.id < y.id',
  'set operation': 'SELECT s FROM c INTERSECT SELECT s FROM p',
  limit: 'SELECT * FROM p LIMIT 5 OFFSET 17',
  'copy to Parquet': `COPY (SELECT * FROM a) TO '${directory}/out.parquet'`,
  'copy to CSV': `COPY (SELECT * FROM a) TO '${directory}/out.csv'`,
  'copy to Arrow': `COPY (SELECT * FROM a) TO '${directory}/out.arrow'`,
}

/** Those whose operators spill before their second batch if there is no memory. */
const SPILLING = ['groups', 'total', 'sort', 'join', 'join with a filter', 'right join', 'semi', 'set operation']

const isFull = process.env['BALLISTA_TEST_FULL'] === '1'
const STEP = isFull ? 1 : 4
/** Files make these runs slow. */
const SPILLING_STEP = isFull ? 1 : 13

const settings = { 'ballista.execution.batch_size': '10', 'ballista.execution.target_partitions': '1' }
const context = new SessionContext({ settings })
const scarce = new SessionContext({ settings: { ...settings, 'ballista.memory.limit': '1' } })
test.after.always(() => Promise.all([context.close(), scarce.close()]))

async function run(sql: string, ctx = context): Promise<void> {
  const { batches } = await (await ctx.sql(sql)).execute()
  for await (const batch of given(batches)) void batch
}

test.before(async () => {
  writeFileSync(join(directory, 't.csv'), csvText())
  for (const sql of TABLES) await run(sql)
  for (const sql of TABLES) if (sql.startsWith('CREATE')) await run(sql, scarce)
})

/** The number of allocations of the query; each `step`th has failed once. */
async function failEach(t: ExecutionContext, name: string, ctx: SessionContext, step: number): Promise<number> {
  const sql = QUERIES[name]
  await run(sql, ctx)
  const before = bytesInUse()
  let count = 1 + below(testRng(t.log), step)
  for (let failed = true; failed; count += step) {
    failAllocation(count)
    const error: unknown = await run(sql, ctx).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    failed = failAllocation(0) === 0
    const code = error instanceof BallistaError ? error.code : error
    if (failed) t.is(code, 'ARENA_EXHAUSTED', `allocation ${count}`)
    t.is(bytesInUse(), before, `allocation ${count} of '${name}'`)
    t.is(ioStats().tempFiles, 0)
  }
  return count
}

for (const name of Object.keys(QUERIES)) {
  test.serial(`${name}: allocations fail`, async t => {
    const count = await failEach(t, name, context, STEP)
    const unfinished = readdirSync(directory).filter(file => file.endsWith('.tmp'))
    t.deepEqual(unfinished, [])
    t.true(count > 5, `only ${count} allocations`)
  })
}

for (const name of SPILLING) {
  test.serial(`${name}, without memory: allocations fail`, async t => {
    const { spillBytesWritten } = ioStats()
    const count = await failEach(t, name, scarce, SPILLING_STEP)
    t.true(count > 5, `only ${count} allocations`)
    t.true(ioStats().spillBytesWritten > spillBytesWritten)
  })
}
