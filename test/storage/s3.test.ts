/** Files on a server that speaks S3: every format and way to name them, faults, and what a session may see. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'
import { generateTpch } from '../../tpch/generate.js'
import { QUERY_COUNT, readQuery } from '../../tpch/queries.js'
import { TABLES } from '../../tpch/schema.js'
import { SECRET_KEY, startFakeS3, type FakeS3, type Fault, type S3Call } from '../helpers/fake-s3.js'

const FULL = process.env.BALLISTA_TEST_FULL === '1'
const directory = mkdtempSync(join(tmpdir(), 'ballista-s3-'))
test.after.always(() => rmSync(directory, { recursive: true }))

let s3: FakeS3
test.before(async () => {
  s3 = await startFakeS3()
  await generateTpch({ scale: FULL ? 1 : 0.01, out: directory, format: 'parquet' })
  for (const name of readdirSync(directory)) s3.objects.set(`lake/tpch/${name}`, readFileSync(join(directory, name)))
})
test.after.always(() => s3.close())

/** Even small tables are split among tasks. */
const SPREAD: Readonly<Record<string, string>> = FULL ? {} : { 'ballista.optimizer.repartition_file_min_size': '1' }
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

async function answers(ctx: SessionContext, place: (table: string) => string): Promise<unknown[]> {
  for (const table of TABLES) await ctx.registerParquet(table, place(table))
  const all: unknown[] = []
  for (let number = 1; number <= QUERY_COUNT; number++) {
    s3.reset()
    for (const statement of readQuery(number).statements) all.push(await rowsOf(ctx, statement))
    if (s3.calls.length > 0) REPORT.push(`q${number}: ${s3.calls.length} requests, ${s3.bytesSent} bytes`)
  }
  return all
}
const REPORT: string[] = []

test.serial('the 22 queries give on executors what they give of local files', async t => {
  const local = new SessionContext({ settings: SPREAD })
  const expected = await answers(local, table => join(directory, `${table}.parquet`))
  await local.close()
  const remote = (table: string): string => `s3://lake/tpch/${table}.parquet`
  const cluster = await SessionContext.standalone({ settings: { ...s3.settings(), ...SPREAD } })
  t.teardown(() => cluster.close())
  t.deepEqual(await answers(cluster, remote), expected)
  REPORT.forEach(line => t.log(line))
  await cluster.close()
  t.is(bytesInUse(), 0)
})

/** Misbehaves in one of two calls. */
function sometimes(...faults: readonly Fault[]): { fault: (call: S3Call) => Fault | undefined; count: () => number } {
  let calls = 0
  let count = 0
  return {
    fault() {
      if (++calls % 2 !== 0) return undefined
      return faults[count++ % faults.length]
    },
    count: () => count,
  }
}

test.serial('503s, stalls and bodies that break off only take time', async t => {
  const sql = 'SELECT l_returnflag, count(*) AS n, sum(l_extendedprice) AS s, max(l_comment) AS c FROM'
  const group = 'GROUP BY l_returnflag ORDER BY l_returnflag'
  const expected = await withSession(ctx => rowsOf(ctx, `${sql} '${directory}/lineitem.parquet' ${group}`))
  const quick = { ...SPREAD, 'ballista.storage.timeout': '300ms' }
  const { fault, count } = sometimes('slow-down', 'stall', 'truncate')
  await withSession(async ctx => {
    s3.fault = fault
    t.deepEqual(await rowsOf(ctx, `${sql} 's3://lake/tpch/lineitem.parquet' ${group}`), expected)
  }, quick)
  t.true(count() >= 3, `${count()} faults`)
  t.is(bytesInUse(), 0)
})

test.serial('a server that stays busy is an error, after as many attempts as the setting says', async t => {
  await withSession(
    async ctx => {
      s3.fault = () => 'slow-down'
      s3.reset()
      await t.throwsAsync(rowsOf(ctx, "SELECT * FROM 's3://lake/tpch/nation.parquet'"), {
        code: 'FILE_NOT_READABLE',
        message: /^host \S+ cannot read 's3:\/\/lake\/tpch\/nation\.parquet': the server answered 503 \(SlowDown\)$/,
      })
      t.is(s3.calls.length, 3)
    },
    { 'ballista.storage.retries': '2' },
  )
})

