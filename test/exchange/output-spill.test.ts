/** Outputs that go to a temporary file when they are much: in order, within bounds, and gone with their job. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { columnValues, releaseBatch } from '../../src/arrow/column.js'
import { encodeBatch } from '../../src/arrow/frame.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { seededRng, systemClock } from '../../src/common/clock.js'
import { BallistaError } from '../../src/common/errors.js'
import { ExchangeHub } from '../../src/exchange/exchange-hub.js'
import { localInput, MergedReader } from '../../src/exchange/merged-reader.js'
import type { OutputBuffer } from '../../src/exchange/output-buffer.js'
import { bytesOf } from '../../src/exchange/output-item.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { spillSpace } from '../../src/runtime/spill-space.js'
import { faultyFs } from '../helpers/faulty-fs.js'
import { numbersBatch, ROWS } from './fake-operators.js'

const ROWS_PER_BATCH = 1000
/** In memory, and in a file. */
const [BATCH_BYTES, FRAME_BYTES] = ((): [number, number] => {
  const batch = numbersBatch(0, ROWS_PER_BATCH)
  const bytes = bytesOf({ kind: 'batch', batch })
  const frame = encodeBatch(batch)
  releaseBatch(batch)
  return [bytes, frame.length]
})()
/** A quarter of it is for outputs that spill: some three batches. */
const MEMORY = Math.ceil((3.5 * BATCH_BYTES * 4) / 0.15)

interface Spilling {
  readonly hub: ExchangeHub
  readonly directory: string
  readonly output: (producer?: number, partitionCount?: number) => OutputBuffer
  readonly reader: (producer?: number, partition?: number) => MergedReader
}

/** A hub with a job that is closed afterwards; then nothing may be left. */
async function withHub(
  t: ExecutionContext,
  options: { materialized: boolean; maxBytes?: number; fs?: ReturnType<typeof faultyFs> },
  body: (parts: Spilling) => Promise<void>,
): Promise<void> {
  const before = bytesInUse()
  const directory = await mkdtemp(join(tmpdir(), 'ballista-output-'))
  const fs = options.fs ?? faultyFs({ writeBytes: 10_000 })
  const space = spillSpace({ directory, maxBytes: options.maxBytes ?? 1e9 }, fs.fs)
  const hub = new ExchangeHub({ clock: systemClock, memoryLimit: MEMORY, space })
  hub.openJob('job')
  try {
    const storage = options.materialized ? { materialized: true } : { spillable: true }
    await body({
      hub,
      directory,
      output: (producer = 0, partitionCount = 1) =>
        hub.openOutput({ jobId: 'job', edge: 0, producer }, { schema: ROWS, partitionCount, limit: 1, ...storage }),
      reader: (producer = 0, partition = 0) =>
        new MergedReader([localInput(hub, { jobId: 'job', edge: 0, producer }, partition)]),
    })
  } finally {
    await hub.closeJob('job')
    t.deepEqual(readdirSync(directory), [], 'files')
    t.is(fs.openFiles(), 0, 'open files')
    t.is(ioStats().tempBytes, 0, 'bytes of files')
    t.is(bytesInUse(), before, 'bytes in the arena')
    await rm(directory, { recursive: true })
  }
}

/** Writes `count` batches as a task does: each when the one before let it. */
async function produce(output: OutputBuffer, count: number, partitionCount = 1): Promise<void> {
  for (let batch = 0; batch < count; batch++) {
    output.add(batch % partitionCount, numbersBatch(batch * ROWS_PER_BATCH, ROWS_PER_BATCH))
    await output.writable()
  }
}

/** The ids of the first row of each batch. */
async function firstIds(reader: MergedReader): Promise<number[]> {
  const ids: number[] = []
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
    ids.push(Number(columnValues(batch.columns[0])[0]))
    releaseBatch(batch)
  }
  return ids
}

const expected = (count: number): number[] => Array.from({ length: count }, (_, batch) => batch * ROWS_PER_BATCH)

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return error instanceof BallistaError ? error.code : String(error)
  }
}

test.serial('a materialized output waits for no consumer, and is read from its start later', async t => {
  await withHub(t, { materialized: true }, async ({ directory, output, reader }) => {
    const written = output()
    await produce(written, 50)
    written.end()
    await written.drained()
    t.true(written.queuedBytes <= 4 * BATCH_BYTES, `${written.queuedBytes} bytes in memory`)
    t.true(written.peakBytes <= 4 * BATCH_BYTES + 8 * 1024 ** 2)
    t.true(ioStats().tempBytes > 40 * FRAME_BYTES)
    t.is(readdirSync(directory).length, 1)
    t.deepEqual(await firstIds(reader()), expected(50))
  })
})

