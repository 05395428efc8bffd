/** Streaming through a cluster of real processes: rows come before the input is read, and a reader that waits holds the scan. */
import test, { type ExecutionContext } from 'ava'
import type { RecordBatch } from 'apache-arrow'
import { SessionContext } from '../../src/session/context.js'
import { startCluster, type Cluster } from '../helpers/cluster.js'
import { linkedLineitem, type LinkedTable } from '../helpers/linked-table.js'
import { afterwards, bytesReadBy, NOTHING_HELD, until } from '../helpers/node-watch.js'
import { nodeStats } from '../../src/exchange/node-stats.js'

/** 480 MB, a row group each, of which a task reads one at a time. */
const FILES = 200
/** Times that the executors are asked, one after the other, before they count as standing still. */
const STILL = 40

interface Remote {
  readonly cluster: Cluster
  readonly ctx: SessionContext
  readonly table: LinkedTable
}

let shared: Remote | undefined

test.before(async () => {
  const table = await linkedLineitem(FILES)
  const cluster = await startCluster(2, 2)
  const ctx = await SessionContext.remote(cluster.url)
  shared = { cluster, ctx, table }
  await ctx.registerParquet('lineitem', table.directory)
})

test.after.always(async () => {
  await shared?.ctx.close()
  await shared?.cluster.close()
  shared?.table.remove()
})

/** Runs `body` on executors that have read `readBefore` bytes; nothing is left on them after it. */
async function withRemote(
  t: ExecutionContext,
  body: (remote: Remote, readBefore: number) => Promise<void>,
): Promise<void> {
  if (shared === undefined) throw new Error('the cluster did not start')
  const { cluster } = shared
  await body(shared, await bytesReadBy(cluster.executorAddresses))
  const nodes = [cluster.address, ...cluster.executorAddresses]
  t.deepEqual(
    await afterwards(nodes),
    nodes.map(() => NOTHING_HELD),
  )
}

/** Bytes that the executors have read, once that does not change any more. */
async function settled({ cluster }: Remote): Promise<number> {
  let still = 0
  let before = -1
  return until('the scan stands still', async () => {
    const now = await bytesReadBy(cluster.executorAddresses)
    still = now === before ? still + 1 : 0
    before = now
    return still >= STILL ? now : undefined
  })
}

async function arenaBytes({ cluster }: Remote): Promise<number> {
  const stats = await Promise.all(cluster.executorAddresses.map(nodeStats))
  return stats.reduce((sum, node) => sum + node.arenaBytes, 0)
}

async function open({ ctx }: Remote, sql: string): Promise<AsyncGenerator<RecordBatch>> {
  return (await ctx.sql(sql)).stream()
}

test.serial('the first batch comes after less than 5 % of the input, and leaving the loop stops the scan', async t => {
  await withRemote(t, async (remote, before) => {
    const batches = await open(remote, 'SELECT * FROM lineitem')
    const opening = await batches.next()
    t.true(opening.done !== true && opening.value.numRows > 0)
    const whileWaiting = (await settled(remote)) - before
    t.true(whileWaiting > 0)
    t.true(whileWaiting < 0.05 * remote.table.bytes, `${whileWaiting} of ${remote.table.bytes} bytes`)
    await batches.return(undefined)
    const addresses = remote.cluster.executorAddresses
    t.deepEqual(await afterwards(addresses), [NOTHING_HELD, NOTHING_HELD])
    const atTheEnd = (await bytesReadBy(addresses)) - before
    t.true(atTheEnd < 0.05 * remote.table.bytes, `${atTheEnd} of ${remote.table.bytes} bytes`)
    t.is((await settled(remote)) - before, atTheEnd)
  })
})

test.serial('a reader that takes a batch now and then holds the memory of the executors flat', async t => {
  await withRemote(t, async (remote, before) => {
    const batches = await open(remote, 'SELECT * FROM lineitem')
    const held: number[] = []
    for (let taken = 0; taken < 40; taken++) {
      const step = await batches.next()
      t.false(step.done)
      if (taken % 8 !== 7) continue
      // The reader waits; everything before it comes to a stop.
      await settled(remote)
      held.push(await arenaBytes(remote))
    }
    // 2 windows of 4 MiB and 2 batches in work for each of 4 scans and the gathering task, in batches of about 5 MB.
    t.true(Math.max(...held) < 150e6, `${held.join(', ')} bytes`)
    t.true((await settled(remote)) - before < 0.3 * remote.table.bytes)
    await batches.return(undefined)
  })
})

test.serial('a LIMIT without an order reads what it needs', async t => {
  await withRemote(t, async (remote, before) => {
    const rows = await (await remote.ctx.sql('SELECT l_orderkey FROM lineitem LIMIT 10')).rows()
    t.is(rows.length, 10)
    // Of a task or two a footer and one column of one row group.
    const read = (await settled(remote)) - before
    t.true(read <= remote.table.bytes / FILES, `${read} bytes`)
  })
})

/** Each could read all 480 MB; what a LIMIT wants is in the first batches of every task. */
const LIMITED: Readonly<Record<string, readonly [sql: string, rows: number]>> = {
  'over a filter': ['SELECT l_orderkey FROM lineitem WHERE l_quantity > 10 LIMIT 100', 100],
  'over a join with a small table': [
    'SELECT l.* FROM (VALUES (1), (2)) AS v(n) JOIN lineitem AS l ON l.l_linenumber = v.n LIMIT 100',
    100,
  ],
  'over a join that exchanges both sides': [
    'SELECT l.l_comment, g.k FROM generate_series(1, 3000000) AS g(k) LEFT JOIN lineitem AS l ON l.l_orderkey = g.k LIMIT 100',
    100,
  ],
  'over UNION ALL': ['SELECT l_comment FROM lineitem UNION ALL SELECT l_shipmode FROM lineitem LIMIT 100', 100],
  'in a subquery that is joined': [
    'SELECT v.n FROM (SELECT * FROM lineitem LIMIT 1000) AS l, (VALUES (1)) AS v(n)',
    1000,
  ],
  'in a subquery that is counted': ['SELECT count(l_comment) AS n FROM (SELECT * FROM lineitem LIMIT 1000)', 1],
}

for (const [name, [sql, count]] of Object.entries(LIMITED)) {
  test.serial(`a LIMIT ${name} stops the scans of all executors`, async t => {
    await withRemote(t, async (remote, before) => {
      t.is((await (await remote.ctx.sql(sql)).rows()).length, count)
      const read = (await settled(remote)) - before
      t.log(`${((100 * read) / remote.table.bytes).toFixed(1)} % read`)
      t.true(read < 0.25 * remote.table.bytes, `${read} of ${remote.table.bytes} bytes`)
    })
  })
}

test.serial('a filter that keeps nothing ends with no rows', async t => {
  await withRemote(t, async remote => {
    t.deepEqual(await (await remote.ctx.sql('SELECT * FROM lineitem WHERE l_orderkey < 0')).rows(), [])
    t.is(await (await remote.ctx.sql('SELECT l_orderkey FROM lineitem')).count(), remote.table.rows)
  })
})
