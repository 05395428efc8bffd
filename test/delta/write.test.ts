/** Delta tables that we write, on disk and in S3: the log by the protocol's rules, the rows by DuckDB; what is refused. */
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { encodeActions } from '../../src/delta/actions.js'
import { SessionContext } from '../../src/index.js'
import { generateTpch } from '../../tpch/generate.js'
import { newTable, rowsOf, sessionOf, startPlaces, valid, type Place, type Rows } from './places.js'

const { all: PLACES, directory } = startPlaces()
test.serial.before(() =>
  generateTpch({ scale: 0.01, out: directory(), format: 'parquet', tables: ['lineitem'], threads: 1 }),
)

async function duckdb(sql: string): Promise<unknown> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const rows = (await connection.runAndReadAll(sql)).getRowsJson()
  connection.closeSync()
  return rows
}

const lines =
  (): string => `SELECT l_orderkey AS o, l_linenumber AS n, l_quantity AS q, l_shipdate AS d, l_comment AS c, l_shipmode AS mode,
  CAST(l_shipdate AS TIMESTAMP) + INTERVAL 1 MILLISECOND AS ts FROM '${directory()}/lineitem.parquet' WHERE l_orderkey < 4000`

const TWO_TASKS = { 'ballista.execution.target_partitions': '2' }

type Open = (place: Place) => SessionContext | Promise<SessionContext>
const MODES: Readonly<Record<string, Open>> = {
  'in this process': place => sessionOf(place, TWO_TASKS),
  'on a cluster': place => SessionContext.standalone({ settings: { ...place.settings(), ...TWO_TASKS } }),
}

const TABLES = [
  ['parts', 'PARTITIONED BY (mode)'],
  ['plain', ''],
] as const

for (const [place, [mode, open]] of PLACES.flatMap(each => Object.entries(MODES).map(one => [each, one] as const))) {
  test.serial(
    `what is written follows the protocol, and DuckDB reads the same rows: ${mode}, ${place.name}`,
    async t => {
      const ctx = await open(place)
      t.teardown(() => ctx.close())
      for (const [kind, partitioned] of TABLES.slice(0, mode === 'on a cluster' ? 1 : 2)) {
        const name = `${kind} ${mode}`
        const path = place.pathOf(name)
        await rowsOf(ctx, `CREATE OR REPLACE TABLE t STORED AS DELTA ${partitioned} LOCATION '${path}' AS ${lines()}`)
        await rowsOf(ctx, `INSERT INTO t (o, mode) VALUES (-1, 'it''s/ä=%'), (-2, NULL)`)
        const { live, versions } = await valid(place, name)
        t.is(versions, 2)
        const sums =
          'count(*) AS n, sum(o) AS o, sum(n) AS lines, sum(q) AS q, min(d) AS d, max(c) AS c, count(ts) AS ts'
        const [ours] = await rowsOf(ctx, `SELECT ${sums} FROM t`)
        const list = live.map(file => `'${file.replaceAll("'", "''")}'`).join(', ')
        const theirs = await duckdb(`SELECT ${sums} FROM read_parquet([${list}], hive_partitioning = false)`)
        const text = (value: unknown): unknown =>
          value instanceof Date ? value.toISOString().slice(0, 10) : String(value)
        t.deepEqual([Object.values(ours).map(text)], theirs)
        const byMode = await rowsOf(ctx, 'SELECT mode, count(*) AS n FROM t WHERE o > 0 GROUP BY mode ORDER BY mode')
        const wanted = await rowsOf(
          ctx,
          `SELECT mode, count(*) AS n FROM (${lines()}) AS l GROUP BY mode ORDER BY mode`,
        )
        t.deepEqual(byMode, wanted)
        t.deepEqual(await rowsOf(ctx, 'SELECT o, mode FROM t WHERE o < 0 ORDER BY o'), [
          { o: -2n, mode: null },
          { o: -1n, mode: "it's/ä=%" },
        ])
        await rowsOf(ctx, "INSERT OVERWRITE t (o, ts) VALUES (7, TIMESTAMP '2024-01-01 10:00:00.123456')")
        t.deepEqual(await rowsOf(ctx, 'SELECT count(*) AS n, CAST(max(ts) AS VARCHAR) AS ts FROM t'), [
          { n: 1n, ts: '2024-01-01T10:00:00.123456' },
        ])
        const overwritten = await valid(place, name)
        t.is(overwritten.live.length, 1)
        t.deepEqual(overwritten.unnamed, [])
        t.deepEqual(await rowsOf(ctx, `SELECT count(*) AS n FROM delta_scan('${path}', version => 1) WHERE o < 0`), [
          { n: 2n },
        ])
      }
      t.deepEqual(await place.staged(), [])
      await ctx.close()
      if (mode === 'in this process') t.is(bytesInUse(), 0)
    },
  )
}

