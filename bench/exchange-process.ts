/**
 * One of the two processes of `bench exchange`: hub, worker thread and gRPC server as an executor has them, and beside them a raw
 * gRPC stream. Answers the requests of exchange.ts one after the other.
 */
import { readFileSync } from 'node:fs'
import type * as Grpc from '@grpc/grpc-js'
import { columnValues, releaseBatch } from '../src/arrow/column.js'
import { systemClock } from '../src/common/clock.js'
import { ExchangeHub } from '../src/exchange/exchange-hub.js'
import { ExchangeServer } from '../src/exchange/exchange-server.js'
import { CLIENT_OPTIONS, loadGrpc, SERVER_OPTIONS } from '../src/exchange/grpc.js'
import { localInput, MergedReader } from '../src/exchange/merged-reader.js'
import { listenOnOnePort } from '../src/exchange/one-port-server.js'
import { FRAME_BYTES } from '../src/exchange/options.js'
import { RemoteExchange } from '../src/exchange/remote-exchange.js'
import { sharedLimit } from '../src/exchange/shared-memory-pool.js'
import type { TaskSpec } from '../src/exchange/stage.js'
import { threadHost } from '../src/exchange/thread-host.js'
import { grpcTransport } from '../src/exchange/transport.js'
import { memoryLimit } from '../src/runtime/options.js'
import { spillPlace } from '../src/runtime/spill-space.js'
import { configOf } from '../src/common/option.js'
import type { ProcessReply, ProcessRequest, Usage } from './exchange-messages.js'

const LOOPBACK = '127.0.0.1'
/** The raw stream's messages carry bytes and nothing else. */
const asIs = (bytes: Buffer): Buffer => bytes
const RAW_SERVICE: Grpc.ServiceDefinition = {
  read: {
    path: '/raw/read',
    requestStream: false,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
}

const hub = new ExchangeHub({ clock: systemClock })
const exchange = new ExchangeServer({ hub, clock: systemClock })
const remote = new RemoteExchange()
const host = threadHost({
  hub,
  remote: (address, key) => remote.open(address, key),
  threads: 1,
  workerEntry: new URL('./exchange-worker.js', import.meta.url),
  memory: sharedLimit(memoryLimit.defaultValue, 1),
  temp: spillPlace(configOf({})),
  clock: systemClock,
  host: LOOPBACK,
})

async function answer(request: ProcessRequest): Promise<ProcessReply> {
  switch (request.kind) {
    case 'open':
      return { kind: 'opened', exchange: await serveExchange(), raw: await serveRaw() }
    case 'run':
      return { kind: 'ran', ...(await measured(() => runTask(request.spec, request.resultEdge))) }
    case 'readRaw':
      return { kind: 'ran', ...(await measured(() => readRaw(request.address, request.bytes))) }
    case 'usage':
      return { kind: 'usage', usage: usage() }
  }
}

async function serveExchange(): Promise<string> {
  const { port } = await grpcTransport.serve(LOOPBACK, 0, {
    exchange: call => void exchange.serve(call),
    stats: () => {
      throw new Error('nobody asks')
    },
  })
  return `${LOOPBACK}:${port}`
}

/** Runs a task of the job; with `resultEdge` it reads that edge's only row and gives its only value. */
async function runTask(spec: TaskSpec, resultEdge: number | undefined): Promise<number> {
  hub.openJob(spec.jobId)
  const running = host.run(spec, new AbortController().signal)
  let result = 0
  if (resultEdge !== undefined) {
    const key = { jobId: spec.jobId, edge: resultEdge, producer: spec.partition }
    for await (const batch of new MergedReader([localInput(hub, key, 0)])) {
      result = Number(columnValues(batch.columns[0])[0])
      releaseBatch(batch)
    }
  }
  const { error } = await running
  await hub.closeJob(spec.jobId)
  host.endJob(spec.jobId)
  remote.endJob(spec.jobId)
  if (error !== undefined) throw new Error(error.message)
  return result
}

async function serveRaw(): Promise<string> {
  const { grpc } = await loadGrpc()
  const server = new grpc.Server(SERVER_OPTIONS)
  server.addService(RAW_SERVICE, {
    read(call: Grpc.ServerWritableStream<Buffer, Buffer>) {
      const message = Buffer.alloc(FRAME_BYTES, 7)
      let left = Number(call.request.toString())
      const write = (): void => {
        while (left > 0) {
          left -= FRAME_BYTES
          if (!call.write(message)) return void call.once('drain', write)
        }
        call.end()
      }
      write()
    },
  })
  const { port } = await listenOnOnePort({ host: LOOPBACK, port: 0, grpc, grpcServer: server })
  return `${LOOPBACK}:${port}`
}

async function readRaw(address: string, bytes: number): Promise<number> {
  const { grpc } = await loadGrpc()
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), CLIENT_OPTIONS)
  let read = 0
  const call = client.makeServerStreamRequest('/raw/read', asIs, asIs, Buffer.from(String(bytes)))
  for await (const message of call as AsyncIterable<Buffer>) read += message.length
  client.close()
  return read
}

async function measured(work: () => Promise<number>): Promise<{ ms: number; result: number }> {
  const started = performance.now()
  const result = await work()
  return { ms: performance.now() - started, result }
}

/** Milliseconds of processor time since the start. The main thread's is known on Linux only. */
function usage(): Usage {
  const { user, system } = process.cpuUsage()
  return { processMs: (user + system) / 1000, mainMs: mainThreadMs() }
}

function mainThreadMs(): number {
  try {
    const [nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')
    return Number(nanoseconds) / 1e6
  } catch {
    return NaN
  }
}

process.on('message', (request: ProcessRequest) => {
  void answer(request)
    .catch((error: unknown): ProcessReply => ({ kind: 'failed', message: String(error) }))
    .then(reply => process.send?.(reply))
})
// The benchmark is done or gone: so is this.
process.on('disconnect', () => process.exit())
