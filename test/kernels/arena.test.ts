/** The allocator of the arena: blocks, pages, threads that end and threads that die. */
import { once } from 'node:events'
import { MessageChannel, Worker, type Transferable } from 'node:worker_threads'
import test from 'ava'
import {
  abandonOwner,
  alloc,
  arenaMemory,
  arenaThread,
  blockBytes,
  bytesInUse,
  kernels,
  largestFreeRun,
  readText,
  release,
  retain,
  sweepOwner,
  views,
  withScratch,
  writeText,
} from '../../src/arrow/memory.js'
import { testRng } from '../arrow/random-columns.js'
import type { ThreadData } from './arena-worker.js'

const GIB = 2 ** 30

function startThread(data: ThreadData, options: { transfer?: Transferable[]; env?: NodeJS.ProcessEnv } = {}): Worker {
  const { transfer = [], env } = options
  const url = new URL('./arena-worker.js', import.meta.url)
  return new Worker(url, { workerData: data, transferList: transfer, ...(env ? { env } : {}) })
}

/** Ones in the page bitmap, whose place src/kernels/arena.ts states. */
const pagesInUse = (): number => kernels().bitmapCount(0x11000, 65_536)

async function answer<T>(worker: Worker): Promise<T> {
  const [message] = (await once(worker, 'message')) as [T]
  return message
}

test.serial('blocks are aligned, do not overlap and are counted by their class', t => {
  const before = bytesInUse()
  const sizes = [0, 1, 63, 64, 65, 1000, 4096, 32_768, 32_769, 65_536, 65_537, 1_000_000]
  const expected = [64, 64, 64, 64, 128, 1024, 4096, 32_768, 65_536, 65_536, 131_072, 1_048_576]
  const blocks = sizes.flatMap(size => Array.from({ length: 20 }, () => ({ block: alloc(size), size })))
  t.deepEqual(
    sizes.map((_, i) => blockBytes(blocks[i * 20].block)),
    expected,
  )
  t.is(
    bytesInUse() - before,
    expected.reduce((sum, size) => sum + 20 * size, 0),
  )
  blocks.forEach(({ block, size }, i) => views().u8.fill(i & 0xff, block, block + size))
  blocks.forEach(({ block, size }, i) => {
    t.is(block % 64, 0)
    t.true(
      views()
        .u8.subarray(block, block + size)
        .every(byte => byte === (i & 0xff)),
    )
  })
  blocks.forEach(({ block }) => release(block))
  t.is(bytesInUse(), before)
})

test.serial('a block lives as long as it has references', t => {
  const before = bytesInUse()
  for (const size of [100, 10_000, 100_000]) {
    const block = alloc(size)
    retain(block)
    release(block)
    t.true(blockBytes(block) >= size)
    release(block)
    t.is(blockBytes(block), 0)
    const text = `${block}, which is no live block of the arena (this is a bug in ballista, please report it)`
    t.throws(() => release(block), { message: `invariant broken: release of ${text}` })
    t.throws(() => retain(block), { message: `invariant broken: retain of ${text}` })
  }
  t.throws(() => release(12_345_678))
  t.is(bytesInUse(), before)
})

test.serial('freed pages join to runs again, and a run that does not fit is refused', t => {
  const before = bytesInUse()
  const small = Array.from({ length: 3000 }, () => alloc(32_768))
  small.forEach(release)
  const quarters = [alloc(GIB), alloc(GIB), alloc(GIB)]
  const error = t.throws(() => alloc(GIB))
  t.is((error as Error & { code: string }).code, 'ARENA_EXHAUSTED')
  t.regex(error.message, /^no contiguous run of 1073741824 bytes left in the memory arena \(\d+ bytes in use\)$/)
  quarters.forEach(release)
  const whole = alloc(3.5 * GIB)
  t.throws(() => alloc(GIB))
  release(whole)
  t.throws(() => alloc(4 * GIB))
  t.is(bytesInUse(), before)
})