const WRITTEN = [
  {
    i8: '-128', i16: '-32768', i32: '-2147483648', i64: '-9223372036854775808', f: '-0.5', d: '1e-300',
    dec: '-1234567890123456789012345.12345', s: 'é', b: 'true', day: '0001-01-01', ts: '1969-12-31T23:59:59.999999',
    tz: '2024-05-05T05:05:05Z', k: '2024-01-01T00:00:00.500',
  },
  {
    i8: '127', i16: '32767', i32: '2147483647', i64: '9223372036854775807', f: '0.25', d: '1e+300',
    dec: '1234567890123456789012345.12345', s: 'x'.repeat(100), b: 'false', day: '9999-12-31', ts: '2262-01-01T00:00:00',
    tz: '1999-05-05T05:05:05Z', k: null,
  },
  {
    i8: null, i16: null, i32: null, i64: null, f: null, d: null, dec: null, s: null, b: null, day: null, ts: null, tz: null,
    k: null,
  },
] // oxfmt-ignore

test.serial('every type comes back as it was written', async t => {
  for (const place of PLACES) await comesBack(t, place)
})

async function comesBack(t: ExecutionContext, place: Place): Promise<void> {
  await using ctx = sessionOf(place)
  const path = place.pathOf('types')
  const types = {
    i8: 'TINYINT', i16: 'SMALLINT', i32: 'INT', i64: 'BIGINT', f: 'FLOAT', d: 'DOUBLE', dec: 'DECIMAL(30, 5)',
    s: 'VARCHAR', b: 'BOOLEAN', day: 'DATE', ts: 'TIMESTAMP', tz: 'TIMESTAMPTZ',
  } // oxfmt-ignore
  const columns = Object.entries(types).map(([name, type]) => `${name} ${type}`)
  await rowsOf(
    ctx,
    `CREATE TABLE types (${columns.join(', ')}, k TIMESTAMP) STORED AS DELTA PARTITIONED BY (k) LOCATION '${path}'`,
  )
  const values = [
    "-128, -32768, -2147483648, -9223372036854775808, -0.5, 1e-300, -1234567890123456789012345.12345, 'é', true, DATE '0001-01-01', TIMESTAMP '1969-12-31 23:59:59.999999', TIMESTAMPTZ '2024-05-05 05:05:05Z', TIMESTAMP '2024-01-01 00:00:00.5'",
    "127, 32767, 2147483647, 9223372036854775807, 0.25, 1e300, 1234567890123456789012345.12345, '" +
      'x'.repeat(100) +
      "', false, DATE '9999-12-31', TIMESTAMP '2262-01-01 00:00:00', TIMESTAMPTZ '1999-05-05 05:05:05Z', NULL",
    'NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL',
  ]
  for (const row of values) await rowsOf(ctx, `INSERT INTO types VALUES (${row})`)
  await valid(place, 'types')
  const names = [...Object.keys(types), 'k']
  const texts = names.map(name => `CAST(${name} AS VARCHAR) AS ${name}`).join(', ')
  const found = await rowsOf(ctx, `SELECT ${texts} FROM types ORDER BY types.i8`)
  t.deepEqual(found, WRITTEN)
  for (const name of names) {
    for (const row of found.filter(each => each[name] !== null)) {
      // Its own value finds the row, so that the statistics of its file do not hide it.
      const [{ n }] = await rowsOf(
        ctx,
        `SELECT count(*) AS n FROM types WHERE ${name} = (SELECT CAST('${String(row[name])}' AS ${name === 'k' ? 'TIMESTAMP' : types[name as keyof typeof types]})) AND CAST(${name} AS VARCHAR) = '${String(row[name])}'`,
      )
      t.is(n, 1n, name)
    }
  }
  t.deepEqual(await rowsOf(ctx, 'SELECT count(*) AS n, min(i64) AS low, max(i64) AS high, count(k) AS k FROM types'), [
    { n: 3n, low: -9223372036854775808n, high: 9223372036854775807n, k: 1n },
  ])
}

