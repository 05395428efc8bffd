import { closeSync, copyFileSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { columnValues, releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { INT64, UTF8, decimal, typeName } from '../../src/arrow/types.js'
import { BallistaError } from '../../src/common/errors.js'
import { seededRng } from '../../src/common/clock.js'
import { configOf } from '../../src/common/option.js'
import { literal, type Expr } from '../../src/expr/expr.js'
import { displayExpr } from '../../src/expr/display.js'
import { openListingTable } from '../../src/formats/listing-table.js'
import { openScan } from '../../src/formats/open-scan.js'
import { readFooter } from '../../src/formats/parquet/footer.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'
import { thisHost } from '../../src/storage/this-host.js'
import { HOST, firstDifference, openDuck, scanFile, type Duck } from './duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

/** Type in DuckDB, an expression over `i` for its values, and our type. */
const TYPES: readonly (readonly [sql: string, expr: string, ours: string])[] = [
  ['boolean', 'i % 3 = 0', 'BOOLEAN'],
  ['tinyint', '(i * 7) % 256 - 128', 'TINYINT'],
  ['smallint', '(i * 977) % 65536 - 32768', 'SMALLINT'],
  ['integer', '(i * 104729) % 4294967296 - 2147483648', 'INT'],
  ['bigint', 'hash(i)::hugeint - 9223372036854775808', 'BIGINT'],
  ['utinyint', 'i % 256', 'TINYINT UNSIGNED'],
  ['usmallint', '(i * 977) % 65536', 'SMALLINT UNSIGNED'],
  ['uinteger', '(i * 104729) % 4294967296', 'INT UNSIGNED'],
  ['ubigint', 'hash(i)', 'BIGINT UNSIGNED'],
  ['float', '(i - 50) / 7.0', 'FLOAT'],
  ['double', '(i - 50) / 7.0', 'DOUBLE'],
  ['decimal(4,1)', '((i % 1999) - 999) / 10.0', 'DECIMAL(4, 1)'],
  ['decimal(9,2)', '(i - 50) * 1.25', 'DECIMAL(9, 2)'],
  ['decimal(15,2)', '(i - 50) * 12345678.91', 'DECIMAL(15, 2)'],
  ['decimal(38,4)', "(i - 50) * '12345678901234567890123456789.1234'::decimal(38,4)", 'DECIMAL(38, 4)'],
  ['varchar', "'värde ' || (i % 17)", 'VARCHAR'],
  ['blob', "encode('b' || i)", 'BYTEA'],
  ['date', "date '1969-12-01' + i::int", 'DATE'],
  ['timestamp', "timestamp '1969-12-31 23:59:00.000001' + to_seconds(i)", 'TIMESTAMP(us)'],
  ['timestamp_ms', "timestamp '1969-12-31 23:59:00.001' + to_seconds(i)", 'TIMESTAMP(ms)'],
  ['timestamp_ns', "('1969-12-31 23:59:00.00000000' || (i % 10))::timestamp_ns", 'TIMESTAMP(ns)'],
  ['timestamptz', "timestamp '1969-12-31 23:59:00.000001' + to_seconds(i)", 'TIMESTAMP(us, UTC)'],
  ['time', "time '00:00:00.000001' + to_seconds(i)", 'VARCHAR'],
  ['uuid', 'md5(i::varchar)::uuid', 'VARCHAR'],
  ['interval', 'to_months((i % 5)::int) + to_days((i % 40)::int) + to_milliseconds(i)', 'INTERVAL'],
]

const columnList = (every: string): string =>
  TYPES.map(([type, expr], n) => `case when ${every} then null else (${expr}) end::${type} as c${n}`).join(', ')

for (const codec of ['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli']) {
  for (const [name, isNull] of [
    ['some NULLs', 'i % 5 = 1'],
    ['no NULL', 'false'],
    ['only NULLs', 'true'],
  ] as const) {
    test.serial(`every type, ${codec}, ${name}: the rows are those that DuckDB reads`, async t => {
      const before = bytesInUse()
      const file = join(duck.directory, `types-${codec}-${name.replace(' ', '-')}.parquet`)
      const query = `select ${columnList(isNull)} from range(3000) r(i)`
      await duck.run(`copy (${query}) to '${file}' (format parquet, compression ${codec}, row_group_size 2048)`)
      const { schema, rows, batchCount } = await scanFile(file, { batchRows: 1000 })
      t.deepEqual(
        schema.fields.map(field => typeName(field.type)),
        TYPES.map(([, , ours]) => ours),
      )
      // DuckDB reads milliseconds as microseconds.
      t.is(
        firstDifference(rows, await duck.rows(`select * replace (c19::timestamp_ms as c19) from '${file}'`)),
        undefined,
      )
      t.is(batchCount, 3 + 1)
      t.is(bytesInUse(), before)
    })
  }
}

test.serial('projection gives the wanted columns in the wanted order, and a count needs none', async t => {
  const file = join(duck.directory, 'projection.parquet')
  await duck.run(
    `copy (select i as a, i * 2 as b, i::varchar as c from range(3000) r(i)) to '${file}' (row_group_size 2048)`,
  )
  const { rows } = await scanFile(file, { projection: ['c', 'a'] })
  t.is(firstDifference(rows, await duck.rows(`select c, a from '${file}'`)), undefined)
  const empty = await scanFile(file, { projection: [] })
  t.is(empty.rows.length, 3000)
  t.deepEqual(empty.rows[0], [])
})

test.serial('fetch ends the scan with exactly that many rows', async t => {
  const before = bytesInUse()
  const file = join(duck.directory, 'fetch.parquet')
  await duck.run(`copy (select i from range(10000) r(i)) to '${file}' (row_group_size 2048)`)
  const { rows, batchCount } = await scanFile(file, { fetch: 2500, batchRows: 1000 })
  t.is(
    firstDifference(
      rows,
      Array.from({ length: 2500 }, (_, i) => [BigInt(i)]),
    ),
    undefined,
  )
  t.is(batchCount, 4)
  t.is(bytesInUse(), before)
})

const column = (name: string, type = INT64): Expr => ({ kind: 'column', name, type, nullable: true })
const compare = (op: '=' | '<' | '>=' | '<>', left: Expr, right: Expr): Expr => ({
  kind: 'binary',
  op,
  left,
  right,
  type: { kind: 'boolean' },
})

test.serial('row groups whose statistics exclude every row are not read', async t => {
  const file = join(duck.directory, 'pruning.parquet')
  const query = `select i, (i / 100)::decimal(15,2) as d, 'k' || lpad(i::varchar, 6, '0') as s, case when i < 4096 then null else i end as n from range(10240) r(i)`
  await duck.run(`copy (${query}) to '${file}' (row_group_size 2048)`)
  const table = await openListingTable({ path: file, host: HOST })
  const groupsFor = async (filter: Expr): Promise<number> => {
    const { source } = await table.scan({ projection: [0], filters: [filter], targetPartitions: 1 })
    const splits = source.kind === 'files' ? source.partitions.flat() : []
    return splits.reduce((sum, split) => sum + (split.rowGroups?.length ?? 0), 0)
  }
  const one = literal(5000n, INT64)
  const cases: readonly (readonly [Expr, groups: number])[] = [
    [compare('=', column('i'), one), 1],
    [compare('<', column('i'), one), 3],
    [compare('>=', one, column('i')), 3],
    [compare('>=', column('i'), literal(20000n, INT64)), 0],
    [compare('=', column('i'), literal(null, INT64)), 0],
    [compare('<', column('d', decimal(15, 2)), literal(30n, decimal(2, 0))), 2],
    [compare('=', column('s', UTF8), literal('k009000', UTF8)), 1],
    [compare('<>', column('i'), one), 5],
    [{ kind: 'isNull', input: column('n'), negated: false }, 2],
    [{ kind: 'isNull', input: column('n'), negated: true }, 3],
    [compare('<', column('n'), literal(100000n, INT64)), 3],
    [{ kind: 'inList', input: column('i'), list: [literal(1n, INT64), literal(10000n, INT64)], negated: false }, 2],
    [{ kind: 'not', input: compare('=', column('i'), one) }, 5],
  ]
  for (const [filter, groups] of cases) t.is(await groupsFor(filter), groups, displayExpr(filter))
})

test.serial('statistics of the table come from its footers', async t => {
  const file = join(duck.directory, 'statistics.parquet')
  await duck.run(
    `copy (select i::decimal(15,2) as d, 'x' || i as s, null::int as n from range(5000) r(i)) to '${file}' (row_group_size 2048)`,
  )
  const statistics = (await openListingTable({ path: file, host: HOST })).statistics()
  t.is(statistics.rowCount, 5000)
  t.deepEqual(statistics.columns.get('d'), { nullCount: 0, min: 0n, max: 499900n })
  t.is(statistics.columns.get('n')?.nullCount, 5000)
})

test.serial('partitions are balanced runs of row groups, and few for a small table', async t => {
  const file = join(duck.directory, 'partitions.parquet')
  await duck.run(`copy (select i, hash(i) as h from range(1000000) r(i)) to '${file}' (row_group_size 100000)`)
  const { rows, partitionCount } = await scanFile(file, { targetPartitions: 4, projection: ['i'] })
  t.is(partitionCount, 4)
  t.is(rows.length, 1000000)
  t.is(
    (
      await scanFile(file, {
        targetPartitions: 4,
        projection: ['i'],
        filters: [compare('<', column('i'), literal(10n, INT64))],
      })
    ).partitionCount,
    1,
  )
})

test.serial('nested columns are read as lists, structs and maps', async t => {
  const before = bytesInUse()
  const file = join(duck.directory, 'nested.parquet')
  await duck.run(
    `copy (select case when i % 3 = 0 then null else [i, null, i + 1] end as l, {'a': i, 'b': 'x' || i} as s, map {'k': i} as m from range(100) r(i)) to '${file}'`,
  )
  const table = await openListingTable({ path: file, host: HOST })
  t.deepEqual(
    table.schema.fields.map(field => typeName(field.type)),
    ['BIGINT[]', 'STRUCT<a BIGINT, b VARCHAR>', 'MAP<VARCHAR, BIGINT>'],
  )
  const plan = await table.scan({ projection: [0, 1, 2], filters: [], targetPartitions: 1 })
  for await (const batch of openScan(
    plan.source,
    0,
    { projection: [0, 1, 2], schema: table.schema },
    localTaskContext(),
  )) {
    t.is(batch.columns[0].nullCount, 34)
    t.deepEqual(columnValues(batch.columns[0].children[0]).slice(0, 3), [1n, null, 2n])
    t.deepEqual(columnValues(batch.columns[1].children[1]).slice(0, 2), ['x0', 'x1'])
    t.deepEqual(columnValues(batch.columns[2].children[0].children[1]).slice(0, 2), [0n, 1n])
    releaseBatch(batch)
  }
  t.is(bytesInUse(), before)
})

test.serial(
  'text that is dictionary-encoded in the file stays codes and a dictionary, shared by the batches of a row group',
  async t => {
    const before = bytesInUse()
    const file = join(duck.directory, 'dictionary.parquet')
    await duck.run(
      `copy (select case when i % 5 = 0 then null else 'mode ' || (i % 7) end as s, 'unique ' || hash(i) as u from range(4000) r(i)) to '${file}'`,
    )
    const table = await openListingTable({ path: file, host: HOST })
    const { source } = await table.scan({ projection: [0, 1], filters: [], targetPartitions: 1 })
    const config = configOf({ 'ballista.execution.batch_size': '1024' })
    const dictionaries: unknown[] = []
    for await (const batch of openScan(
      source,
      0,
      { projection: [0, 1], schema: table.schema },
      localTaskContext({ config }),
    )) {
      dictionaries.push(batch.columns[0].dictionary?.values)
      t.is(batch.columns[0].dictionary?.length, 7)
      t.is(batch.columns[1].dictionary, undefined)
      releaseBatch(batch)
    }
    t.is(dictionaries.length, 4)
    t.is(new Set(dictionaries).size, 1)
    t.is(bytesInUse(), before)
  },
)

const codeOf = async (action: Promise<unknown>): Promise<string> => {
  try {
    await action
    return 'none'
  } catch (error) {
    if (error instanceof BallistaError) return error.code
    throw error
  }
}

test.serial('errors name the file and the host', async t => {
  const missing = join(duck.directory, 'missing.parquet')
  const error = await t.throwsAsync(scanFile(missing), { instanceOf: BallistaError })
  t.is(
    error.message,
    `host ${HOST.name} cannot read '${missing}': ENOENT: no such file or directory, stat '${missing}'`,
  )
  const text = join(duck.directory, 'text.parquet')
  writeFileSync(text, 'this is no parquet file')
  t.is((await t.throwsAsync(scanFile(text)))?.message, `${text}: is not a Parquet file: it does not end in PAR1`)
})

test.serial('a damaged file gives an error or its rows, never a crash, and frees its memory', async t => {
  const before = bytesInUse()
  const seed = 20261122
  t.log(`seed ${seed}`)
  const rng = seededRng(seed)
  const file = join(duck.directory, 'whole.parquet')
  await duck.run(
    `copy (select i, i::decimal(15,2) as d, 'value ' || (i % 50) as s from range(4000) r(i)) to '${file}' (row_group_size 2048)`,
  )
  const { size } = statSync(file)
  const footer = size - 8 - readFileSync(file).readUInt32LE(size - 8)
  const codes = new Map<string, number>()
  for (let round = 0; round < 150; round++) {
    const damaged = join(duck.directory, `damaged-${round}.parquet`)
    if (round % 3 === 0) writeFileSync(damaged, readFileSync(file).subarray(0, Math.floor(rng.next() * size)))
    else {
      copyFileSync(file, damaged)
      const at = round % 3 === 1 ? footer + Math.floor(rng.next() * (size - footer)) : Math.floor(rng.next() * footer)
      const handle = openSync(damaged, 'r+')
      writeSync(handle, Buffer.of(Math.floor(rng.next() * 256)), 0, 1, at)
      closeSync(handle)
    }
    const code = await codeOf(scanFile(damaged))
    codes.set(code, (codes.get(code) ?? 0) + 1)
    t.true(['none', 'FILE_INVALID', 'NOT_SUPPORTED'].includes(code), `round ${round}: ${code}`)
  }
  t.true((codes.get('FILE_INVALID') ?? 0) > 50)
  t.is(bytesInUse(), before)
})

test.serial('a footer is parsed again when the file was replaced', async t => {
  const file = join(duck.directory, 'replaced.parquet')
  await duck.run(`copy (select i from range(10) r(i)) to '${file}'`)
  const first = await readFooter(file, HOST)
  t.is(await readFooter(file, HOST), first)
  await duck.run(`copy (select i from range(20000) r(i)) to '${file}'`)
  t.is((await readFooter(file, HOST)).rowCount, 20000)
})

test.serial('a statement plans with the footer that it has met, the next one with that of the file', async t => {
  const file = join(duck.directory, 'met.parquet')
  await duck.run(`copy (select i from range(10) r(i)) to '${file}'`)
  const host = thisHost()
  const first = await readFooter(file, host)
  await rm(file)
  t.is(await readFooter(file, host), first)
  await t.throwsAsync(readFooter(file, thisHost()), { code: 'FILE_NOT_READABLE' })
})