test.serial('scratch is one block while it is in use and gone afterwards', t => {
  const before = bytesInUse()
  const sum = withScratch(scratch => {
    const outer = scratch(100)
    views().u32[outer / 4] = 1
    const inner = withScratch(nested => {
      const block = nested(1000)
      t.true(block >= outer + 100)
      nested(10_000_000)
      views().u32[block / 4] = 2
      return views().u32[block / 4]
    })
    const again = scratch(100)
    t.is(again % 64, 0)
    return inner + views().u32[outer / 4]
  })
  t.is(sum, 3)
  t.throws(() =>
    withScratch(scratch => {
      scratch(1)
      throw new Error('stop')
    }),
  )
  t.is(bytesInUse(), before)
})

test.serial('texts are written and read at positions above 2 GiB too', t => {
  const below = alloc(2 * GIB)
  const above = alloc(2 ** 20)
  t.true(above > 2 * GIB)
  for (const block of [below, above]) {
    const byteLength = writeText(block, 'zwölf €🙂')
    t.is(byteLength, 14)
    t.is(readText(block, byteLength), 'zwölf €🙂')
  }
  ;[below, above].forEach(release)
})

test.serial('the tables of the kernels fit the first page', t => {
  t.true(kernels().arenaStaticsEnd() <= 65_536)
})

test.serial('two threads give blocks to each other while a third one starts', async t => {
  const before = bytesInUse()
  const rng = testRng(message => t.log(message))
  const { port1, port2 } = new MessageChannel()
  const rounds = 150
  const start = (peer: typeof port1): Worker => {
    const seed = Math.floor(rng.next() * 1e9)
    return startThread({ memory: arenaMemory(), task: 'exchange', seed, peer, rounds }, { transfer: [peer] })
  }
  const pair = [start(port1), start(port2)]
  const answers = pair.map(worker => answer<{ error?: string; rounds?: number; thread: number }>(worker))
  const third = startThread({ memory: arenaMemory(), task: 'allocate', count: 100, byteLength: 5000 })
  const { thread, blocks } = await answer<{ thread: number; blocks: number[] }>(third)
  blocks.forEach(release)
  const results = await Promise.all(answers)
  for (const result of results) t.is(result.error, undefined)
  t.deepEqual(
    results.map(result => result.rounds),
    [rounds + 1, rounds + 1],
  )
  t.is(new Set([thread, arenaThread(), ...results.map(result => result.thread)]).size, 4)
  third.postMessage('end')
  await Promise.all([third, ...pair].map(worker => worker.terminate()))
  for (const result of [...results, { thread }]) abandonOwner(result.thread)
  t.is(bytesInUse(), before)
})

test.serial('what a dead thread allocated is swept, and its number is given again', async t => {
  const before = bytesInUse()
  const worker = startThread({ memory: arenaMemory(), task: 'allocate', count: 50, byteLength: 3000 })
  const { thread, blocks } = await answer<{ thread: number; blocks: number[] }>(worker)
  const large = startThread({ memory: arenaMemory(), task: 'allocate', count: 3, byteLength: 300_000 })
  const other = await answer<{ thread: number; blocks: number[] }>(large)
  release(blocks[0])
  await Promise.all([worker.terminate(), large.terminate()])
  t.is(bytesInUse() - before, 49 * 4096 + 3 * 327_680)
  t.is(sweepOwner(thread), 49 * 4096)
  t.is(sweepOwner(other.thread), 3 * 327_680)
  t.is(bytesInUse(), before)
  t.throws(() => release(blocks[1]))
  t.throws(() => release(other.blocks[0]))
})

