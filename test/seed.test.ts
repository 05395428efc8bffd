/** The program of the README, unchanged, in every mode. */
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../src/arrow/memory.js'
import { SessionContext } from '../src/index.js'
import { startCluster } from './helpers/cluster.js'

const SQL = 'SELECT a, MIN(b) FROM example WHERE a <= b GROUP BY a LIMIT 100'
const EXPECTED = [
  { a: 1n, 'min(example.b)': 2n },
  { a: 2n, 'min(example.b)': 5n },
  { a: 3n, 'min(example.b)': 3n },
]

async function seedProgram(t: ExecutionContext, ctx: SessionContext): Promise<unknown> {
  // A failed run must not keep the process alive; closing twice is allowed.
  t.teardown(() => ctx.close())
  await ctx.registerCsv('example', 'test/data/example.csv')
  const df = await ctx.sql(SQL)
  const rows = await df.rows()
  await ctx.close()
  return rows.toSorted((left, right) => Number((left['a'] as bigint) - (right['a'] as bigint)))
}

test.serial('local', async t => {
  t.deepEqual(await seedProgram(t, new SessionContext()), EXPECTED)
  t.is(bytesInUse(), 0)
})

test.serial('standalone: scheduler and executors in this process', async t => {
  t.deepEqual(await seedProgram(t, await SessionContext.standalone()), EXPECTED)
  t.is(bytesInUse(), 0)
})

test.serial('remote: one scheduler and two executors', async t => {
  const cluster = await startCluster()
  t.teardown(() => cluster.close())
  t.deepEqual(await seedProgram(t, await SessionContext.remote(cluster.url)), EXPECTED)
  t.is(bytesInUse(), 0)
})
