/**
 * Whatever is sent to a scheduler or an executor, by gRPC, HTTP or neither, the process lives on, answers with errors that have a code,
 * and holds nothing afterwards. SEED=n replays; BALLISTA_TEST_FULL=1 sends many more.
 */
import { connect } from 'node:net'
import type * as Grpc from '@grpc/grpc-js'
import test, { type ExecutionContext } from 'ava'
import { seededRng, systemClock, type Rng } from '../../src/common/clock.js'
import { encodeWire } from '../../src/common/wire.js'
import { CLIENT_OPTIONS, loadGrpc, type GrpcRuntime } from '../../src/exchange/grpc.js'
import { nodeStats } from '../../src/exchange/node-stats.js'
import type { SchedulerMessage } from '../../src/exchange/proto/messages.js'
import { decodeError, OWN_VERSION } from '../../src/exchange/protocol.js'
import { grpcTransport } from '../../src/exchange/transport.js'
import { SessionContext } from '../../src/index.js'
import { startCluster, type Cluster } from '../helpers/cluster.js'
import { fuzz, type Fuzz } from '../helpers/fuzz-values.js'
import { afterwards, NOTHING_HELD } from '../helpers/node-watch.js'

const SEED = Number(process.env['SEED'] ?? 1)
const FULL = process.env['BALLISTA_TEST_FULL'] === '1'
const CALLS = Number(process.env['CALLS'] ?? (FULL ? 40_000 : 400))
const CONNECTIONS = Number(process.env['CONNECTIONS'] ?? (FULL ? 10_000 : 200))

/** Calls and connections at a time. */
const AT_ONCE = 16

/** A call that a server neither answers nor ends has hung. */
const HANG_MS = 20_000

/** For a call with bytes that are no message: grpc-js may leave it open, if it cannot read them while the call is being ended. */
const UNREADABLE_MS = 2_000

interface Method {
  readonly name: string
  readonly serialize: (message: object) => Buffer
  /** Messages as a peer may send them, in some order. */
  readonly seeds: readonly object[]
}

const ANALYZED = {
  fingerprint: 'f',
  rowCount: 3,
  columns: [{ name: 'a', nullCount: 0, distinctCount: 3, min: '1', max: '3' }],
}

const REQUEST = {
  sql: 'SELECT a + 1 AS b FROM t WHERE a > $1 ORDER BY b',
  settings: { 'ballista.execution.batch_size': '100' },
  registrations: [
    {
      kind: 'listing',
      name: 't',
      path: `${process.cwd()}/test/data/example.csv`,
      format: 'csv',
      options: {},
      analyzed: ANALYZED,
    },
    {
      kind: 'memory',
      name: 'm',
      schema: { fields: [{ name: 'x', type: { kind: 'int', bits: 64, signed: true }, nullable: true }] },
      batches: [],
    },
    { kind: 'view', name: 'v', sql: 'SELECT 1 AS x', columns: ['x'] },
  ],
  baseDirectory: '/tmp',
  analyzed: ANALYZED,
  parameters: { 1: { kind: 'literal', value: 1n, type: { kind: 'int', bits: 64, signed: true } } },
}

const REPORT = { jobId: 'x.1', stage: 0, partition: 0, rows: 1, operators: [] }

function methodsOf({
  schedulerService,
  exchangeService,
  nodeService,
}: GrpcRuntime): Record<'scheduler' | 'executor', Method[]> {
  const method = (service: Grpc.ServiceDefinition, name: string, seeds: readonly object[]): Method => {
    const { path, requestSerialize } = service[name]
    return { name: path, serialize: requestSerialize as Method['serialize'], seeds }
  }
  const stats = method(nodeService, 'Stats', [{}])
  return {
    scheduler: [
      stats,
      method(schedulerService, 'Work', [
        { register: { ...OWN_VERSION, executorId: 'fuzz', incarnation: 'i', host: '127.0.0.1', port: 9, slots: 1 } },
        { heartbeat: { runningTasks: 1 } },
        { taskStatus: { jobId: 'x.1', report: encodeWire(REPORT) } },
        { launchFailed: { jobId: 'x.1', error: encodeWire({ code: 'INTERNAL', message: 'm', context: [] }) } },
        { leave: {} },
      ]),
      method(schedulerService, 'SubmitQuery', [{ ...OWN_VERSION, body: encodeWire(REQUEST), more: false }]),
    ],
    executor: [
      stats,
      method(exchangeService, 'Open', [
        { hello: { ...OWN_VERSION, jobId: 'x.1', consumer: 'c', reconnectMs: 10 } },
        { open: { channel: 0, edge: 1, producer: 0, partition: 0, creditBytes: 1_000_000 } },
        { credit: { channel: 0, creditBytes: 2_000_000 } },
        { cancel: { channel: 0 } },
        { bye: { channel: 0, batches: 1, rows: 1 } },
      ]),
    ],
  }
}

