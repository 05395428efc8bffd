/** count(*), count, min and max of Parquet tables come from the footers, exactly, or the rows are read. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { DuckDBInstance } from '@duckdb/node-api'
import { SessionContext } from '../../src/index.js'

test('what footers know is not read; files that come later count', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-exact-'))
  const instance = await DuckDBInstance.create(':memory:')
  const duckdb = await instance.connect()
  const write = (file: string, from: number, to: number): Promise<unknown> =>
    duckdb.run(
      `COPY (SELECT i::BIGINT AS id, CASE WHEN i % 3 = 0 THEN NULL ELSE i::INTEGER END AS part, DATE '2020-01-01' + i::INTEGER AS day,
        i / 2 AS half, 'row ' || i AS name FROM range(${from}, ${to}) r(i)) TO '${directory}/${file}.parquet' (ROW_GROUP_SIZE 2048)`,
    )
  await write('a', 0, 5000)
  const ctx = new SessionContext()
  await ctx.registerParquet('rows', `${directory}/`)
  const answer = async (list: string, rest = ''): Promise<{ row: unknown; reads: boolean }> => {
    const sql = `SELECT ${list} FROM rows${rest}`
    const plan = String((await (await ctx.sql(`EXPLAIN ${sql}`)).rows())[1].plan)
    return { row: Object.values((await (await ctx.sql(sql)).rows())[0]), reads: plan.includes('DataSourceExec') }
  }
  t.deepEqual(await answer('count(*), count(part), min(id), max(id), max(part)'), {
    row: [5000n, 3333n, 0n, 4999n, 4999],
    reads: false,
  })
  t.deepEqual(await answer('min(day), count(*) + 1'), { row: [new Date('2020-01-01'), 5001n], reads: false })
  t.deepEqual(await answer('max(name), count(*)'), { row: ['row 999', 5000n], reads: true })
  t.deepEqual(await answer('max(half)'), { row: [2499.5], reads: true })
  t.deepEqual(await answer('count(DISTINCT part)'), { row: [3333n], reads: true })
  t.deepEqual(await answer('count(*)', ' WHERE id < 10'), { row: [10n], reads: true })
  t.deepEqual(await answer('count(*)', ' GROUP BY id % 1'), { row: [5000n], reads: true })
  await write('b', 5000, 5010)
  t.deepEqual(await answer('count(*), max(id)'), { row: [5010n, 5009n], reads: false })
  await ctx.close()
  duckdb.closeSync()
  instance.closeSync()
  rmSync(directory, { recursive: true })
})
