/** Whole clusters in this process, over real gRPC on free ports: results, failures, leases, and nothing left behind. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { columnValues, releaseBatch } from '../../src/arrow/column.js'
import type { Batch } from '../../src/arrow/batch.js'
import { deferred } from '../../src/common/deferred.js'
import { BallistaError, fail } from '../../src/common/errors.js'
import { startStandalone, type Standalone } from '../../src/cluster/standalone.js'
import { clusterClient, type ClusterClient } from '../../src/exchange/remote-query.js'
import { grpcTransport, type Transport } from '../../src/exchange/transport.js'
import {
  FAKE_OPERATORS,
  first,
  gather,
  hashById,
  nameOf,
  numbers,
  openSources,
  pulled,
  stagesOf,
  tag,
  TAGGED,
} from '../exchange/fake-operators.js'

interface Request {
  readonly partitions: number
  readonly batches: number
  readonly rows: number
  readonly failAt?: number
  readonly exitOnce?: string
  readonly settings?: Record<string, string>
  readonly unplannable?: boolean
  readonly unknownOperator?: boolean
  /** Adds an input of 20 000 batches that no task opens. */
  readonly unreadInput?: boolean
}

/** Stands for parser and optimizer: the request is the shape of the source. */
async function planner(request: unknown): Promise<{ schema: typeof TAGGED; stages: ReturnType<typeof stagesOf> }> {
  const shape = request as Request
  if (shape.unplannable === true) throw fail('TABLE_NOT_FOUND', ['t', ''], { span: { start: 14, end: 15 } })
  const input = hashById(numbers(shape), 3)
  const unread = hashById(numbers({ partitions: 2, batches: 10_000, rows: 100 }), 3)
  const stages = stagesOf(gather(tag(shape.unreadInput === true ? first(input, unread) : input)))
  if (shape.unknownOperator !== true) return { schema: TAGGED, stages }
  const [scan, ...rest] = stages
  return {
    schema: TAGGED,
    stages: [{ ...scan, plan: { ...scan.plan, children: [{ ...scan.plan.children[0], kind: 'NewExec' }] } }, ...rest],
  }
}

interface Cluster {
  readonly cluster: Standalone
  readonly client: ClusterClient
}

async function withCluster(
  t: ExecutionContext,
  threads: number,
  body: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const before = bytesInUse()
  const cluster = await startStandalone({
    executors: 2,
    slots: 2,
    planner,
    logLevel: 'silent',
    executor: {
      threads,
      operators: FAKE_OPERATORS,
      workerEntry: new URL('../exchange/fake-worker.js', import.meta.url),
    },
    scheduler: { executorWaitMs: 50, lossGraceMs: 50 },
  })
  const client = clusterClient({ address: cluster.address })
  try {
    await body({ cluster, client })
  } finally {
    await client.close()
    await cluster.close()
  }
  t.is(bytesInUse(), before, 'bytes in the arena')
  t.is(openSources.count, 0, 'open sources')
  t.deepEqual(await openSockets(), [], 'open sockets and servers')
}

/** Sockets and servers that are still open; closed ones leave within some turns of the event loop. */
async function openSockets(): Promise<string[]> {
  const open = (): string[] => process.getActiveResourcesInfo().filter(name => name.startsWith('TCP'))
  for (let turn = 0; turn < 10_000 && open().length > 0; turn++) await new Promise(setImmediate)
  return open()
}

const compareTasks = (left: bigint, right: bigint): number => Number(left - right)

type Row = [bigint, string | null, bigint]

async function rowsOf(batches: AsyncIterable<Batch>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const batch of batches) {
    const columns = batch.columns.map(columnValues)
    for (let row = 0; row < batch.rowCount; row++) rows.push(columns.map(column => column[row]) as Row)
    releaseBatch(batch)
  }
  return rows.sort((left, right) => Number(left[0] - right[0]))
}

const never = (): AbortSignal => new AbortController().signal

async function run(client: ClusterClient, request: Request): Promise<Row[]> {
  return rowsOf((await client.submit({ request, signal: never() })).batches)
}

