/** Settings, statements that a call does not run, and tables over several paths. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { BallistaError } from '../../src/common/errors.js'
import { SessionContext, settingsFromEnv } from '../../src/index.js'

const failure = (error: BallistaError): string => `${error.code}: ${error.message}`
const outcome = (run: Promise<unknown>): Promise<string> => run.then(() => 'no error', failure)

test('settings are set, reset, and taken from the environment', async t => {
  await using ctx = new SessionContext()
  ctx.set('datafusion.execution.batch_size', 100)
  t.deepEqual(ctx.settings(), { 'ballista.execution.batch_size': '100' })
  t.is((await (await ctx.sql('SHOW ballista.execution.batch_size')).rows())[0]['value'], '100')
  await ctx.sql('SET ballista.execution.batch_size = 200')
  t.deepEqual(ctx.settings(), { 'ballista.execution.batch_size': '200' })
  ctx.reset('ballista.execution.batch_size')
  t.deepEqual(ctx.settings(), {})
  t.throws(() => ctx.set('ballista.execution.batch_sise', 1), { code: 'INVALID_OPTION', message: /did you mean/ })
  t.throws(() => ctx.set('ballista.execution.batch_size', 'many'), { code: 'INVALID_OPTION' })
  t.throws(() => ctx.set('ballista.memory.limit', '1GB'), { code: 'INVALID_OPTION' })
  t.throws(() => ctx.set('ballista.execution.target_partitions', 20_001), {
    code: 'INVALID_OPTION',
    message: "option 'ballista.execution.target_partitions': must be at most 20000, got 20001",
  })
  const env = {
    BALLISTA_EXECUTION_BATCH_SIZE: '7',
    DATAFUSION_EXECUTION_TARGET_PARTITIONS: '2',
    BALLISTA_SOMETHING_ELSE: 'x',
    PATH: '/bin',
  }
  t.deepEqual(settingsFromEnv(env), {
    'ballista.execution.batch_size': '7',
    'ballista.execution.target_partitions': '2',
  })
  t.throws(() => settingsFromEnv({ BALLISTA_EXECUTION_BATCH_SIZE: 'x' }), { code: 'INVALID_OPTION' })
})

test('a call runs only the kinds of statements that it allows', async t => {
  await using ctx = new SessionContext()
  await ctx.sql('CREATE TABLE m AS SELECT 1 AS x')
  await ctx.sql('PREPARE add AS INSERT INTO m VALUES ($1)')
  const readOnly = { allowDdl: false, allowDml: false, allowStatements: false }
  const ddl = 'INVALID_ARGUMENT: this call does not run statements that create or drop tables and views'
  const dml = 'INVALID_ARGUMENT: this call does not run statements that write rows'
  t.is(await outcome(ctx.sql('DROP TABLE m', readOnly)), ddl)
  t.is(await outcome(ctx.sql('CREATE VIEW v AS SELECT 1', readOnly)), ddl)
  t.is(await outcome(ctx.sql('INSERT INTO m VALUES (2)', readOnly)), dml)
  t.is(await outcome(ctx.sql('EXECUTE add(2)', readOnly)), dml)
  t.is(await outcome(ctx.sql("EXPLAIN ANALYZE COPY m TO '/nowhere/x.csv'", readOnly)), dml)
  t.regex(
    await outcome(ctx.sql('SET ballista.execution.batch_size = 1', readOnly)),
    /statements that change the session/,
  )
  t.deepEqual(await (await ctx.sql('SELECT count(*) AS n FROM m', readOnly)).rows(), [{ n: 1n }])
  t.is(await outcome(ctx.sql('EXECUTE add(2)', { allowDdl: false })), 'no error')
})

test('SHOW CREATE of declared columns makes the same table', async t => {
  await using ctx = new SessionContext()
  const columns = '(a BIGINT NOT NULL, "b c" DECIMAL(10, 2), d VARCHAR)'
  await ctx.sql(`CREATE EXTERNAL TABLE x ${columns} STORED AS CSV LOCATION 'test/data/example.csv'`)
  const schema = (await ctx.table('x')).schema()
  const [{ definition }] = await (await ctx.sql('SHOW CREATE TABLE x')).rows()
  await ctx.sql('DROP TABLE x')
  await ctx.sql(String(definition))
  t.deepEqual((await ctx.table('x')).schema(), schema)
})

test('several paths are one table, columns by name', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-test-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'a.csv'), 'x,y\n1,a\n')
  writeFileSync(join(directory, 'b.csv'), 'y,x,z\nb,2,true\n')
  await using ctx = new SessionContext({ baseDirectory: directory })
  const expected = [
    { x: 1n, y: 'a', z: null },
    { x: 2n, y: 'b', z: true },
  ]
  t.deepEqual(await (await ctx.readCsv(['a.csv', 'b.csv'])).sort('x').rows(), expected)
  await ctx.registerCsv('both', ['a.csv', 'b.csv'])
  t.deepEqual(await (await ctx.sql('SELECT * FROM both ORDER BY x')).rows(), expected)
  t.regex(await outcome(ctx.readCsv([])), /^INVALID_ARGUMENT: /)
  t.regex(await outcome(ctx.readCsv(['a.csv', 'c.csv'])), /^FILE_NOT_READABLE: /)
})
