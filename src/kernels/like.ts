/**
 * LIKE over a string column: one bit a row. A pattern is a list of segments (text between `%`); the first is anchored
 * at the start unless the pattern begins with `%`, the last at the end likewise. `_` is byte 0xff, which UTF-8 never
 * contains.
 */

/** First place at or after `at` where the segment matches before `end`, or 0. SIMD on first and last byte. */
// @ts-ignore: decorator
@inline function find(at: usize, end: usize, segment: usize, length: u32): usize {
  if (at + length > end) return 0
  const last = end - length
  const first = i8x16.splat(load<i8>(segment))
  const final = i8x16.splat(load<i8>(segment + length - 1))
  for (; at <= last; at += 16) {
    let mask = <u32>i8x16.bitmask(v128.and(i8x16.eq(v128.load(at), first), i8x16.eq(v128.load(at + length - 1), final)))
    for (; mask != 0; mask &= mask - 1) {
      const hit = at + ctz<u32>(mask)
      if (hit > last) return 0
      let i: u32 = 1
      while (i + 1 < length && load<u8>(hit + i) == load<u8>(segment + i)) i++
      if (i + 1 >= length) return hit
    }
  }
  return 0
}

/** Whether the segment, which may hold wildcards, matches at `at`; returns the place behind the match, or 0. */
function matchHere(at: usize, end: usize, segment: usize, length: u32): usize {
  for (let i: u32 = 0; i < length; i++) {
    if (at >= end) return 0
    const unit = load<u8>(segment + i)
    if (unit != 0xff) {
      if (load<u8>(at++) != unit) return 0
      continue
    }
    at++
    while (at < end && (load<u8>(at) & 0xc0) == 0x80) at++
  }
  return at
}

/** As `find` for segments with wildcards, tried at every character; returns the place behind the match, or 0. */
function findWild(at: usize, end: usize, segment: usize, length: u32): usize {
  for (; at <= end; at++) {
    if (at < end && (load<u8>(at) & 0xc0) == 0x80) continue
    const behind = matchHere(at, end, segment, length)
    if (behind != 0) return behind
  }
  return 0
}

/** Whether the bytes before `end` match the anchored last segment, not before `at`. */
function matchesEnd(at: usize, end: usize, segment: usize, length: u32, wild: bool): bool {
  if (!wild) {
    if (at + length > end) return false
    for (let i: u32 = 0; i < length; i++) if (load<u8>(end - length + i) != load<u8>(segment + i)) return false
    return true
  }
  for (; at <= end; at++) {
    if (at < end && (load<u8>(at) & 0xc0) == 0x80) continue
    if (matchHere(at, end, segment, length) == end) return true
  }
  return false
}

/**
 * `pattern` holds `count` segments of (u32 byte length, u32 has wildcards, bytes padded to 4). `anchors`: 1 start, 2
 * end. A pattern of one segment with both anchors must match as a whole. `flip` 0xff negates. Bits behind the last row
 * are 0.
 */
export function likeMatch(
  values: usize, offsets: usize, n: u32, pattern: usize, count: u32, anchors: u32, flip: u32, out: usize,
): void {
  if (n > 0) store<u64>(out + (((n - 1) >> 6) << 3), 0)
  for (let row: u32 = 0; row < n; row += 8, out++) {
    let bits: u32 = 0
    const rows = min<u32>(8, n - row)
    for (let i: u32 = 0; i < rows; i++, offsets += 4) {
      bits |= <u32>matches(values + load<u32>(offsets), values + load<u32>(offsets, 4), pattern, count, anchors) << i
    }
    store<u8>(out, <u8>((bits ^ flip) & ((1 << rows) - 1)))
  }
}

function matches(at: usize, end: usize, pattern: usize, count: u32, anchors: u32): bool {
  for (let index: u32 = 0; index < count; index++) {
    const length = load<u32>(pattern)
    const wild = load<u32>(pattern, 4) != 0
    const segment = pattern + 8
    const isFirst = index == 0 && (anchors & 1) != 0
    const isLast = index + 1 == count && (anchors & 2) != 0
    if (isFirst) {
      const behind = matchHere(at, end, segment, length)
      if (behind == 0) return false
      if (isLast) return behind == end
      at = behind
    } else if (isLast) {
      return matchesEnd(at, end, segment, length, wild)
    } else if (wild) {
      at = findWild(at, end, segment, length)
      if (at == 0) return false
    } else {
      const hit = find(at, end, segment, length)
      if (hit == 0) return false
      at = hit + length
    }
    pattern = segment + ((length + 3) & ~3)
  }
  // The empty pattern matches the empty string only.
  return count != 0 || anchors != 3 || at == end
}

/**
 * Patterns that begin with `%` and a segment without wildcards: the whole data buffer is searched for that segment and
 * each hit is mapped to its row, where the other segments are tried behind it. `out` gets one bit a hit; the caller
 * negates.
 */
export function likeSearch(
  values: usize, offsets: usize, n: u32, pattern: usize, count: u32, anchors: u32, out: usize,
): void {
  memory.fill(out, 0, ((n + 63) >> 6) << 3)
  const length = load<u32>(pattern)
  const segment = pattern + 8
  const others = segment + ((length + 3) & ~3)
  let at = values + load<u32>(offsets)
  const end = values + load<u32>(offsets + (n << 2))
  let row: u32 = 0
  while (at < end) {
    const hit = find(at, end, segment, length)
    if (hit == 0) return
    while (values + load<u32>(offsets + ((row + 1) << 2)) <= hit) row++
    const behind = values + load<u32>(offsets + ((row + 1) << 2))
    // A hit that reaches into the next row is none.
    if (hit + length > behind) {
      at = hit + 1
      continue
    }
    if (count == 1 || matches(hit + length, behind, others, count - 1, anchors)) {
      store<u8>(out + (row >> 3), load<u8>(out + (row >> 3)) | (<u8>1 << <u8>(row & 7)))
    }
    at = behind
  }
}

/** Patterns `text%` without wildcards: the first eight bytes are compared at once. */
export function likePrefix(
  values: usize, offsets: usize, n: u32, text: usize, length: u32, flip: u32, out: usize,
): void {
  memory.fill(out, 0, ((n + 63) >> 6) << 3)
  const mask: u64 = length >= 8 ? u64.MAX_VALUE : (<u64>1 << (<u64>length << 3)) - 1
  const first = load<u64>(text) & mask
  for (let row: u32 = 0; row < n; row += 8, out++) {
    let bits: u32 = 0
    const rows = min<u32>(8, n - row)
    for (let i: u32 = 0; i < rows; i++, offsets += 4) {
      const start = load<u32>(offsets)
      const at = values + start
      let hit = <u32>(load<u32>(offsets, 4) - start >= length) & <u32>((load<u64>(at) & mask) == first)
      if (hit && length > 8) {
        for (let k: u32 = 8; k < length; k++) {
          if (load<u8>(at + k) != load<u8>(text + k)) {
            hit = 0
            break
          }
        }
      }
      bits |= hit << i
    }
    store<u8>(out, <u8>((bits ^ flip) & ((1 << rows) - 1)))
  }
}
