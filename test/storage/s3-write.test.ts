/** Writes to a server that speaks S3: all or nothing, whatever the server does and whoever is killed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'
import { startCluster } from '../helpers/cluster.js'
import { until } from '../helpers/node-watch.js'
import { ACCESS_KEY, SECRET_KEY, startFakeS3, type FakeS3 } from '../helpers/fake-s3.js'

const directory = mkdtempSync(join(tmpdir(), 'ballista-s3-write-'))
test.after.always(() => rmSync(directory, { recursive: true }))

let s3: FakeS3
test.before(async () => {
  s3 = await startFakeS3()
})
test.after.always(() => s3.close())

const SPREAD = { 'ballista.optimizer.repartition_file_min_size': '1', 'ballista.execution.target_partitions': '3' }
const rowsOf = async (ctx: SessionContext, sql: string): Promise<Record<string, unknown>[]> =>
  (await ctx.sql(sql)).rows()

async function withSession<T>(
  action: (ctx: SessionContext) => Promise<T>,
  settings: Readonly<Record<string, string>> = {},
): Promise<T> {
  const ctx = new SessionContext({ settings: { ...s3.settings(), ...settings } })
  try {
    return await action(ctx)
  } finally {
    await ctx.close()
    s3.fault = () => undefined
  }
}

/** Objects below a prefix that readers see, and those of the protocol. */
const objectsBelow = (prefix: string): string[] => [...s3.objects.keys()].filter(name => name.startsWith(prefix))
const nothingStaged = (): boolean =>
  s3.uploads.size === 0 && ![...s3.objects.keys()].some(name => name.includes('.staging/'))

test.serial('every format is written to one object and read back', async t => {
  await withSession(async ctx => {
    const source =
      'SELECT value AS a, value * 1.5 AS b, concat($$text $$, value) AS c FROM generate_series(1, 20000)'.replaceAll(
        '$$',
        "'",
      )
    const expected = await rowsOf(ctx, `SELECT count(*) AS n, sum(a) AS a, max(c) AS c FROM (${source})`)
    for (const ending of ['parquet', 'csv', 'json', 'arrow', 'arrows', 'csv.gz', 'csv.zst']) {
      const path = `s3://lake/one/x.${ending}`
      const format = ending.replace(/s$|\.(?:gz|zst)$/, '')
      await rowsOf(ctx, `COPY (${source}) TO '${path}' STORED AS ${format}`)
      t.deepEqual(await rowsOf(ctx, `SELECT count(*) AS n, sum(a) AS a, max(c) AS c FROM '${path}'`), expected, ending)
    }
    await t.throwsAsync(rowsOf(ctx, `COPY (SELECT 1 AS a) TO 's3://lake/one/x.csv' (mode 'error')`), {
      code: 'FILE_EXISTS',
    })
    t.deepEqual(await rowsOf(ctx, "SELECT count(*) AS n FROM 's3://lake/one/x.csv'"), [{ n: 20_000n }])
    await rowsOf(ctx, `COPY (SELECT 1 AS a) TO 's3://lake/one/x.csv'`)
    t.deepEqual(await rowsOf(ctx, "SELECT * FROM 's3://lake/one/x.csv'"), [{ a: 1n }])
  })
  t.true(nothingStaged())
  t.is(bytesInUse(), 0)
})

test.serial(
  'directories: appended to, overwritten, partitioned, by INSERT and COPY, here and on executors',
  async t => {
    const run = async (ctx: SessionContext, base: string): Promise<void> => {
      await rowsOf(ctx, `CREATE EXTERNAL TABLE t (a BIGINT, b TEXT) STORED AS CSV LOCATION '${base}/t/'`)
      t.deepEqual(await rowsOf(ctx, 'SELECT * FROM t'), [])
      await rowsOf(ctx, "INSERT INTO t VALUES (1, 'x')")
      await rowsOf(ctx, "INSERT INTO t VALUES (2, 'y')")
      t.deepEqual(await rowsOf(ctx, 'SELECT * FROM t ORDER BY a'), [
        { a: 1n, b: 'x' },
        { a: 2n, b: 'y' },
      ])
      const rows = 'SELECT value AS v, value % 3 AS k FROM generate_series(1, 3000)'
      const copy = (mode: string): Promise<unknown> =>
        rowsOf(ctx, `COPY (${rows}) TO '${base}/p/' STORED AS PARQUET PARTITIONED BY (k) OPTIONS (mode '${mode}')`)
      const counts = (): Promise<unknown> =>
        rowsOf(ctx, `SELECT k, count(*) AS n FROM read_parquet('${base}/p/') GROUP BY k ORDER BY k`)
      const times = (n: bigint): unknown => [0n, 1n, 2n].map(k => ({ k, n: n * 1000n }))
      await copy('error')
      t.deepEqual(await counts(), times(1n))
      await copy('append')
      t.deepEqual(await counts(), times(2n))
      await copy('overwrite')
      t.deepEqual(await counts(), times(1n))
      await t.throwsAsync(copy('error'), { code: 'FILE_EXISTS' })
      t.true(nothingStaged())
    }
    await withSession(ctx => run(ctx, 's3://lake/local'), SPREAD)
    const cluster = await SessionContext.standalone({ settings: { ...s3.settings(), ...SPREAD } })
    t.teardown(() => cluster.close())
    await run(cluster, 's3://lake/cluster')
    await cluster.close()
    t.is(bytesInUse(), 0)
  },
)

