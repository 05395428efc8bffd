/** Queries of several stages in one process: on the calling thread, and on worker threads that share the arena. */
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { batchBytes, columnValues, releaseBatch } from '../../src/arrow/column.js'
import type { Batch } from '../../src/arrow/batch.js'
import { seededRng, systemClock } from '../../src/common/clock.js'
import { BallistaError } from '../../src/common/errors.js'
import { ExchangeHub } from '../../src/exchange/exchange-hub.js'
import { createLocalEngine, type LocalEngine, type LocalQuery } from '../../src/exchange/local-run.js'
import { localInput, MergedReader } from '../../src/exchange/merged-reader.js'
import { EXCHANGE_OPERATORS } from '../../src/exchange/operators.js'
import { configOf } from '../../src/common/option.js'
import { sharedLimit, sharedMemoryPool } from '../../src/exchange/shared-memory-pool.js'
import { spillPlace, spillSpace } from '../../src/runtime/spill-space.js'
import { inlineHost } from '../../src/exchange/task-host.js'
import { operatorTable } from '../../src/runtime/run-pipelines.js'
import {
  FAKE_OPERATORS,
  first,
  gather,
  hashById,
  nameOf,
  numbers,
  numbersBatch,
  openSources,
  pulled,
  stagesOf,
  tag,
} from './fake-operators.js'

const operators = operatorTable(FAKE_OPERATORS, EXCHANGE_OPERATORS)

