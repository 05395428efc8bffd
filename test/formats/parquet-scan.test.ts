/** Scans of files with many small pages, mixed encodings and NULLs, with predicates of every selectivity, against DuckDB. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import * as wasm from 'parquet-wasm'
import { bytesInUse } from '../../src/arrow/memory.js'
import { INT32, INT64, UTF8 } from '../../src/arrow/types.js'
import type { Rng } from '../../src/common/clock.js'
import { binaryExpr, columnExpr, inputExpr, likeExpr } from '../../src/expr/build.js'
import { literal, type Expr } from '../../src/expr/expr.js'
import { readFooter } from '../../src/formats/parquet/footer.js'
import { rowsThatMayMatch, type RowRange } from '../../src/formats/parquet/page-index.js'
import { openForRead } from '../../src/storage/read-file.js'
import { below, testRng } from '../arrow/random-columns.js'
import { HOST, firstDifference, openDuck, scanFile, type Duck } from './duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

const FULL = process.env.BALLISTA_TEST_FULL === '1'
const ROWS = FULL ? 6000 : 3000

/** Names and expressions over `i`: types in every stored form, few values and many, long texts and none. */
const COLUMNS: readonly (readonly [name: string, expr: string])[] = [
  ['few', "['MAIL', 'SHIP', '', 'värde'][1 + i % 4]"],
  ['many', "repeat('x', (hash(i) % 40)::int) || hash(i)"],
  ['bin', "encode(repeat('b', (i % 5)::int))"],
  ['tiny', '(i % 200 - 100)::tinyint'],
  ['small', '(i % 3000)::usmallint'],
  ['int32', '(hash(i) % 1000)::int'],
  ['int64', 'hash(i)::hugeint - 9223372036854775808'],
  ['cents', '((i * 7919) % 100000 / 100)::decimal(9,2)'],
  ['money', '(i * 12345678.91)::decimal(15,2)'],
  ['wide', "(i * '12345678901234567890123456789.1234'::decimal(38,4))::decimal(38,4)"],
  ['flag', 'i % 3 = 0'],
  ['f32', '(i / 7)::float'],
  ['f64', 'i / 7'],
  ['day', "date '1992-01-01' + (i % 2500)::int"],
  ['moment', "timestamp '1969-12-31 23:59:00.000001' + to_seconds(i)"],
]

/** A file of `rows` rows, of which column n is NULL where a hash says so; every fourth column never is. */
async function writeFile(name: string, rows: number, options: string): Promise<string> {
  const file = join(duck.directory, name)
  const columns = COLUMNS.map(([column, expr], n) =>
    n % 4 === 3
      ? `${expr} as ${column}`
      : `case when hash(i + ${n}) % ${2 + n} = 0 then null else ${expr} end as ${column}`,
  )
  const query = `select i::bigint as id, (hash(i) % 10000)::int as pick, ${columns.join(', ')} from range(${rows}) r(i)`
  await duck.run(`copy (${query}) to '${file}' (format parquet, ${options})`)
  return file
}

/** The same rows, written by the Rust implementation with small pages and dictionaries that overflow. */
function rewrite(
  file: string,
  change: (builder: wasm.WriterPropertiesBuilder) => wasm.WriterPropertiesBuilder,
): string {
  const builder = new wasm.WriterPropertiesBuilder()
    .setDataPageSizeLimit(700)
    .setWriteBatchSize(64)
    .setDictionaryPageSizeLimit(2000)
    .setMaxRowGroupSize(3000)
  const table = wasm.readParquet(readFileSync(file), { batchSize: 1000 })
  const target = file.replace('.parquet', '-rust.parquet')
  writeFileSync(target, wasm.writeParquet(table, change(builder).build()))
  return target
}

