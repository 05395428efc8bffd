/** What written Parquet files tell of themselves: page indexes and Bloom filters at their place, and dictionaries only where they are worth it. */
import { join } from 'node:path'
import test from 'ava'
import { batchFromValues, releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, type Schema } from '../../src/arrow/schema.js'
import {
  DATE,
  FLOAT64,
  INT32,
  INT64,
  INT8,
  UINT32,
  UTF8,
  decimal,
  timestamp,
  type DataType,
  type Value,
} from '../../src/arrow/types.js'
import { binaryExpr, inputExpr } from '../../src/expr/build.js'
import { literal } from '../../src/expr/expr.js'
import { openWriter } from '../../src/formats/open-writer.js'
import { readFooter } from '../../src/formats/parquet/footer.js'
import { rowsThatMayMatch } from '../../src/formats/parquet/page-index.js'
import { filtersMayMatch } from '../../src/formats/parquet/row-group-filters.js'
import { openParquetWriter } from '../../src/formats/parquet/write.js'
import { openForRead } from '../../src/storage/read-file.js'
import { HOST, openDuck, scanFile, type Duck, type Rows } from './duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

const SCHEMA: Schema = { fields: [field('id', INT64), field('kind', UTF8), field('name', UTF8)] }
const ROWS = 100_000
const GROUP_ROWS = 60_000

/** Ascending ids, a few kinds, names of which none occurs twice. */
async function writeRows(path: string): Promise<void> {
  const writer = await openParquetWriter(path, SCHEMA, { host: HOST, rowGroupRows: GROUP_ROWS })
  for (let start = 0; start < ROWS; start += 10_000) {
    const ids = Array.from({ length: 10_000 }, (_, i) => start + i)
    const columns: Value[][] = [ids.map(BigInt), ids.map(id => `kind ${id % 7}`), ids.map(id => `name ${id}`)]
    const batch = batchFromValues(SCHEMA, columns)
    await writer.write(batch)
    releaseBatch(batch)
  }
  await writer.close()
}

test.serial('the page index of every row group tells where its pages are', async t => {
  const before = bytesInUse()
  const path = join(duck.directory, 'indexed.parquet')
  await writeRows(path)
  const footer = await readFooter(path, HOST)
  t.deepEqual(
    footer.rowGroups.map(({ rowCount }) => rowCount),
    [GROUP_ROWS, ROWS - GROUP_ROWS],
  )
  t.true(footer.rowGroups.every(({ chunks }) => chunks.every(({ index }) => index !== undefined)))
  const id = inputExpr(0, 'id', INT64)
  const file = await openForRead(path, HOST)
  try {
    for (const [rowGroup, first] of [0, GROUP_ROWS].entries()) {
      const wanted = first + 30_000
      const pruning = [binaryExpr('=', id, literal(BigInt(wanted), INT64))]
      const ranges = await rowsThatMayMatch(file, { footer, rowGroup, pruning, inFile: [0], host: HOST })
      t.is(ranges.length, 1)
      const [{ start, end }] = ranges
      t.true(
        start <= 30_000 && end > 30_000 && end - start <= 30_000,
        `rows ${start} to ${end} of row group ${rowGroup}`,
      )
      const filters = [binaryExpr('=', id, literal(BigInt(wanted), INT64))]
      const expected = [[BigInt(wanted), `kind ${wanted % 7}`, `name ${wanted}`]]
      t.deepEqual((await scanFile(path, { filters })).rows, expected)
      t.deepEqual(await duck.rows(`from '${path}' where id = ${wanted}`), expected)
    }
  } finally {
    await file.close()
  }
  t.is(bytesInUse(), before)
})

/** Columns of every type that takes Bloom filters: the row and a value of each, none of them in order. */
const FILTERED: readonly (readonly [name: string, type: DataType, value: (row: number) => Value])[] = [
  ['tiny', INT8, row => (row % 50) - 25],
  ['unsigned', UINT32, row => 4_000_000_000 + ((row * 7919) % 60_000)],
  ['number', INT32, row => ((row * 7919) % 60_000) * 3 - 90_000],
  ['big', INT64, row => BigInt((row * 7919) % 60_000) * 10_000_000_019n],
  ['price', decimal(15, 2), row => BigInt((row * 7919) % 60_000) * 101n - 5_000n],
  ['text', UTF8, row => `a text of some length ${(row * 7919) % 60_000} ${'é'.repeat(row % 30)}`],
  ['few', UTF8, row => ['', 'one', 'two'][row % 3]],
  ['day', DATE, row => ((row * 7919) % 60_000) - 10_000],
  ['moment', timestamp('us'), row => BigInt((row * 7919) % 60_000) * 1_000_003n],
]

