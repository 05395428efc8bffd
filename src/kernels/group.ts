/**
 * Keys and group ids: columns are packed into rows of 64-bit words, strings become ids of an intern table, and rows
 * become numbers of groups. All tables are segmented: a directory of u32 positions, then blocks of a fixed entry count.
 */

import { bitAt, entryAt, mixWord, mixWords, sameWords, setBit, slotAt } from './segment'

/** Zero bytes; far faster than a fill of a shared typed array. */
export function groupClear(position: usize, byteLength: usize): void {
  memory.fill(position, 0, byteLength)
}

// ---- packing of columns into words: `word` is the address in the first row, `nullWord` 0 if NULLs set no bit ----

// @ts-ignore: decorator
@inline
function putBits(word: usize, bits: u64, shift: u32): void {
  store<u64>(word, load<u64>(word) | (bits << <u64>shift))
}

// @ts-ignore: decorator
@inline
function encode<T>(values: usize, validity: usize, n: u32, word: usize, stride: u32, shift: u32, nullWord: usize, nullShift: u32): void {
  for (let row: u32 = 0; row < n; row++) {
    if (validity == 0 || bitAt(validity, row)) putBits(word, <u64>load<T>(values + <usize>row * sizeof<T>()), shift)
    else if (nullWord) putBits(nullWord, 1, nullShift)
    word += stride
    if (nullWord) nullWord += stride
  }
}

/** ORs the bits of 1-, 2-, 4- or 8-byte values into the words; 4-byte values sign-extended if `signExtend`. */
export function groupEncode(values: usize, width: u32, signExtend: bool, validity: usize, n: u32, word: usize, stride: u32, shift: u32, nullWord: usize, nullShift: u32): void {
  if (width == 8) encode<u64>(values, validity, n, word, stride, shift, nullWord, nullShift)
  else if (width == 4) {
    if (signExtend) encode<i32>(values, validity, n, word, stride, shift, nullWord, nullShift)
    else encode<u32>(values, validity, n, word, stride, shift, nullWord, nullShift)
  } else if (width == 2) {
    if (signExtend) encode<i16>(values, validity, n, word, stride, shift, nullWord, nullShift)
    else encode<u16>(values, validity, n, word, stride, shift, nullWord, nullShift)
  } else if (signExtend) encode<i8>(values, validity, n, word, stride, shift, nullWord, nullShift)
  else encode<u8>(values, validity, n, word, stride, shift, nullWord, nullShift)
}

/** Booleans, from their bitmap. */
export function groupEncodeBits(values: usize, validity: usize, n: u32, word: usize, stride: u32, shift: u32, nullWord: usize, nullShift: u32): void {
  for (let row: u32 = 0; row < n; row++) {
    const at = <usize>row * stride
    if (validity == 0 || bitAt(validity, row)) putBits(word + at, bitAt(values, row), shift)
    else if (nullWord) putBits(nullWord + at, 1, nullShift)
  }
}

/** Floats as bits in which equal means same: -0 is 0, every NaN is one NaN. */
export function groupEncodeFloat(values: usize, width: u32, validity: usize, n: u32, word: usize, stride: u32, shift: u32, nullWord: usize, nullShift: u32): void {
  for (let row: u32 = 0; row < n; row++) {
    const at = <usize>row * stride
    if (validity != 0 && !bitAt(validity, row)) {
      if (nullWord) putBits(nullWord + at, 1, nullShift)
    } else if (width == 8) {
      const v = load<f64>(values + (<usize>row << 3))
      putBits(word + at, v == 0 ? 0 : v != v ? 0x7ff8000000000000 : reinterpret<u64>(v), shift)
    } else {
      const v = load<f32>(values + (<usize>row << 2))
      putBits(word + at, v == 0 ? 0 : v != v ? 0x7fc00000 : <u64>reinterpret<u32>(v), shift)
    }
  }
}