/** The message of a seed, sound or not; `unreadable`: mere bytes. */
function messageOf(random: Fuzz, { serialize }: Method, seed: object): { bytes: Buffer; unreadable: boolean } {
  const damaged = 'body' in seed ? { ...seed, body: encodeWire(random.damaged(REQUEST)) } : undefined
  switch (random.below(12)) {
    case 0:
      return { bytes: random.bytes(200), unreadable: true }
    case 1:
      return { bytes: random.mutated(serialize(seed)), unreadable: true }
    case 2:
    case 3:
    case 4:
      return { bytes: serialize(damagedMessage(random, seed)), unreadable: false }
    default:
      return { bytes: serialize(damaged ?? seed), unreadable: false }
  }
}

/** Wrong values of the right kind: protobuf would refuse others before they are sent. */
function damagedMessage(random: Fuzz, message: object): object {
  const damage = (value: unknown): unknown => {
    if (typeof value === 'number') return random.pick([0, 1, 2 ** 31, 2 ** 32 - 1])
    if (typeof value === 'string') return random.pick(['', '..', '\0', 'x'.repeat(10_000)])
    if (value instanceof Uint8Array) return random.below(2) === 0 ? random.bytes(50) : encodeWire(random.value())
    return typeof value === 'object' && value !== null ? damagedMessage(random, value) : value
  }
  return Object.fromEntries(
    Object.entries(message).map(([key, value]) => [
      key,
      random.below(3) === 0 || typeof value === 'object' ? damage(value) : (value as unknown),
    ]),
  )
}

/** One call to its end; the codes of errors that say no more than that something went wrong. */
async function sendCall(
  client: Grpc.Client,
  method: Method,
  { messages, cancels }: { readonly messages: readonly ReturnType<typeof messageOf>[]; readonly cancels: boolean },
): Promise<string[]> {
  const surprises: string[] = []
  const isReadable = !messages.some(({ unreadable }) => unreadable)
  const bare = (bytes: Buffer): Buffer => bytes
  const deadline = Date.now() + (isReadable ? HANG_MS : UNREADABLE_MS)
  const call = client.makeBidiStreamRequest(method.name, bare, bare, { deadline })
  // Late errors of a call that ended; the loop below has seen it end.
  call.on('error', () => undefined)
  for (const { bytes } of messages) call.write(bytes)
  if (cancels) call.cancel()
  else call.end()
  try {
    for await (const answer of call as AsyncIterable<Buffer>) {
      if (!method.name.endsWith('SubmitQuery')) continue
      const failed = failureIn(answer)
      // Nobody reads the rows of a query that starts.
      if (failed === undefined) call.cancel()
      else if (failed.code === 'INTERNAL') surprises.push(`${method.name}: ${failed.message}`)
    }
  } catch (error) {
    const { code, message } = error as Grpc.ServiceError
    // DEADLINE_EXCEEDED and UNKNOWN: what a call ends with when a server has hung or thrown.
    if ((code === 4 && isReadable) || code === 2) surprises.push(`${method.name}: ${message}`)
  }
  return surprises
}

/** The error of a `QueryEvent { failed { error } }`: two fields of length and bytes. */
function failureIn(event: Buffer): ReturnType<typeof decodeError> | undefined {
  if (event[0] !== 0x12) return undefined
  const start = event.indexOf('{')
  return decodeError(event.subarray(start), 'the scheduler')
}

const HEADS = [
  'GET / HTTP/1.1',
  'PATCH /api/job/x HTTP/1.1',
  'GET /api/jobs HTTP/1.1',
  'POST /login HTTP/1.1',
  'GET /%zz HTTP/1.1',
]
const HEADERS = [
  'host: localhost',
  'host: evil',
  'content-length: 5',
  'content-length: -1',
  'transfer-encoding: chunked',
  'content-type: application/json',
  'origin: null',
  'upgrade: h2c',
  'connection: upgrade',
  'expect: 100-continue',
]
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1')

function bytesFor(random: Fuzz): Buffer {
  const headers = Array.from({ length: random.below(5) }, () => random.pick(HEADERS)).join('\r\n')
  const request = Buffer.from(
    `${random.pick(HEADS)}\r\n${headers}\r\n\r\n${random.pick(['', '{}', '5\r\nhello\r\n0\r\n\r\n'])}`,
  )
  // Few of these: a connection that broke the rules of HTTP/2 counts for 15 s, until Node gives it up, and 1 000 are the limit.
  if (random.below(40) === 0) return Buffer.concat([PREFACE, random.bytes(300)])
  switch (random.below(3)) {
    case 0:
      return random.bytes(300)
    case 1:
      return random.mutated(request)
    default:
      return request
  }
}

