/**
 * Stable sorting by radix: keys become unsigned codes of few bits, codes are packed into 64-bit words, the words are sorted
 * by digits of 11 bits, least significant first. Calls take ranges of rows so that none runs long.
 */
import { bitAt, entryAt } from './segment'

const DIGIT_BITS: u64 = 11
const DIGIT_MASK: u64 = 2047
const DIGITS: u32 = 6

/** Appends i64 values, and 1-byte NULL marks if `nulls`, at row `at`. */
export function sortAppend(values: usize, validity: usize, n: u32, dir: usize, nulls: usize, at: u32): void {
  for (let row: u32 = 0; row < n; row++) {
    store<i64>(entryAt(dir, at + row, 8), load<i64>(values + (<usize>row << 3)))
    if (nulls) store<u8>(entryAt(nulls, at + row, 1), validity != 0 && !bitAt(validity, row) ? 1 : 0)
  }
}

/** The high halves of 128-bit values as i64, or the low halves as i64 of the same order. */
export function sortHalves(values: usize, width: u32, high: u32, n: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const low = load<i64>(values + <usize>row * width)
    const top = width == 16 ? load<i64>(values + (<usize>row << 4), 8) : low >> 63
    store<i64>(out + (<usize>row << 3), high ? top : low ^ i64.MIN_VALUE)
  }
}

/** 128-bit values cut to the nearest i64. */
export function sortClamp(values: usize, n: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const low = load<i64>(values + (<usize>row << 4))
    const high = load<i64>(values + (<usize>row << 4), 8)
    store<i64>(out + (<usize>row << 3), high == low >> 63 ? low : high < 0 ? i64.MIN_VALUE : i64.MAX_VALUE)
  }
}

/** The first 8 bytes of strings as i64 of the same order (shorter ones padded with zeros). */
export function sortPrefixes(values: usize, offsets: usize, n: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const start = load<u32>(offsets + (<usize>row << 2))
    const length = load<u32>(offsets + (<usize>row << 2), 4) - start
    store<u64>(out + (<usize>row << 3), textWord(values + start, length) ^ 0x8000000000000000)
  }
}

// @ts-ignore: decorator
@inline
function textWord(at: usize, length: u32): u64 {
  if (length == 0) return 0
  const word = bswap<u64>(load<u64>(at))
  return length >= 8 ? word : word & ~(u64.MAX_VALUE >> (<u64>length << 3))
}

/** Widens bounds (i64 min, max; u32 NULLs) by rows from..to. */
export function sortBounds(dir: usize, nulls: usize, from: u32, to: u32, bounds: usize): void {
  let low = load<i64>(bounds)
  let high = load<i64>(bounds, 8)
  let count = load<u32>(bounds, 16)
  for (let row = from; row < to; row++) {
    if (nulls != 0 && load<u8>(entryAt(nulls, row, 1))) {
      count++
      continue
    }
    const value = load<i64>(entryAt(dir, row, 8))
    low = min(low, value)
    high = max(high, value)
  }
  store<i64>(bounds, low)
  store<i64>(bounds, high, 8)
  store<u32>(bounds, count, 16)
}

/** words[row] |= code << shift, where code = value - base + offset, or base - value + offset if `descending`, or nullCode. */
export function sortPack(dir: usize, nulls: usize, from: u32, to: u32, base: i64, descending: u32, offset: u32, nullCode: u64, shift: u32, words: usize): void {
  for (let row = from; row < to; row++) {
    let code: u64
    if (nulls != 0 && load<u8>(entryAt(nulls, row, 1))) code = nullCode
    else {
      const value = load<i64>(entryAt(dir, row, 8))
      code = <u64>(descending ? base - value : value - base) + offset
    }
    const word = words + (<usize>row << 3)
    store<u64>(word, load<u64>(word) | (code << <u64>shift))
  }
}

/** words[row] |= 1 << shift for rows that are NULL (`first` 0) or not (1). */
export function sortPackNulls(nulls: usize, from: u32, to: u32, first: u32, shift: u32, words: usize): void {
  for (let row = from; row < to; row++) {
    const isNull = <u64>load<u8>(entryAt(nulls, row, 1))
    const word = words + (<usize>row << 3)
    store<u64>(word, load<u64>(word) | ((isNull ^ <u64>first) << <u64>shift))
  }
}

/** Replaces values (ids) by ranks[id]. */
export function sortRank(dir: usize, from: u32, to: u32, ranks: usize): void {
  for (let row = from; row < to; row++) {
    const entry = entryAt(dir, row, 8)
    store<i64>(entry, load<u32>(ranks + (<usize>load<u32>(entry) << 2)))
  }
}

/** index[row] = row. */
export function sortIndex(from: u32, to: u32, index: usize): void {
  for (let row = from; row < to; row++) store<u32>(index + (<usize>row << 2), row)
}