test.serial('a new thread takes over the heap of one that has ended, with the blocks given back meanwhile', async t => {
  const before = bytesInUse()
  const first = startThread({ memory: arenaMemory(), task: 'allocate', count: 500, byteLength: 4096 })
  const { thread, blocks } = await answer<{ thread: number; blocks: number[] }>(first)
  const pages = pagesInUse()
  first.postMessage('end')
  await once(first, 'exit')
  abandonOwner(thread)
  blocks.forEach(release)
  t.is(bytesInUse(), before)
  const second = startThread({ memory: arenaMemory(), task: 'allocate', count: 500, byteLength: 4096 })
  const next = await answer<{ thread: number; blocks: number[] }>(second)
  t.is(next.thread, thread)
  t.is(next.blocks.length, blocks.length)
  t.true(pagesInUse() <= pages, 'the pages of the first thread are used again')
  await second.terminate()
  sweepOwner(thread)
  t.is(bytesInUse(), before)
})

test.serial('the debug mode reports double release, use after release and writing after release', async t => {
  const env = { ...process.env, BALLISTA_ARENA_DEBUG: '1', BALLISTA_ARENA_BASE: '3GiB' }
  const worker = startThread({ task: 'misuse' }, { env })
  const [releasedTwice, retained, written, bytes, block] = await answer<string[]>(worker)
  await worker.terminate()
  const bug = '(this is a bug in ballista, please report it)'
  t.is(releasedTwice, `invariant broken: release of ${block}, which is no live block of the arena ${bug}`)
  t.is(retained, `invariant broken: retain of ${block}, which is no live block of the arena ${bug}`)
  t.is(written, `invariant broken: block ${block} of 1024 bytes was written after its release ${bug}`)
  t.is(bytes, '0')
  t.true(Number(block) >= 3 * GIB)
})

test.serial('the debug mode lets go of blocks whose thread was swept meanwhile', async t => {
  const env = { ...process.env, BALLISTA_ARENA_DEBUG: '1' }
  const before = bytesInUse()
  const owner = startThread({ memory: arenaMemory(), task: 'allocate', count: 40, byteLength: 4096 })
  const { thread, blocks } = await answer<{ thread: number; blocks: number[] }>(owner)
  const other = startThread({ memory: arenaMemory(), task: 'outlive', blocks }, { env })
  t.is(await answer<string>(other), 'released')
  await owner.terminate()
  sweepOwner(thread)
  // Somebody else has the pages now.
  const mine = Array.from({ length: 20 }, () => alloc(65_536))
  mine.forEach(block => views().u32.fill(block, block / 4, block / 4 + 16_384))
  other.postMessage('go on')
  t.is(await answer<string>(other), 'fine')
  mine.forEach(block => {
    t.true(
      views()
        .u32.subarray(block / 4, block / 4 + 16_384)
        .every(word => word === block),
    )
    release(block)
  })
  await other.terminate()
  t.is(bytesInUse(), before)
})

test.serial('the largest free run is as long as the pages say', t => {
  const runOf = (): number => {
    let longest = 0
    let run = 0
    for (let page = 0; page < 65_536; page++) {
      const isUsed = ((views().u8[0x11000 + (page >> 3)] >> (page & 7)) & 1) === 1
      run = isUsed ? 0 : run + 1
      longest = Math.max(longest, run)
    }
    return longest * 65_536
  }
  const before = largestFreeRun()
  t.is(before, runOf())
  // Nearly all of it in blocks of odd lengths, so that runs start and end anywhere in a word of the page map.
  const rng = testRng(message => t.log(message))
  const blocks: number[] = []
  for (let left = before / 65_536; left > 400;) {
    const pages = Math.min(left, 1 + Math.floor(rng.next() * 300))
    blocks.push(alloc(pages * 65_536))
    left -= pages
  }
  t.is(largestFreeRun(), runOf())
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < blocks.length / 50; i++) {
      const at = Math.floor(rng.next() * blocks.length)
      release(blocks[at])
      blocks.splice(at, 1)
    }
    t.is(largestFreeRun(), runOf(), `round ${round}`)
  }
  const all = largestFreeRun()
  const block = alloc(all)
  t.true(largestFreeRun() <= all)
  release(block)
  blocks.forEach(release)
  t.is(largestFreeRun(), before)
})
