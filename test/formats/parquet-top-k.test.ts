/** ORDER BY … LIMIT over Parquet prunes row groups by the bound it has so far, but not those whose NULLs come first. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'
import { openDuckDb } from '../../tpch/duckdb.js'

test('rows of every order are the first ones, wherever the NULLs lie', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-top-k-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 't.parquet')
  const duckDb = await openDuckDb(1)
  // Row groups of small values, some of them NULL, between row groups of great ones.
  await duckDb.run([
    `COPY (SELECT CASE WHEN (i // 20480) % 2 = 0 THEN 1000000 + i WHEN i % 1000 = 7 THEN NULL ELSE i % 100 END AS x, i
      FROM range(200000) r(i)) TO '${path}' (ROW_GROUP_SIZE 20480)`,
    `CREATE VIEW t AS SELECT * FROM '${path}'`,
  ])
  const ctx = new SessionContext({ settings: { 'ballista.execution.target_partitions': '1' } })
  await ctx.registerParquet('t', path)
  for (const direction of ['ASC', 'DESC']) {
    for (const nulls of ['NULLS FIRST', 'NULLS LAST']) {
      for (const limit of [5, 150, 3000]) {
        const sql = `SELECT CAST(x AS VARCHAR) AS x, CAST(i AS VARCHAR) AS i FROM t ORDER BY t.x ${direction} ${nulls}, t.i LIMIT ${limit}`
        const ours = (await (await ctx.sql(sql)).rows()).map(({ x, i }) => [x, i])
        const { rows } = await duckDb.run([sql])
        const theirs = rows.map(row =>
          row.map(cell => (cell === null ? null : typeof cell === 'object' && 'text' in cell ? cell.text : cell)),
        )
        t.deepEqual(ours, theirs, sql)
      }
    }
  }
  await ctx.close()
  duckDb.close()
  t.is(bytesInUse(), 0)
})