test.serial('Bloom filters hold every value and exclude others, for DuckDB and for us', async t => {
  const before = bytesInUse()
  const path = join(duck.directory, 'filters.parquet')
  const schema: Schema = { fields: FILTERED.map(([name, type]) => field(name, type)) }
  const options = { bloom_filter_columns: FILTERED.map(([name]) => name).join(', '), max_row_group_size: '20000' }
  const writer = await openWriter({ path, format: 'parquet', options }, schema, HOST)
  const rows = 60_000
  for (let start = 0; start < rows; start += 15_000) {
    const numbers = Array.from({ length: 15_000 }, (_, i) => start + i)
    const batch = batchFromValues(
      schema,
      FILTERED.map(([, , value]) => numbers.map(row => (row % 11 === 0 ? null : value(row)))),
    )
    await writer.write(batch)
    releaseBatch(batch)
  }
  await writer.close()
  const footer = await readFooter(path, HOST)
  t.is(footer.rowGroups.length, 3)
  const duckFilters = await duck.rows(
    `select count(*) from parquet_metadata('${path}') where bloom_filter_offset > 0 and bloom_filter_length > 0`,
  )
  t.deepEqual(duckFilters, [[BigInt(3 * FILTERED.length)]])
  const file = await openForRead(path, HOST)
  const inFile = FILTERED.map((_, column) => column)
  try {
    for (const [column, [name, type, value]] of FILTERED.entries()) {
      const groupsWith = async (wanted: Value): Promise<number[]> => {
        const pruning = [binaryExpr('=', inputExpr(column, name, type), literal(wanted, type))]
        const found = []
        for (const rowGroup of footer.rowGroups.keys())
          if (await filtersMayMatch(file, { footer, rowGroup, pruning, inFile, host: HOST })) found.push(rowGroup)
        return found
      }
      let others = 0
      for (let row = 1; row < rows; row += 1009) {
        if (row % 11 === 0) continue
        const groups = await groupsWith(value(row))
        t.true(groups.includes(Math.floor(row / 20_000)), `${name}: row ${row}`)
        others += groups.length - 1
      }
      // Of two other row groups each; those of few values hold them all.
      if (name !== 'tiny' && name !== 'few') t.true(others <= 15, `${name}: ${others} row groups too many`)
    }
    t.deepEqual(await duck.rows(`select count(*) from '${path}' where text = 'a text that is not there'`), [[0n]])
    const excluded = await duck.rows(
      `select file_name is not null, bool_and(bloom_filter_excludes) from parquet_bloom_probe('${path}', 'number', 1) group by all`,
    )
    t.deepEqual(excluded, [[true, true]])
    const probe = (row: number): Promise<Rows> =>
      duck.rows(
        `select bloom_filter_excludes from parquet_bloom_probe('${path}', 'number', ${String(FILTERED[2][2](row))})`,
      )
    t.deepEqual((await probe(1))[0], [false])
    t.deepEqual((await probe(59_999))[2], [false])
  } finally {
    await file.close()
  }
  t.is(bytesInUse(), before)
})

test.serial('a Bloom filter of a column that cannot have one is refused', async t => {
  const write = (columns: string): Promise<unknown> =>
    openWriter({ path: 'x.parquet', format: 'parquet', options: { bloom_filter_columns: columns } }, REFUSED, HOST)
  await t.throwsAsync(write('idd'), { code: 'INVALID_OPTION', message: /no column 'idd'/ })
  await t.throwsAsync(write('id, share'), { code: 'INVALID_OPTION', message: /'share' is DOUBLE/ })
})

const REFUSED: Schema = { fields: [field('id', INT64), field('share', FLOAT64)] }

test.serial('columns of mostly different values have no dictionary', async t => {
  const path = join(duck.directory, 'dictionaries.parquet')
  await writeRows(path)
  const chunks = await duck.rows(
    `select path_in_schema, encodings like '%DICTIONARY%' from parquet_metadata('${path}') order by row_group_id, column_id`,
  )
  const group = [
    ['id', false],
    ['kind', true],
    ['name', false],
  ]
  t.deepEqual(chunks, [...group, ...group])
})
