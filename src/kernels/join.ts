/**
 * Hash join: chains of build rows by key. Keys are segmented entries of `words` 64-bit words, `next` segmented u32 entries
 * (row + 1 of the next row of the chain, 0 at its end), the table segmented u32 slots (row + 1 of the head).
 */
import { bitAt, entryAt, mixWord, mixWords, sameWords, slotAt } from './segment'

/** In `next` before the build: the row has a NULL key and joins nothing. */
const NO_KEY: u32 = 0xffffffff

/** Appends n rows of key words at row `at`; rows whose validity bit is 0 are marked in `next`. */
export function joinAppend(words: usize, count: u32, validity: usize, n: u32, keys: usize, next: usize, at: u32): void {
  const size = <usize>count << 3
  for (let row: u32 = 0; row < n; row++) {
    const to = entryAt(keys, at + row, size)
    for (let byte: usize = 0; byte < size; byte += 8) store<u64>(to + byte, load<u64>(words + <usize>row * size + byte))
    store<u32>(entryAt(next, at + row, 4), validity != 0 && !bitAt(validity, row) ? NO_KEY : 0)
  }
}

/** Least and greatest first word (of `words`) of the rows with a key into out (two i64); returns how many have one. */
export function joinBounds(keys: usize, words: u32, next: usize, rows: u32, out: usize): u32 {
  let low = i64.MAX_VALUE
  let high = i64.MIN_VALUE
  let count: u32 = 0
  for (let row: u32 = 0; row < rows; row++) {
    if (load<u32>(entryAt(next, row, 4)) == NO_KEY) continue
    const key = load<i64>(entryAt(keys, row, <usize>words << 3))
    low = min(low, key)
    high = max(high, key)
    count++
  }
  store<i64>(out, low)
  store<i64>(out, high, 8)
  return count
}

// @ts-ignore: decorator
@inline
function slotOf(key: usize, words: u32, bits: u32): u32 {
  return <u32>((words == 1 ? mixWord(load<u64>(key)) : mixWords(key, words)) >> (64 - <u64>bits))
}

/**
 * Links rows from..to into the zeroed table, last row first so that a chain has ascending rows: call with descending
 * ranges. Rows of different keys never share a chain: the slot is searched linearly. Returns the rows that have a duplicate.
 */
export function joinBuild(keys: usize, words: u32, next: usize, from: u32, to: u32, table: usize, bits: u32): u32 {
  const mask = (<u32>1 << bits) - 1
  const size = <usize>words << 3
  let duplicates: u32 = 0
  for (let row = to; row > from; row--) {
    const link = entryAt(next, row - 1, 4)
    if (load<u32>(link) == NO_KEY) {
      store<u32>(link, 0)
      continue
    }
    const key = entryAt(keys, row - 1, size)
    let slot = slotOf(key, words, bits)
    while (true) {
      const place = slotAt(table, slot)
      const head = load<u32>(place)
      if (head == 0 || sameWords(entryAt(keys, head - 1, size), key, words)) {
        duplicates += u32(head != 0)
        store<u32>(link, head)
        store<u32>(place, row)
        break
      }
      slot = (slot + 1) & mask
    }
  }
  return duplicates
}

/** As joinBuild for one-word keys of a small range: slot = key - base. */
export function joinBuildDirect(keys: usize, next: usize, from: u32, to: u32, table: usize, base: i64): u32 {
  let duplicates: u32 = 0
  for (let row = to; row > from; row--) {
    const link = entryAt(next, row - 1, 4)
    if (load<u32>(link) == NO_KEY) {
      store<u32>(link, 0)
      continue
    }
    const place = slotAt(table, <u32>(load<i64>(entryAt(keys, row - 1, 8)) - base))
    const head = load<u32>(place)
    duplicates += u32(head != 0)
    store<u32>(link, head)
    store<u32>(place, row)
  }
  return duplicates
}

