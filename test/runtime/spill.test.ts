/** Temporary files: what was written comes back, nothing stays behind, and every failure has a code. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { batchFromValues, columnValues, releaseBatch } from '../../src/arrow/column.js'
import { encodeBatch } from '../../src/arrow/frame.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { INT64, UTF8 } from '../../src/arrow/types.js'
import { field } from '../../src/arrow/schema.js'
import type { Batch } from '../../src/arrow/batch.js'
import { BallistaError } from '../../src/common/errors.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { noMetrics } from '../../src/runtime/metrics.js'
import { SpillFile } from '../../src/runtime/spill-file.js'
import { nodeSpillFs } from '../../src/runtime/spill-fs.js'
import { SpillRun } from '../../src/runtime/spill-run.js'
import { spillSpace } from '../../src/runtime/spill-space.js'
import { faultyFs } from '../helpers/faulty-fs.js'

const SCHEMA = { fields: [field('n', INT64), field('s', UTF8)] }
const parent = mkdtempSync(join(tmpdir(), 'ballista-spill-test-'))
test.after.always(() => rmSync(parent, { recursive: true, force: true }))

const batch = (from: number, rows: number): Batch =>
  batchFromValues(SCHEMA, [
    Array.from({ length: rows }, (_, i) => BigInt(from + i)),
    Array.from({ length: rows }, (_, i) => (i % 5 === 0 ? null : `text ${from + i}`)),
  ])

const codeOf = (error: unknown): string => (error instanceof BallistaError ? error.code : String(error))

/** Writes and reads 30 batches in two runs; the rows read. */
async function roundTrip(space: ReturnType<typeof spillSpace>, counters = noMetrics()): Promise<unknown[]> {
  const file = await SpillFile.open({ spill: space, counters: () => counters, signal: new AbortController().signal })
  try {
    const runs = [new SpillRun(file, SCHEMA), new SpillRun(file, SCHEMA)]
    for (let i = 0; i < 30; i++) {
      const some = batch(i * 1000, 1000)
      try {
        await runs[i % 2].append(some)
      } finally {
        releaseBatch(some)
      }
    }
    const rows: unknown[] = []
    for (const run of runs) {
      for await (const some of run.batches()) rows.push(...columnValues(some.columns[0]))
    }
    return rows
  } finally {
    await file.settle().catch(() => undefined)
    file.close()
  }
}

const expected = [0, 1]
  .flatMap(odd =>
    Array.from({ length: 15 }, (_, i) => Array.from({ length: 1000 }, (_, row) => BigInt((2 * i + odd) * 1000 + row))),
  )
  .flat()

/** Of the 30 batches. */
function frameBytes(): number {
  return Array.from({ length: 30 }, (_, i) => {
    const some = batch(i * 1000, 1000)
    const frame = encodeBatch(some)
    releaseBatch(some)
    return frame.length
  }).reduce((sum, byteLength) => sum + byteLength, 0)
}

test.serial('batches come back in the order of their run, also through short writes, and nothing is left', async t => {
  const before = bytesInUse()
  for (const writeBytes of [Infinity, 5000]) {
    const { fs, openFiles } = faultyFs({ writeBytes })
    const counters = noMetrics()
    t.deepEqual(await roundTrip(spillSpace({ directory: parent, maxBytes: 1e9 }, fs), counters), expected)
    t.is(counters.spilledRows, 30_000)
    t.is(counters.spilledBytes, frameBytes())
    t.is(openFiles(), 0)
  }
  t.deepEqual(readdirSync(parent), [])
  t.is(bytesInUse(), before)
  t.is(ioStats().tempBytes, 0)
  t.is(ioStats().tempFiles, 0)
})

test.serial('only this user can read a temporary file', async t => {
  const space = spillSpace({ directory: parent, maxBytes: 1e9 })
  const [one, two] = [await space.open(), await space.open()]
  const [directory] = readdirSync(parent)
  t.is(statSync(join(parent, directory)).mode & 0o777, 0o700)
  for (const name of readdirSync(join(parent, directory)))
    t.is(statSync(join(parent, directory, name)).mode & 0o777, 0o600)
  one.close()
  t.is(readdirSync(join(parent, directory)).length, 1)
  two.close()
  t.deepEqual(readdirSync(parent), [])
})

test.serial('whichever call fails, the error has a code and nothing is left', async t => {
  const before = bytesInUse()
  const counting = faultyFs({})
  await roundTrip(spillSpace({ directory: parent, maxBytes: 1e9 }, counting.fs))
  for (let failAt = 1; failAt <= counting.calls(); failAt++) {
    const code = failAt % 2 === 0 ? 'EIO' : 'ENOSPC'
    const { fs, openFiles } = faultyFs({ failAt, code })
    const error = await t.throwsAsync(roundTrip(spillSpace({ directory: parent, maxBytes: 1e9 }, fs)))
    t.is(codeOf(error), code === 'EIO' ? 'SPILL_FAILED' : 'SPILL_DISK_FULL', `call ${failAt}`)
    t.is(openFiles(), 0)
    t.is(bytesInUse(), before)
    t.is(ioStats().tempBytes, 0)
    t.is(ioStats().tempFiles, 0)
    t.deepEqual(readdirSync(parent), [])
  }
  t.true(counting.calls() > 30)
})

test.serial('a limit on all temporary files holds, and is given back', async t => {
  const space = spillSpace({ directory: parent, maxBytes: 100_000 })
  t.is(codeOf(await t.throwsAsync(roundTrip(space))), 'SPILL_LIMIT')
  t.is(ioStats().tempBytes, 0)
  t.deepEqual(readdirSync(parent), [])
})

test.serial('bytes that have changed on the disk are noticed', async t => {
  const before = bytesInUse()
  const flipping = {
    ...nodeSpillFs,
    async open(path: string) {
      const handle = await nodeSpillFs.open(path)
      return {
        ...handle,
        async read(bytes: Uint8Array, position: number) {
          const count = await handle.read(bytes, position)
          bytes[count >> 1] ^= 4
          return count
        },
      }
    },
  }
  const error = await t.throwsAsync(roundTrip(spillSpace({ directory: parent, maxBytes: 1e9 }, flipping)))
  t.is(codeOf(error), 'SPILL_CORRUPT')
  t.is(bytesInUse(), before)
})

test.serial('a directory that is not there, or not writable, is an error with its name', async t => {
  const missing = join(parent, 'missing')
  const error = await t.throwsAsync(spillSpace({ directory: missing, maxBytes: 1e9 }).open())
  t.is(codeOf(error), 'SPILL_FAILED')
  t.true(error?.message.includes(missing))
  t.is(ioStats().tempFiles, 0)
})

test.serial('leftovers of killed processes go with the first file, those of running ones stay', async t => {
  const place = mkdtempSync(join(parent, 'leftovers-'))
  // The largest process number of Linux is 2^22.
  const dead = join(place, 'ballista-spill-99999999-abc')
  const alive = join(place, `ballista-spill-${process.pid}-abc`)
  const other = join(place, 'other')
  for (const directory of [dead, alive, other]) {
    mkdirSync(directory)
    writeFileSync(join(directory, '1'), 'left')
    chmodSync(directory, 0o700)
  }
  const file = await spillSpace({ directory: place, maxBytes: 1e9 }).open()
  t.deepEqual([dead, alive, other].map(existsSync), [false, true, true])
  file.close()
  rmSync(place, { recursive: true })
})