test.serial('the page index tells the rows that can match, to the page', async t => {
  const file = rewrite(await writeFile('index.parquet', 5000, 'row_group_size 5000'), builder => builder)
  const footer = await readFooter(file, HOST)
  const [first] = footer.rowGroups
  const places = new Map(footer.columns.map(({ field }, i) => [field.name, i]))
  const id = inputExpr(0, 'id', INT64)
  const handle = await openForRead(file, HOST)
  try {
    const rows = (...pruning: Expr[]): Promise<readonly RowRange[]> =>
      rowsThatMayMatch(handle, { footer, rowGroup: 0, pruning, inFile: [places.get('id') ?? -1], host: HOST })
    const atLeast = binaryExpr('>=', id, literal(1000n, INT64))
    const under = binaryExpr('<', id, literal(1200n, INT64))
    t.deepEqual(await rows(), [{ start: 0, end: first.rowCount }])
    const [range, ...others] = await rows(atLeast, under)
    t.deepEqual(others, [])
    // Pages of 64 rows or a few times that.
    t.true(range.start > 500 && range.start <= 1000 && range.end >= 1200 && range.end < 2000, JSON.stringify(range))
    t.deepEqual(await rows(binaryExpr('<', id, literal(0n, INT64))), [])
    const outside = binaryExpr('or', under, binaryExpr('>=', id, literal(2500n, INT64)))
    t.is((await rows(outside)).length, 2)
    const rng = testRng(message => t.log(message))
    for (let round = 0; round < 50; round++) {
      const gaps = Array.from({ length: 1 + below(rng, 4) }, () => {
        const low = below(rng, first.rowCount)
        return { low, high: low + 300 + below(rng, 1500) }
      })
      const ranges = await rows(
        ...gaps.map(({ low, high }) =>
          binaryExpr(
            'or',
            binaryExpr('<', id, literal(BigInt(low), INT64)),
            binaryExpr('>=', id, literal(BigInt(high), INT64)),
          ),
        ),
      )
      // Ids are row numbers here.
      for (let row = 0; row < first.rowCount; row++) {
        const isWanted = gaps.every(({ low, high }) => row < low || row >= high)
        if (isWanted && !ranges.some(({ start, end }) => start <= row && row < end))
          t.fail(`row ${row} of ${JSON.stringify(gaps)}`)
      }
      const isApart = ranges.every(({ start, end }, i) => start < end && (i === 0 || ranges[i - 1].end < start))
      t.true(isApart, JSON.stringify(ranges))
    }
  } finally {
    await handle.close()
  }
  const { rows } = await scanFile(file, {
    projection: ['id'],
    filters: [binaryExpr('<', columnExpr('id', INT64, true), literal(100n, INT64))],
  })
  t.is(rows.length, 100)
})

test.serial('a scan that finds nothing lets others have their turn, and hears an abort', async t => {
  const file = join(duck.directory, 'nothing.parquet')
  await duck.run(`copy (select md5(i::varchar) as many from range(1200000) r(i)) to '${file}' (row_group_size 1200000)`)
  const before = bytesInUse()
  const filters = [likeExpr(columnExpr('many', UTF8, true), literal('%no such text%', UTF8))]
  let turns = 0
  const count = (): void => {
    turns++
    timer = setImmediate(count)
  }
  let timer = setImmediate(count)
  const { rows } = await scanFile(file, { filters, batchRows: 1000 })
  clearImmediate(timer)
  t.is(rows.length, 0)
  t.true(turns > 5, `${turns} turns`)
  const abort = new AbortController()
  setImmediate(() => setImmediate(() => abort.abort(new Error('stopped'))))
  await t.throwsAsync(scanFile(file, { filters, batchRows: 1000, signal: abort.signal }), { message: 'stopped' })
  t.is(bytesInUse(), before)
})

test.serial('an error of the predicate ends the scan and frees its memory', async t => {
  const before = bytesInUse()
  const file = await writeFile('raises.parquet', 5000, 'row_group_size 2048')
  const quotient = binaryExpr('/', literal(10n, INT64), columnExpr('id', INT64, true))
  const filters = [binaryExpr('>', quotient, literal(1n, INT64))]
  await t.throwsAsync(scanFile(file, { filters }), { code: 'DIVIDE_BY_ZERO' })
  t.is(bytesInUse(), before)
})

