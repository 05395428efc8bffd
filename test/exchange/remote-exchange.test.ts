/** The exchange between processes over real gRPC servers on free ports: bounds, endings, and peers that lie. */
import test, { type ExecutionContext } from 'ava'
import { bytesInUse, release } from '../../src/arrow/memory.js'
import { columnValues, releaseBatch } from '../../src/arrow/column.js'
import { encodeBatch } from '../../src/arrow/frame.js'
import type { Batch } from '../../src/arrow/batch.js'
import { systemClock } from '../../src/common/clock.js'
import { BallistaError, fail } from '../../src/common/errors.js'
import { encodeForExchange, pieceOf } from '../../src/exchange/encoded-batch.js'
import { ExchangeHub } from '../../src/exchange/exchange-hub.js'
import { ExchangeServer } from '../../src/exchange/exchange-server.js'
import { sealFrame } from '../../src/exchange/frame-checksum.js'
import { loadGrpc, SERVER_OPTIONS, type ExchangeCall } from '../../src/exchange/grpc.js'
import { MergedReader } from '../../src/exchange/merged-reader.js'
import { listenOnOnePort } from '../../src/exchange/one-port-server.js'
import { FRAME_BYTES } from '../../src/exchange/options.js'
import type { OutputBuffer } from '../../src/exchange/output-buffer.js'
import type { Frame, ToConsumer, ToProducer } from '../../src/exchange/proto/messages.js'
import { OWN_VERSION } from '../../src/exchange/protocol.js'
import { RemoteExchange } from '../../src/exchange/remote-exchange.js'
import { numbersBatch, ROWS } from './fake-operators.js'

interface Peers {
  readonly address: string
  readonly consumer: RemoteExchange
  readonly reader: (window?: number, producers?: number) => MergedReader
  /** Calls that the server has answered to their end. */
  readonly served: { count: number }
}

/** A server that answers with `serve`, and a consumer; both are closed, and the arena compared, afterwards. */
async function withPeers(
  t: ExecutionContext,
  serve: (call: ExchangeCall) => Promise<void>,
  body: (peers: Peers) => Promise<void>,
): Promise<void> {
  const before = bytesInUse()
  const { grpc, exchangeService } = await loadGrpc()
  const server = new grpc.Server(SERVER_OPTIONS)
  const served = { count: 0 }
  server.addService(exchangeService, { open: (call: ExchangeCall) => void serve(call).then(() => served.count++) })
  const running = await listenOnOnePort({ host: '127.0.0.1', port: 0, grpc, grpcServer: server })
  const address = `127.0.0.1:${running.port}`
  const consumer = new RemoteExchange()
  const reader = (windowBytes = 2 * FRAME_BYTES, producers = 1): MergedReader => {
    const channels = Array.from({ length: producers }, (_, producer) =>
      consumer.open(address, {
        jobId: 'job',
        edge: 0,
        producer,
        partition: 0,
        schema: ROWS,
        windowBytes,
        reconnectMs: 0,
      }),
    )
    const merged = new MergedReader(channels)
    consumer.endJob('job')
    return merged
  }
  await body({ address, consumer, reader, served })
  await consumer.close()
  await running.close(systemClock)
  t.is(consumer.openCalls, 0, 'open calls')
  t.is(bytesInUse(), before, 'bytes in the arena')
}

/** A hub with one job, and what it serves. */
function producingHub(producers = 1, limit = Infinity): { hub: ExchangeHub; outputs: OutputBuffer[] } {
  const hub = new ExchangeHub({ clock: systemClock })
  hub.openJob('job')
  const outputs = Array.from({ length: producers }, (_, producer) =>
    hub.openOutput({ jobId: 'job', edge: 0, producer }, { schema: ROWS, partitionCount: 1, limit }),
  )
  return { hub, outputs }
}

const serving = (hub: ExchangeHub): ((call: ExchangeCall) => Promise<void>) => {
  const server = new ExchangeServer({ hub, clock: systemClock })
  return call => server.serve(call)
}

