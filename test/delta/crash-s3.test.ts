/** Writes to Delta tables in S3 whose process ends at every request, whose answers are lost, whose server is busy, and that fail. */
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { BallistaError } from '../../src/common/errors.js'
import type { S3Call } from '../helpers/fake-s3.js'
import { rowsOf, sessionOf, startPlaces, valid } from './places.js'

const { inS3: place, s3 } = startPlaces()
const IS_FULL = process.env['BALLISTA_TEST_FULL'] === '1'

const PATH = "'s3://lake/t'"
const REGISTERED = `CREATE EXTERNAL TABLE t STORED AS DELTA LOCATION ${PATH}`
const OLD = [1n, 2n]

interface CrashCase {
  readonly name: string
  readonly statements: readonly string[]
  /** Values of `a` before; absent: there is no table. */
  readonly before?: readonly bigint[]
  readonly after: readonly bigint[]
}

const CASES: readonly CrashCase[] = [
  {
    name: 'an append',
    statements: [REGISTERED, 'INSERT INTO t VALUES (3, NULL), (4, 1)'],
    before: OLD,
    after: [...OLD, 3n, 4n],
  },
  { name: 'an overwrite', statements: [REGISTERED, 'INSERT OVERWRITE t VALUES (5, 0)'], before: OLD, after: [5n] },
  {
    name: 'a new table',
    statements: [
      `CREATE TABLE t STORED AS DELTA PARTITIONED BY (k) LOCATION ${PATH} AS SELECT * FROM (VALUES (6, 1), (7, 2)) AS v(a, k)`,
    ],
    after: [6n, 7n],
  },
]

/** What the bucket holds before a case. */
async function bucketBefore({ before }: CrashCase): Promise<ReadonlyMap<string, Buffer>> {
  s3().objects.clear()
  if (before !== undefined) {
    await using ctx = sessionOf(place)
    const rows = `SELECT * FROM (VALUES (1, 1), (2, 2)) AS v(a, k)`
    await rowsOf(ctx, `CREATE TABLE t STORED AS DELTA PARTITIONED BY (k) LOCATION ${PATH} AS ${rows}`)
  }
  return new Map(s3().objects)
}

function putBack(bucket: ReadonlyMap<string, Buffer>): void {
  s3().objects.clear()
  for (const [key, bytes] of bucket) s3().objects.set(key, bytes)
}

/** Once more with the key of the case, by a process whose requests from number `end` on reach nobody. */
async function write(
  { statements }: CrashCase,
  end = Infinity,
  before: (call: S3Call) => void = () => undefined,
): Promise<BallistaError | undefined> {
  const settings = { 'ballista.write.idempotency_key': 'the key', 'ballista.storage.retries': '0' }
  let calls = 0
  s3().fault = call => {
    if (calls++ >= end) return 'slow-down'
    before(call)
    return undefined
  }
  const ctx = sessionOf(place, settings)
  try {
    for (const sql of statements) await rowsOf(ctx, sql)
    return undefined
  } catch (error) {
    if (error instanceof BallistaError) return error
    throw error
  } finally {
    await ctx.close()
    s3().fault = () => undefined
  }
}

async function seen(): Promise<readonly bigint[] | undefined> {
  await using ctx = sessionOf(place)
  try {
    return (await rowsOf(ctx, `SELECT a FROM delta_scan(${PATH}) ORDER BY a`)).map(({ a }) => a as bigint)
  } catch (error) {
    if (error instanceof BallistaError && error.code === 'TABLE_NOT_FOUND') return undefined
    throw error
  }
}

/** The write is there once, and nothing else. */
async function checkWhole(t: ExecutionContext, { after }: CrashCase, when: string): Promise<void> {
  t.deepEqual(await seen(), after, when)
  const { unnamed } = await valid(place, 't')
  t.deepEqual([unnamed, await place.staged()], [[], []], when)
}

