/** Delta tables that many write at once, on disk and in S3: appenders, conflicts, writes that are tried again. */
import test from 'ava'
import type { TableCommit, TablePlace } from '../../src/catalog/table-format.js'
import { deltaFormat } from '../../src/delta/delta-format.js'
import { newTable, rowsOf, sessionOf, startPlaces, tableAt, valid, type Rows } from './places.js'

const { all: PLACES, inS3: IN_S3, onDisk: ON_DISK } = startPlaces()

const IS_FULL = process.env['BALLISTA_TEST_FULL'] === '1'
const APPENDERS = [
  [ON_DISK, ...(IS_FULL ? [8, 50] : [4, 5])],
  [IN_S3, ...(IS_FULL ? [8, 20] : [8, 3])],
] as const

for (const [place, appenders, inserts] of APPENDERS) {
  const counted = `${appenders} concurrent appenders of ${inserts} inserts each`
  test.serial(`${counted} make as many commits, and every row is there once: ${place.name}`, async t => {
    t.timeout(300_000)
    const path = place.pathOf('appenders')
    await using owner = sessionOf(place)
    await rowsOf(
      owner,
      `CREATE TABLE t (appender INT NOT NULL, number INT NOT NULL) STORED AS DELTA LOCATION '${path}'`,
    )
    const append = async (appender: number): Promise<void> => {
      await using ctx = sessionOf(place)
      await rowsOf(ctx, `CREATE EXTERNAL TABLE t STORED AS DELTA LOCATION '${path}'`)
      for (let number = 0; number < inserts; number++)
        await rowsOf(ctx, `INSERT INTO t VALUES (${appender}, ${number})`)
    }
    await Promise.all(Array.from({ length: appenders }, (_, appender) => append(appender)))
    const { checkpoints, unnamed, versions } = await valid(place, 'appenders')
    t.is(versions, 1 + appenders * inserts)
    t.deepEqual(
      checkpoints,
      Array.from({ length: Math.floor((appenders * inserts) / 10) }, (_, i) => 10 * (i + 1)),
    )
    t.deepEqual([unnamed, await place.staged()], [[], []])
    const sql =
      'SELECT count(*) AS n, count(DISTINCT appender * 1000 + number) AS d, sum(appender) AS a, sum(number) AS i FROM t'
    const sum = (n: number): bigint => BigInt((n * (n - 1)) / 2)
    const all = BigInt(appenders * inserts)
    const expected = { n: all, d: all, a: sum(appenders) * BigInt(inserts), i: sum(inserts) * BigInt(appenders) }
    t.deepEqual(await rowsOf(owner, sql), [expected])
    // From the last checkpoint, by a process that has seen nothing of it.
    t.is((await deltaFormat.open(tableAt(place, 'appenders'))).files.length, Number(all))
  })
}

/** A commit of no files, planned on the table as it is now. */
async function planned(table: TablePlace, writeId: string, mode: TableCommit['mode'] = 'append'): Promise<TableCommit> {
  const { insert } = await deltaFormat.open(table)
  return { writeId, mode, details: insert?.details ?? {}, files: [] }
}

const commitTo = (table: TablePlace, commit: TableCommit): Promise<number | undefined> =>
  Promise.resolve(deltaFormat.commit?.(table, commit))