const BIG = "SELECT value AS n, repeat('x', 100) AS text FROM generate_series(1, 250000)"

test.serial('large objects are written in parts, through busy servers; a failing query leaves nothing', async t => {
  await withSession(async ctx => {
    s3.reset()
    await rowsOf(ctx, `COPY (${BIG}) TO 's3://lake/big/all.csv'`)
    const parts = s3.calls.filter(({ method, query }) => method === 'PUT' && query.has('partNumber'))
    t.true(parts.length >= 3, `${parts.length} parts`)
    t.deepEqual(await rowsOf(ctx, "SELECT count(*) AS n, sum(n) AS s FROM 's3://lake/big/all.csv'"), [
      { n: 250_000n, s: 31_250_125_000n },
    ])
    const failing = `SELECT n, text, CAST(CASE WHEN n = 249999 THEN 'x' ELSE '1' END AS BIGINT) AS c FROM (${BIG})`
    await t.throwsAsync(rowsOf(ctx, `COPY (${failing}) TO 's3://lake/big/failed.csv'`), { code: 'INVALID_CAST' })
    t.false(s3.objects.has('lake/big/failed.csv'))
    await until('the upload is aborted', () => (nothingStaged() ? true : undefined))
    let calls = 0
    s3.fault = () => (++calls % 2 === 0 ? 'slow-down' : undefined)
    await rowsOf(ctx, `COPY (${BIG}) TO 's3://lake/big/again.csv'`)
    s3.fault = () => undefined
    t.true(s3.objects.get('lake/big/again.csv')?.equals(s3.objects.get('lake/big/all.csv') ?? Buffer.alloc(0)))
    t.true(nothingStaged())
  })
  t.is(bytesInUse(), 0)
})

test.serial('a commit whose answers are lost is done once', async t => {
  await withSession(
    async ctx => {
      const lost = new Set<string>()
      s3.lose = ({ method, path, query }) => {
        const call = `${method} ${path} ${query.has('uploadId')}`
        if (lost.has(call)) return false
        lost.add(call)
        return true
      }
      await rowsOf(ctx, "COPY (SELECT 7 AS a) TO 's3://lake/lost/a.csv' (mode 'error')")
      t.deepEqual(s3.objects.get('lake/lost/a.csv')?.toString(), 'a\n7\n')
      await rowsOf(ctx, "COPY (SELECT 8 AS a) TO 's3://lake/lost/b/' STORED AS CSV")
      s3.lose = () => false
      t.deepEqual(await rowsOf(ctx, "SELECT * FROM 's3://lake/lost/b/'"), [{ a: 8n }])
      t.true(lost.size > 5)
    },
    { 'ballista.storage.timeout': '200ms' },
  )
  // A begin whose answer was lost has begun twice: nobody knows the first upload until it is listed.
  t.true(nothingStaged())
})

const KILLED = [
  {
    target: 'a directory',
    prefix: 'lake/killed/',
    write: (rows: string) => `COPY (${rows}) TO 's3://lake/killed/' STORED AS CSV`,
    from: "read_csv('s3://lake/killed/')",
    heldPart: '2',
  },
  {
    target: 'a Delta table',
    prefix: 'lake/killed-table/',
    write: (rows: string) => `CREATE TABLE t STORED AS DELTA LOCATION 's3://lake/killed-table' AS ${rows}`,
    from: "delta_scan('s3://lake/killed-table')",
    heldPart: '1',
  },
]

for (const { from, heldPart, prefix, target, write } of KILLED) {
  test.serial(`a killed write to ${target} leaves no object, and after the next one no upload`, async t => {
    t.timeout(90_000)
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_ALLOW_HTTP: 'true',
      AWS_REGION: 'eu-test-1',
      AWS_ACCESS_KEY_ID: ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: SECRET_KEY,
    })
    const start = async (): Promise<Awaited<ReturnType<typeof startCluster>>> =>
      startCluster(1, 1, ['--data-root', 'any'])
    const rows = "SELECT value, repeat('x', 200) AS t FROM generate_series(1, 300000)"
    let isHeld = true
    // Parts are not answered, so that the write is under way until it is killed.
    s3.fault = ({ method, query }) =>
      isHeld && method === 'PUT' && query.get('partNumber') === heldPart ? 'stall' : undefined
    s3.reset()
    const first = await start()
    const ctx = await SessionContext.remote(first.url)
    const writing = rowsOf(ctx, write(rows))
    writing.catch(() => undefined)
    await until('an upload is under way', () =>
      s3.calls.some(({ query }) => query.get('partNumber') === heldPart) ? true : undefined,
    )
    for (const child of [first.scheduler, ...first.executors]) child.kill('SIGKILL')
    await t.throwsAsync(writing)
    await ctx.close()
    await first.close()
    t.deepEqual(objectsBelow(prefix), [])
    t.true(s3.uploads.size > 0)
    isHeld = false
    const second = await start()
    t.teardown(() => second.close())
    await using again = await SessionContext.remote(second.url)
    await rowsOf(again, write("SELECT 1 AS value, 'y' AS t"))
    t.deepEqual(await rowsOf(again, `SELECT * FROM ${from}`), [{ value: 1n, t: 'y' }])
    t.true(nothingStaged(), JSON.stringify([...s3.uploads.keys(), ...s3.objects.keys()]))
  })
}