/** 128-bit values of 8 or 16 bytes a row (decimals, intervals) into two words. */
export function groupEncodeWide(values: usize, width: u32, validity: usize, n: u32, word: usize, stride: u32, nullWord: usize, nullShift: u32): void {
  for (let row: u32 = 0; row < n; row++) {
    const at = <usize>row * stride
    if (validity != 0 && !bitAt(validity, row)) {
      if (nullWord) putBits(nullWord + at, 1, nullShift)
    } else if (width == 16) {
      v128.store(word + at, v128.load(values + (<usize>row << 4)))
    } else {
      const v = load<i64>(values + (<usize>row << 3))
      store<i64>(word + at, v)
      store<i64>(word + at, v >> 63, 8)
    }
  }
}

/** 128-bit integers to 64 bits; 0 if a valid one does not fit. */
export function groupNarrow(values: usize, validity: usize, n: u32, out: usize): u32 {
  for (let row: u32 = 0; row < n; row++) {
    const low = load<i64>(values + (<usize>row << 4))
    if (low >> 63 != load<i64>(values + (<usize>row << 4), 8) && (validity == 0 || bitAt(validity, row))) return 0
    store<i64>(out + (<usize>row << 3), low)
  }
  return 1
}

/** The key words of n groups by their numbers. */
export function groupGatherKeys(dense: usize, words: u32, groups: usize, n: u32, out: usize): void {
  const size = <usize>words << 3
  for (let i: u32 = 0; i < n; i++, out += size) {
    const key = entryAt(dense, load<u32>(groups + (<usize>i << 2)), size)
    for (let at: usize = 0; at < size; at += 8) store<u64>(out + at, load<u64>(key + at))
  }
}

/** out[row] = map[codes[row]], 0 for NULL. */
export function groupMapCodes(codes: usize, validity: usize, n: u32, map: usize, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const at = <usize>row << 2
    if (validity == 0 || bitAt(validity, row)) store<u32>(out + at, load<u32>(map + (<usize>load<u32>(codes + at) << 2)))
    else store<u32>(out + at, 0)
  }
}

/**
 * One more digit of a combination of codes: out = out * (length + 1) + code, NULL having the code `length`. The first column
 * (`isFirst`) starts with its code.
 */
export function groupCombineCodes(codes: usize, validity: usize, n: u32, length: u32, isFirst: bool, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const at = <usize>row << 2
    const code = validity == 0 || bitAt(validity, row) ? load<u32>(codes + at) : length
    store<u32>(out + at, isFirst ? code : load<u32>(out + at) * (length + 1) + code)
  }
}

/**
 * out[row] = table[combination] - 1. Rows of combinations that the table does not know (0) are not given a number; the first
 * of each is listed in `unknown`, and marked in the table so that there is one. Returns how many are listed.
 */
export function groupLookCodes(combinations: usize, n: u32, table: usize, out: usize, unknown: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const at = <usize>row << 2
    const place = table + (<usize>load<u32>(combinations + at) << 2)
    const group = load<u32>(place)
    if (group == 0) {
      store<u32>(place, UNNAMED)
      store<u32>(unknown + (<usize>count << 2), row)
      count++
    }
    store<u32>(out + at, group - 1)
  }
  return count
}

/** In the table of groupLookCodes: listed, but without a group yet. */
const UNNAMED: u32 = 0xffffffff

/** Names the combinations of the listed rows: table[combination] = groups[i] + 1. */
export function groupNameCodes(combinations: usize, rows: usize, groups: usize, n: u32, table: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const row = load<u32>(rows + (<usize>i << 2))
    const place = table + (<usize>load<u32>(combinations + (<usize>row << 2)) << 2)
    store<u32>(place, load<u32>(groups + (<usize>i << 2)) + 1)
  }
}

/** out &= bitmap of ids[row] != 0; returns the bits that are set. `out` holds whole 64-bit words. */
export function groupValidIds(ids: usize, n: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    if (load<u32>(ids + (<usize>row << 2)) == 0) {
      const byte = out + (row >> 3)
      store<u8>(byte, <u8>(<u32>load<u8>(byte) & ~(<u32>1 << (row & 7))))
    }
  }
}

