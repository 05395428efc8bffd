/** Ranks of distinct strings in bytewise order, by radix over 8 bytes at a time. */
import { alloc, kernels, views } from '../../arrow/memory.js'
import type { Charge, Segments } from '../../arrow/segments.js'
import { RadixSort, ROWS_A_CALL } from './sort-radix.js'

/** Bytes that are sorted by radix; strings that agree in more are compared one by one. */
const RADIX_BYTES = 64

/**
 * A block of u32 by id (1 .. count; 0 is unused): the rank 0 .. count - 1 of each string. `entries` are those of StringIds.
 * Yields between steps; the block belongs to the caller.
 */
export function* rankTexts(entries: Segments, count: number, charge: Charge): Generator<void, number> {
  const own = kernels()
  const { directory } = entries
  const longest = own.sortTextLongest(directory, count) >>> 0
  const bytes = Math.min(RADIX_BYTES, Math.ceil(longest / 8) * 8)
  const sort = new RadixSort(count, charge)
  try {
    for (let skip = bytes - 8; skip >= 0; skip -= 8) {
      yield* sort.by((index, from, to, out) => void own.sortTextWords(directory, index, from, to, skip, out))
    }
    yield* sortTies(directory, sort.index, count, bytes)
    const ranks = alloc((count + 1) * 4)
    for (let from = 0; from < count; from += ROWS_A_CALL)
      own.sortRanks(sort.index, from, Math.min(count, from + ROWS_A_CALL), ranks)
    return ranks
  } finally {
    sort.close()
  }
}

/** Puts runs of strings that agree in the bytes sorted so far in order. */
function* sortTies(directory: number, index: number, count: number, bytes: number): Generator<void> {
  const own = kernels()
  const { u32 } = views()
  for (let row = 1; row < count;) {
    const to = Math.min(count, row + ROWS_A_CALL)
    const tie = own.sortTextNextTie(directory, index, row, to, bytes) >>> 0
    row = tie
    if (tie < to) {
      let end = tie + 1
      while (end < count && own.sortTextTie(directory, index, end, bytes) === 1) end++
      const run = u32.subarray(index / 4 + tie - 1, index / 4 + end)
      run.set(Array.from(run).sort((left, right) => compareTexts(directory, left, right)))
      row = end + 1
    }
    yield
  }
}

const SEGMENT_ENTRIES = 65_536

function compareTexts(directory: number, left: number, right: number): number {
  const { u32 } = views()
  const entryOf = (id: number): number =>
    (u32[directory / 4 + Math.floor(id / SEGMENT_ENTRIES)] + (id % SEGMENT_ENTRIES) * 16) / 4
  const a = entryOf(left + 1)
  const b = entryOf(right + 1)
  return kernels().textCompare(u32[a], u32[a + 1], u32[b], u32[b + 1])
}
