/** Clients that submit queries and never read: the cluster ends their queries, and its memory returns. */
import test from 'ava'
import { releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { BallistaError } from '../../src/common/errors.js'
import { startStandalone, type Standalone } from '../../src/cluster/standalone.js'
import { clusterClient, type ClusterClient, type RemoteResult } from '../../src/exchange/remote-query.js'
import { FAKE_OPERATORS, gather, numbers, openSources, stagesOf, tag, TAGGED } from '../exchange/fake-operators.js'

const CLIENTS = process.env.BALLISTA_TEST_FULL === '1' ? 200 : 40
const IDLE_MS = 400

/** More rows than all buffers and windows hold. */
const ENDLESS = { partitions: 2, batches: 100_000, rows: 2_000 }

async function withCluster(body: (cluster: Standalone) => Promise<void>): Promise<void> {
  const cluster = await startStandalone({
    executors: 2,
    slots: 2,
    planner: async request => ({
      schema: TAGGED,
      stages: stagesOf(gather(tag(numbers(request as typeof ENDLESS)))),
    }),
    logLevel: 'silent',
    executor: { threads: 0, operators: FAKE_OPERATORS },
  })
  try {
    await body(cluster)
  } finally {
    await cluster.close()
  }
}

async function submit(client: ClusterClient, shape: typeof ENDLESS): Promise<RemoteResult> {
  const settings = { 'ballista.client.idle_timeout': `${IDLE_MS}ms`, 'ballista.exchange.write_buffer': '64k' }
  return client.submit({ request: { ...shape, settings }, signal: new AbortController().signal })
}

async function idle({ scheduler, executors }: Standalone): Promise<void> {
  const busy = (): boolean => scheduler.stats().jobs > 0 || executors.some(executor => executor.stats().jobs > 0)
  while (busy()) await new Promise(setImmediate)
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return error instanceof BallistaError ? error.code : String(error)
  }
}

async function rowCount({ batches }: RemoteResult): Promise<number> {
  let rows = 0
  for await (const batch of batches) {
    rows += batch.rowCount
    releaseBatch(batch)
  }
  return rows
}

test.serial('clients that never read are reaped, memory returns, and who comes back hears why', async t => {
  const before = bytesInUse()
  await withCluster(async cluster => {
    const clients = Array.from({ length: 10 }, () => clusterClient({ address: cluster.address }))
    const results = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => submit(clients[i % clients.length], ENDLESS)),
    )
    t.is(results.length, CLIENTS)
    await idle(cluster)
    t.is(openSources.count, 0, 'open sources')
    t.is(bytesInUse(), before, 'bytes in the arena')
    t.is(await codeOf(rowCount(results[0])), 'CLIENT_IDLE')
    // The cluster answers others.
    t.is(await rowCount(await submit(clients[0], { partitions: 2, batches: 3, rows: 10 })), 60)
    await Promise.all(clients.map(client => client.close()))
  })
  t.is(bytesInUse(), before)
})

test.serial('a client that stops in the middle is reaped, one that reads slowly is not', async t => {
  const before = bytesInUse()
  await withCluster(async cluster => {
    const client = clusterClient({ address: cluster.address })
    const stopping = (await submit(client, ENDLESS)).batches[Symbol.asyncIterator]()
    const first = await stopping.next()
    if (first.done !== true) releaseBatch(first.value)
    await idle(cluster)
    t.is(await codeOf(drain(stopping)), 'CLIENT_IDLE')
    const started = performance.now()
    let rows = 0
    for await (const batch of (await submit(client, { partitions: 1, batches: 400, rows: 2_000 })).batches) {
      rows += batch.rowCount
      releaseBatch(batch)
      // Time passes, in which the client does something else.
      const until = started + (rows / 800_000) * 3 * IDLE_MS
      while (performance.now() < until) await new Promise(setImmediate)
    }
    t.is(rows, 800_000)
    await client.close()
  })
  t.is(bytesInUse(), before)
})

async function drain(batches: AsyncIterator<Parameters<typeof releaseBatch>[0]>): Promise<void> {
  for (let next = await batches.next(); next.done !== true; next = await batches.next()) releaseBatch(next.value)
}
