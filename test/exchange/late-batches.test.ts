/** A task that fails while batches are on their way to its thread: the query ends only when the thread has let them go. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'
import { given } from '../../src/session/dataframe.js'

const RUNS = 40

test('after a query that failed for want of memory nothing is in use, at once', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-late-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const lines = Array.from({ length: 20_000 }, (_, id) => `${id},v${(id * 7919) % 20_000},${(id * 31) % 977}.5`)
  writeFileSync(join(directory, 'rows.csv'), `id,s,d\n${lines.join('\n')}\n`)
  const ctx = new SessionContext({
    settings: {
      'ballista.memory.limit': '1MB',
      // Nothing may be written to temporary files, so that the aggregates fail.
      'ballista.runtime.max_temp_directory_size': '0',
      'ballista.execution.batch_size': '500',
      'ballista.execution.target_partitions': '3',
      'ballista.optimizer.repartition_file_min_size': '1',
    },
  })
  t.teardown(() => ctx.close())
  await ctx.registerCsv('big', join(directory, 'rows.csv'))
  const counted = async (): Promise<void> => {
    const { batches } = await (
      await ctx.sql('SELECT s, count(DISTINCT id), count(DISTINCT d) FROM big GROUP BY s')
    ).execute()
    for await (const batch of given(batches)) void batch
  }
  for (let run = 0; run < RUNS; run++) {
    await t.throwsAsync(counted, { code: 'SPILL_LIMIT' })
    t.is(bytesInUse(), 0, `run ${run}`)
  }
})