async function idsOf(batches: AsyncIterable<Batch>): Promise<number[]> {
  const ids: number[] = []
  for await (const batch of batches) {
    for (const id of columnValues(batch.columns[0])) ids.push(Number(id))
    releaseBatch(batch)
  }
  return ids.sort((left, right) => left - right)
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return error instanceof BallistaError ? error.code : String(error)
  }
}

test.serial('batches of all sizes arrive once, from several producers over one call', async t => {
  const { hub, outputs } = producingHub(2)
  await withPeers(t, serving(hub), async ({ reader, served }) => {
    // The second batch spans frames and exceeds the window.
    outputs[0].add(0, numbersBatch(0, 10))
    outputs[0].add(0, numbersBatch(10, 150_000))
    outputs[1].add(0, numbersBatch(150_010, 1))
    outputs.forEach(output => output.end())
    const ids = await idsOf(reader(2 * FRAME_BYTES, 2))
    t.is(ids.length, 150_011)
    t.true(ids.every((id, i) => id === i))
    await Promise.all(outputs.map(output => output.drained()))
    while (served.count === 0) await new Promise(setImmediate)
    t.is(served.count, 1)
  })
})

test.serial('all edges of a job are read over one call, which is open until the job ends', async t => {
  const { hub, outputs } = producingHub(1)
  const later = hub.openOutput({ jobId: 'job', edge: 1, producer: 0 }, { schema: ROWS, partitionCount: 1, limit: 1 })
  await withPeers(t, serving(hub), async ({ address, consumer, served }) => {
    const read = (edge: number): Promise<number[]> => {
      const key = {
        jobId: 'job',
        edge,
        producer: 0,
        partition: 0,
        schema: ROWS,
        windowBytes: FRAME_BYTES,
        reconnectMs: 0,
      }
      return idsOf(new MergedReader([consumer.open(address, key)]))
    }
    for (const [edge, output] of [outputs[0], later].entries()) {
      output.add(0, numbersBatch(edge * 10, 10))
      output.end()
      t.is((await read(edge)).length, 10)
      await output.drained()
      t.is(consumer.openCalls, 1)
      t.is(served.count, 0)
    }
    consumer.endJob('job')
    while (served.count === 0) await new Promise(setImmediate)
    t.is(served.count, 1)
    while (consumer.openCalls > 0) await new Promise(setImmediate)
  })
})

test.serial('a channel that is cancelled before its producer starts is no failure of the producer', async t => {
  const hub = new ExchangeHub({ clock: systemClock })
  hub.openJob('job')
  await withPeers(t, serving(hub), async ({ reader, served }) => {
    reader().cancel()
    while (served.count === 0) await new Promise(setImmediate)
    const output = hub.openOutput({ jobId: 'job', edge: 0, producer: 0 }, { schema: ROWS, partitionCount: 1, limit: 1 })
    while (output.channels[0].status === 'open') await new Promise(setImmediate)
    t.is(output.add(0, numbersBatch(0, 10)), 'closed')
    output.end()
    await output.drained()
  })
})

test.serial('a declined output on demand is declined at its producer', async t => {
  const hub = new ExchangeHub({ clock: systemClock })
  hub.openJob('job')
  await withPeers(t, serving(hub), async ({ address, consumer }) => {
    const key = { jobId: 'job', edge: 0, producer: 3 }
    consumer
      .open(address, { ...key, partition: 0, schema: ROWS, windowBytes: 2 * FRAME_BYTES, reconnectMs: 0 })
      .decline()
    t.false(await hub.demanded(key))
    consumer.endJob('job')
    while (consumer.openCalls > 0) await new Promise(setImmediate)
  })
})

