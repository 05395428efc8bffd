/**
 * A scheduler with a data directory that is killed and started again, on real processes: its sessions go on, its catalog and jobs are
 * there, and what ran has run again or failed with a typed status. SEED=n replays the moments.
 */
import { mkdtempSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { seededRng } from '../../src/common/clock.js'
import type { BallistaError } from '../../src/common/errors.js'
import { SessionContext, type RemoteOptions } from '../../src/session/context.js'
import { until } from '../helpers/node-watch.js'
import { startRestartable, type RestartableCluster } from '../helpers/restartable-cluster.js'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const KILLS = process.env.BALLISTA_TEST_FULL === '1' ? 20 : 2
const EMP = `${process.cwd()}/test/slt/data/emp.csv`
/** A second or two of work. */
const LONG = 'SELECT count(*) AS n, sum(a.value * b.value % 7) AS s FROM range(100000) AS a, range(1000) AS b'

interface JobJson {
  readonly query: string
  readonly phase: string
  readonly error?: { readonly code: string }
}

let cluster: RestartableCluster

test.before(async () => {
  cluster = await startRestartable([dirname(EMP)])
})
test.after.always(() => cluster?.close())

async function connect(t: ExecutionContext, options: RemoteOptions = {}): Promise<SessionContext> {
  const ctx = await SessionContext.remote(cluster.url, options)
  t.teardown(() => ctx.close())
  return ctx
}

const queryRuns = (): Promise<unknown> =>
  until('the query runs', async () => (await jobsOf()).some(job => job.phase === 'running') || undefined)

/** Newest first. */
const jobsOf = async (): Promise<readonly JobJson[]> => (await cluster.get('/api/jobs')) as JobJson[]

test.serial(
  'a session goes on over a killed scheduler: its catalog, its query and the list of jobs are there again',
  async t => {
    t.log(`seed ${SEED}`)
    const rng = seededRng(SEED)
    const ctx = await connect(t)
    await ctx.sql('CREATE SCHEMA s')
    await ctx.sql(`CREATE EXTERNAL TABLE s.emp STORED AS CSV LOCATION '${EMP}' OPTIONS (has_header true)`)
    const expected = await (await ctx.sql(LONG)).rows()
    for (let kill = 0; kill < KILLS; kill++) {
      const frame = await ctx.sql(LONG)
      const asked = frame.rows()
      await queryRuns()
      const moment = Math.trunc(rng.next() * 300)
      await new Promise(resolve => setTimeout(resolve, moment))
      await cluster.kill('scheduler')
      await cluster.restart('scheduler')
      t.deepEqual(await asked, expected, `killed after ${moment} ms`)
      const [, interrupted] = await jobsOf()
      t.is(interrupted.query, LONG)
      t.is(interrupted.phase, 'failed')
      t.is(interrupted.error?.code, 'SCHEDULER_RESTARTED')
    }
    t.is((await (await ctx.sql('SELECT * FROM s.emp')).rows()).length > 0, true)
    await ctx.sql('CREATE TABLE s.squares AS SELECT value, value * value AS square FROM range(10)')
    t.deepEqual(await (await ctx.sql('SELECT sum(square) AS n FROM s.squares')).rows(), [{ n: 285n }])
    await ctx.sql('DROP SCHEMA s CASCADE')
  },
)

test.serial('a scheduler that is stopped hands its queries on to the next one', async t => {
  const ctx = await connect(t)
  const asked = (await ctx.sql(LONG)).rows()
  await queryRuns()
  await cluster.kill('scheduler', 'SIGTERM')
  await cluster.restart('scheduler')
  t.is((await asked).length, 1)
})

test.serial('a query that may not run again fails with what happened', async t => {
  const ctx = await connect(t, { settings: { 'ballista.retry_policy': 'none' } })
  const asked = (await ctx.sql(LONG)).rows()
  await queryRuns()
  await cluster.kill('scheduler')
  const error = await t.throwsAsync<BallistaError>(asked)
  t.true(error?.retryable)
  await cluster.restart('scheduler')
  t.is((await (await ctx.sql('SELECT 1 AS a')).rows()).length, 1)
})

test.serial('a write over a killed scheduler is done once', async t => {
  const target = mkdtempSync(join(cluster.files, 'target-'))
  const ctx = await connect(t)
  const rng = seededRng(SEED)
  // A scheduler that was never reached is not waited for.
  await (await ctx.sql('SELECT 1 AS a')).rows()
  for (let kill = 0; kill < KILLS; kill++) {
    const path = join(target, `t${kill}/`)
    const copying = ctx.sql(
      `COPY (SELECT a.value AS a, b.value AS b FROM range(500) AS a, range(1000) AS b) TO '${path}' STORED AS PARQUET`,
    )
    await new Promise(resolve => setTimeout(resolve, Math.trunc(rng.next() * 600)))
    await cluster.kill('scheduler')
    await cluster.restart('scheduler')
    const [{ count }] = await (await copying).rows()
    t.is(count, 500_000n)
    t.deepEqual(
      await (await ctx.sql(`SELECT count(*) AS n, count(DISTINCT a * 1000 + b) AS d FROM '${path}'`)).rows(),
      [{ n: 500_000n, d: 500_000n }],
    )
  }
  await until('nothing staged is left', () =>
    readdirSync(target).every(name => !name.startsWith('.')) ? true : undefined,
  )
})