for (const place of PLACES) {
  test.serial(`a table of another writer takes rows: ${place.name}`, async t => {
    await place.fill('by-delta-rs', 'test/data/delta/types')
    await using ctx = sessionOf(place)
    await rowsOf(ctx, `CREATE EXTERNAL TABLE t STORED AS DELTA LOCATION '${place.pathOf('by-delta-rs')}'`)
    await rowsOf(ctx, "INSERT INTO t (id, day, part) VALUES (100, DATE '2024-02-02', 'new'), (101, NULL, NULL)")
    t.deepEqual(await rowsOf(ctx, 'SELECT count(*) AS n, count(part) AS p FROM t WHERE id >= 13'), [{ n: 3n, p: 1n }])
    await rowsOf(ctx, 'INSERT OVERWRITE t SELECT * FROM t WHERE id > 100')
    t.deepEqual(await rowsOf(ctx, 'SELECT id FROM t'), [{ id: 101n }])
    t.is((await valid(place, 'by-delta-rs')).versions, 6)
  })
}

test.serial('what a table does not allow, or asks for and we lack, is refused before rows are written', async t => {
  for (const place of PLACES) await refuses(t, place)
})

async function refuses(t: ExecutionContext, place: Place): Promise<void> {
  await using ctx = sessionOf(place)
  const { path } = await newTable(place, 'refused')
  const attempt = (sql: string): Promise<Rows> => rowsOf(ctx, sql.replaceAll('$', `'${path}'`))
  await t.throwsAsync(attempt('CREATE TABLE u STORED AS DELTA LOCATION $ AS SELECT 1 AS a'), { code: 'FILE_EXISTS' })
  await t.throwsAsync(
    attempt("CREATE TABLE u STORED AS DELTA LOCATION '/nowhere' AS SELECT CAST(1 AS UINTEGER) AS a"),
    { code: 'NOT_SUPPORTED' },
  )
  await t.throwsAsync(attempt('CREATE TABLE u (a INT, "A" INT) STORED AS DELTA LOCATION \'/nowhere\''), {
    code: 'DUPLICATE_NAME',
  })
  await t.throwsAsync(attempt("CREATE TABLE u (a INT) STORED AS DELTA PARTITIONED BY (b) LOCATION '/nowhere'"), {
    code: 'COLUMN_NOT_FOUND',
  })
  await t.throwsAsync(attempt("CREATE TABLE u (a INT) STORED AS DELTA PARTITIONED BY (a) LOCATION '/nowhere'"), {
    code: 'INVALID_ARGUMENT',
  })
  await t.throwsAsync(attempt("CREATE TABLE u (a INT) STORED AS NOPE LOCATION '/nowhere'"), { code: 'NOT_SUPPORTED' })
  await t.throwsAsync(attempt('CREATE TABLE u (a INT) STORED AS DELTA'), {
    code: 'INVALID_ARGUMENT',
    message: "CREATE TABLE … STORED AS DELTA needs LOCATION 'path' where no data directory keeps tables",
  })
  await attempt('CREATE EXTERNAL TABLE old STORED AS DELTA OPTIONS (version 0) LOCATION $')
  await t.throwsAsync(attempt('INSERT INTO old VALUES (1)'), { code: 'INVALID_ARGUMENT' })
  await attempt('CREATE EXTERNAL TABLE t STORED AS DELTA LOCATION $')
  const cases: Readonly<Record<string, object>> = {
    'with CHECK constraints': { configuration: { 'delta.constraints.c': 'a > 0' } },
    'with column mapping': { configuration: { 'delta.columnMapping.mode': 'name' } },
    'with generated columns': { metadata: { 'delta.generationExpression': '1' } },
    'for writers of version 8': { protocol: { minReaderVersion: 1, minWriterVersion: 8 } },
    'with the feature rowTracking': {
      protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['rowTracking'] },
    },
  }
  const change = async (
    version: number,
    parts: { configuration?: object; metadata?: object; protocol?: object },
  ): Promise<void> => {
    const { configuration = {}, metadata = {}, protocol = { minReaderVersion: 1, minWriterVersion: 2 } } = parts
    const schemaString = JSON.stringify({
      type: 'struct',
      fields: [{ name: 'a', type: 'long', nullable: true, metadata }],
    })
    const metaData = {
      id: 'x',
      format: { provider: 'parquet', options: {} },
      schemaString,
      partitionColumns: [],
      configuration,
    }
    const name = `${String(version).padStart(20, '0')}.json`
    await place.write('refused', `_delta_log/${name}`, encodeActions([{ protocol, metaData } as never]))
  }
  let version = 0
  for (const [reason, parts] of Object.entries(cases)) {
    await change(++version, parts)
    await t.throwsAsync(attempt('INSERT INTO t VALUES (1)'), {
      code: 'NOT_SUPPORTED',
      message: new RegExp(`${reason} is not supported`),
    })
  }
  await change(++version, { configuration: { 'delta.appendOnly': 'true' } })
  await t.throwsAsync(attempt('INSERT OVERWRITE t VALUES (1)'), { code: 'NOT_SUPPORTED', message: /append-only/ })
  t.deepEqual(await attempt('INSERT INTO t VALUES (1)'), [{ count: 1n }])
  t.deepEqual(await place.staged(), [])
}