test.serial('a consumer that does not read holds one window; the rest stays with the producer', async t => {
  const { hub, outputs } = producingHub()
  await withPeers(t, serving(hub), async ({ reader }) => {
    const rows = 20_000
    const example = numbersBatch(0, rows)
    const wireBytes = encodeBatch(example).length
    releaseBatch(example)
    for (let i = 0; i < 20; i++) outputs[0].add(0, numbersBatch(i * rows, rows))
    outputs[0].end()
    const input = reader(2 * FRAME_BYTES)
    const first = await input.next()
    t.truthy(first)
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
    // One window, what the first batch gave back, and one batch that waits, encoded, for credit.
    const most = Math.ceil((2 * FRAME_BYTES) / wireBytes) + 2
    t.true(
      20 - outputs[0].channels[0].queuedBatches <= most,
      `${20 - outputs[0].channels[0].queuedBatches} of ${most} sent`,
    )
    if (first !== undefined) releaseBatch(first)
    t.is((await idsOf(input)).length, 19 * rows)
  })
})

test.serial('a window far smaller than a batch lets it through', async t => {
  const { hub, outputs } = producingHub()
  await withPeers(t, serving(hub), async ({ reader }) => {
    for (let i = 0; i < 3; i++) outputs[0].add(0, numbersBatch(i * 100, 100))
    outputs[0].end()
    t.deepEqual(await idsOf(reader(65)), upTo(300))
  })
})

test.serial('a consumer that leaves is no error for the producer', async t => {
  const { hub, outputs } = producingHub(1, 1)
  await withPeers(t, serving(hub), async ({ reader }) => {
    outputs[0].add(0, numbersBatch(0, 10))
    const input = reader()
    const first = await input.next()
    if (first !== undefined) releaseBatch(first)
    input.cancel()
    while (outputs[0].channels[0].status === 'open') await new Promise(setImmediate)
    t.is(outputs[0].add(0, numbersBatch(10, 10)), 'closed')
  })
})

test.serial('a consumer whose process goes away fails the producer with NETWORK', async t => {
  const { hub, outputs } = producingHub()
  await withPeers(t, serving(hub), async ({ reader, consumer }) => {
    outputs[0].add(0, numbersBatch(0, 10))
    const input = reader()
    const first = await input.next()
    if (first !== undefined) releaseBatch(first)
    await consumer.close()
    const failure = (await outputs[0].failed) as BallistaError
    t.is(failure.code, 'NETWORK')
    t.is(await codeOf(input.next()), 'NETWORK')
  })
})

test.serial("a producer's failure arrives as it was thrown", async t => {
  const { hub, outputs } = producingHub()
  await withPeers(t, serving(hub), async ({ reader }) => {
    outputs[0].add(0, numbersBatch(0, 10))
    outputs[0].fail(fail('DIVIDE_BY_ZERO'))
    t.is(await codeOf(idsOf(reader())), 'DIVIDE_BY_ZERO')
  })
})

test.serial('a job that has ended, or ends, is CANCELLED for its consumers', async t => {
  const { hub } = producingHub()
  await withPeers(t, serving(hub), async ({ reader }) => {
    const early = codeOf(idsOf(reader()))
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
    await hub.closeJob('job')
    t.is(await early, 'CANCELLED')
    t.is(await codeOf(idsOf(reader())), 'CANCELLED')
  })
})

test.serial('who comes after the end of a job hears why it ended', async t => {
  const { hub } = producingHub()
  await withPeers(t, serving(hub), async ({ reader }) => {
    await hub.closeJob('job', fail('EXECUTOR_LOST', ['executor-1', 'it lost its scheduler']))
    await hub.closeJob('job')
    t.is(await codeOf(idsOf(reader())), 'EXECUTOR_LOST')
  })
})

/** Answers Hello and the first channel with messages made by `lie`, then ends the call. */
const liar =
  (lie: () => ToConsumer[]) =>
  async (call: ExchangeCall): Promise<void> => {
    call.on('error', () => undefined)
    try {
      for await (const message of call as AsyncIterable<ToProducer>) {
        if (message.open === undefined) continue
        call.write({ helloAck: OWN_VERSION })
        for (const answer of lie()) call.write(answer)
        call.end()
      }
    } catch {
      // Ending the call from here closes its reading side too.
    }
  }

