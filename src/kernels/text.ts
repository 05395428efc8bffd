/** Strings: numbers for distinct ones, their order, and the least or greatest of each group. */
import { GOLDEN, bitAt, copyShort, entryAt, setBit, slotAt } from './segment'

// ---- strings to ids: 1, 2, 3 … in order of first appearance; 0 is NULL ----

// @ts-ignore: decorator
@inline
function tailMask(len: u32): u64 {
  return len >= 8 ? u64.MAX_VALUE : ((<u64>1 << (<u64>len << 3)) - 1)
}

// @ts-ignore: decorator
@inline
function hashText(at: usize, len: u32): u64 {
  let h: u64 = len
  let left = len
  for (; left > 8; left -= 8, at += 8) h = rotl<u64>((h ^ load<u64>(at)) * GOLDEN, 29)
  h = ((left == 0 ? h : h ^ (load<u64>(at) & tailMask(left))) ^ (h >> 32)) * GOLDEN
  return (h ^ (h >> 32)) * 0xff51afd7ed558ccd
}

/** `stored` is padded with zero bytes to a multiple of 8. */
// @ts-ignore: decorator
@inline
function sameText(stored: usize, at: usize, len: u32): bool {
  for (; len > 8; len -= 8, at += 8, stored += 8) if (load<u64>(stored) != load<u64>(at)) return false
  return len == 0 || load<u64>(stored) == (load<u64>(at) & tailMask(len))
}

/** The slot that holds the text or is free. Entries: u32 position, u32 length, u64 hash. */
// @ts-ignore: decorator
@inline
function findText(at: usize, len: u32, h: u64, table: usize, bits: u32, entries: usize): usize {
  const mask = (<u32>1 << bits) - 1
  let slot = <u32>(h >> (64 - <u64>bits))
  while (true) {
    const place = slotAt(table, slot)
    const id = load<u32>(place)
    if (id == 0) return place
    const entry = entryAt(entries, id, 16)
    if (load<u64>(entry, 8) == h && load<u32>(entry, 4) == len && sameText(load<u32>(entry), at, len)) return place
    slot = (slot + 1) & mask
  }
}

/**
 * Ids of rows from..n into out (u32). `state` is u32 { next id, chunk position, chunk end }. Stops before a row for which
 * the next id reaches `limit` or the chunk is full; returns the row to go on with (n when done).
 */
export function textIntern(values: usize, offsets: usize, validity: usize, from: u32, n: u32, table: usize, bits: u32, entries: usize, state: usize, limit: u32, out: usize): u32 {
  let next = load<u32>(state)
  let chunk = <usize>load<u32>(state, 4)
  const end = <usize>load<u32>(state, 8)
  let row = from
  for (; row < n; row++) {
    const target = out + (<usize>row << 2)
    if (validity != 0 && !bitAt(validity, row)) {
      store<u32>(target, 0)
      continue
    }
    const start = load<u32>(offsets + (<usize>row << 2))
    const len = load<u32>(offsets + (<usize>row << 2), 4) - start
    const at = values + start
    const h = hashText(at, len)
    const place = findText(at, len, h, table, bits, entries)
    let id = load<u32>(place)
    if (id == 0) {
      const padded = (<usize>len + 7) & ~7
      if (next >= limit || chunk + padded > end) break
      id = next++
      store<u32>(place, id)
      const entry = entryAt(entries, id, 16)
      store<u32>(entry, <u32>chunk)
      store<u32>(entry, len, 4)
      store<u64>(entry, h, 8)
      copyShort(chunk, at, len)
      if (len & 7) store<u64>(chunk + padded - 8, load<u64>(at + padded - 8) & tailMask(len & 7))
      chunk += padded
    }
    store<u32>(target, id)
  }
  store<u32>(state, next)
  store<u32>(state, <u32>chunk, 4)
  return row
}

/** As textIntern, but unknown strings get 0. */
export function textLookup(values: usize, offsets: usize, validity: usize, n: u32, table: usize, bits: u32, entries: usize, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    let id: u32 = 0
    if (validity == 0 || bitAt(validity, row)) {
      const start = load<u32>(offsets + (<usize>row << 2))
      const len = load<u32>(offsets + (<usize>row << 2), 4) - start
      id = load<u32>(findText(values + start, len, hashText(values + start, len), table, bits, entries))
    }
    store<u32>(out + (<usize>row << 2), id)
  }
}

