/**
 * The allocator of the arena: size classes of 64 bytes to 32 KiB in per-thread heaps, larger blocks as runs of 64 KiB pages.
 *
 * All state lies in the shared memory and is changed by atomics only; nothing here waits, so a thread may die anywhere.
 *
 * | pages    | what                                                                                              |
 * |----------|---------------------------------------------------------------------------------------------------|
 * | 0        | constant tables of the kernels                                                                    |
 * | 1        | counters, then the bits of page-runs.ts                                                           |
 * | 2        | 256 thread slots of 256 bytes: state, remote-free list, sweeps, first page with room of each class|
 * | 3 .. 66  | the page table: 64 bytes a page, see the offsets below                                            |
 * | 67 ..    | blocks; the last page is never handed out, so that a kernel may read past a block                 |
 *
 * A block has no header of its own bytes: reference counts lie in the page table (large blocks and classes of 8 KiB up) or
 * in the first bytes of the block's page, so a block of 2^k bytes costs 2^k bytes.
 */
import { claimRun, freeRun, withholdPage } from './page-runs'

const BYTES_IN_USE: usize = 0x10000
const SLOTS: usize = 0x20000
const SLOT_COUNT: u32 = 256
const SLOT_STATE: usize = 0
const SLOT_REMOTE: usize = 4
const SLOT_SWEEPS: usize = 8
const SLOT_HEADS: usize = 64
const TABLE: usize = 0x30000
const LAST_PAGE: u32 = 65535
const CONTROL_PAGES: u32 = 67

const SLOT_FREE: u32 = 0
const SLOT_LIVE: u32 = 1
const SLOT_ABANDONED: u32 = 2

// Offsets in a page table entry. FREE, CARVED, USED, NEXT and PREV belong to the owner of a page of small blocks.
const STATE: usize = 0
const SIZE: usize = 4
const OWNER: usize = 8
const FREE: usize = 12
const CARVED: usize = 16
const USED: usize = 20
const NEXT: usize = 24
const PREV: usize = 28
const COUNTS: usize = 32

// States. SIZE is a shift (6 .. 15) for SMALL, a number of pages for LARGE.
const NONE: u32 = 0
const SMALL: u32 = 1
const LARGE: u32 = 2

const SMALLEST_SHIFT: u32 = 6
const LARGEST_SMALL: u32 = 32768
/** Classes from this shift up have at most 8 blocks a page, whose counts fit the page table entry. */
const COUNTS_IN_TABLE_SHIFT: u32 = 13

/** This thread's slot; a global of the instance, so private to the thread. */
let mySlot: u32 = 0

// @ts-ignore: decorator
@inline function entryOf(page: u32): usize {
  return TABLE + ((<usize>page) << 6)
}

// @ts-ignore: decorator
@inline function slotOf(thread: u32): usize {
  return SLOTS + ((<usize>thread) << 8)
}

/** First byte above the module's constant tables; must not exceed 64 KiB. */
export function arenaStaticsEnd(): usize {
  return __heap_base
}

/** Once, by the thread that made the memory: pages below `firstPage` are never handed out. */
export function arenaCreate(firstPage: u32): void {
  const first = max(firstPage, CONTROL_PAGES)
  for (let page: u32 = 0; page < first; page++) withholdPage(page)
  withholdPage(LAST_PAGE)
}

/** Takes a heap for this thread, first one that an ended thread left; its number, or -1 when 256 threads are alive. */
export function arenaAttach(): i32 {
  return tryAttach(SLOT_ABANDONED) || tryAttach(SLOT_FREE) ? <i32>mySlot : -1
}

function tryAttach(wanted: u32): bool {
  for (let thread: u32 = 0; thread < SLOT_COUNT; thread++) {
    if (atomic.cmpxchg<u32>(slotOf(thread) + SLOT_STATE, wanted, SLOT_LIVE) != wanted) continue
    mySlot = thread
    return true
  }
  return false
}

/** Leaves the heap of an ended thread, with its blocks, to the next thread that attaches. */
export function arenaAbandon(thread: u32): void {
  atomic.cmpxchg<u32>(slotOf(thread) + SLOT_STATE, SLOT_LIVE, SLOT_ABANDONED)
}

/** A block of at least `byteLength` bytes (up to 4 GiB - 64 KiB) with one reference; 0 if there is no room. */
export function arenaAlloc(byteLength: u32): usize {
  const block = byteLength <= LARGEST_SMALL ? allocSmall(byteLength) : allocLarge((byteLength + 0xffff) >> 16)
  if (block != 0) return block
  // Blocks that other threads gave back may complete pages.
  if (!drainRemote()) return 0
  return byteLength <= LARGEST_SMALL ? allocSmall(byteLength) : allocLarge((byteLength + 0xffff) >> 16)
}