test('PARTITIONED BY with a type adds a column', async t => {
  const ctx = new SessionContext()
  t.teardown(() => ctx.close())
  const path = join(directory(), 'typed keys')
  await rowsOf(ctx, `CREATE TABLE t (a INT) STORED AS DELTA PARTITIONED BY (k DATE, b INT) LOCATION '${path}'`)
  await rowsOf(ctx, "INSERT INTO t VALUES (1, DATE '2024-02-29', 7)")
  t.deepEqual(await rowsOf(ctx, 'SELECT a, CAST(k AS VARCHAR) AS k, b FROM t'), [{ a: 1, k: '2024-02-29', b: 7 }])
  const as = `CREATE TABLE u (a INT) STORED AS DELTA PARTITIONED BY (k INT) LOCATION '${path} too' AS SELECT 1, 2`
  await rowsOf(ctx, as)
  t.deepEqual(await rowsOf(ctx, 'SELECT a, k FROM u'), [{ a: 1, k: 2 }])
  await t.throwsAsync(
    ctx.sql(`CREATE TABLE v STORED AS DELTA PARTITIONED BY (k INT) LOCATION '${path}' AS SELECT 1 AS k`),
    {
      code: 'INVALID_ARGUMENT',
      message: "'k' has a type in PARTITIONED BY; without a list of columns those of the query have theirs",
    },
  )
})