// ---- ranked tables: 16 bytes { u64 bits, u32 rank } for 64 successive keys; a key's slot is the number of keys before it ----

/** Bytes of an entry of `ranks`. */
const RANK_BYTES: usize = 16

// @ts-ignore: decorator
@inline
function rankOf(entry: usize, bit: u64): u32 {
  return load<u32>(entry, 8) + <u32>popcnt<u64>(load<u64>(entry) & (bit - 1))
}

/** Sets the bits of the first words (of `words`) of rows from..to in zeroed `ranks`; the value `base` has bit 0. */
export function joinRankKeys(keys: usize, words: u32, next: usize, from: u32, to: u32, ranks: usize, base: i64): void {
  for (let row = from; row < to; row++) {
    if (load<u32>(entryAt(next, row, 4)) == NO_KEY) continue
    const slot = <u32>(load<i64>(entryAt(keys, row, <usize>words << 3)) - base)
    const entry = entryAt(ranks, slot >> 6, RANK_BYTES)
    store<u64>(entry, load<u64>(entry) | (<u64>1 << <u64>(slot & 63)))
  }
}

/** Ranks of entries from..to, of which the first has `rank` keys before it; returns the keys before `to`. */
export function joinRankEntries(ranks: usize, from: u32, to: u32, rank: u32): u32 {
  for (let at = from; at < to; at++) {
    const entry = entryAt(ranks, at, RANK_BYTES)
    store<u32>(entry, rank, 8)
    rank += <u32>popcnt<u64>(load<u64>(entry))
  }
  return rank
}

/** As joinBuild, the slots being ranks. */
export function joinBuildRanked(keys: usize, next: usize, from: u32, to: u32, table: usize, ranks: usize, base: i64): u32 {
  let duplicates: u32 = 0
  for (let row = to; row > from; row--) {
    const link = entryAt(next, row - 1, 4)
    if (load<u32>(link) == NO_KEY) {
      store<u32>(link, 0)
      continue
    }
    const slot = <u32>(load<i64>(entryAt(keys, row - 1, 8)) - base)
    const place = slotAt(table, rankOf(entryAt(ranks, slot >> 6, RANK_BYTES), <u64>1 << <u64>(slot & 63)))
    const head = load<u32>(place)
    duplicates += u32(head != 0)
    store<u32>(link, head)
    store<u32>(place, row)
  }
  return duplicates
}

/** joinHeads for a ranked table of keys base .. base + range - 1. */
export function joinHeadsRanked(words: usize, validity: usize, n: u32, table: usize, ranks: usize, base: i64, range: u32, heads: usize): u32 {
  let found: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const slot = <u64>(load<i64>(words + (<usize>row << 3)) - base)
    let head: u32 = 0
    if (slot < <u64>range && (validity == 0 || bitAt(validity, row))) {
      const entry = entryAt(ranks, <u32>slot >> 6, RANK_BYTES)
      const bit = <u64>1 << (slot & 63)
      if (load<u64>(entry) & bit) {
        head = load<u32>(slotAt(table, rankOf(entry, bit)))
        found++
      }
    }
    store<u32>(heads + (<usize>row << 2), head)
  }
  return found
}

/** The head (build row + 1, or 0) of every probe row into heads u32[n]; returns the rows that have one. */
export function joinHeads(words: usize, count: u32, validity: usize, n: u32, keys: usize, table: usize, bits: u32, heads: usize): u32 {
  const mask = (<u32>1 << bits) - 1
  const size = <usize>count << 3
  let found: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    let head: u32 = 0
    if (validity == 0 || bitAt(validity, row)) {
      const key = words + <usize>row * size
      let slot = slotOf(key, count, bits)
      while (true) {
        head = load<u32>(slotAt(table, slot))
        if (head == 0 || sameWords(entryAt(keys, head - 1, size), key, count)) break
        slot = (slot + 1) & mask
      }
    }
    store<u32>(heads + (<usize>row << 2), head)
    found += u32(head != 0)
  }
  return found
}