/** Waits until all parts of the cluster have forgotten their jobs. */
async function idle({ cluster }: Cluster): Promise<void> {
  const busy = (): boolean =>
    cluster.scheduler.stats().jobs > 0 || cluster.executors.some(executor => executor.stats().jobs > 0)
  while (busy()) await new Promise(setImmediate)
}

for (const threads of [0, 1]) {
  test.serial(`two executors give every row once, equal keys to one task (${threads} threads each)`, async t => {
    await withCluster(t, threads, async ({ client }) => {
      const result = await client.submit({ request: { partitions: 3, batches: 5, rows: 100 }, signal: never() })
      t.deepEqual(result.schema, TAGGED)
      const rows = await rowsOf(result.batches)
      t.deepEqual(
        rows.map(([id, name]) => [id, name]),
        Array.from({ length: 1500 }, (_, id) => [BigInt(id), nameOf(id)]),
      )
      t.deepEqual([...new Set(rows.map(([, , task]) => task))].sort(compareTasks), [0n, 1n, 2n])
    })
  })

  test.serial(`a failing task is the client's error, with its place (${threads} threads each)`, async t => {
    await withCluster(t, threads, async cluster => {
      const request = { partitions: 3, batches: 50, rows: 100, failAt: 3 }
      const error = await t.throwsAsync(() => run(cluster.client, request), { instanceOf: BallistaError })
      t.is(error?.code, 'DIVIDE_BY_ZERO')
      const [job, executor, task] = error?.context ?? []
      t.regex(job, /^job-[0-9a-f]{32}\.1$/)
      t.regex(executor, /^executor executor-[0-9a-f]{12} at 127\.0\.0\.1:\d+$/)
      t.is(task, 'stage 0, partition 0')
      await idle(cluster)
      t.is((await run(cluster.client, { partitions: 1, batches: 1, rows: 10 })).length, 10)
    })
  })

  test.serial(`producers of an input that is never opened are told so (${threads} threads each)`, async t => {
    await withCluster(t, threads, async ({ client }) => {
      t.is((await run(client, { partitions: 3, batches: 2, rows: 10, unreadInput: true })).length, 60)
    })
  })

  test.serial(`a client that leaves the loop stops the scan everywhere (${threads} threads each)`, async t => {
    await withCluster(t, threads, async cluster => {
      pulled.clear()
      const result = await cluster.client.submit({
        request: { partitions: 2, batches: 100_000, rows: 100 },
        signal: never(),
      })
      for await (const batch of result.batches) {
        releaseBatch(batch)
        break
      }
      await idle(cluster)
      t.true((pulled.get(0) ?? 0) < 100_000)
    })
  })
}

test.serial('a client that reads on after the job has finished has all rows', async t => {
  await withCluster(t, 0, async ({ cluster }) => {
    const callEnded = deferred()
    const transport: Transport = {
      ...grpcTransport,
      async scheduler(address) {
        const dialled = await grpcTransport.scheduler(address)
        const submitQuery: typeof dialled.submitQuery = () =>
          dialled.submitQuery().once('close', () => setImmediate(callEnded.resolve))
        return Object.assign(Object.create(dialled) as typeof dialled, { submitQuery })
      },
    }
    const client = clusterClient({ address: cluster.address, transport })
    const request = { partitions: 3, batches: 4, rows: 10 }
    const result = await client.submit({ request, signal: never() })
    const batches = result.batches[Symbol.asyncIterator]()
    const opening = await batches.next()
    await callEnded.promise
    let rows = 0
    for (let step = opening; !step.done; step = await batches.next()) {
      rows += step.value.rowCount
      releaseBatch(step.value)
    }
    t.is(rows, 120)
    await client.close()
  })
})

test.serial('a client whose process goes away gives its job up', async t => {
  await withCluster(t, 0, async cluster => {
    const result = await cluster.client.submit({
      request: { partitions: 2, batches: 100_000, rows: 100 },
      signal: never(),
    })
    const batches = result.batches[Symbol.asyncIterator]()
    const opening = await batches.next()
    if (!opening.done) releaseBatch(opening.value)
    await cluster.client.close()
    await idle(cluster)
    const error = await t.throwsAsync(async () => {
      for (let step = await batches.next(); !step.done; step = await batches.next()) releaseBatch(step.value)
    })
    t.is((error as BallistaError).code, 'CANCELLED')
  })
})