test.serial('a cancelled query leaves no request that waits for a stalled server', async t => {
  await withSession(
    async ctx => {
      s3.fault = () => 'stall'
      const abort = AbortSignal.timeout(200)
      const reading = ctx.sql("SELECT * FROM 's3://lake/tpch/nation.parquet'", { signal: abort })
      await t.throwsAsync(reading.then(frame => frame.rows({ signal: abort })))
    },
    { 'ballista.storage.timeout': '2s', 'ballista.storage.retries': '0' },
  )
  t.is(bytesInUse(), 0)
})

test.serial('a file that another one replaces while a query reads it is an error', async t => {
  const [one, other] = ['a', 'b'].map(letter => Buffer.from(`x\n${`${letter}\n`.repeat(3_000_000)}`))
  for (const settings of [SPREAD, {}]) {
    s3.objects.set('lake/changing.csv', one)
    await withSession(async ctx => {
      let reads = 0
      s3.fault = ({ method, range }) => {
        if (method === 'GET' && range !== undefined && ++reads === 4) s3.objects.set('lake/changing.csv', other)
        return undefined
      }
      await t.throwsAsync(rowsOf(ctx, "SELECT min(x), max(x) FROM 's3://lake/changing.csv'"), {
        code: 'FILE_INVALID',
        message: 's3://lake/changing.csv: changed while the query ran; run the query again',
      })
    }, settings)
  }
  t.is(bytesInUse(), 0)
})

test.serial('an answer with the etag of another version is an error', async t => {
  await withSession(async ctx => {
    let reads = 0
    s3.fault = ({ method }) => (method === 'GET' && ++reads > 1 ? 'wrong-etag' : undefined)
    await t.throwsAsync(rowsOf(ctx, "SELECT max(l_comment) FROM 's3://lake/tpch/lineitem.parquet'"), {
      code: 'FILE_INVALID',
    })
  })
})

test.serial('globs and directories list page by page, whatever keys are called', async t => {
  const names = [
    'a.csv',
    'b c.csv',
    'd+e&f.csv',
    "g'h%20i.csv",
    'sub/ü.csv',
    'sub/deep/j.csv',
    '_hidden.csv',
    'sub/.k.csv',
  ]
  names.forEach((name, i) => s3.objects.set(`lake/globs/${name}`, Buffer.from(`n\n${i}\n`)))
  s3.objects.set('lake/globs/sub/', Buffer.alloc(0))
  s3.objects.set('lake/globs-other/z.csv', Buffer.from('n\n99\n'))
  s3.pageSize = 2
  await withSession(async ctx => {
    const numbers = async (path: string): Promise<unknown> => {
      const rows = await rowsOf(ctx, `SELECT n FROM read_csv('${path.replaceAll("'", "''")}') ORDER BY n`)
      return rows.map(({ n }) => Number(n))
    }
    t.deepEqual(await numbers('s3://lake/globs/'), [0, 1, 2, 3, 4, 5])
    t.deepEqual(await numbers('s3://lake/globs'), [0, 1, 2, 3, 4, 5])
    t.deepEqual(await numbers('s3://lake/globs/*.csv'), [0, 1, 2, 3])
    t.deepEqual(await numbers('s3://lake/globs/**/*.csv'), [0, 1, 2, 3, 4, 5])
    t.deepEqual(await numbers('s3://lake/globs/*/*.csv'), [4])
    t.deepEqual(await numbers('s3://lake/globs/{a,b c}.csv'), [0, 1])
    t.deepEqual(await numbers('s3://lake/globs/[ad]*'), [0, 2])
    for (const [i, name] of names.entries()) t.deepEqual(await numbers(`s3://lake/globs/${name}`), [i], name)
    s3.pageSize = 1000
    const before = s3.calls.length
    const twice = "SELECT count(*) AS n FROM 's3://lake/globs/' AS x JOIN 's3://lake/globs/' AS y USING (n)"
    t.deepEqual(await rowsOf(ctx, twice), [{ n: 6n }])
    const lists = s3.calls.slice(before).filter(({ query }) => query.get('prefix') === 'globs/')
    t.is(lists.length, 2, 'once for the columns of the frame, once for its rows, however often the table is read')
  })
})