export function groupAndBitmap(bitmap: usize, n: u32, out: usize): void {
  const end = out + (<usize>((n + 63) >> 6) << 3)
  for (; out < end; out += 8, bitmap += 8) store<u64>(out, load<u64>(out) & load<u64>(bitmap))
}

// ---- key words to group ids: `state` is u32 { groups, id of the NULL group + 1 } ----

/**
 * One-word keys, rows from..n. NULL (validity bit 0) is a group of its own. Stops before a row when the groups reach
 * `limit`; returns the row to go on with.
 */
export function groupIds(keys: usize, validity: usize, from: u32, n: u32, table: usize, bits: u32, dense: usize, state: usize, limit: u32, out: usize): u32 {
  const mask = (<u32>1 << bits) - 1
  const down = 64 - <u64>bits
  let groups = load<u32>(state)
  let row = from
  for (; row < n; row++) {
    if (validity != 0 && !bitAt(validity, row)) {
      if (load<u32>(state, 4) == 0) {
        if (groups >= limit) break
        store<u64>(entryAt(dense, groups, 8), 0)
        store<u32>(state, ++groups, 4)
      }
      store<u32>(out + (<usize>row << 2), load<u32>(state, 4) - 1)
      continue
    }
    const key = load<u64>(keys + (<usize>row << 3))
    let slot = <u32>(mixWord(key) >> down)
    let group: u32
    while (true) {
      const place = slotAt(table, slot)
      group = load<u32>(place)
      if (group == 0) {
        if (groups >= limit) {
          store<u32>(state, groups)
          return row
        }
        store<u64>(entryAt(dense, groups, 8), key)
        group = ++groups
        store<u32>(place, group)
        break
      }
      if (load<u64>(entryAt(dense, group - 1, 8)) == key) break
      slot = (slot + 1) & mask
    }
    store<u32>(out + (<usize>row << 2), group - 1)
  }
  store<u32>(state, groups)
  return row
}

/** As groupIds for keys of a small range: the slot is key - base, so no key is compared. All keys are in the range. */
export function groupIdsDirect(keys: usize, validity: usize, n: u32, table: usize, base: i64, dense: usize, state: usize, out: usize): void {
  let groups = load<u32>(state)
  for (let row: u32 = 0; row < n; row++) {
    if (validity != 0 && !bitAt(validity, row)) {
      if (load<u32>(state, 4) == 0) {
        store<u64>(entryAt(dense, groups, 8), 0)
        store<u32>(state, ++groups, 4)
      }
      store<u32>(out + (<usize>row << 2), load<u32>(state, 4) - 1)
      continue
    }
    const key = load<i64>(keys + (<usize>row << 3))
    const place = slotAt(table, <u32>(key - base))
    let group = load<u32>(place)
    if (group == 0) {
      store<i64>(entryAt(dense, groups, 8), key)
      group = ++groups
      store<u32>(place, group)
    }
    store<u32>(out + (<usize>row << 2), group - 1)
  }
  store<u32>(state, groups)
}

/** Keys of `words` words a row. */
export function groupIdsWide(keys: usize, words: u32, from: u32, n: u32, table: usize, bits: u32, dense: usize, state: usize, limit: u32, out: usize): u32 {
  const mask = (<u32>1 << bits) - 1
  const down = 64 - <u64>bits
  const size = <usize>words << 3
  let groups = load<u32>(state)
  let row = from
  for (; row < n; row++) {
    const key = keys + <usize>row * size
    let slot = <u32>(mixWords(key, words) >> down)
    let group: u32
    while (true) {
      const place = slotAt(table, slot)
      group = load<u32>(place)
      if (group == 0) {
        if (groups >= limit) {
          store<u32>(state, groups)
          return row
        }
        const to = entryAt(dense, groups, size)
        for (let at: usize = 0; at < size; at += 8) store<u64>(to + at, load<u64>(key + at))
        group = ++groups
        store<u32>(place, group)
        break
      }
      if (sameWords(entryAt(dense, group - 1, size), key, words)) break
      slot = (slot + 1) & mask
    }
    store<u32>(out + (<usize>row << 2), group - 1)
  }
  store<u32>(state, groups)
  return row
}

