/** A worker thread of an executor that dies in the middle of a query, its batches being on their way to other processes. */
import test from 'ava'
import { releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { BallistaError } from '../../src/common/errors.js'
import { startStandalone } from '../../src/cluster/standalone.js'
import { clusterClient, type ClusterClient } from '../../src/exchange/remote-query.js'
import { FAKE_OPERATORS, gather, hashById, numbers, stagesOf, tag, TAGGED } from '../exchange/fake-operators.js'

type Shape = Parameters<typeof numbers>[0] & { readonly settings?: Readonly<Record<string, string>> }

async function rowCount(client: ClusterClient, request: Shape): Promise<number> {
  const { batches } = await client.submit({ request, signal: new AbortController().signal })
  let rows = 0
  for await (const batch of batches) {
    rows += batch.rowCount
    releaseBatch(batch)
  }
  return rows
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return error instanceof BallistaError ? error.code : String(error)
  }
}

test.serial('a thread that dies is THREAD_LOST, its memory returns, and the next query is right', async t => {
  const before = bytesInUse()
  const cluster = await startStandalone({
    executors: 2,
    slots: 1,
    planner: async request => ({
      schema: TAGGED,
      stages: stagesOf(gather(tag(hashById(numbers(request as Shape), 3)))),
    }),
    logLevel: 'silent',
    executor: {
      threads: 1,
      operators: FAKE_OPERATORS,
      workerEntry: new URL('../exchange/fake-worker.js', import.meta.url),
    },
  })
  const client = clusterClient({ address: cluster.address })
  try {
    const good = { partitions: 2, batches: 20, rows: 2_000 }
    for (const failAt of [0, 1, 7, 19]) {
      const settings = { 'ballista.retry_policy': 'none' }
      t.is(await codeOf(rowCount(client, { ...good, failAt, exit: 3, settings })), 'THREAD_LOST', `batch ${failAt}`)
      const busy = (): boolean => cluster.executors.some(executor => executor.stats().jobs > 0)
      while (busy()) await new Promise(setImmediate)
      t.is(bytesInUse(), before, `after batch ${failAt}`)
      t.is(await rowCount(client, good), 2 * 20 * 2_000)
    }
  } finally {
    await client.close()
    await cluster.close()
  }
  t.is(bytesInUse(), before)
})
