/** What written Parquet files tell of themselves: page indexes at their place, and dictionaries only where they are worth it. */
import { join } from 'node:path'
import test from 'ava'
import { batchFromValues, releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, type Schema } from '../../src/arrow/schema.js'
import { INT64, UTF8, type Value } from '../../src/arrow/types.js'
import { binaryExpr, inputExpr } from '../../src/expr/build.js'
import { literal } from '../../src/expr/expr.js'
import { readFooter } from '../../src/formats/parquet/footer.js'
import { rowsThatMayMatch } from '../../src/formats/parquet/page-index.js'
import { openParquetWriter } from '../../src/formats/parquet/write.js'
import { openForRead } from '../../src/storage/read-file.js'
import { HOST, openDuck, scanFile, type Duck } from './duckdb.js'

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