/** out[i] = words[index[i]]. */
export function sortGather(words: usize, index: usize, from: u32, to: u32, out: usize): void {
  for (let row = from; row < to; row++) {
    store<u64>(out + (<usize>row << 3), load<u64>(words + (<usize>load<u32>(index + (<usize>row << 2)) << 3)))
  }
}

/** Counts the digits of keys from..to into counts u32[6][2048]. */
export function sortCount(keys: usize, from: u32, to: u32, counts: usize): void {
  for (let row = from; row < to; row++) {
    let key = load<u64>(keys + (<usize>row << 3))
    let at = counts
    for (let digit: u32 = 0; digit < DIGITS; digit++) {
      const count = at + (<usize>(key & DIGIT_MASK) << 2)
      store<u32>(count, load<u32>(count) + 1)
      key >>= DIGIT_BITS
      at += 8192
    }
  }
}

/** Counts to start positions; returns 1 if all n keys have the same digit (nothing to do), else 0. */
export function sortStarts(counts: usize, n: u32): u32 {
  let start: u32 = 0
  for (let at = counts; at < counts + 8192; at += 4) {
    const count = load<u32>(at)
    if (count == n) return 1
    store<u32>(at, start)
    start += count
  }
  return 0
}

/** Moves keys and index from..to to their places by one digit. */
export function sortScatter(keys: usize, index: usize, from: u32, to: u32, digit: u32, starts: usize, outKeys: usize, outIndex: usize): void {
  const shift = <u64>digit * DIGIT_BITS
  for (let row = from; row < to; row++) {
    const key = load<u64>(keys + (<usize>row << 3))
    const start = starts + (<usize>((key >> shift) & DIGIT_MASK) << 2)
    const place = <usize>load<u32>(start)
    store<u32>(start, <u32>place + 1)
    store<u64>(outKeys + (place << 3), key)
    store<u32>(outIndex + (place << 2), load<u32>(index + (<usize>row << 2)))
  }
}

/** 8 bytes of strings, from byte `skip` on, by rank-to-be: out[i] is of string index[i] + 1 (see group.ts for entries). */
export function sortTextWords(entries: usize, index: usize, from: u32, to: u32, skip: u32, out: usize): void {
  for (let row = from; row < to; row++) {
    const entry = entryAt(entries, load<u32>(index + (<usize>row << 2)) + 1, 16)
    const length = load<u32>(entry, 4)
    store<u64>(out + (<usize>row << 3), length <= skip ? 0 : textWord(load<u32>(entry) + skip, length - skip))
  }
}

/** Length of the longest of the strings with ids 1..count. */
export function sortTextLongest(entries: usize, count: u32): u32 {
  let longest: u32 = 0
  for (let id: u32 = 1; id <= count; id++) longest = max(longest, load<u32>(entryAt(entries, id, 16), 4))
  return longest
}

/** Whether strings index[row - 1] + 1 and index[row] + 1 agree in `bytes` bytes, padded with zeros: their order is open. */
export function sortTextTie(entries: usize, index: usize, row: u32, bytes: u32): u32 {
  const left = entryAt(entries, load<u32>(index + (<usize>(row - 1) << 2)) + 1, 16)
  const right = entryAt(entries, load<u32>(index + (<usize>row << 2)) + 1, 16)
  const leftLength = load<u32>(left, 4)
  const rightLength = load<u32>(right, 4)
  for (let skip: u32 = 0; skip < bytes; skip += 8) {
    const a: u64 = leftLength <= skip ? 0 : textWord(load<u32>(left) + skip, leftLength - skip)
    const b: u64 = rightLength <= skip ? 0 : textWord(load<u32>(right) + skip, rightLength - skip)
    if (a != b) return 0
  }
  return 1
}

/** The next row from `from` on that ties with the one before it; `to` if there is none. */
export function sortTextNextTie(entries: usize, index: usize, from: u32, to: u32, bytes: u32): u32 {
  for (let row = from; row < to; row++) if (sortTextTie(entries, index, row, bytes)) return row
  return to
}

/** ranks[index[i] + 1] = i. */
export function sortRanks(index: usize, from: u32, to: u32, ranks: usize): void {
  for (let row = from; row < to; row++) store<u32>(ranks + (<usize>(load<u32>(index + (<usize>row << 2)) + 1) << 2), row)
}

/**
 * Rows whose leading word may still be among the first: word <= bound (or < bound if `strict`), where NULL has nullWord and
 * descending words are complemented. Fills out u32; returns how many.
 */
export function sortLead(words: usize, validity: usize, n: u32, descending: u32, nullWord: i64, bound: i64, strict: u32, out: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const isNull = validity != 0 && !bitAt(validity, row)
    const value = load<i64>(words + (<usize>row << 3))
    const word = isNull ? nullWord : descending ? ~value : value
    store<u32>(out + (<usize>count << 2), row)
    count += u32(strict ? word < bound : word <= bound)
  }
  return count
}
