/**
 * Executors that are killed, stopped or all gone while a query runs, on real processes: who holds the rows gets the right ones, who
 * streams gets them or a typed error, and nothing is left behind. SEED=n replays the moments.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { seededRng } from '../../src/common/clock.js'
import { BallistaError } from '../../src/common/errors.js'
import { nodeStats } from '../../src/exchange/node-stats.js'
import { SessionContext } from '../../src/session/context.js'
import type { Row } from '../../src/session/rows.js'
import { generateTpch } from '../../tpch/generate.js'
import { startCluster, type Cluster, type ExecutorProcess } from '../helpers/cluster.js'
import { afterwards, NOTHING_HELD, until } from '../helpers/node-watch.js'

const FULL = process.env.BALLISTA_TEST_FULL === '1'
const SCALE = FULL ? 0.2 : 0.02
const KILLS = FULL ? 5 : 1
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const TABLES = ['lineitem', 'orders', 'customer'] as const

/** At scale 0.2 there are 1.2 million rows and as many groups. */
const SHAPES: Readonly<Record<string, string>> = {
  'scan and filter': 'SELECT l_orderkey, l_linenumber, l_extendedprice FROM lineitem WHERE l_quantity < 10',
  'global aggregate':
    'SELECT count(*) AS n, sum(l_extendedprice * l_discount) AS revenue, max(l_shipdate) AS last FROM lineitem',
  'aggregate of many groups':
    'SELECT count(*) AS groups, sum(n) AS n FROM (SELECT l_orderkey, l_linenumber, l_comment, count(*) AS n FROM lineitem GROUP BY l_orderkey, l_linenumber, l_comment) t',
  'partitioned join':
    'SELECT o_orderpriority, count(*) AS n, sum(l_quantity) AS quantity FROM lineitem JOIN orders ON l_orderkey = o_orderkey GROUP BY o_orderpriority',
  'broadcast join':
    "SELECT c_nationkey, count(*) AS n FROM orders JOIN customer ON o_custkey = c_custkey WHERE c_mktsegment = 'BUILDING' GROUP BY c_nationkey",
  'total sort': 'SELECT l_orderkey, l_linenumber FROM lineitem ORDER BY l_extendedprice, l_orderkey, l_linenumber',
  'top-k over a join':
    'SELECT l_orderkey, l_linenumber, o_orderdate FROM lineitem JOIN orders ON l_orderkey = o_orderkey ORDER BY l_extendedprice DESC, l_orderkey, l_linenumber LIMIT 50',
  'CTE used twice':
    'WITH t AS (SELECT l_suppkey, sum(l_quantity) AS q FROM lineitem GROUP BY l_suppkey) SELECT count(*) AS n, sum(a.q) AS q FROM t a JOIN t b ON a.l_suppkey = b.l_suppkey WHERE a.q >= b.q',
}

const shapes = FULL ? Object.keys(SHAPES) : ['scan and filter', 'partitioned join', 'total sort']

const text = (row: Row): string =>
  JSON.stringify(Object.values(row), (_, value) => (typeof value === 'bigint' ? String(value) : value))

interface Answer {
  readonly rows: number
  /** Of all rows, in their order if it has one. */
  readonly digest: string
}

function answerOf(rows: readonly Row[], sql: string): Answer {
  const texts = sql.includes('ORDER BY') ? rows.map(text) : rows.map(text).sort()
  return { rows: rows.length, digest: createHash('sha256').update(texts.join('\n')).digest('hex') }
}

const directory = mkdtempSync(join(tmpdir(), 'ballista-lost-'))

test.before('data', async t => {
  t.log(`SEED=${SEED}`)
  await generateTpch({ scale: SCALE, out: directory, format: 'parquet', tables: [...TABLES], threads: 1 })
})
test.after.always('data', () => rmSync(directory, { recursive: true, force: true }))

async function register(ctx: SessionContext): Promise<SessionContext> {
  for (const table of TABLES) await ctx.registerParquet(table, join(directory, `${table}.parquet`))
  return ctx
}

async function expectedAnswer(sql: string): Promise<Answer> {
  const ctx = await register(new SessionContext())
  try {
    return answerOf(await (await ctx.sql(sql)).rows(), sql)
  } finally {
    await ctx.close()
  }
}

