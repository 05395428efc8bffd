/** Sizes at which systems with one message per batch or plan fail: ten thousand partitions, a value of 50 MB. The exchange's settings are the defaults. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { startStandalone } from '../../src/cluster/standalone.js'
import { clusterClient } from '../../src/exchange/remote-query.js'
import { SessionContext } from '../../src/index.js'
import { FAKE_OPERATORS, gather, hashById, numbers, stagesOf, tag, TAGGED } from '../exchange/fake-operators.js'

const PARTITIONS = process.env.BALLISTA_TEST_FULL === '1' ? 10_000 : 1_000
const ROWS = 20_000
const VALUE_BYTES = 50_000_000

test.serial('a plan of thousands of partitions runs on two executors', async t => {
  const before = bytesInUse()
  const cluster = await startStandalone({
    executors: 2,
    slots: 2,
    planner: async () => ({
      schema: TAGGED,
      stages: stagesOf(gather(tag(hashById(numbers({ partitions: 2, batches: 1, rows: ROWS / 2 }), PARTITIONS)))),
    }),
    logLevel: 'silent',
    executor: {
      threads: 1,
      operators: FAKE_OPERATORS,
      workerEntry: new URL('../exchange/fake-worker.js', import.meta.url),
    },
  })
  const client = clusterClient({ address: cluster.address })
  const { batches } = await client.submit({ request: {}, signal: new AbortController().signal })
  let rows = 0
  for await (const batch of batches) {
    rows += batch.rowCount
    releaseBatch(batch)
  }
  t.is(rows, ROWS)
  await client.close()
  await cluster.close()
  t.is(bytesInUse(), before)
})

test.serial('values of 50 MB pass between executors, and to the client', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-large-'))
  const files = ['a', 'b'].map(name => join(directory, `${name}.csv`))
  files.forEach((file, i) => writeFileSync(file, `id\n${2 * i}\n${2 * i + 1}\n`))
  const ctx = await SessionContext.standalone({
    executors: 2,
    slots: 1,
    // Two files of some bytes are worth one task by default.
    settings: { 'ballista.optimizer.repartition_file_min_size': '1', 'ballista.execution.target_partitions': '2' },
  })
  try {
    await ctx.registerCsv('t', files)
    const frame = await ctx.sql(`SELECT repeat('x', ${VALUE_BYTES}) || id AS value, id FROM t ORDER BY id DESC`)
    const rows = (await frame.rows()) as { value: string; id: bigint }[]
    t.deepEqual(
      rows.map(({ value, id }) => [value.length, value.slice(-2), id]),
      [3n, 2n, 1n, 0n].map(id => [VALUE_BYTES + 1, `x${id}`, id]),
    )
  } finally {
    await ctx.close()
    rmSync(directory, { recursive: true })
  }
})
