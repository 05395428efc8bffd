/** A program ends by itself when its queries are done, also without close(); a standalone cluster ends with its session. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import test from 'ava'
import { startCluster } from '../helpers/cluster.js'

const QUERY = `await (await ctx.sql('SELECT count(*) AS n FROM (SELECT DISTINCT column1 FROM (VALUES (1), (2)) AS v)')).rows()`

/** The body of a module that knows SessionContext; it must end within the time limit of the child. */
async function run(body: string): Promise<string> {
  const program = `import { SessionContext } from ${JSON.stringify(new URL('../../src/index.js', import.meta.url).href)}\n${body}`
  const args = ['--input-type=module', '--eval', program]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000 })
  const [stdout, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'close')])
  return `${stdout.trim()} ${String(code ?? signal)}`
}

test.serial('in this process, on threads', async t => {
  const body = `const ctx = new SessionContext({ settings: { 'ballista.execution.target_partitions': '2' } })
    console.log(${QUERY})`
  t.is(await run(body), '[ { n: 2n } ] 0')
})

test.serial('over a running cluster', async t => {
  const cluster = await startCluster()
  t.teardown(() => cluster.close())
  t.is(await run(`const ctx = await SessionContext.remote('${cluster.url}')\nconsole.log(${QUERY})`), '[ { n: 2n } ] 0')
})

test.serial('standalone, when its session is disposed of', async t => {
  const body = `const ctx = await SessionContext.standalone({ executors: 1 })
    console.log(${QUERY})
    await ctx[Symbol.asyncDispose]()`
  t.is(await run(body), '[ { n: 2n } ] 0')
})

test.serial('a query that was left does not keep the process', async t => {
  const body = `const ctx = new SessionContext()
    const endless = Array.from({ length: 10 }, (_, i) => 'n a' + i).join(', ')
    await ctx.sql('CREATE TABLE n AS SELECT column1 AS x FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS v')
    for await (const _ of (await ctx.sql('SELECT a1.x FROM ' + endless)).toReadable()) break
    console.log('left')`
  t.is(await run(body), 'left 0')
})