async function withCluster(
  body: (cluster: Cluster, ctx: SessionContext) => Promise<void>,
  executors = 2,
): Promise<void> {
  const cluster = await startCluster(executors, 1)
  const ctx = await register(await SessionContext.remote(cluster.url))
  try {
    await body(cluster, ctx)
  } finally {
    await ctx.close()
    await cluster.close()
  }
}

const held = async (nodes: readonly string[]): Promise<unknown> => afterwards(nodes)
const nothing = (nodes: readonly string[]): unknown => nodes.map(() => NOTHING_HELD)

/** Runs until it ends or fails with the error of who has given rows out. */
async function streamed(ctx: SessionContext, sql: string): Promise<number | 'partial'> {
  let rows = 0
  try {
    for await (const batch of (await ctx.sql(sql)).stream()) rows += batch.numRows
    return rows
  } catch (error) {
    if (error instanceof BallistaError && error.code === 'PARTIAL_RESULT_DELIVERED') return 'partial'
    throw error
  }
}

test.serial(
  'an executor is killed at a random moment: rows() is right, stream() right or typed, nothing is left',
  async t => {
    const rng = seededRng(SEED)
    await withCluster(async (cluster, ctx) => {
      let victim: ExecutorProcess = { child: cluster.executors[1], address: cluster.executorAddresses[1] }
      const killed = async <T>(run: () => Promise<T>, delayMs: number): Promise<T> => {
        const timer = setTimeout(() => victim.child.kill('SIGKILL'), delayMs)
        try {
          return await run()
        } finally {
          clearTimeout(timer)
          victim.child.kill('SIGKILL')
          const nodes = [cluster.address, cluster.executorAddresses[0]]
          t.deepEqual(await held(nodes), nothing(nodes))
          victim = await cluster.addExecutor()
        }
      }
      for (const shape of shapes) {
        const sql = SHAPES[shape]
        const expected = await expectedAnswer(sql)
        const rows = async (): Promise<Answer> => answerOf(await (await ctx.sql(sql)).rows(), sql)
        t.deepEqual(await rows(), expected, shape)
        const start = performance.now()
        t.deepEqual(await rows(), expected, shape)
        const elapsedMs = performance.now() - start
        for (let kill = 0; kill < KILLS; kill++) {
          t.deepEqual(await killed(rows, elapsedMs * rng.next()), expected, `${shape}, rows ${kill}`)
          const stream = await killed(() => streamed(ctx, sql), elapsedMs * rng.next())
          t.true(stream === 'partial' || stream === expected.rows, `${shape}, stream ${kill}`)
        }
      }
    })
  },
)

// These take as long as they say.
if (FULL) {
  test.serial('an executor that is stopped for 3 s and for 60 s: rows() is right, and it comes back', async t => {
    const sql = SHAPES['partitioned join']
    const expected = await expectedAnswer(sql)
    await withCluster(async (cluster, ctx) => {
      for (const seconds of [3, 60]) {
        const running = (async () => answerOf(await (await ctx.sql(sql)).rows(), sql))()
        await until('tasks to run', async () =>
          (await nodeStats(cluster.address)).runningTasks > 0 ? true : undefined,
        )
        cluster.executors[1].kill('SIGSTOP')
        const continued = new Promise(resolve => setTimeout(resolve, seconds * 1_000))
        void continued.then(() => cluster.executors[1].kill('SIGCONT'))
        t.deepEqual(await running, expected, `${seconds} s`)
        await continued
        await until('both executors', async () =>
          (await nodeStats(cluster.address)).executors === 2 ? true : undefined,
        )
        const nodes = [cluster.address, ...cluster.executorAddresses]
        t.deepEqual(await held(nodes), nothing(nodes))
      }
    })
  })
}

// The grace period is 15 s; cluster.test.ts has a shorter one.
if (FULL) {
  test.serial('all executors are killed: a typed error within the grace period', async t => {
    await withCluster(async (cluster, ctx) => {
      const frame = await ctx.sql(SHAPES['partitioned join'])
      const failing = t.throwsAsync(() => frame.rows(), { instanceOf: BallistaError })
      await until('tasks to run', async () => ((await nodeStats(cluster.address)).runningTasks > 0 ? true : undefined))
      for (const executor of cluster.executors) executor.kill('SIGKILL')
      t.is((await failing)?.code, 'NO_EXECUTORS')
      t.deepEqual(await held([cluster.address]), nothing([cluster.address]))
    })
  })
}