function allocSmall(byteLength: u32): usize {
  const shift: u32 = byteLength <= 64 ? SMALLEST_SHIFT : 32 - clz<u32>(byteLength - 1)
  const head = slotOf(mySlot) + SLOT_HEADS + ((shift - SMALLEST_SHIFT) << 2)
  let page = load<u32>(head)
  if (page == 0) {
    drainRemote()
    page = load<u32>(head)
    if (page == 0) page = newSmallPage(shift)
    if (page == 0) return 0
  }
  const entry = entryOf(page)
  let block: usize = load<u32>(entry + FREE)
  if (block != 0) {
    store<u32>(entry + FREE, load<u32>(block))
  } else {
    const offset = load<u32>(entry + CARVED)
    block = ((<usize>page) << 16) + offset
    store<u32>(entry + CARVED, offset + (1 << shift))
  }
  store<u32>(entry + USED, load<u32>(entry + USED) + 1)
  if (load<u32>(entry + FREE) == 0 && load<u32>(entry + CARVED) == 65536) unlink(entry, head)
  atomic.store<u32>(countOf(entry, block), 1)
  atomic.add<u32>(BYTES_IN_USE, 1 << shift)
  return block
}

/** A page of small blocks with room in all of them, linked into the heap of this thread; 0 if there is no page. */
function newSmallPage(shift: u32): u32 {
  const page = claimRun(1)
  if (page == 0) return 0
  const entry = entryOf(page)
  const size: u32 = 1 << shift
  // The counts of classes below 8 KiB take the first 4 bytes a block of the page, rounded up to whole blocks.
  const counts: u32 = shift >= COUNTS_IN_TABLE_SHIFT ? 0 : (4 << (16 - shift)) + size - 1 & ~(size - 1)
  if (counts != 0) memory.fill((<usize>page) << 16, 0, 4 << (16 - shift))
  memory.fill(entry, 0, 64)
  store<u32>(entry + SIZE, shift)
  store<u32>(entry + OWNER, mySlot)
  store<u32>(entry + CARVED, counts)
  atomic.store<u32>(entry + STATE, SMALL)
  link(entry, page, slotOf(mySlot) + SLOT_HEADS + ((shift - SMALLEST_SHIFT) << 2))
  return page
}

function link(entry: usize, page: u32, head: usize): void {
  const next = load<u32>(head)
  store<u32>(entry + NEXT, next)
  store<u32>(entry + PREV, 0)
  if (next != 0) store<u32>(entryOf(next) + PREV, page)
  store<u32>(head, page)
}

function unlink(entry: usize, head: usize): void {
  const next = load<u32>(entry + NEXT)
  const prev = load<u32>(entry + PREV)
  if (prev != 0) store<u32>(entryOf(prev) + NEXT, next)
  else store<u32>(head, next)
  if (next != 0) store<u32>(entryOf(next) + PREV, prev)
}

function allocLarge(pages: u32): usize {
  const page = claimRun(pages)
  if (page == 0) return 0
  const entry = entryOf(page)
  store<u32>(entry + SIZE, pages)
  store<u32>(entry + OWNER, mySlot)
  atomic.store<u32>(entry + COUNTS, 1)
  atomic.store<u32>(entry + STATE, LARGE)
  atomic.add<u32>(BYTES_IN_USE, pages << 16)
  return (<usize>page) << 16
}

/** Where the reference count of a block lies. */
// @ts-ignore: decorator
@inline function countOf(entry: usize, block: usize): usize {
  const shift = load<u32>(entry + SIZE)
  if (load<u32>(entry + STATE) == LARGE) return entry + COUNTS
  const index = (block & 0xffff) >> shift
  return (shift >= COUNTS_IN_TABLE_SHIFT ? entry + COUNTS : block & ~(<usize>0xffff)) + (index << 2)
}

/** Is this the start of a block that could have been handed out? */
// @ts-ignore: decorator
@inline function isBlock(entry: usize, block: usize): bool {
  const state = load<u32>(entry + STATE)
  if (state == LARGE) return (block & 0xffff) == 0
  return state == SMALL && (block & (((<usize>1) << load<u32>(entry + SIZE)) - 1)) == 0
}

/** Bytes of a block, 0 if this is no live block. */
export function arenaBlockSize(block: usize): u32 {
  const entry = entryOf(<u32>(block >> 16))
  if (!isBlock(entry, block) || atomic.load<u32>(countOf(entry, block)) == 0) return 0
  return byteSize(entry)
}

// @ts-ignore: decorator
@inline function byteSize(entry: usize): u32 {
  const size = load<u32>(entry + SIZE)
  return load<u32>(entry + STATE) == LARGE ? size << 16 : 1 << size
}

/** One more reference; the number before, 0 (and no change that lasts) if this is no live block. */
export function arenaRetain(block: usize): u32 {
  const entry = entryOf(<u32>(block >> 16))
  if (!isBlock(entry, block)) return 0
  const count = countOf(entry, block)
  const before = atomic.add<u32>(count, 1)
  if (before == 0) atomic.sub<u32>(count, 1)
  return before
}

