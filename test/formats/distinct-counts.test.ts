/** Distinct values of columns, from the dictionaries of Parquet files. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { DuckDBInstance } from '@duckdb/node-api'
import { openListingTable } from '../../src/formats/listing-table.js'
import { distinctOfAll } from '../../src/formats/parquet/distinct-counts.js'
import { thisHost } from '../../src/storage/this-host.js'

test('few values of a sample are all there are; of many, more are expected among all rows', t => {
  t.is(distinctOfAll(5, 100_000, 1_000_000), 5)
  t.is(distinctOfAll(100, 100, 100), 100)
  const many = distinctOfAll(63_212, 100_000, 1_000_000)
  t.true(Math.abs(many - 100_000) < 100, String(many))
  t.is(distinctOfAll(100_000, 100_000, 1_000_000), 1_000_000)
})

test('columns with a dictionary have counts; integers and dates have their bounds instead', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-distinct-'))
  const instance = await DuckDBInstance.create(':memory:')
  const duckdb = await instance.connect()
  for (const file of ['a', 'b']) {
    await duckdb.run(
      `COPY (SELECT 'color ' || (i % 7) AS color, (i % 11)::DECIMAL(9, 2) AS price, i::BIGINT AS id, '${file}' || i AS name FROM range(5000) r(i)) TO '${directory}/${file}.parquet'`,
    )
  }
  duckdb.closeSync()
  instance.closeSync()
  const one = await openListingTable({ path: `${directory}/a.parquet`, host: thisHost() })
  const counts = (columns: ReadonlyMap<string, { distinctCount?: number }>): unknown =>
    ['color', 'price', 'id'].map(name => columns.get(name)?.distinctCount)
  t.deepEqual(counts(one.statistics().columns), [7, 11, undefined])
  const both = await openListingTable({ path: `${directory}/`, host: thisHost() })
  t.deepEqual(counts(both.statistics().columns), [7, 11, undefined])
  rmSync(directory, { recursive: true })
})
