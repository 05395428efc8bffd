/** What sessions of one cluster see of each other, and what is still there when the next one comes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { SharedCatalog } from '../../src/catalog/shared-catalog.js'
import { startStandalone } from '../../src/cluster/standalone.js'
import type { BallistaError } from '../../src/common/errors.js'
import { SessionContext } from '../../src/index.js'
import { MemoryStore } from '../../src/kv/memory-store.js'
import { clusterPlanner } from '../../src/session/plan-for-cluster.js'

const EMP = `${process.cwd()}/test/slt/data/emp.csv`

function scratch(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-catalog-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const rows = async (ctx: SessionContext, sql: string): Promise<unknown[]> => (await ctx.sql(sql)).rows()

/** Two sessions of one cluster. */
async function two(t: ExecutionContext): Promise<readonly [SessionContext, SessionContext]> {
  const planner = clusterPlanner({ allowsUserCode: false, catalog: new SharedCatalog(new MemoryStore()) })
  const cluster = await startStandalone({ executors: 1, slots: 1, planner })
  const sessions = await Promise.all([1, 2].map(() => SessionContext.remote(`df://${cluster.address}`)))
  t.teardown(async () => {
    await Promise.all(sessions.map(session => session.close()))
    await cluster.close()
  })
  return [sessions[0], sessions[1]]
}

test('what one session creates, the others see', async t => {
  const [one, other] = await two(t)
  await one.sql(`CREATE EXTERNAL TABLE emp STORED AS CSV LOCATION '${EMP}'`)
  await one.sql('CREATE VIEW names AS SELECT name FROM emp')
  const counted = await rows(other, 'SELECT count(*) AS n FROM names')
  t.deepEqual(counted, await rows(one, 'SELECT count(*) AS n FROM emp'))
  t.is((await (await other.table('emp')).collect()).length > 0, true)
  await other.sql('DROP VIEW names')
  await t.throwsAsync(rows(one, 'SELECT * FROM names'), { message: /not found/ })
  await t.throwsAsync(other.sql(`CREATE EXTERNAL TABLE emp STORED AS CSV LOCATION '${EMP}'`), {
    message: "table or view 'emp' already exists; choose another name or drop it first",
  })
})

test('what a session holds is its own, and the name it hides is still there', async t => {
  const [one, other] = await two(t)
  await one.sql('CREATE VIEW v AS SELECT 1 AS a')
  await one.sql('CREATE VIEW w AS SELECT a FROM v')
  await other.sql('CREATE TEMP VIEW v AS SELECT 2 AS a')
  t.deepEqual(await rows(other, 'SELECT v.a, s.a AS s, w.a AS w FROM v, public.v AS s, w'), [{ a: 2n, s: 1n, w: 1n }])
  t.deepEqual(await rows(one, 'SELECT a FROM v'), [{ a: 1n }])
  t.deepEqual(await rows(other, 'SELECT table_schema, table_name FROM information_schema.tables'), [
    { table_schema: 'public', table_name: 'v' },
    { table_schema: 'public', table_name: 'w' },
    { table_schema: 'temp', table_name: 'v' },
  ])
  // A name that would be hidden at once, or hide another, is refused unless one says TEMP.
  await t.throwsAsync(other.sql('CREATE VIEW v AS SELECT 3'), { message: /a view 'v' of this session already exists/ })
  await t.throwsAsync(other.sql('CREATE TABLE w (a INT)'), { message: /table or view 'w' already exists/ })
  await other.sql('CREATE TABLE IF NOT EXISTS w (a INT)')
  t.deepEqual(await rows(other, 'SELECT a FROM w'), [{ a: 1n }])
  await other.sql('DROP VIEW v')
  t.deepEqual(await rows(other, 'SELECT a FROM v'), [{ a: 1n }])
  await other.sql('DROP VIEW v')
  await t.throwsAsync(rows(one, 'SELECT a FROM v'), { message: "table 'v' not found, did you mean 'w'?" })
})

test('a view that reads what a session holds stays in the session', async t => {
  const [one, other] = await two(t)
  one.registerTable('mine', one.fromRows([{ a: 1 }]))
  await one.sql('CREATE VIEW v AS SELECT a FROM mine')
  t.deepEqual(await rows(one, 'SELECT a FROM v'), [{ a: 1n }])
  await t.throwsAsync(rows(other, 'SELECT a FROM v'), { message: "table 'v' not found" })
})

test('of sessions that create one name at the same time, one does', async t => {
  const [one, other] = await two(t)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : other).sql(`CREATE VIEW v AS SELECT ${i} AS a`)),
  )
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  const winner = outcomes.findIndex(({ status }) => status === 'fulfilled')
  t.deepEqual(await rows(one, 'SELECT a FROM v'), [{ a: BigInt(winner) }])
})

test('a session with a data directory finds what the one before has created', async t => {
  const dataDir = scratch(t)
  const first = new SessionContext({ dataDir })
  await first.sql('CREATE SCHEMA s')
  await first.sql(`CREATE EXTERNAL TABLE s.emp STORED AS CSV LOCATION '${EMP}' OPTIONS (has_header true)`)
  await first.sql('CREATE VIEW v AS SELECT count(*) AS n FROM s.emp')
  const [{ n }] = (await rows(first, 'SELECT n FROM v')) as { n: bigint }[]
  const second = new SessionContext({ dataDir })
  const locked = await t.throwsAsync<BallistaError>(second.sql('SHOW TABLES'))
  t.is(locked?.code, 'STORE_LOCKED')
  await second.close()
  await first.close()
  const next = new SessionContext({ dataDir })
  t.deepEqual(await rows(next, 'SELECT n FROM v'), [{ n }])
  t.deepEqual(await rows(next, 'SHOW SCHEMAS'), [
    { catalog_name: 'datafusion', schema_name: 'public' },
    { catalog_name: 'datafusion', schema_name: 's' },
  ])
  await next.close()
})