/** One reference less; a block without references is free. The number before, 0 if this is no live block. */
export function arenaRelease(block: usize): u32 {
  const before = arenaDrop(block)
  if (before == 1) arenaFree(block)
  return before
}

/** As arenaRelease, but a block without references stays where it is until arenaFree. */
export function arenaDrop(block: usize): u32 {
  const entry = entryOf(<u32>(block >> 16))
  if (!isBlock(entry, block)) return 0
  const count = countOf(entry, block)
  const before = atomic.sub<u32>(count, 1)
  if (before == 0) atomic.add<u32>(count, 1)
  else if (before == 1) atomic.sub<u32>(BYTES_IN_USE, byteSize(entry))
  return before
}

/** The thread whose heap a block, with references or without, lies in. */
export function arenaOwner(block: usize): u32 {
  return load<u32>(entryOf(<u32>(block >> 16)) + OWNER)
}

/** How often the heap of a thread was swept: blocks from before the last time are gone. */
export function arenaSweeps(thread: u32): u32 {
  return atomic.load<u32>(slotOf(thread) + SLOT_SWEEPS)
}

/** Makes a block without references available again. */
export function arenaFree(block: usize): void {
  const page = <u32>(block >> 16)
  const entry = entryOf(page)
  if (load<u32>(entry + STATE) == LARGE) {
    const pages = load<u32>(entry + SIZE)
    atomic.store<u32>(entry + STATE, NONE)
    freeRun(page, pages)
  } else if (load<u32>(entry + OWNER) == mySlot) {
    freeSmall(entry, page, block)
  } else {
    const remote = slotOf(load<u32>(entry + OWNER)) + SLOT_REMOTE
    let head: u32
    do {
      head = atomic.load<u32>(remote)
      store<u32>(block, head)
    } while (atomic.cmpxchg<u32>(remote, head, <u32>block) != head)
  }
}

function freeSmall(entry: usize, page: u32, block: usize): void {
  const head = slotOf(mySlot) + SLOT_HEADS + ((load<u32>(entry + SIZE) - SMALLEST_SHIFT) << 2)
  const wasFull = load<u32>(entry + FREE) == 0 && load<u32>(entry + CARVED) == 65536
  store<u32>(block, load<u32>(entry + FREE))
  store<u32>(entry + FREE, <u32>block)
  const used = load<u32>(entry + USED) - 1
  store<u32>(entry + USED, used)
  if (wasFull) link(entry, page, head)
  // The last page with room of its class stays, so that a column a batch does not claim and free a page each time.
  if (used != 0 || (load<u32>(entry + NEXT) == 0 && load<u32>(entry + PREV) == 0)) return
  unlink(entry, head)
  atomic.store<u32>(entry + STATE, NONE)
  freeRun(page, 1)
}

/** Takes back the blocks that other threads freed; were there any? */
function drainRemote(): bool {
  let block: usize = atomic.xchg<u32>(slotOf(mySlot) + SLOT_REMOTE, 0)
  if (block == 0) return false
  while (block != 0) {
    const next: usize = load<u32>(block)
    const page = <u32>(block >> 16)
    freeSmall(entryOf(page), page, block)
    block = next
  }
  return true
}

/** Frees every block that `thread` allocated, whoever refers to it, and its heap; the number of bytes. */
export function arenaSweep(thread: u32): u32 {
  let bytes: u32 = 0
  for (let page: u32 = CONTROL_PAGES; page < LAST_PAGE; page++) {
    const entry = entryOf(page)
    const state = atomic.load<u32>(entry + STATE)
    if (state == NONE || load<u32>(entry + OWNER) != thread) continue
    bytes += liveBytes(entry, page)
    const pages: u32 = state == LARGE ? load<u32>(entry + SIZE) : 1
    atomic.store<u32>(entry + STATE, NONE)
    freeRun(page, pages)
  }
  atomic.sub<u32>(BYTES_IN_USE, bytes)
  const slot = slotOf(thread)
  const sweeps = load<u32>(slot + SLOT_SWEEPS)
  memory.fill(slot + SLOT_REMOTE, 0, 256 - SLOT_REMOTE)
  atomic.store<u32>(slot + SLOT_SWEEPS, sweeps + 1)
  atomic.store<u32>(slot + SLOT_STATE, SLOT_FREE)
  return bytes
}

function liveBytes(entry: usize, page: u32): u32 {
  const size = byteSize(entry)
  if (load<u32>(entry + STATE) == LARGE) return load<u32>(entry + COUNTS) == 0 ? 0 : size
  let bytes: u32 = 0
  for (let offset: u32 = 0; offset < load<u32>(entry + CARVED); offset += size) {
    const count = countOf(entry, ((<usize>page) << 16) + offset)
    if (load<u32>(count) != 0) bytes += size
  }
  return bytes
}