function goodFrame(seq: number, first = seq * 10, more = false): Frame {
  const batch = numbersBatch(first, 10)
  const encoded = encodeForExchange(batch)
  const payload = Uint8Array.from(pieceOf(encoded, 0))
  releaseBatch(batch)
  release(encoded.block)
  const header = { seq, rows: more ? 0 : 10, more }
  const checksum = sealFrame(0, { ...header, bytes: payload.length }, encoded.checksums[0])
  return { channel: 0, ...header, checksum, payload }
}

/** A frame with one bit of its payload flipped after the checksum. */
function flipped(frame: Frame): Frame {
  const payload = Uint8Array.from(frame.payload)
  payload[payload.length >> 1] ^= 4
  return { ...frame, payload }
}

const end = (frames: number, rows: number, bytes: number): ToConsumer => ({
  eos: { channel: 0, frames, batches: frames, rows, bytes },
})
const size = (...frames: Frame[]): number => frames.reduce((sum, frame) => sum + frame.payload.length, 0)

const lies: readonly { name: string; lie: () => ToConsumer[]; code: string }[] = [
  { name: 'a flipped bit in the payload', lie: () => [{ frame: flipped(goodFrame(0)) }], code: 'DATA_CORRUPTION' },
  { name: 'a changed row count', lie: () => [{ frame: { ...goodFrame(0), rows: 9 } }], code: 'DATA_CORRUPTION' },
  { name: 'a missing first frame', lie: () => [{ frame: goodFrame(1) }], code: 'PROTOCOL' },
  { name: 'a frame twice and no end', lie: () => [{ frame: goodFrame(0) }, { frame: goodFrame(0) }], code: 'NETWORK' },
  { name: 'a stream that stops without Eos', lie: () => [{ frame: goodFrame(0) }], code: 'NETWORK' },
  {
    name: 'an Eos that promises more rows',
    lie: () => [{ frame: goodFrame(0) }, end(1, 20, size(goodFrame(0)))],
    code: 'DATA_CORRUPTION',
  },
  {
    name: 'an Eos in the middle of a batch',
    lie: () => [{ frame: goodFrame(0, 0, true) }, end(1, 10, size(goodFrame(0)))],
    code: 'DATA_CORRUPTION',
  },
  { name: 'another protocol', lie: () => [{ helloAck: { protocolVersion: 99, version: '9.0.0' } }], code: 'PROTOCOL' },
  {
    name: 'an error that is no error',
    lie: () => [{ failure: { channel: 0, error: new Uint8Array([1]) } }],
    code: 'PROTOCOL',
  },
]

for (const { name, lie, code } of lies) {
  test.serial(`${name} is ${code}, never fewer rows`, async t => {
    await withPeers(t, liar(lie), async ({ reader }) => void t.is(await codeOf(idsOf(reader())), code))
  })
}

test.serial('frames that agree with their Eos are accepted (the control of the cases above)', async t => {
  const frames = [goodFrame(0), goodFrame(1)]
  await withPeers(
    t,
    liar(() => [...frames.map(frame => ({ frame })), end(2, 20, size(...frames))]),
    async ({ reader }) => {
      t.deepEqual(await idsOf(reader()), upTo(20))
    },
  )
})

test.serial('a peer that is not there is NETWORK', async t => {
  const consumer = new RemoteExchange()
  const channel = consumer.open('127.0.0.1:1', {
    jobId: 'job',
    edge: 0,
    producer: 0,
    partition: 0,
    schema: ROWS,
    windowBytes: 2 * FRAME_BYTES,
    reconnectMs: 0,
  })
  t.is(await codeOf(idsOf(new MergedReader([channel]))), 'NETWORK')
  await consumer.close()
})