/** joinHeads that looks for the first word of a key in `ranks` (see below), of base .. base + range - 1, before the table. */
export function joinHeadsSifted(words: usize, count: u32, validity: usize, n: u32, keys: usize, table: usize, bits: u32, ranks: usize, base: i64, range: u32, heads: usize): u32 {
  const mask = (<u32>1 << bits) - 1
  const size = <usize>count << 3
  let found: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    let head: u32 = 0
    const key = words + <usize>row * size
    const first = <u64>(load<i64>(key) - base)
    if (first < <u64>range && (load<u64>(entryAt(ranks, <u32>first >> 6, RANK_BYTES)) >> (first & 63)) & 1) {
      if (validity == 0 || bitAt(validity, row)) {
        let slot = slotOf(key, count, bits)
        while (true) {
          head = load<u32>(slotAt(table, slot))
          if (head == 0 || sameWords(entryAt(keys, head - 1, size), key, count)) break
          slot = (slot + 1) & mask
        }
      }
    }
    store<u32>(heads + (<usize>row << 2), head)
    found += u32(head != 0)
  }
  return found
}

/** joinHeads for one-word keys, which are compared in place. */
export function joinHeadsWord(words: usize, validity: usize, n: u32, keys: usize, table: usize, bits: u32, heads: usize): u32 {
  const mask = (<u32>1 << bits) - 1
  const down = 64 - <u64>bits
  let found: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    let head: u32 = 0
    if (validity == 0 || bitAt(validity, row)) {
      const key = load<u64>(words + (<usize>row << 3))
      let slot = <u32>(mixWord(key) >> down)
      while (true) {
        head = load<u32>(slotAt(table, slot))
        if (head == 0 || load<u64>(entryAt(keys, head - 1, 8)) == key) break
        slot = (slot + 1) & mask
      }
    }
    store<u32>(heads + (<usize>row << 2), head)
    found += u32(head != 0)
  }
  return found
}

/** joinHeads for a direct table of `range` slots. */
export function joinHeadsDirect(words: usize, validity: usize, n: u32, table: usize, base: i64, range: u32, heads: usize): u32 {
  let found: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const slot = <u64>(load<i64>(words + (<usize>row << 3)) - base)
    const head = slot < <u64>range && (validity == 0 || bitAt(validity, row)) ? load<u32>(slotAt(table, <u32>slot)) : 0
    store<u32>(heads + (<usize>row << 2), head)
    found += u32(head != 0)
  }
  return found
}

/** Pairs of a build without duplicates: probe rows with a head and their build rows; returns how many. */
export function joinPairsUnique(heads: usize, n: u32, probe: usize, build: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const head = load<u32>(heads + (<usize>row << 2))
    store<u32>(probe + (<usize>count << 2), row)
    store<u32>(build + (<usize>count << 2), head - 1)
    count += u32(head != 0)
  }
  return count
}

/**
 * Up to `capacity` pairs. `state` is u32 { probe row, next build row + 1 of its chain, or 0: start with its head }; returns the
 * number of pairs, the state then says where to go on (probe row n: done).
 */
export function joinPairs(heads: usize, n: u32, next: usize, capacity: u32, state: usize, probe: usize, build: usize): u32 {
  let count: u32 = 0
  let row = load<u32>(state)
  let link = load<u32>(state, 4)
  while (row < n) {
    if (link == 0) link = load<u32>(heads + (<usize>row << 2))
    while (link != 0) {
      if (count == capacity) {
        store<u32>(state, row)
        store<u32>(state, link, 4)
        return count
      }
      store<u32>(probe + (<usize>count << 2), row)
      store<u32>(build + (<usize>count << 2), link - 1)
      count++
      link = load<u32>(entryAt(next, link - 1, 4))
    }
    row++
  }
  store<u32>(state, row)
  store<u32>(state, 0, 4)
  return count
}

