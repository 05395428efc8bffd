/** What a query says it will read is what it reads. */
import { mkdtempSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { releaseBatch } from '../../src/arrow/column.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { SessionContext } from '../../src/session/context.js'

const directory = mkdtempSync(join(tmpdir(), 'ballista-scan-bytes-'))
test.after.always(() => rm(directory, { recursive: true, force: true }))

test('bytes to read are those of the columns and row groups that are read', async t => {
  await using ctx = new SessionContext({ settings: { 'ballista.execution.target_partitions': '1' } })
  const values = Array.from({ length: 400 }, (_, i) => `(${i}, 'text ${(i * 7919) % 1000}', ${i % 3})`).join(', ')
  const [parquet, csv] = ['t.parquet', 't.csv'].map(name => join(directory, name))
  const rows = `SELECT column1 AS a, column2 AS b, column3 AS c FROM (VALUES ${values}) v`
  await ctx.sql(`COPY (${rows}) TO '${parquet}' STORED AS PARQUET OPTIONS ('max_row_group_size' '100')`)
  await ctx.sql(`COPY (${rows}) TO '${csv}' STORED AS CSV`)
  await ctx.registerParquet('p', parquet)
  await ctx.registerCsv('c', csv)

  const [said, read] = [new Map<string, number>(), new Map<string, number>()]
  const queries = [
    'SELECT a FROM p',
    'SELECT a, b, c FROM p',
    'SELECT b FROM p WHERE a >= 300',
    'SELECT a FROM c',
    'SELECT 1',
  ]
  for (const query of queries) {
    const { batches, scanBytes } = await (await ctx.sql(query)).execute()
    said.set(query, (await scanBytes?.()) ?? -1)
    const before = ioStats().bytesRead
    for await (const batch of batches) releaseBatch(batch)
    read.set(query, ioStats().bytesRead - before)
  }
  t.is(said.get('SELECT 1'), 0)
  t.is(said.get('SELECT a FROM c'), statSync(csv).size)
  for (const query of queries.slice(0, 3)) t.is(read.get(query), said.get(query), query)
  const [one, all, some] = queries.map(query => said.get(query) ?? -1)
  t.true(one > 0 && one < all && all < statSync(parquet).size)
  t.true(some > 0 && some < all)
})