test.serial(
  'a spillable output is read while it is written, in order, and waits for its consumer only at the end',
  async t => {
    await withHub(t, { materialized: false }, async ({ output, reader }) => {
      const written = output()
      await produce(written, 20)
      const ids = firstIds(reader())
      await produce(written, 0)
      for (let batch = 20; batch < 60; batch++) {
        written.add(0, numbersBatch(batch * ROWS_PER_BATCH, ROWS_PER_BATCH))
        await written.writable()
        if (batch % 10 === 0) await new Promise(setImmediate)
      }
      written.end()
      t.deepEqual(await ids, expected(60))
      await written.drained()
    })
  },
)

test.serial('outputs share what memory there is; each partition of each is complete', async t => {
  await withHub(t, { materialized: true }, async ({ output, reader, hub }) => {
    const outputs = [0, 1, 2].map(producer => output(producer, 4))
    await Promise.all(outputs.map(written => produce(written, 40, 4)))
    outputs.forEach(written => written.end())
    await Promise.all(outputs.map(written => written.drained()))
    t.true(hub.stats().queuedBytes <= 7 * BATCH_BYTES, `${hub.stats().queuedBytes} bytes of three outputs`)
    for (const producer of [2, 0, 1]) {
      for (const partition of [3, 1, 0, 2]) {
        const ids = expected(40).filter(id => (id / ROWS_PER_BATCH) % 4 === partition)
        t.deepEqual(await firstIds(reader(producer, partition)), ids)
      }
    }
  })
})

test.serial('a consumer that leaves early, and a job that ends in between, leave nothing', async t => {
  await withHub(t, { materialized: true }, async ({ output, reader }) => {
    const written = output()
    await produce(written, 30)
    const leaving = reader()
    const batch = await leaving.next()
    if (batch !== undefined) releaseBatch(batch)
    leaving.cancel()
    t.is(written.add(0, numbersBatch(0, 1)), 'closed')
  })
  for (let seed = 1; seed <= 20; seed++) {
    const rng = seededRng(seed)
    await withHub(t, { materialized: seed % 2 === 0 }, async ({ output, reader }) => {
      const written = output()
      await produce(written, Math.floor(rng.next() * 30))
      const ids = codeOf(firstIds(reader()))
      for (let turn = 0; turn < rng.next() * 20; turn++) await new Promise(setImmediate)
      void ids
    })
  }
})

for (const materialized of [true, false]) {
  test.serial(
    `a full disk fails ${materialized ? 'materialized' : 'spillable'} outputs, and both sides hear why`,
    async t => {
      const fs = faultyFs({ failAt: 6, code: 'ENOSPC', writeBytes: 10_000 })
      await withHub(t, { materialized, fs }, async ({ output, reader }) => {
        const written = output()
        t.is(await codeOf(produce(written, 50).then(() => (written.end(), written.drained()))), 'SPILL_DISK_FULL')
        t.is(await codeOf(firstIds(reader())), 'SPILL_DISK_FULL')
      })
    },
  )
}

test.serial('a bit that flips in the file is SPILL_CORRUPT', async t => {
  await withHub(t, { materialized: true }, async ({ directory, output, reader }) => {
    const written = output()
    await produce(written, 30)
    written.end()
    await written.drained()
    const [space] = readdirSync(directory)
    const [file] = readdirSync(join(directory, space))
    const path = join(directory, space, file)
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1] ^= 1
    writeFileSync(path, bytes)
    t.is(await codeOf(firstIds(reader())), 'SPILL_CORRUPT')
  })
})

test.serial('no more goes to files than may', async t => {
  await withHub(t, { materialized: true, maxBytes: 5 * BATCH_BYTES }, async ({ output, reader }) => {
    t.is(await codeOf(produce(output(), 50)), 'SPILL_LIMIT')
    t.is(await codeOf(firstIds(reader())), 'SPILL_LIMIT')
  })
})

test.serial('every call to the file system may fail: it is told, and nothing is left', async t => {
  const { calls } = await spilledOnce(t, 0)
  t.true(calls > 30)
  for (let failAt = 1; failAt <= calls; failAt += 3) {
    const { code } = await spilledOnce(t, failAt)
    t.is(code, 'SPILL_FAILED', `call ${failAt}`)
  }
})

async function spilledOnce(t: ExecutionContext, failAt: number): Promise<{ code: string; calls: number }> {
  const fs = faultyFs({ failAt, writeBytes: 20_000 })
  let code = ''
  await withHub(t, { materialized: true, fs }, async ({ output, reader }) => {
    const written = output()
    const writing = produce(written, 20).then(() => (written.end(), written.drained()))
    code = await codeOf(writing.then(async () => t.deepEqual(await firstIds(reader()), expected(20))))
  })
  return { code, calls: fs.calls() }
}