/** Fills an empty table with groups 0 .. groups - 1, except the NULL group (its number + 1, or 0). */
export function groupRehash(table: usize, bits: u32, dense: usize, words: u32, groups: u32, nullGroup: u32): void {
  const mask = (<u32>1 << bits) - 1
  const down = 64 - <u64>bits
  const size = <usize>words << 3
  for (let group: u32 = 1; group <= groups; group++) {
    if (group == nullGroup) continue
    const key = entryAt(dense, group - 1, size)
    let slot = <u32>((words == 1 ? mixWord(load<u64>(key)) : mixWords(key, words)) >> down)
    while (load<u32>(slotAt(table, slot)) != 0) slot = (slot + 1) & mask
    store<u32>(slotAt(table, slot), group)
  }
}

export function groupRehashDirect(table: usize, base: i64, dense: usize, groups: u32, nullGroup: u32): void {
  for (let group: u32 = 1; group <= groups; group++) {
    if (group != nullGroup) store<u32>(slotAt(table, <u32>(load<i64>(entryAt(dense, group - 1, 8)) - base)), group)
  }
}

/** Least and greatest valid i64 into out (two i64); returns the number of valid rows. */
export function groupBounds(keys: usize, validity: usize, n: u32, out: usize): u32 {
  let low = i64.MAX_VALUE
  let high = i64.MIN_VALUE
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    if (validity != 0 && !bitAt(validity, row)) continue
    const key = load<i64>(keys + (<usize>row << 3))
    low = min(low, key)
    high = max(high, key)
    count++
  }
  store<i64>(out, low)
  store<i64>(out, high, 8)
  return count
}

/** Rows whose id is seen for the first time, given the ids of n rows and the ids known before; returns how many. */
export function groupFirsts(ids: usize, n: u32, known: u32, out: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    store<u32>(out + (<usize>count << 2), row)
    count += u32(load<u32>(ids + (<usize>row << 2)) == known + count)
  }
  return count
}

/** out[i] = values[indices[i]], u32. */
export function groupGather(values: usize, indices: usize, n: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    store<u32>(out + (<usize>row << 2), load<u32>(values + (<usize>load<u32>(indices + (<usize>row << 2)) << 2)))
  }
}

// ---- unpacking of groups from..from+n ----

// @ts-ignore: decorator
@inline
function decode<T>(dense: usize, from: u32, n: u32, size: u32, word: u32, shift: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    store<T>(out + <usize>row * sizeof<T>(), <T>(load<u64>(entryAt(dense, from + row, size) + word) >> <u64>shift))
  }
}

/** `size` bytes an entry, the value at byte `word`, bit `shift`; `width` 1, 2, 4, 8 or 16 bytes out. */
export function groupDecode(dense: usize, from: u32, n: u32, size: u32, word: u32, shift: u32, width: u32, out: usize): void {
  if (width == 8) decode<u64>(dense, from, n, size, word, shift, out)
  else if (width == 4) decode<u32>(dense, from, n, size, word, shift, out)
  else if (width == 2) decode<u16>(dense, from, n, size, word, shift, out)
  else if (width == 1) decode<u8>(dense, from, n, size, word, shift, out)
  else for (let row: u32 = 0; row < n; row++) v128.store(out + (<usize>row << 4), v128.load(entryAt(dense, from + row, size) + word))
}

/** One bit a group into a zeroed bitmap, inverted if `invert`; returns the bits set. */
export function groupDecodeBits(dense: usize, from: u32, n: u32, size: u32, word: u32, shift: u32, invert: u32, out: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const bit = (<u32>(load<u64>(entryAt(dense, from + row, size) + word) >> <u64>shift) & 1) ^ invert
    if (bit) {
      setBit(out, row)
      count++
    }
  }
  return count
}

/** Bitmap of ids != 0 into a zeroed bitmap; returns the bits set. */
export function groupIdBits(ids: usize, n: u32, out: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    if (load<u32>(ids + (<usize>row << 2)) != 0) {
      setBit(out, row)
      count++
    }
  }
  return count
}
