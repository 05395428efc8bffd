/** Tables whose files belong to the catalog: they come with CREATE TABLE, here or on a cluster, and go with DROP. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { SessionContext } from '../../src/index.js'
import { until } from '../helpers/node-watch.js'
import { LASTING_SESSIONS } from './lasting-sessions.js'

function scratch(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-managed-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const rows = async (ctx: SessionContext, sql: string): Promise<unknown[]> => (await ctx.sql(sql)).rows()

/** `schema/table` of each directory of the warehouse, without what makes it unique. */
const tables = (dataDir: string): string[] =>
  existsSync(join(dataDir, 'warehouse'))
    ? readdirSync(join(dataDir, 'warehouse')).flatMap(schema =>
        readdirSync(join(dataDir, 'warehouse', schema)).map(name => `${schema}/${name.replace(/-[0-9a-f]{8}$/, '')}`),
      )
    : []

for (const [kind, open] of Object.entries(LASTING_SESSIONS)) {
  test(`${kind}: a table lasts, takes rows, is replaced in one step and leaves no file`, async t => {
    const dataDir = scratch(t)
    const first = await open(dataDir)
    await first.ctx.sql('CREATE SCHEMA s')
    await first.ctx.sql('CREATE TABLE s.t AS SELECT value AS a, value % 3 AS b FROM range(1000)')
    await first.ctx.sql('CREATE TABLE empty (a INT NOT NULL, "B b" VARCHAR)')
    t.deepEqual(await rows(first.ctx, "INSERT INTO empty VALUES (1, 'x'), (2, NULL)"), [{ count: 2n }])
    await t.throwsAsync(first.ctx.sql('CREATE TABLE s.t (a INT)'), { message: /already exists/ })
    await t.throwsAsync(first.ctx.sql('CREATE TABLE nowhere.t (a INT)'), { message: "schema 'nowhere' not found" })
    await first.ctx.sql('CREATE TABLE IF NOT EXISTS s.t (other INT)')
    await first.close()

    const next = await open(dataDir)
    t.deepEqual(await rows(next.ctx, 'SELECT count(*) AS n, sum(a) AS s, max(b) AS b FROM s.t'), [
      { n: 1000n, s: 499_500n, b: 2n },
    ])
    t.deepEqual(await rows(next.ctx, 'SELECT * FROM empty ORDER BY a'), [
      { a: 1, 'B b': 'x' },
      { a: 2, 'B b': null },
    ])
    await t.throwsAsync(next.ctx.sql("INSERT INTO empty VALUES (NULL, 'y')"))
    t.deepEqual(await rows(next.ctx, 'SHOW CREATE TABLE empty'), [
      { table_name: 'empty', definition: 'CREATE TABLE empty (a INT NOT NULL, "B b" VARCHAR)' },
    ])
    await next.ctx.sql('CREATE OR REPLACE TABLE s.t AS SELECT count(*) AS n FROM s.t')
    t.deepEqual(await rows(next.ctx, 'SELECT n FROM s.t'), [{ n: 1000n }])
    t.deepEqual(tables(dataDir), ['public/empty', 's/t'])
    await next.ctx.sql('DROP TABLE empty')
    t.deepEqual(tables(dataDir), ['s/t'])
    await next.ctx.sql('DROP SCHEMA s CASCADE')
    t.deepEqual(tables(dataDir), [])
    await next.close()
  })

  test(`${kind}: the defaults of columns last, and SHOW CREATE TABLE makes them again`, async t => {
    const dataDir = scratch(t)
    const first = await open(dataDir)
    const definition = `CREATE TABLE t (a INT NOT NULL DEFAULT 1 + 1, b VARCHAR, "c d" VARCHAR DEFAULT 'it''s')`
    await first.ctx.sql(definition)
    await first.close()
    const next = await open(dataDir)
    t.deepEqual(await rows(next.ctx, 'SHOW CREATE TABLE t'), [{ table_name: 't', definition }])
    await next.ctx.sql('DROP TABLE t')
    await next.ctx.sql(definition)
    await next.ctx.sql("INSERT INTO t (b) VALUES ('x')")
    await next.ctx.sql("INSERT INTO t VALUES (DEFAULT, DEFAULT, DEFAULT), (7, 'y', DEFAULT)")
    t.deepEqual(await rows(next.ctx, 'SELECT * FROM t ORDER BY a, b'), [
      { a: 2, b: 'x', 'c d': "it's" },
      { a: 2, b: null, 'c d': "it's" },
      { a: 7, b: 'y', 'c d': "it's" },
    ])
    await t.throwsAsync(next.ctx.sql("CREATE TABLE bad (a INT DEFAULT 'many')"), {
      message: /cannot cast VARCHAR to INT/,
    })
    await next.close()
  })

  test(`${kind}: a table with a log lasts, takes rows and goes with its files`, async t => {
    const dataDir = scratch(t)
    const first = await open(dataDir)
    const definition = 'CREATE TABLE d (a BIGINT NOT NULL, k VARCHAR) STORED AS DELTA PARTITIONED BY (k)'
    await first.ctx.sql(definition)
    await first.ctx.sql("INSERT INTO d VALUES (1, 'x'), (2, NULL)")
    await first.ctx.sql("CREATE TABLE e STORED AS DELTA AS SELECT a, k FROM d WHERE k = 'x'")
    await t.throwsAsync(first.ctx.sql(definition), { message: /already exists/ })
    await first.ctx.sql(definition.replace('TABLE', 'TABLE IF NOT EXISTS'))
    t.deepEqual(tables(dataDir).sort(), ['public/d', 'public/e'])
    await first.close()
    const next = await open(dataDir)
    t.deepEqual(await rows(next.ctx, 'SHOW CREATE TABLE d'), [{ table_name: 'd', definition }])
    await next.ctx.sql("INSERT OVERWRITE d PARTITION (k = 'x') SELECT 3")
    t.deepEqual(await rows(next.ctx, 'SELECT * FROM d ORDER BY a'), [
      { a: 2n, k: null },
      { a: 3n, k: 'x' },
    ])
    t.deepEqual(await rows(next.ctx, 'SELECT * FROM e'), [{ a: 1n, k: 'x' }])
    t.deepEqual(await rows(next.ctx, 'SELECT count(*) AS n FROM d FOR VERSION AS OF 1'), [{ n: 2n }])
    await next.ctx.sql('CREATE OR REPLACE TABLE d STORED AS DELTA AS SELECT 7 AS b')
    t.deepEqual(await rows(next.ctx, 'SELECT * FROM d'), [{ b: 7n }])
    t.deepEqual(tables(dataDir).sort(), ['public/d', 'public/e'])
    await next.ctx.sql('DROP TABLE d')
    await next.ctx.sql('DROP TABLE e')
    t.deepEqual(tables(dataDir), [])
    await next.close()
  })

  test(`${kind}: what a failed CREATE TABLE or a killed process has left is removed`, async t => {
    const dataDir = scratch(t)
    const first = await open(dataDir)
    await t.throwsAsync(first.ctx.sql('CREATE TABLE t AS SELECT 1 / (value - 5) AS a FROM range(10)'))
    // The client hears of the failure before the staged files are gone.
    await until('nothing is staged', () => (tables(dataDir).length === 0 ? true : undefined))
    const made = await Promise.allSettled([1, 2, 3].map(a => first.ctx.sql(`CREATE TABLE u AS SELECT ${a} AS a`)))
    t.is(made.filter(({ status }) => status === 'fulfilled').length, 1)
    await first.close()
    mkdirSync(join(dataDir, 'warehouse/public/left-01234567'))
    const next = await open(dataDir)
    t.is((await rows(next.ctx, 'SELECT a FROM u')).length, 1)
    await until('only the table is left', () => (tables(dataDir).join() === 'public/u' ? true : undefined))
    await next.close()
  })
}