/** Probe rows that have a head (`wanted` 1) or none (0), into u32 out; returns how many. */
export function joinSelect(heads: usize, n: u32, wanted: u32, out: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    store<u32>(out + (<usize>count << 2), row)
    count += u32(u32(load<u32>(heads + (<usize>row << 2)) != 0) == wanted)
  }
  return count
}

/** Keeps of the pairs those that `selected` (u32[n], ascending) names, in place. */
export function joinKeep(selected: usize, n: u32, probe: usize, build: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const from = <usize>load<u32>(selected + (<usize>i << 2)) << 2
    store<u32>(probe + (<usize>i << 2), load<u32>(probe + from))
    store<u32>(build + (<usize>i << 2), load<u32>(build + from))
  }
}

/** Sets marks (1 byte a row, segmented) of build rows, which are counted from `base`. */
export function joinMark(build: usize, n: u32, base: u32, marks: usize): void {
  for (let i: u32 = 0; i < n; i++) store<u8>(entryAt(marks, base + load<u32>(build + (<usize>i << 2)), 1), 1)
}

/** Sets marks of whole chains: for semi joins without a filter. */
export function joinMarkChains(heads: usize, n: u32, next: usize, marks: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    let link = load<u32>(heads + (<usize>row << 2))
    while (link != 0) {
      const mark = entryAt(marks, link - 1, 1)
      if (load<u8>(mark)) break
      store<u8>(mark, 1)
      link = load<u32>(entryAt(next, link - 1, 4))
    }
  }
}

/** Sets marks (plain bytes) of probe rows. */
export function joinMarkProbe(probe: usize, n: u32, marks: usize): void {
  for (let i: u32 = 0; i < n; i++) store<u8>(marks + load<u32>(probe + (<usize>i << 2)), 1)
}

/** Rows of from..to whose mark (plain bytes) equals `wanted`, into u32 out; returns how many. */
export function joinSelectMarks(marks: usize, from: u32, to: u32, wanted: u32, out: usize): u32 {
  let count: u32 = 0
  for (let row = from; row < to; row++) {
    store<u32>(out + (<usize>count << 2), row)
    count += u32(<u32>load<u8>(marks + row) == wanted)
  }
  return count
}

/** The same over segmented marks, with rows counted from `base`. */
export function joinSelectBuild(marks: usize, base: u32, from: u32, to: u32, wanted: u32, out: usize): u32 {
  let count: u32 = 0
  for (let row = from; row < to; row++) {
    store<u32>(out + (<usize>count << 2), row)
    count += u32(<u32>load<u8>(entryAt(marks, base + row, 1)) == wanted)
  }
  return count
}

/** Pairs whose build row lies in [from, to), build rows counted from `from`; returns how many. */
export function joinSplit(probe: usize, build: usize, n: u32, from: u32, to: u32, outProbe: usize, outBuild: usize): u32 {
  let count: u32 = 0
  for (let i: u32 = 0; i < n; i++) {
    const row = load<u32>(build + (<usize>i << 2))
    store<u32>(outProbe + (<usize>count << 2), load<u32>(probe + (<usize>i << 2)))
    store<u32>(outBuild + (<usize>count << 2), row - from)
    count += u32(row >= from && row < to)
  }
  return count
}

/** out[i] = start + i % period: row numbers of a cross product. */
export function joinCycle(start: u32, period: u32, n: u32, out: usize): void {
  let value: u32 = 0
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(out + (<usize>i << 2), start + value)
    if (++value == period) value = 0
  }
}

/** out[i] = start + i / repeat. */
export function joinSeries(start: u32, repeat: u32, n: u32, out: usize): void {
  let value = start
  let left = repeat
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(out + (<usize>i << 2), value)
    if (--left == 0) {
      value++
      left = repeat
    }
  }
}