/** Sends bytes and waits until the server lets go of the connection. */
async function sendBytes(address: string, bytes: Buffer, resets: boolean): Promise<void> {
  const at = address.lastIndexOf(':')
  const socket = connect(Number(address.slice(at + 1)), address.slice(0, at))
  socket.on('error', () => undefined)
  // Not `once`, which rejects when the server resets the connection.
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  // A broken HTTP/2 connection ends with the next ping that is not answered, which is long.
  if (bytes.subarray(0, PREFACE.length).equals(PREFACE)) socket.once('data', () => socket.resetAndDestroy())
  else socket.resume()
  if (resets) socket.write(bytes, () => socket.resetAndDestroy())
  else socket.end(bytes)
  const hung = systemClock.after(HANG_MS, () => socket.destroy(new Error('hung')))
  await closed
  hung.cancel()
}

/** `count` runs of an action, some at a time. */
async function inParallel(count: number, action: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await action(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

async function livesOn(t: ExecutionContext, cluster: Cluster): Promise<void> {
  const addresses = [cluster.address, ...cluster.executorAddresses]
  t.deepEqual(
    await afterwards(addresses),
    addresses.map(() => NOTHING_HELD),
  )
  for (const child of [cluster.scheduler, ...cluster.executors]) t.is(child.exitCode, null)
  await using ctx = await SessionContext.remote(cluster.url)
  t.deepEqual(await (await ctx.sql('SELECT count(*) AS n FROM range(0, 10)')).rows(), [{ n: 10n }])
}

/** Close seeds begin alike: the first numbers are passed over. */
function rngOf(i: number): Rng {
  const rng = seededRng(SEED * 1_000_003 + i)
  for (let skipped = 0; skipped < 8; skipped++) rng.next()
  return rng
}

test.serial(`${CALLS} calls of random and damaged messages (SEED=${SEED})`, async t => {
  t.timeout(FULL ? 3_600_000 : 120_000)
  const cluster = await startCluster(1, 1, ['--log-level', 'silent'])
  try {
    const runtime = await loadGrpc()
    const methods = methodsOf(runtime)
    const credentials = runtime.grpc.credentials.createInsecure()
    const targets = [
      { client: new runtime.grpc.Client(cluster.address, credentials, CLIENT_OPTIONS), methods: methods.scheduler },
      {
        client: new runtime.grpc.Client(cluster.executorAddresses[0], credentials, CLIENT_OPTIONS),
        methods: methods.executor,
      },
    ]
    const surprises: string[] = []
    await inParallel(CALLS, async i => {
      const random = fuzz(rngOf(i))
      const { client, methods: known } = random.pick(targets)
      const method = random.pick(known)
      const inOrder = random.below(2) === 0
      const messages = Array.from({ length: 1 + random.below(5) }, (_, at) =>
        messageOf(random, method, inOrder ? method.seeds[at % method.seeds.length] : random.pick(method.seeds)),
      )
      const found = await sendCall(client, method, { messages, cancels: random.below(10) === 0 })
      surprises.push(...found.map(text => `call ${i} of SEED=${SEED}: ${text}`))
    })
    for (const { client } of targets) client.close()
    t.deepEqual(surprises, [])
    await livesOn(t, cluster)
  } finally {
    await cluster.close()
  }
})

test.serial(`${CONNECTIONS} connections of random bytes and damaged requests (SEED=${SEED})`, async t => {
  t.timeout(FULL ? 3_600_000 : 120_000)
  const cluster = await startCluster(1, 1, ['--log-level', 'silent'])
  try {
    const addresses = [cluster.address, ...cluster.executorAddresses]
    await inParallel(CONNECTIONS, async i => {
      const random = fuzz(rngOf(i))
      await sendBytes(random.pick(addresses), bytesFor(random), random.below(10) === 0)
    })
    await livesOn(t, cluster)
  } finally {
    await cluster.close()
  }
})

test.serial('an executor that announces slots without end is refused', async t => {
  const cluster = await startCluster(1, 1, ['--log-level', 'silent'])
  try {
    const client = await grpcTransport.scheduler(cluster.address)
    const work = client.work()
    work.write({
      register: {
        ...OWN_VERSION,
        executorId: 'liar',
        incarnation: 'i',
        host: '127.0.0.1',
        port: 9,
        slots: 2 ** 32 - 1,
      },
    })
    // The scheduler greets, and ends the stream.
    for await (const message of work as AsyncIterable<SchedulerMessage>) t.truthy(message.registered)
    client.close()
    t.is((await nodeStats(cluster.address)).executors, 1)
    await livesOn(t, cluster)
  } finally {
    await cluster.close()
  }
})