function engine(threads: number, options: { stuckTaskMs?: number } = {}): LocalEngine {
  return createLocalEngine({
    threads,
    operators,
    memoryLimit: 2 ** 30,
    temp: spillPlace(configOf({})),
    clock: systemClock,
    rng: seededRng(7),
    host: 'here',
    workerEntry: new URL('./fake-worker.js', import.meta.url),
    ...options,
  })
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

const shuffled = (shape: Parameters<typeof numbers>[0]): LocalQuery => ({
  stages: stagesOf(gather(tag(hashById(numbers(shape), 3)))),
  settings: {},
})

/** Runs `body`, then expects the arena, the open handles and the sources as they were. */
async function leavesNothing(
  t: import('ava').ExecutionContext,
  threads: number,
  body: (local: LocalEngine) => Promise<void>,
): Promise<void> {
  const local = engine(threads)
  const before = bytesInUse()
  const handles = process.getActiveResourcesInfo().length
  await body(local)
  await local.close()
  t.is(bytesInUse(), before, 'bytes in the arena')
  t.is(openSources.count, 0, 'open sources')
  t.true(process.getActiveResourcesInfo().length <= handles, 'open handles')
}

for (const threads of [0, 2]) {
  test.serial(`a hash exchange gives every row once, equal keys to one task (${threads} threads)`, async t => {
    await leavesNothing(t, threads, async local => {
      for (let repeat = 0; repeat < 3; repeat++) {
        const rows = await rowsOf(local.run(shuffled({ partitions: 2, batches: 5, rows: 100 })))
        t.deepEqual(
          rows.map(([id, name]) => [id, name]),
          Array.from({ length: 1000 }, (_, id) => [BigInt(id), nameOf(id)]),
        )
        t.deepEqual([...new Set(rows.map(([, , task]) => task))].sort(compareTasks), [0n, 1n, 2n])
      }
    })
  })

  test.serial(`a failure in a task is the query's error and stops the other tasks (${threads} threads)`, async t => {
    await leavesNothing(t, threads, async local => {
      const query = shuffled({ partitions: 3, batches: 50, rows: 100, failAt: 3 })
      const error = await t.throwsAsync(() => rowsOf(local.run(query)), { instanceOf: BallistaError })
      t.is(error?.code, 'DIVIDE_BY_ZERO')
      t.is(error?.context[0], 'stage 0, partition 0')
    })
  })

  test.serial(`producers of an input that is never opened are told so (${threads} threads)`, async t => {
    await leavesNothing(t, threads, async local => {
      const unread = numbers({ partitions: 2, batches: 10_000, rows: 100 })
      const read = numbers({ partitions: 2, batches: 2, rows: 10 })
      const stages = stagesOf(gather(tag(first(hashById(read, 2), hashById(unread, 2)))))
      t.is((await rowsOf(local.run({ stages, settings: {} }))).length, 40)
    })
  })

  test.serial(`leaving the loop early stops the sources (${threads} threads)`, async t => {
    await leavesNothing(t, threads, async local => {
      for await (const batch of local.run(shuffled({ partitions: 2, batches: 10_000, rows: 100 }))) {
        releaseBatch(batch)
        break
      }
    })
  })

  test.serial(`an abort ends a query that nobody reads (${threads} threads)`, async t => {
    await leavesNothing(t, threads, async local => {
      const controller = new AbortController()
      const query = { ...shuffled({ partitions: 2, batches: 10_000, rows: 100 }), signal: controller.signal }
      const batches = local.run(query)[Symbol.asyncIterator]()
      const opening = await batches.next()
      if (!opening.done) releaseBatch(opening.value)
      controller.abort()
      const error = await t.throwsAsync(async () => {
        for (;;) {
          const step = await batches.next()
          if (step.done) return
          releaseBatch(step.value)
        }
      })
      t.is((error as BallistaError).code, 'CANCELLED')
    })
  })
}

test.serial('a thread that dies fails its query as THREAD_LOST, gives its memory back, and is replaced', async t => {
  await leavesNothing(t, 2, async local => {
    const before = bytesInUse()
    // The first task, alone on the first thread, dies; it holds no blocks of other threads.
    const dying = numbers({ partitions: 1, batches: 50, rows: 100, failAt: 3, exit: 3 })
    const query = { stages: stagesOf(tag(gather(dying))), settings: {} }
    const error = await t.throwsAsync(() => rowsOf(local.run(query)), { instanceOf: BallistaError })
    t.is(error?.code, 'THREAD_LOST')
    t.is(bytesInUse(), before)
    t.is((await rowsOf(local.run(shuffled({ partitions: 2, batches: 5, rows: 100 })))).length, 1000)
  })
})

test.serial('a cancelled task that hears nothing loses its thread, which is replaced', async t => {
  const local = engine(2, { stuckTaskMs: 50 })
  const stuck = numbers({ partitions: 1, batches: 50, rows: 100, failAt: 1, spin: true })
  const controller = new AbortController()
  const run = local.run({ stages: stagesOf(tag(gather(stuck))), settings: {}, signal: controller.signal })
  const first = await run.next()
  if (first.done !== true) releaseBatch(first.value)
  // Its thread spins.
  controller.abort()
  const error = await t.throwsAsync(() => rowsOf(run), { instanceOf: BallistaError })
  t.is(error?.code, 'CANCELLED')
  t.is((await rowsOf(local.run(shuffled({ partitions: 2, batches: 5, rows: 100 })))).length, 1000)
  await local.close()
})

test.serial('a query of one task streams on the calling thread and pulls only what is read', async t => {
  await leavesNothing(t, 4, async local => {
    pulled.clear()
    const stages = stagesOf(tag(numbers({ partitions: 1, batches: 100, rows: 10 })))
    t.is(stages.length, 1)
    for await (const batch of local.run({ stages, settings: {} })) {
      releaseBatch(batch)
      break
    }
    t.true((pulled.get(0) ?? 0) <= 5, `${pulled.get(0)} batches pulled`)
  })
})

test.serial('a slow consumer stays bounded in bytes: the producer stops at its buffer limit', async t => {
  const before = bytesInUse()
  const example = numbersBatch(0, 100)
  const oneBatch = batchBytes(example)
  releaseBatch(example)
  const hub = new ExchangeHub({ clock: systemClock })
  const environment = {
    operators,
    memory: sharedMemoryPool(sharedLimit(2 ** 30, 0)),
    spill: spillSpace(spillPlace(configOf({}))),
    host: 'here',
    streams: new Map(),
  }
  const host = inlineHost({ hub, environment })
  const [stage] = stagesOf(gather(numbers({ partitions: 1, batches: 200, rows: 100 })))
  hub.openJob('job')
  pulled.clear()
  const settings = { 'ballista.exchange.write_buffer': String(4 * oneBatch) }
  const spec = { jobId: 'job', stage: 0, partition: 0, partitionCount: 1, plan: stage.plan, settings, inputs: [] }
  const task = host.run(spec, new AbortController().signal)
  const reader = new MergedReader([localInput(hub, { jobId: 'job', edge: 0, producer: 0 }, 0)])
  let read = 0
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
    // Turns of the event loop in which nothing is read: the producer may do what it can.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    read++
    releaseBatch(batch)
    t.true((pulled.get(0) ?? 0) - read <= 8, `${pulled.get(0)} pulled, ${read} read`)
  }
  t.is((await task).error, undefined)
  t.is(read, 200)
  t.is(hub.stats().peakBytes, 4 * oneBatch)
  await hub.closeJob('job')
  t.is(bytesInUse(), before)
})
