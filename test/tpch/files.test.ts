/** Generated files: the bytes of the reference generator, and Parquet and CSV with the same rows, read by DuckDB. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { typeName } from '../../src/arrow/types.js'
import { BallistaError } from '../../src/common/errors.js'
import { generateTpch } from '../../tpch/generate.js'
import { SCHEMAS, TABLES, type TableName } from '../../tpch/schema.js'
import { CHECKSUMS } from './checksums.js'

const FULL = process.env['BALLISTA_TEST_FULL'] === '1'

async function temporary(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ballista-tpch-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

for (const scale of FULL ? ['0.001', '0.01', '0.1', '1'] : ['0.01']) {
  test.serial(`scale ${scale}: every table has the checksum of the reference generator's`, async t => {
    t.timeout(300_000)
    const out = await temporary(t)
    const progress: number[] = []
    const tables = await generateTpch({
      scale: Number(scale),
      out,
      format: 'tbl',
      onProgress: ({ chunksDone, chunks }) => progress.push(chunksDone / chunks),
    })
    const sums = await Promise.all(tables.map(async ({ table, path }) => [table, await sha256(path)]))
    t.deepEqual(Object.fromEntries(sums), CHECKSUMS[scale])
    t.deepEqual(await readdir(out), TABLES.map(table => `${table}.tbl`).toSorted())
    t.is(progress.at(-1), 1)
    t.deepEqual(
      progress,
      progress.toSorted((left, right) => left - right),
    )
  })
}

const columnTypes = (table: TableName): string =>
  SCHEMAS[table].fields.map(({ name, type }) => `'${name}': '${typeName(type)}'`).join(', ')

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  return (await connection.runAndReadAll(sql)).getRowsJson()
}

test.serial(
  'Parquet and CSV have the rows of the reference files in their order, with the types of the benchmark',
  async t => {
    t.timeout(120_000)
    const [tbl, parquet, csv] = await Promise.all([temporary(t), temporary(t), temporary(t)])
    const before = bytesInUse()
    await generateTpch({ scale: 0.01, out: tbl, format: 'tbl', threads: 1 })
    await generateTpch({ scale: 0.01, out: parquet, format: 'parquet', threads: 2 })
    await generateTpch({ scale: 0.01, out: csv, format: 'csv', threads: 3 })
    t.is(bytesInUse(), before)
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
    const connection = await instance.connect()
    for (const table of TABLES) {
      const columns = columnTypes(table)
      // Every line of a .tbl ends with the separator.
      const reference = `read_csv('${tbl}/${table}.tbl', delim = '|', header = false, quote = '', columns = {${columns}, 'end': 'VARCHAR'})`
      await connection.run(`CREATE TABLE ${table} AS SELECT * EXCLUDE ("end") FROM ${reference}`)
      const others = [
        `read_parquet('${parquet}/${table}.parquet')`,
        `read_csv('${csv}/${table}.csv', header = true, columns = {${columns}})`,
      ]
      for (const other of others) {
        const counts = await rowsOf(
          connection,
          `SELECT (SELECT count(*) FROM ${table}) - (SELECT count(*) FROM ${other})`,
        )
        t.deepEqual(counts, [['0']])
        const different = `SELECT count(*) FROM ${table} a POSITIONAL JOIN ${other} b WHERE a IS DISTINCT FROM b`
        t.deepEqual(await rowsOf(connection, different), [['0']], `${table} and ${other}`)
      }
      const types = await rowsOf(
        connection,
        `SELECT column_name, column_type FROM (DESCRIBE FROM '${parquet}/${table}.parquet')`,
      )
      const expected = SCHEMAS[table].fields.map(({ name, type }) => [
        name,
        typeName(type).replace('INT', 'INTEGER').replace('BIGINTEGER', 'BIGINT').replace(', ', ','),
      ])
      t.deepEqual(types, expected)
      const codecs = await rowsOf(
        connection,
        `SELECT DISTINCT compression FROM parquet_metadata('${parquet}/${table}.parquet')`,
      )
      t.deepEqual(codecs, [['SNAPPY']])
    }
    connection.closeSync()
    instance.closeSync()
  },
)

test.serial('rows do not depend on chunks: several row groups', async t => {
  t.timeout(120_000)
  const out = await temporary(t)
  await generateTpch({ scale: 0.05, out, format: 'parquet', tables: ['lineitem'] })
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  const path = `${out}/lineitem.parquet`
  const groups = await rowsOf(
    connection,
    `SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata('${path}') ORDER BY 1`,
  )
  const orders = await rowsOf(connection, `SELECT count(DISTINCT l_orderkey), count(*) FROM '${path}'`)
  t.deepEqual(orders, [['75000', '299814']])
  t.is(groups.length, 3)
  t.is(
    groups.reduce((sum, [, rows]) => sum + Number(rows), 0),
    299_814,
  )
  connection.closeSync()
  instance.closeSync()
})

test.serial('a stopped or failed generation leaves no file behind', async t => {
  const out = await temporary(t)
  const stop = new AbortController()
  const options = { scale: 0.001, format: 'csv', signal: stop.signal, onProgress: () => stop.abort() } as const
  const stopped = await t.throwsAsync(generateTpch({ ...options, out, tables: ['part', 'orders'] }), {
    instanceOf: BallistaError,
  })
  t.is((stopped as BallistaError).code, 'CANCELLED')
  t.deepEqual(await readdir(out), ['part.csv'])
  const file = join(out, 'file')
  await writeFile(file, 'kept')
  const failed = await t.throwsAsync(generateTpch({ scale: 0.001, format: 'tbl', out: file, tables: ['region'] }), {
    instanceOf: BallistaError,
  })
  t.is((failed as BallistaError).code, 'FILE_NOT_WRITABLE')
  t.is(await readFile(file, 'utf8'), 'kept')
  t.deepEqual((await readdir(out)).toSorted(), ['file', 'part.csv'])
})