/** Fills an empty table with the ids 1 .. next - 1. */
export function textRehash(table: usize, bits: u32, entries: usize, next: u32): void {
  const mask = (<u32>1 << bits) - 1
  for (let id: u32 = 1; id < next; id++) {
    let slot = <u32>(load<u64>(entryAt(entries, id, 16), 8) >> (64 - <u64>bits))
    while (load<u32>(slotAt(table, slot)) != 0) slot = (slot + 1) & mask
    store<u32>(slotAt(table, slot), id)
  }
}

/** Arrow offsets of the strings of n ids; returns the bytes in all, -1 above 2^31 - 1. */
export function textOffsets(ids: usize, n: u32, entries: usize, offsets: usize): i32 {
  let total: u64 = 0
  store<u32>(offsets, 0)
  for (let row: u32 = 0; row < n; row++) {
    const id = load<u32>(ids + (<usize>row << 2))
    if (id != 0) total += load<u32>(entryAt(entries, id, 16), 4)
    store<u32>(offsets + (<usize>row << 2), <u32>total, 4)
  }
  return total > 0x7fffffff ? -1 : <i32>total
}

/** `out` has 8 spare bytes at its end. */
export function textCopy(ids: usize, n: u32, entries: usize, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const id = load<u32>(ids + (<usize>row << 2))
    if (id == 0) continue
    const entry = entryAt(entries, id, 16)
    const len = load<u32>(entry, 4)
    copyShort(out, load<u32>(entry), len)
    out += len
  }
}

// ---- the best string of each group ----

/** Bytewise order of two strings: negative, 0, positive. */
export function textCompare(left: usize, leftLength: u32, right: usize, rightLength: u32): i32 {
  const shared = min(leftLength, rightLength)
  let at: u32 = 0
  for (; at + 8 <= shared; at += 8) {
    const a = bswap<u64>(load<u64>(left + at))
    const b = bswap<u64>(load<u64>(right + at))
    if (a != b) return a < b ? -1 : 1
  }
  for (; at < shared; at++) {
    const a = load<u8>(left + at)
    const b = load<u8>(right + at)
    if (a != b) return a < b ? -1 : 1
  }
  return leftLength == rightLength ? 0 : leftLength < rightLength ? -1 : 1
}

/**
 * Least or greatest strings; entries of 16 bytes: u32 position (0: none yet), length, capacity. A better string is written
 * over the old one when it fits, else into the chunk `state` (u32 { position, end }). Stops before a row for which the chunk
 * is too small and returns it (n when done).
 */
export function textBest(groups: usize, values: usize, offsets: usize, validity: usize, from: u32, n: u32, greatest: u32, dir: usize, state: usize): u32 {
  let chunk = load<u32>(state)
  const end = load<u32>(state, 4)
  let row = from
  for (; row < n; row++) {
    if (validity != 0 && !bitAt(validity, row)) continue
    const start = load<u32>(offsets + (<usize>row << 2))
    const length = load<u32>(offsets + (<usize>row << 2), 4) - start
    const entry = entryAt(dir, groups ? load<u32>(groups + (<usize>row << 2)) : 0, 16)
    let place = load<u32>(entry)
    if (place != 0) {
      const order = textCompare(values + start, length, place, load<u32>(entry, 4))
      if (greatest ? order <= 0 : order >= 0) continue
    }
    if (place == 0 || load<u32>(entry, 8) < length) {
      const capacity = max<u32>(8, (length + (length >> 1) + 7) & ~7)
      if (capacity > end - chunk) break
      place = chunk
      chunk += capacity
      store<u32>(entry, place)
      store<u32>(entry, capacity, 8)
    }
    copyShort(place, values + start, length)
    store<u32>(entry, length, 4)
  }
  store<u32>(state, chunk)
  return row
}

/** Offsets of the strings of n entries as above; returns the bytes in all, -1 above 2^31 - 1. */
export function textBestOffsets(dir: usize, from: u32, n: u32, offsets: usize): i32 {
  let total: u64 = 0
  store<u32>(offsets, 0)
  for (let row: u32 = 0; row < n; row++) {
    const entry = entryAt(dir, from + row, 16)
    if (load<u32>(entry) != 0) total += load<u32>(entry, 4)
    store<u32>(offsets + (<usize>row << 2), <u32>total, 4)
  }
  return total > 0x7fffffff ? -1 : <i32>total
}

/** `out` has 8 spare bytes at its end; `validity` is a zeroed bitmap; returns the number of strings. */
export function textBestCopy(dir: usize, from: u32, n: u32, out: usize, validity: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const entry = entryAt(dir, from + row, 16)
    if (load<u32>(entry) == 0) continue
    const length = load<u32>(entry, 4)
    copyShort(out, load<u32>(entry), length)
    out += length
    setBit(validity, row)
    count++
  }
  return count
}