for (const crashCase of CASES) {
  test.serial(`${crashCase.name}, its process ends at every request`, async t => {
    t.timeout(300_000)
    const bucket = await bucketBefore(crashCase)
    s3().reset()
    t.is(await write(crashCase), undefined)
    const requests = s3().calls.length
    t.log(`${requests} requests`)
    for (let end = 0; end <= requests; end += IS_FULL ? 1 : 3) {
      putBack(bucket)
      const when = `request ${end} of ${requests}`
      const error = await write(crashCase, end)
      const now = await seen()
      if (error === undefined) t.deepEqual(now, crashCase.after, `${when}: acknowledged means present`)
      else
        t.true(
          [crashCase.before, crashCase.after].some(rows => String(rows) === String(now)),
          `${when}: ${String(now)}`,
        )
      t.is(await write(crashCase), undefined, when)
      await checkWhole(t, crashCase, when)
    }
    t.is(bytesInUse(), 0)
  })

  test.serial(`${crashCase.name}, the process that recovers ends too`, async t => {
    t.timeout(300_000)
    const bucket = await bucketBefore(crashCase)
    const [step, stepAgain] = IS_FULL ? [3, 3] : [11, 9]
    s3().reset()
    t.is(await write(crashCase), undefined)
    const requests = s3().calls.length
    for (let end = 5; end < requests; end += step) {
      for (let again = 1; again < requests; again += stepAgain) {
        putBack(bucket)
        await write(crashCase, end)
        await write(crashCase, again)
        const when = `requests ${end}, then ${again}`
        t.is(await write(crashCase), undefined, when)
        await checkWhole(t, crashCase, when)
      }
    }
  })

  test.serial(`${crashCase.name}, whose answers are lost, each once`, async t => {
    putBack(await bucketBefore(crashCase))
    const lost = new Set<string>()
    s3().lose = ({ method, path, query }) => {
      const call = `${method} ${path.replace(/[0-9a-f-]{36}/g, '')} ${query.toString().replace(/uploadId=[^&]+/, '')}`
      const isNew = !lost.has(call)
      lost.add(call)
      return isNew
    }
    await using ctx = sessionOf(place)
    for (const sql of crashCase.statements) await rowsOf(ctx, sql)
    s3().lose = () => false
    t.true(lost.size > 10, `${lost.size} answers`)
    await checkWhole(t, crashCase, 'lost answers')
  })

  test.serial(`${crashCase.name}, to a server that is busy, stalls and breaks off`, async t => {
    putBack(await bucketBefore(crashCase))
    let calls = 0
    const faults = ['slow-down', 'stall', 'truncate'] as const
    s3().fault = () => (++calls % 2 === 0 ? faults[(calls / 2) % faults.length] : undefined)
    await using ctx = sessionOf(place, { 'ballista.storage.timeout': '200ms' })
    for (const sql of crashCase.statements) await rowsOf(ctx, sql)
    s3().fault = () => undefined
    await checkWhole(t, crashCase, 'faults')
  })
}

/** Another writer removes a file of the table while a write completes its uploads. */
function removeOne({ method, query }: S3Call): void {
  if (method !== 'POST' || !query.has('uploadId')) return
  const [first, next] = [0, 1].map(version => `lake/t/_delta_log/${String(version).padStart(20, '0')}.json`)
  const lines = String(s3().objects.get(first)).trim().split('\n')
  const { add } =
    lines.map(line => JSON.parse(line) as { add?: { path: string } }).find(line => line.add !== undefined) ?? {}
  const remove = { path: add?.path, deletionTimestamp: 0, dataChange: true }
  s3().objects.set(next, Buffer.from(JSON.stringify({ remove })))
}

test.serial('an overwrite that is refused, its process ends at every request', async t => {
  t.timeout(300_000)
  const [, overwrite] = CASES
  const bucket = await bucketBefore(overwrite)
  s3().reset()
  const refused = await write(overwrite, Infinity, removeOne)
  t.is(refused?.code, 'WRITE_CONFLICT')
  const requests = s3().calls.length
  for (let end = 10; end <= requests; end += IS_FULL ? 1 : 2) {
    putBack(bucket)
    const when = `request ${end} of ${requests}`
    const error = await write(overwrite, end, removeOne)
    t.true(error !== undefined, when)
    t.true(
      (await seen())?.every(a => OLD.includes(a)),
      when,
    )
    t.is(await write(overwrite), undefined, when)
    await checkWhole(t, overwrite, when)
  }
})

test.serial('a query that fails, or gives what the table does not take, leaves no object and no upload', async t => {
  s3().objects.clear()
  await using ctx = sessionOf(place, { 'ballista.execution.target_partitions': '2' })
  await rowsOf(ctx, `CREATE TABLE t (a BIGINT NOT NULL, text VARCHAR) STORED AS DELTA LOCATION ${PATH}`)
  const rows = (a: string): string =>
    `SELECT ${a} AS a, repeat('x', 1000) AS text FROM generate_series(1, 50000) AS v(value)`
  const failing: Readonly<Record<string, string>> = {
    INVALID_CAST: rows("CAST(CASE WHEN value = 49999 THEN 'x' ELSE '1' END AS BIGINT)"),
    INVALID_ARGUMENT: rows('CASE WHEN value = 49999 THEN NULL ELSE value END'),
  }
  for (const [code, query] of Object.entries(failing)) {
    await t.throwsAsync(rowsOf(ctx, `INSERT INTO t ${query}`), { code }, code)
    t.deepEqual([(await valid(place, 't')).unnamed, await place.staged()], [[], []], code)
  }
  await t.throwsAsync(rowsOf(ctx, `CREATE TABLE u STORED AS DELTA LOCATION ${PATH} AS SELECT 1 AS a`), {
    code: 'FILE_EXISTS',
  })
  t.is((await valid(place, 't')).versions, 1)
})