test.serial('an abort before the first batch cancels the job', async t => {
  await withCluster(t, 0, async cluster => {
    const controller = new AbortController()
    const result = await cluster.client.submit({
      request: { partitions: 2, batches: 100_000, rows: 100 },
      signal: controller.signal,
    })
    controller.abort()
    const error = await t.throwsAsync(() => rowsOf(result.batches), { instanceOf: BallistaError })
    t.is(error?.code, 'CANCELLED')
    await idle(cluster)
  })
})

test.serial('a client that reads nothing holds little; the scan waits', async t => {
  await withCluster(t, 0, async cluster => {
    const settings = {
      'ballista.exchange.write_buffer': '100000',
      'ballista.exchange.read_window': String(2 * 1024 ** 2),
    }
    const result = await cluster.client.submit({
      request: { partitions: 2, batches: 2_000, rows: 1_000, settings },
      signal: never(),
    })
    const batches = result.batches[Symbol.asyncIterator]()
    const opening = await batches.next()
    if (!opening.done) releaseBatch(opening.value)
    let before = -1
    // Until the sources stand still over many turns.
    for (let still = 0; still < 500;) {
      await new Promise(setImmediate)
      const now = [...pulled.values()].reduce((sum, count) => sum + count, 0)
      still = now === before ? still + 1 : 0
      before = now
    }
    const peak = Math.max(...cluster.cluster.executors.map(executor => executor.stats().peakBytes))
    t.true(peak < 100_000 + 200_000, `${peak} bytes`)
    t.true((pulled.get(0) ?? 0) < 2_000)
    await batches.return?.()
    await idle(cluster)
  })
})

/** Takes the first batch of a query, loses an executor, and reads on. */
async function loseExecutor(
  { cluster, client }: Cluster,
  request: Request,
  onRestart?: () => void,
): Promise<{ first: Row[]; rest: Row[] }> {
  const result = await client.submit({ request, signal: never(), onRestart })
  const batches = result.batches[Symbol.asyncIterator]()
  const opening = await batches.next()
  const first = opening.done === true ? [] : await rowsOf(only(opening.value))
  await cluster.executors[1].close()
  return { first, rest: await rowsOf({ [Symbol.asyncIterator]: () => batches }) }
}

async function* only(batch: Batch): AsyncGenerator<Batch> {
  yield batch
}

test.serial('who has given out rows hears of a lost executor; the other one goes on', async t => {
  await withCluster(t, 0, async cluster => {
    const request = { partitions: 4, batches: 100_000, rows: 100 }
    const error = await t.throwsAsync(() => loseExecutor(cluster, request), { instanceOf: BallistaError })
    t.is(error?.code, 'PARTIAL_RESULT_DELIVERED')
    t.is((await run(cluster.client, { partitions: 2, batches: 2, rows: 10 })).length, 40)
  })
})

test.serial('who holds the rows gets all of them from another attempt when an executor goes away', async t => {
  await withCluster(t, 0, async cluster => {
    let restarts = 0
    // Small buffers: much is still to be read when the executor goes.
    const settings = {
      'ballista.exchange.write_buffer': '100000',
      'ballista.exchange.read_window': String(2 * 1024 ** 2),
    }
    const { first, rest } = await loseExecutor(cluster, { partitions: 4, batches: 200, rows: 1_000, settings }, () => {
      restarts++
    })
    t.true(first.length > 0)
    t.is(restarts, 1)
    t.deepEqual(
      rest.map(([id]) => id),
      Array.from({ length: 800_000 }, (_, id) => BigInt(id)),
    )
  })
})

test.serial('without retries an executor that goes away fails its jobs with EXECUTOR_LOST', async t => {
  await withCluster(t, 0, async cluster => {
    const settings = { 'ballista.retry_policy': 'none' }
    const request = { partitions: 4, batches: 100_000, rows: 100, settings }
    const error = await t.throwsAsync(() => loseExecutor(cluster, request), { instanceOf: BallistaError })
    t.is(error?.code, 'EXECUTOR_LOST')
  })
})

