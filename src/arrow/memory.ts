/**
 * The arena: one shared WebAssembly memory a process that holds all columns, and this thread's instance of the kernels over
 * it. Blocks are counted references; whoever holds one releases it exactly once, on whatever thread.
 */
import { readFileSync } from 'node:fs'
import { bytes } from '../common/option.js'
import { fail } from '../common/errors.js'
import { invariant } from '../common/invariant.js'
import { quarantine } from './quarantine.js'

/** The arena never grows: views of one thread would stay short when another thread grew it. */
const PAGES = 65_536
const PAGE_BYTES = 65_536
/** Largest block: what is left of 4 GiB after tables and guard pages. */
const MAX_BLOCK = (PAGES - 128) * PAGE_BYTES
const SCRATCH_CHUNK = 256 * 1024

/** Typed arrays over the whole memory; an index is a position divided by the element size. */
export interface Views {
  readonly u8: Uint8Array
  readonly i8: Int8Array
  readonly u16: Uint16Array
  readonly i16: Int16Array
  readonly u32: Uint32Array
  readonly i32: Int32Array
  readonly f32: Float32Array
  readonly f64: Float64Array
  readonly i64: BigInt64Array
  readonly u64: BigUint64Array
}

/** Positions and counts are numbers (a position that comes back needs `>>> 0`), i64 arguments are bigints. */
export type KernelFunction = (...args: (number | bigint)[]) => number
export type Kernels = Readonly<Record<string, KernelFunction>>

/** Node's own fast paths, which take positions above 2 GiB too; its typings leave them out. */
interface TextBuffer extends Buffer {
  utf8Slice(start: number, end: number): string
  utf8Write(text: string, offset: number, byteLength: number): number
}

/** What this thread has of the arena. */
interface Thread {
  readonly memory: WebAssembly.Memory
  readonly views: Views
  readonly text: TextBuffer
  readonly kernels: Kernels
  readonly number: number
  readonly alloc: KernelFunction
  readonly retain: KernelFunction
  readonly release: (block: number) => number
}

let thread: Thread | undefined
let module: WebAssembly.Module | undefined

/** Makes this thread use the arena of another one; before anything else touches the arena here. */
export function attachArena(memory: WebAssembly.Memory): void {
  invariant(thread === undefined, 'the arena is attached before it is used')
  thread = openThread(memory, false)
}

/** The memory to hand to worker threads; made on first use. */
export const arenaMemory = (): WebAssembly.Memory => current().memory

/** This thread's number in the arena, for `sweepOwner` and `abandonOwner` when it has ended. */
export const arenaThread = (): number => current().number

/**
 * All exports of the kernel module, one instance a thread. `Family` may name the calls of one family with their exact types.
 */
export function kernels<Family = Kernels>(): Family {
  return current().kernels as Family
}

export const views = (): Views => current().views

/**
 * A new block of `byteLength` bytes with one reference: its position, a multiple of 64. The bytes are not
 * cleared. Kernels may write up to the next multiple of 64 bytes. Throws ARENA_EXHAUSTED.
 */
export function alloc(byteLength: number): number {
  const own = current()
  const block = byteLength <= MAX_BLOCK ? own.alloc(byteLength) >>> 0 : 0
  if (block === 0) throw fail('ARENA_EXHAUSTED', [byteLength, bytesInUse()])
  return block
}

/** One more reference on a block. */
export function retain(block: number): void {
  invariant(current().retain(block) !== 0, `retain of ${block}, which is no live block of the arena`)
}

/** Gives up one reference; the last one frees the block. */
export function release(block: number): void {
  invariant(current().release(block) !== 0, `release of ${block}, which is no live block of the arena`)
}

/**
 * For tests, in debug mode: the allocation number `count` from now on (1: the next one) of this thread fails once; 0: none. What
 * was left to count before the call, 0 if the allocation has failed.
 */
export function failAllocation(count: number): number {
  const left = countdown
  countdown = count
  return left
}

let countdown = 0

/** An allocator that finds no room when the countdown ends. */
const failing =
  (alloc: KernelFunction): KernelFunction =>
  byteLength =>
    countdown > 0 && --countdown === 0 ? 0 : alloc(byteLength)

/** Bytes of all blocks with references, of all threads, rounded up to size classes. */
export const bytesInUse = (): number => Atomics.load(current().views.u32, 0x10000 / 4)

/** Bytes of the largest block that could be had now: how far the arena is in pieces. */
export const largestFreeRun = (): number => (current().kernels.arenaLargestRun() >>> 0) * PAGE_BYTES