const predicate = (rng: Rng): readonly [Expr, sql: string] => {
  const pick = columnExpr('pick', INT32, true)
  const bound = [0, 3, 500, 5000, 9900, 10_000][below(rng, 6)]
  const first = [binaryExpr('<', pick, literal(bound, INT32)), `pick < ${bound}`] as const
  const low = below(rng, 5000)
  switch (below(rng, 4)) {
    case 0:
      return first
    case 1: {
      // A run of rows: whole pages have none.
      const id = columnExpr('id', INT64, true)
      const range = binaryExpr('and', binaryExpr('>=', id, literal(BigInt(low), INT64)), first[0])
      return [range, `id >= ${low} and ${first[1]}`]
    }
    case 2:
      return [
        binaryExpr('and', likeExpr(columnExpr('many', UTF8, true), literal('%77%', UTF8)), first[0]),
        `many like '%77%' and ${first[1]}`,
      ]
    default:
      return [
        binaryExpr('and', binaryExpr('=', columnExpr('few', UTF8, true), literal('MAIL', UTF8)), first[0]),
        `few = 'MAIL' and ${first[1]}`,
      ]
  }
}

/** DuckDB reads the same rows from `oracle`. */
async function check(t: import('ava').ExecutionContext, file: string, rounds: number, oracle = file): Promise<void> {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  const names = ['id', 'pick', ...COLUMNS.map(([name]) => name)]
  for (let round = 0; round < rounds; round++) {
    const projection = names.filter(() => rng.next() < 0.4).toSorted(() => rng.next() - 0.5)
    if (projection.length === 0) projection.push('few')
    const batchRows = [1, 3, 100, 1000, 8192][round === 0 ? 0 : 1 + below(rng, 4)]
    const [filter, sql] = round < 2 ? [undefined, 'true'] : predicate(rng)
    const filters = filter === undefined ? [] : [filter]
    const { rows } = await scanFile(file, { projection, batchRows, filters })
    const expected = await duck.rows(`select ${projection.join(', ')} from '${oracle}' where ${sql} order by id`)
    t.is(firstDifference(rows, expected), undefined, `${projection.join(', ')} where ${sql}, batches of ${batchRows}`)
  }
  t.is(bytesInUse(), before)
}

for (const codec of ['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli']) {
  for (const version of ['v1', 'v2']) {
    test.serial(`what DuckDB writes (${codec}, ${version}) is read in any columns, rows and batches`, async t => {
      const options = `compression ${codec}, parquet_version ${version}, row_group_size 2048`
      await check(t, await writeFile(`duck-${codec}-${version}.parquet`, ROWS, options), FULL ? 30 : 7)
    })
  }
}

for (const [name, change] of [
  ['plain pages', builder => builder.setDictionaryEnabled(false)],
  ['dictionaries that overflow', builder => builder],
  ['snappy', builder => builder.setCompression(wasm.Compression.SNAPPY)],
  ['gzip, version 2', builder => builder.setCompression(wasm.Compression.GZIP).setWriterVersion(wasm.WriterVersion.V2)],
  ['version 2', builder => builder.setWriterVersion(wasm.WriterVersion.V2)],
  [
    'version 2 without dictionaries',
    builder => builder.setWriterVersion(wasm.WriterVersion.V2).setDictionaryEnabled(false),
  ],
] as const satisfies readonly (readonly [string, Parameters<typeof rewrite>[1]])[]) {
  test.serial(`small pages of the Rust writer (${name}) are read in any columns, rows and batches`, async t => {
    const file = await writeFile(`rust-${name.replaceAll(/\W/g, '-')}.parquet`, ROWS, `row_group_size ${ROWS}`)
    await check(t, rewrite(file, change), FULL ? 30 : 8)
  })
}

test.serial(
  'the LZ4 of old writers, which is left to parquet-wasm, is read in any columns, rows and batches',
  async t => {
    const file = await writeFile('lz4.parquet', ROWS, `row_group_size ${ROWS}`)
    const lz4 = rewrite(file, builder => builder.setCompression(wasm.Compression.LZ4))
    await check(t, lz4, FULL ? 30 : 7, file)
  },
)
