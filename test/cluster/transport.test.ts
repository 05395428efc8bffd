/** Scheduler, executors and clients reach each other only by the transport they are given. */
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { batchRows } from '../../src/session/rows.js'
import { startStandalone } from '../../src/cluster/standalone.js'
import { clusterClient } from '../../src/exchange/remote-query.js'
import { grpcTransport, type Transport } from '../../src/exchange/transport.js'
import { given } from '../../src/session/dataframe.js'
import { planForCluster } from '../../src/session/plan-for-cluster.js'

/** gRPC that writes down who served and who was dialled. */
function recording(name: string, log: string[]): Transport {
  return {
    exchange: address => (log.push(`${name} dials an exchange`), grpcTransport.exchange(address)),
    scheduler: address => (log.push(`${name} dials the scheduler`), grpcTransport.scheduler(address)),
    node: address => grpcTransport.node(address),
    serve: (host, port, services) => (log.push(`${name} serves`), grpcTransport.serve(host, port, services)),
  }
}

test('every call goes through the given transport', async t => {
  const log: string[] = []
  const cluster = await startStandalone({
    executors: 1,
    slots: 1,
    planner: planForCluster,
    scheduler: { transport: recording('scheduler', log) },
    executor: { transport: recording('executor', log) },
  })
  const client = clusterClient({ address: cluster.address, transport: recording('client', log) })
  const request = { sql: 'SELECT 1 AS one', settings: {}, registrations: [], baseDirectory: process.cwd() }
  const { batches } = await client.submit({ request, signal: new AbortController().signal })
  const rows = []
  for await (const batch of given(batches)) rows.push(...batchRows(batch))
  await client.close()
  await cluster.close()
  t.deepEqual(rows, [{ one: 1n }])
  t.deepEqual(log, [
    'scheduler serves',
    'executor serves',
    'executor dials the scheduler',
    'client dials the scheduler',
    'client dials an exchange',
  ])
  t.is(bytesInUse(), 0)
})