test.serial('compressed files are read by streams', async t => {
  s3.objects.set('lake/zip/a.csv.gz', gzipSync(`a\n${'1\n'.repeat(500_000)}`))
  t.deepEqual(await withSession(ctx => rowsOf(ctx, "SELECT sum(a) AS s FROM 's3://lake/zip/a.csv.gz'")), [
    { s: 500_000n },
  ])
})

test.serial('what cannot be read says why, and no secret', async t => {
  const error = async (sql: string, settings: Record<string, string> = {}): Promise<string> => {
    const failed = await withSession(ctx => t.throwsAsync(rowsOf(ctx, sql)), settings)
    const text = `${String((failed as { code?: string }).code)} ${failed?.message ?? ''}`
    t.false(text.includes(SECRET_KEY))
    return text.replace(/host \S+/, 'host H')
  }
  const read = "SELECT * FROM 's3://lake/tpch/nation.parquet'"
  t.is(
    await error("SELECT * FROM 's3://lake/none.parquet'"),
    "FILE_NOT_READABLE host H cannot read 's3://lake/none.parquet': there is no such file: the server answered 404 (NoSuchKey)",
  )
  t.regex(await error("SELECT * FROM 's3://lake/none/*.parquet'"), /^FILE_NOT_READABLE .*there is no PARQUET file/)
  t.regex(await error(read, { 's3.secret_access_key': 'wrong' }), /403 \(SignatureDoesNotMatch\)$/)
  t.regex(await error(read, { 's3.access_key_id': '' }), /403 \(AccessDenied\)$/)
  t.regex(await error(read, { 's3.session_token': 'stale' }), /403 \(InvalidToken\)$/)
  t.regex(
    await error(read, { 's3.secret_access_key': '' }),
    /^INVALID_OPTION option 's3\.secret_access_key': is missing/,
  )
  t.regex(await error(read, { 's3.allow_http': 'false' }), /^INVALID_OPTION option 's3\.endpoint': http:\/\/ travels/)
  t.regex(await error(read, { 's3.region': 'x.evil.example/' }), /^INVALID_OPTION option 's3\.region'/)
  t.regex(await error("SELECT * FROM 's3://user:word@lake/a.csv'"), /^NOT_SUPPORTED a user name or password/)
  t.regex(await error("SELECT * FROM 's3://lake/a/../b.csv'"), /^NOT_SUPPORTED .*its key has '\.'/)
  t.regex(
    await error("CREATE EXTERNAL TABLE d STORED AS DELTA LOCATION 's3://lake/none/'"),
    /^TABLE_NOT_FOUND .*there is no Delta log/,
  )
  t.regex(await error("SELECT * FROM 'gs://lake/a.csv'"), /^NOT_SUPPORTED .*only local paths/)
})

test.serial('secrets are shown to nobody', async t => {
  await withSession(async ctx => {
    t.deepEqual(await rowsOf(ctx, 'SHOW s3.secret_access_key'), [{ name: 's3.secret_access_key', value: '***' }])
    const sql = "SELECT name, value FROM information_schema.df_settings WHERE name LIKE 's3.se%' ORDER BY 1"
    t.deepEqual(await rowsOf(ctx, sql), [
      { name: 's3.secret_access_key', value: '***' },
      { name: 's3.session_token', value: '' },
    ])
    const shown = JSON.stringify([
      await rowsOf(ctx, 'SHOW ALL'),
      await rowsOf(ctx, "EXPLAIN ANALYZE VERBOSE SELECT * FROM 's3://lake/tpch/nation.parquet'"),
    ])
    t.false(shown.includes(SECRET_KEY))
  })
})

test.serial('a session goes by the keys that are set now', async t => {
  await withSession(async ctx => {
    await ctx.registerParquet('nation', 's3://lake/tpch/nation.parquet')
    t.is((await rowsOf(ctx, 'SELECT * FROM nation')).length, 25)
    await ctx.sql("SET s3.secret_access_key = 'revoked'")
    await t.throwsAsync(rowsOf(ctx, 'SELECT * FROM nation'), { code: 'FILE_NOT_READABLE' })
    await ctx.sql(`SET s3.secret_access_key = '${SECRET_KEY}'`)
    t.is((await rowsOf(ctx, 'SELECT * FROM nation')).length, 25)
  })
})
