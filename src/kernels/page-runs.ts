/** Runs of pages of the arena: which of them are in use is one bit a page, changed by atomics only. */

/** One bit a page: 1 = in use. */
const BITMAP: usize = 0x11000
const BITMAP_WORDS: usize = 1024

/** Before other threads see the memory: the page is never handed out. */
export function withholdPage(page: u32): void {
  const word = BITMAP + ((page >> 6) << 3)
  store<u64>(word, load<u64>(word) | ((<u64>1) << (page & 63)))
}

/** First fit: a run of free pages, claimed for the caller; 0 if there is none. */
export function claimRun(pages: u32): u32 {
  let page = findRun(pages)
  while (page != 0 && !tryClaim(page, pages)) page = findRun(pages)
  return page
}

function findRun(pages: u32): u32 {
  let run: u32 = 0
  for (let word: u32 = 0; word < <u32>BITMAP_WORDS; word++) {
    const used = atomic.load<u64>(BITMAP + (word << 3))
    if (used == u64.MAX_VALUE) {
      run = 0
      continue
    }
    if (used == 0) {
      run += 64
      if (run >= pages) return (word << 6) + 64 - run
      continue
    }
    run += <u32>ctz<u64>(used)
    if (run >= pages) return (word << 6) + <u32>ctz<u64>(used) - run
    if (pages < 64) {
      const inside = runInside(~used, pages)
      if (inside != 0) return (word << 6) + <u32>ctz<u64>(inside)
    }
    run = <u32>clz<u64>(used)
  }
  return 0
}

/** Pages of the longest run that is free, as this thread sees it while others claim and free. */
export function arenaLargestRun(): u32 {
  let longest: u32 = 0
  let run: u32 = 0
  for (let word: u32 = 0; word < <u32>BITMAP_WORDS; word++) {
    let used = atomic.load<u64>(BITMAP + (word << 3))
    let left: u32 = 64
    while (used != 0) {
      const free = <u32>ctz<u64>(used)
      longest = max(longest, run + free)
      run = 0
      used >>= free
      left -= free
      // All ones from here: a shift by 64 would shift by nothing.
      const taken = used == u64.MAX_VALUE ? 64 : <u32>ctz<u64>(~used)
      used = taken == 64 ? 0 : used >> taken
      left -= taken
    }
    run += left
  }
  return max(longest, run)
}

/** The bits of `free` at which `length` (below 64) ones in a row start. */
function runInside(free: u64, length: u32): u64 {
  let known: u32 = 1
  while (known < length) {
    const step = min(known, length - known)
    free &= free >> step
    known += step
  }
  return free
}

/** Bits of a run that lie in the word of `page`. */
// @ts-ignore: decorator
@inline function runMask(page: u32, pages: u32): u64 {
  const from = page & 63
  const count = min(pages, 64 - from)
  return (count == 64 ? u64.MAX_VALUE : ((<u64>1) << count) - 1) << from
}

function tryClaim(first: u32, pages: u32): bool {
  const end = first + pages
  for (let page = first; page < end; page = (page & ~63) + 64) {
    const word = BITMAP + ((page >> 6) << 3)
    const mask = runMask(page, end - page)
    const before = atomic.or<u64>(word, mask)
    if ((before & mask) == 0) continue
    // Another thread was faster: give back what this call set, here and in the words before.
    atomic.and<u64>(word, ~(mask & ~before))
    freeRun(first, page - first)
    return false
  }
  return true
}

/** Makes the pages available again. */
export function freeRun(first: u32, pages: u32): void {
  const end = first + pages
  for (let page = first; page < end; page = (page & ~63) + 64) {
    atomic.and<u64>(BITMAP + ((page >> 6) << 3), ~runMask(page, end - page))
  }
}