test.serial('when all executors go away the query is NO_EXECUTORS within the grace period', async t => {
  await withCluster(t, 0, async ({ cluster, client }) => {
    const request = { partitions: 4, batches: 100_000, rows: 100 }
    const result = await client.submit({ request, signal: never(), onRestart: () => undefined })
    const reading = t.throwsAsync(() => rowsOf(result.batches), { instanceOf: BallistaError })
    await Promise.all(cluster.executors.map(executor => executor.close()))
    t.is((await reading)?.code, 'NO_EXECUTORS')
  })
})

test.serial('an executor that drains ends what it runs and takes nothing new', async t => {
  await withCluster(t, 0, async ({ cluster, client }) => {
    const [leaving, staying] = cluster.executors
    const result = await client.submit({ request: { partitions: 4, batches: 50, rows: 100 }, signal: never() })
    const drained = leaving.drain(60_000)
    const rows = await rowsOf(result.batches)
    t.is(rows.length, 20_000)
    await drained
    await leaving.close()
    t.is((await run(client, { partitions: 2, batches: 2, rows: 10 })).length, 40)
    t.is(staying.stats().jobs, 0)
  })
})

test.serial('an executor that drains gives up waiting in the end', async t => {
  await withCluster(t, 0, async ({ cluster, client }) => {
    const request = { partitions: 4, batches: 100_000, rows: 100 }
    const result = await client.submit({ request, signal: never() })
    await cluster.executors[0].drain(10)
    t.true(cluster.executors[0].stats().jobs > 0)
    for await (const batch of result.batches) {
      releaseBatch(batch)
      break
    }
  })
})

test.serial('a worker thread that dies costs an attempt, not the query', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-exit-'))
  await withCluster(t, 1, async ({ client }) => {
    let rows = 0
    const request = { partitions: 3, batches: 20, rows: 100, failAt: 5, exitOnce: join(directory, 'exited') }
    const result = await client.submit({ request, signal: never(), onRestart: () => (rows = 0) })
    for await (const batch of result.batches) {
      rows += batch.rowCount
      releaseBatch(batch)
    }
    // Batch 5 of the first task is left out by the attempt that lives.
    t.is(rows, 5_900)
    t.deepEqual(readdirSync(directory), ['exited'])
  })
  rmSync(directory, { recursive: true })
})

test.serial('without executors a query is NO_EXECUTORS', async t => {
  await withCluster(t, 0, async ({ cluster, client }) => {
    await Promise.all(cluster.executors.map(executor => executor.close()))
    const error = await t.throwsAsync(() => run(client, { partitions: 1, batches: 1, rows: 1 }), {
      instanceOf: BallistaError,
    })
    t.is(error?.code, 'NO_EXECUTORS')
  })
})

test.serial('an error of planning arrives whole', async t => {
  await withCluster(t, 0, async ({ client }) => {
    const error = await t.throwsAsync(() => run(client, { partitions: 1, batches: 1, rows: 1, unplannable: true }), {
      instanceOf: BallistaError,
    })
    t.deepEqual(error?.toInfo(), {
      code: 'TABLE_NOT_FOUND',
      message: "table 't' not found",
      span: { start: 14, end: 15 },
      context: [],
    })
  })
})

test.serial('an operator that executors do not know is a PROTOCOL error that names both versions', async t => {
  await withCluster(t, 0, async cluster => {
    const request = { partitions: 1, batches: 1, rows: 1, unknownOperator: true }
    const error = await t.throwsAsync(() => run(cluster.client, request), { instanceOf: BallistaError })
    t.is(error?.code, 'PROTOCOL')
    t.regex(error?.message ?? '', /unknown operator 'NewExec': it is version 0\.1\.0, this is version 0\.1\.0/)
    await idle(cluster)
  })
})

test.serial('a scheduler that closes cancels what runs', async t => {
  await withCluster(t, 0, async ({ cluster, client }) => {
    const result = await client.submit({ request: { partitions: 2, batches: 100_000, rows: 100 }, signal: never() })
    const reading = t.throwsAsync(() => rowsOf(result.batches), { instanceOf: BallistaError })
    await cluster.scheduler.close()
    t.is((await reading)?.code, 'CANCELLED')
  })
})
