/** A standalone session whose scheduler and executors are processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import test from 'ava'
import { SessionContext } from '../../src/index.js'

test('answers, and its executors have the settings of the session', async t => {
  t.timeout(60_000)
  await using ctx = await SessionContext.standalone({
    processes: true,
    executors: 2,
    settings: {
      'ballista.memory.limit': '1MB',
      'ballista.runtime.max_temp_directory_size': '0',
      'ballista.optimizer.repartition_file_min_size': '1',
    },
  })
  await ctx.registerCsv('example', 'test/data/example.csv')
  t.deepEqual(await (await ctx.sql('SELECT count(*) AS n, sum(b) AS b FROM example')).rows(), [{ n: 7n, b: 32n }])
  // A limit of memory and of disk that only the executors know.
  const spills = await ctx.sql('SELECT * FROM generate_series(1, 300000) ORDER BY value % 7, value DESC')
  await t.throwsAsync(spills.rows(), { code: 'SPILL_LIMIT' })
})

test('its processes end with the one that started them, even if that is killed', async t => {
  t.timeout(60_000)
  const library = new URL('../../src/index.js', import.meta.url).href
  const program = `import(${JSON.stringify(library)})
    .then(async ({ SessionContext }) => {
      const ctx = await SessionContext.standalone({ processes: true, executors: 1 })
      console.log(JSON.stringify(await (await ctx.sql('SELECT 1 AS x')).rows({ bigint: 'number' })))
    })`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  // Its processes have its standard error, too: the end of that is the end of them all.
  const closed = once(child, 'close')
  child.stderr.resume()
  for await (const line of createInterface({ input: child.stdout })) {
    t.is(line, '[{"x":1}]')
    break
  }
  child.stdout.resume()
  child.kill('SIGKILL')
  await closed
  t.is(child.signalCode, 'SIGKILL')
})