/** Bytes of the block at a position (at least what was asked for); 0 if there is no live block. */
export const blockBytes = (block: number): number => current().kernels.arenaBlockSize(block) >>> 0

/**
 * Frees every block that a dead thread allocated, whoever refers to it, and gives its number back. To be called once, by
 * whoever saw the thread die, after all that took blocks over from it was told to stop. The bytes that were in use.
 */
export const sweepOwner = (number: number): number => current().kernels.arenaSweep(number) >>> 0

/** Lets the next thread that starts take over the heap of one that has ended; its live blocks stay as they are. */
export const abandonOwner = (number: number): void => void current().kernels.arenaAbandon(number)

/**
 * Runs `fn` with an allocator of temporary memory (64-byte aligned, not cleared), all freed when `fn` returns or throws.
 * `fn` is synchronous. May be nested.
 */
export function withScratch<T>(fn: (alloc: (byteLength: number) => number) => T): T {
  const mark = scratch.used
  const large: number[] = []
  scratch.depth++
  try {
    return fn(byteLength => {
      const size = (byteLength + 63) & ~63
      if (byteLength > SCRATCH_CHUNK || scratch.used + size > SCRATCH_CHUNK) {
        large.push(alloc(byteLength))
        return large[large.length - 1]
      }
      if (scratch.chunk === 0) scratch.chunk = alloc(SCRATCH_CHUNK)
      scratch.used += size
      return scratch.chunk + scratch.used - size
    })
  } finally {
    scratch.used = mark
    large.forEach(release)
    if (--scratch.depth === 0 && scratch.chunk !== 0) {
      release(scratch.chunk)
      scratch.chunk = 0
    }
  }
}

const scratch = { chunk: 0, used: 0, depth: 0 }

/** The string of `byteLength` UTF-8 bytes at a position (TextDecoder refuses shared memory). */
export function readText(position: number, byteLength: number): string {
  return current().text.utf8Slice(position, position + byteLength)
}

/** Writes a string as UTF-8 at a position with room for it; the number of bytes. */
export function writeText(position: number, text: string): number {
  // Without a limit Node computes one that overflows 31 bits, and writes nothing. A UTF-16 unit takes at most 3 bytes.
  return current().text.utf8Write(text, position, text.length * 3)
}

function current(): Thread {
  return (thread ??= openThread(createMemory(), true))
}

function createMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true })
}

function openThread(memory: WebAssembly.Memory, isNew: boolean): Thread {
  module ??= new WebAssembly.Module(readFileSync(new URL('../kernels.wasm', import.meta.url)))
  const instance = new WebAssembly.Instance(module, { env: { memory, abort } })
  const own = instance.exports as unknown as Kernels
  invariant(own.arenaStaticsEnd() >>> 0 <= PAGE_BYTES, 'the tables of the kernels fit the first 64 KiB')
  if (isNew) own.arenaCreate(arenaBase() / PAGE_BYTES)
  const number = own.arenaAttach()
  invariant(number >= 0, 'at most 256 threads use the arena')
  const text = Buffer.from(memory.buffer) as TextBuffer
  const { arenaAlloc, arenaRetain: retain } = own
  const alloc = isDebug() ? failing(arenaAlloc) : arenaAlloc
  const release = isDebug() ? quarantine(own, text) : own.arenaRelease
  return { memory, views: viewsOf(memory.buffer), text, kernels: own, number, alloc, retain, release }
}

const isDebug = (): boolean => process.env.BALLISTA_ARENA_DEBUG === '1'

/** First position handed out; tests set it to 3 GiB to find positions that were taken for signed numbers. */
function arenaBase(): number {
  const text = process.env.BALLISTA_ARENA_BASE
  if (text === undefined) return 0
  return (
    Math.floor(bytes('BALLISTA_ARENA_BASE', { default: 0, doc: 'first position' }).parse(text) / PAGE_BYTES) *
    PAGE_BYTES
  )
}

function viewsOf(buffer: ArrayBufferLike): Views {
  return {
    u8: new Uint8Array(buffer),
    i8: new Int8Array(buffer),
    u16: new Uint16Array(buffer),
    i16: new Int16Array(buffer),
    u32: new Uint32Array(buffer),
    i32: new Int32Array(buffer),
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer),
    i64: new BigInt64Array(buffer),
    u64: new BigUint64Array(buffer),
  }
}

/** AssemblyScript's own failure: out of bounds in a static table. */
function abort(): never {
  throw fail('INTERNAL', ['a kernel aborted'])
}