for (const place of PLACES) {
  test.serial(`an overwrite that met another write is a conflict; an append is not: ${place.name}`, async t => {
    const table = await newTable(place, 'conflicts')
    const [first, second, append] = [
      await planned(table, '1', 'overwrite'),
      await planned(table, '2', 'overwrite'),
      await planned(table, '3'),
    ]
    t.is(await commitTo(table, first), 1)
    await t.throwsAsync(commitTo(table, second), { code: 'WRITE_CONFLICT', message: /version 1 has changed its rows/ })
    t.is(await commitTo(table, append), 2)
    const [{ n }] = await (async () => {
      await using ctx = sessionOf(place)
      return await rowsOf(ctx, `SELECT count(*) AS n FROM '${table.path}/'`)
    })()
    t.is(n, 0n)
    const stale = await planned(table, '4')
    await place.remove('conflicts')
    await newTable(place, 'conflicts')
    await t.throwsAsync(commitTo(table, stale), {
      code: 'WRITE_CONFLICT',
      message: /another table has taken its place/,
    })
  })

  test.serial(`of concurrent overwrites of one version, one is done: ${place.name}`, async t => {
    const { path } = await newTable(place, 'overwrites')
    await using ctx = sessionOf(place)
    await rowsOf(ctx, `CREATE EXTERNAL TABLE t STORED AS DELTA LOCATION '${path}'`)
    const results = await Promise.allSettled([2, 3, 4].map(value => rowsOf(ctx, `INSERT OVERWRITE t SELECT ${value}`)))
    const failures = results.flatMap(result =>
      result.status === 'rejected' ? [(result.reason as { code: string }).code] : [],
    )
    t.true(failures.every(code => code === 'WRITE_CONFLICT'))
    t.deepEqual(await rowsOf(ctx, 'SELECT count(*) AS n FROM t'), [{ n: 1n }])
    const { unnamed, versions } = await valid(place, 'overwrites')
    t.is(versions, 1 + results.length - failures.length)
    t.deepEqual([unnamed, await place.staged()], [[], []])
  })

  test.serial(`an overwritten partition has new rows, and meets only writes of the same: ${place.name}`, async t => {
    const table = tableAt(place, 'partitions')
    await using ctx = sessionOf(place)
    const rows = "SELECT value AS a, value % 3 AS k, DATE '2024-01-01' + CAST(value % 2 AS INT) AS d FROM range(12)"
    await rowsOf(ctx, `CREATE TABLE t STORED AS DELTA PARTITIONED BY (k, d) LOCATION '${table.path}' AS ${rows}`)
    const counts = (): Promise<Rows> =>
      rowsOf(ctx, 'SELECT k, count(*) AS n, min(a) AS low FROM t GROUP BY k ORDER BY k')
    const stale = await planned(table, 'k=1', 'overwrite')
    t.deepEqual(await rowsOf(ctx, "INSERT OVERWRITE t PARTITION (k = 1 + 1) (d, a) VALUES (DATE '2025-01-01', 100)"), [
      { count: 1n },
    ])
    t.deepEqual(await counts(), [{ k: 0n, n: 4n, low: 0n }, { k: 1n, n: 4n, low: 1n }, { k: 2n, n: 1n, low: 100n }]) // oxfmt-ignore
    t.is(await commitTo(table, { ...stale, replaces: { k: '1', d: '2024-01-02' } }), 2)
    t.deepEqual(await counts(), [{ k: 0n, n: 4n, low: 0n }, { k: 1n, n: 2n, low: 4n }, { k: 2n, n: 1n, low: 100n }]) // oxfmt-ignore
    await t.throwsAsync(commitTo(table, { ...stale, writeId: 'k=2', replaces: { k: '2' } }), { code: 'WRITE_CONFLICT' })
    await t.throwsAsync(commitTo(table, { ...stale, writeId: 'd', replaces: { d: '2024-01-02' } }), {
      code: 'WRITE_CONFLICT',
    })
    await rowsOf(ctx, 'INSERT INTO t PARTITION (k = NULL) VALUES (5, NULL)')
    await rowsOf(ctx, 'INSERT OVERWRITE t PARTITION (k = NULL) SELECT 6, NULL WHERE false')
    t.deepEqual(await rowsOf(ctx, 'SELECT count(*) AS n FROM t'), [{ n: 7n }])
    t.deepEqual((await valid(place, 'partitions')).unnamed, [])
    await t.throwsAsync(rowsOf(ctx, 'INSERT OVERWRITE t PARTITION (a = 1) VALUES (1, NULL)'), {
      code: 'COLUMN_NOT_FOUND',
    })
    await t.throwsAsync(rowsOf(ctx, "INSERT OVERWRITE t PARTITION (k = 'x') VALUES (1, NULL)"), {
      code: 'INVALID_CAST',
    })
  })

  test.serial(`a write that is tried again is done once, also after others: ${place.name}`, async t => {
    const table = await newTable(place, 'again')
    const write = await planned(table, 'w')
    t.is(await commitTo(table, write), 1)
    t.is(await commitTo(table, await planned(table, 'other')), 2)
    t.is(await commitTo(table, write), 1)
    const creates = { schema: { fields: [] }, partitionedBy: [] }
    const create = { ...write, writeId: 'c', creates }
    const fresh = tableAt(place, 'created')
    t.is(await commitTo(fresh, create), 0)
    t.is(await commitTo(fresh, create), 0)
    await t.throwsAsync(commitTo(fresh, { ...create, writeId: 'd' }), { code: 'FILE_EXISTS' })
    await using ctx = sessionOf(place, { 'ballista.write.idempotency_key': 'key' })
    await rowsOf(ctx, `CREATE EXTERNAL TABLE t STORED AS DELTA LOCATION '${table.path}'`)
    for (let i = 0; i < 2; i++) t.deepEqual(await rowsOf(ctx, 'INSERT INTO t VALUES (10)'), [{ count: 1n }])
    t.deepEqual(await rowsOf(ctx, 'SELECT count(*) AS n FROM t WHERE a = 10'), [{ n: 1n }])
  })
}
