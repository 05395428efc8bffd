/** Exchanges whose TCP connections are cut in mid-stream: they go on over new ones, or fail on both sides; never fewer rows, never more. */
import test, { type ExecutionContext } from 'ava'
import { columnValues, releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { seededRng, systemClock } from '../../src/common/clock.js'
import { BallistaError } from '../../src/common/errors.js'
import { ExchangeHub } from '../../src/exchange/exchange-hub.js'
import { ExchangeServer } from '../../src/exchange/exchange-server.js'
import { MergedReader } from '../../src/exchange/merged-reader.js'
import { RemoteExchange } from '../../src/exchange/remote-exchange.js'
import type { OutputBuffer } from '../../src/exchange/output-buffer.js'
import { grpcTransport } from '../../src/exchange/transport.js'
import { cuttingProxy, type CuttingProxy } from '../helpers/cutting-proxy.js'
import { numbersBatch, ROWS } from './fake-operators.js'

const PRODUCERS = 3
const BATCHES = 40
const ROWS_PER_BATCH = 500

interface Parts {
  readonly hub: ExchangeHub
  readonly outputs: readonly OutputBuffer[]
  readonly proxy: CuttingProxy
  /** Cuts that have happened. */
  readonly cuts: { count: number }
  readonly consumer: RemoteExchange
  readonly reader: (reconnectMs: number, windowBytes?: number) => MergedReader
}

/** `nextCut`: after how many bytes connections are cut next; the proxy is given when they have been. */
async function withProxy(
  t: ExecutionContext,
  nextCut: (cut?: CuttingProxy) => number,
  body: (parts: Parts) => Promise<void>,
): Promise<void> {
  const before = bytesInUse()
  const hub = new ExchangeHub({ clock: systemClock })
  const server = new ExchangeServer({ hub, clock: systemClock })
  const running = await grpcTransport.serve('127.0.0.1', 0, {
    exchange: call => void server.serve(call),
    stats: () => {
      throw new Error('nobody asks')
    },
  })
  const cuts = { count: 0 }
  const proxy = await cuttingProxy(`127.0.0.1:${running.port}`, cut => {
    cuts.count++
    cut.cutAfter(nextCut(cut))
  })
  proxy.cutAfter(nextCut())
  const consumer = new RemoteExchange()
  hub.openJob('job')
  const outputs = Array.from({ length: PRODUCERS }, (_, producer) =>
    hub.openOutput({ jobId: 'job', edge: 0, producer }, { schema: ROWS, partitionCount: 1, limit: 1 }),
  )
  const reader = (reconnectMs: number, windowBytes = 20_000): MergedReader =>
    new MergedReader(
      outputs.map((_, producer) =>
        consumer.open(proxy.address, {
          jobId: 'job',
          edge: 0,
          producer,
          partition: 0,
          schema: ROWS,
          windowBytes,
          reconnectMs,
        }),
      ),
    )
  try {
    await body({ hub, outputs, proxy, cuts, consumer, reader })
  } finally {
    await hub.closeJob('job')
    await consumer.close()
    await proxy.close()
    await running.close(systemClock)
  }
  t.is(bytesInUse(), before, 'bytes in the arena')
}

/** Gives all batches of all outputs, as tasks do; resolves when the consumer has acknowledged them. */
const produce = async (outputs: readonly OutputBuffer[]): Promise<void> =>
  void (await Promise.all(
    outputs.map(async (output, producer) => {
      for (let batch = 0; batch < BATCHES; batch++) {
        output.add(0, numbersBatch((producer * BATCHES + batch) * ROWS_PER_BATCH, ROWS_PER_BATCH))
        await output.writable()
      }
      output.end()
      await output.drained()
    }),
  ))

async function idsOf(reader: MergedReader): Promise<number[]> {
  const ids: number[] = []
  for await (const batch of reader) {
    for (const id of columnValues(batch.columns[0])) ids.push(Number(id))
    releaseBatch(batch)
  }
  return ids.sort((left, right) => left - right)
}

const ALL = Array.from({ length: PRODUCERS * BATCHES * ROWS_PER_BATCH }, (_, id) => id)

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return error instanceof BallistaError ? error.code : String(error)
  }
}

const SEEDS = process.env.BALLISTA_TEST_FULL === '1' ? 200 : 5

test.serial('connections that are cut at random places cost time and no rows', async t => {
  let cuts = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const rng = seededRng(seed)
    await withProxy(
      t,
      () => 1_000 + Math.floor(rng.next() * 800_000),
      async parts => {
        const window = 1 + Math.floor(rng.next() * 200_000)
        const [ids] = await Promise.all([idsOf(parts.reader(10_000, window)), produce(parts.outputs)])
        t.deepEqual(ids, ALL, `seed ${seed}`)
        cuts += parts.cuts.count
      },
    )
  }
  t.true(cuts > 2 * SEEDS, `${cuts} cuts`)
})

test.serial('without time to reconnect a cut is NETWORK on both sides, at once', async t => {
  await withProxy(
    t,
    () => 200_000,
    async ({ outputs, reader }) => {
      const produced = codeOf(produce(outputs))
      t.is(await codeOf(idsOf(reader(0))), 'NETWORK')
      t.is(await produced, 'NETWORK')
    },
  )
})

test.serial('a peer that does not come back is NETWORK on both sides when the time is over', async t => {
  await withProxy(
    t,
    cut => {
      cut?.refuse()
      return 200_000
    },
    async ({ outputs, reader, proxy }) => {
      const produced = codeOf(produce(outputs))
      t.is(await codeOf(idsOf(reader(200))), 'NETWORK')
      t.is(await produced, 'NETWORK')
      t.true(proxy.accepted() > 1)
    },
  )
})

test.serial('connections without progress do not last for ever', async t => {
  await withProxy(
    t,
    () => 10,
    async ({ hub, outputs, reader, cuts }) => {
      const produced = codeOf(produce(outputs))
      t.is(await codeOf(idsOf(reader(300))), 'NETWORK')
      t.true(cuts.count > 1)
      // The producers have never heard of a consumer.
      await hub.closeJob('job')
      t.is(await produced, 'CANCELLED')
    },
  )
})
