/** Checks and conversions of batches that come from or go to other processes. */

/** Do `count` offsets (i32) start at 0, never fall, and end at `total`? */
export function frameOffsetsValid(offsets: usize, count: u32, total: u32): bool {
  if (count == 0 || load<u32>(offsets) != 0) return false
  let previous: u32 = 0
  let fallen: u32 = 0
  for (let i: u32 = 1; i < count; i++) {
    const offset = load<u32>(offsets + (<usize>i << 2))
    fallen |= <u32>(offset < previous)
    previous = offset
  }
  return fallen == 0 && previous == total && total <= 0x7fffffff
}

/** Are all codes (i32) rows of a dictionary of this length? */
export function frameCodesValid(codes: usize, count: u32, length: u32): bool {
  let highest: u32 = 0
  for (let row: u32 = 0; row < count; row++) highest = max(highest, load<u32>(codes + (<usize>row << 2)))
  return count == 0 || highest < length
}

/** Codes (i32) to `width` 1, 2 or 4 bytes. */
export function frameNarrow(codes: usize, count: u32, width: u32, target: usize): void {
  if (width == 1) for (let row: u32 = 0; row < count; row++) store<u8>(target + row, <u8>load<u32>(codes + (<usize>row << 2)))
  else if (width == 2) {
    for (let row: u32 = 0; row < count; row++) store<u16>(target + (<usize>row << 1), <u16>load<u32>(codes + (<usize>row << 2)))
  } else memory.copy(target, codes, <usize>count << 2)
}

/** Codes of `width` 1, 2 or 4 bytes to i32. */
export function frameWiden(codes: usize, count: u32, width: u32, target: usize): void {
  if (width == 1) for (let row: u32 = 0; row < count; row++) store<u32>(target + (<usize>row << 2), load<u8>(codes + row))
  else if (width == 2) {
    for (let row: u32 = 0; row < count; row++) store<u32>(target + (<usize>row << 2), load<u16>(codes + (<usize>row << 1)))
  } else memory.copy(target, codes, <usize>count << 2)
}

// @ts-ignore: decorator
@inline function bounds<T>(values: usize, validity: usize, count: u32, target: usize): bool {
  let lowest: T = 0
  let highest: T = 0
  let any = false
  for (let row: u32 = 0; row < count; row++) {
    if (validity != 0 && ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0) continue
    const value = load<T>(values + <usize>row * sizeof<T>())
    lowest = any ? min(lowest, value) : value
    highest = any ? max(highest, value) : value
    any = true
  }
  store<i64>(target, <i64>lowest)
  store<i64>(target, <i64>highest, 8)
  return any
}

/** bounds<i64> of at least 4 values without NULLs; two pairs of lanes, so that no comparison waits for the one before. */
function boundsOfLongs(values: usize, count: u32, target: usize): bool {
  let low = v128.load(values)
  let high = low
  let lowNext = low
  let highNext = low
  const end = values + (<usize>count << 3)
  let at = values
  for (; at + 32 <= end; at += 32) {
    const first = v128.load(at)
    const second = v128.load(at, 16)
    low = v128.bitselect(first, low, i64x2.gt_s(low, first))
    high = v128.bitselect(first, high, i64x2.gt_s(first, high))
    lowNext = v128.bitselect(second, lowNext, i64x2.gt_s(lowNext, second))
    highNext = v128.bitselect(second, highNext, i64x2.gt_s(second, highNext))
  }
  low = v128.bitselect(lowNext, low, i64x2.gt_s(low, lowNext))
  high = v128.bitselect(highNext, high, i64x2.gt_s(highNext, high))
  let lowest = min(i64x2.extract_lane(low, 0), i64x2.extract_lane(low, 1))
  let highest = max(i64x2.extract_lane(high, 0), i64x2.extract_lane(high, 1))
  for (; at < end; at += 8) {
    lowest = min(lowest, load<i64>(at))
    highest = max(highest, load<i64>(at))
  }
  store<i64>(target, lowest)
  store<i64>(target, highest, 8)
  return true
}

/** bounds<i32> of at least 4 values without NULLs. */
function boundsOfInts(values: usize, count: u32, target: usize): bool {
  let low = v128.load(values)
  let high = low
  const end = values + (<usize>count << 2)
  let at = values
  for (; at + 16 <= end; at += 16) {
    const value = v128.load(at)
    low = i32x4.min_s(low, value)
    high = i32x4.max_s(high, value)
  }
  let lowest = min(min(i32x4.extract_lane(low, 0), i32x4.extract_lane(low, 1)), min(i32x4.extract_lane(low, 2), i32x4.extract_lane(low, 3)))
  let highest = max(max(i32x4.extract_lane(high, 0), i32x4.extract_lane(high, 1)), max(i32x4.extract_lane(high, 2), i32x4.extract_lane(high, 3)))
  for (; at < end; at += 4) {
    lowest = min(lowest, load<i32>(at))
    highest = max(highest, load<i32>(at))
  }
  store<i64>(target, lowest)
  store<i64>(target, highest, 8)
  return true
}

/** Lowest and highest valid integer of `width` 1, 2, 4 or 8 bytes, as two i64 (u64 for unsigned of 8); was there one? */
export function frameBounds(
  values: usize, width: u32, isSigned: u32, validity: usize, count: u32, target: usize,
): bool {
  if (isSigned != 0) {
    if (validity == 0 && count >= 4 && width == 8) return boundsOfLongs(values, count, target)
    if (validity == 0 && count >= 4 && width == 4) return boundsOfInts(values, count, target)
    if (width == 8) return bounds<i64>(values, validity, count, target)
    if (width == 4) return bounds<i32>(values, validity, count, target)
    return width == 2 ? bounds<i16>(values, validity, count, target) : bounds<i8>(values, validity, count, target)
  }
  if (width == 8) return bounds<u64>(values, validity, count, target)
  if (width == 4) return bounds<u32>(values, validity, count, target)
  return width == 2 ? bounds<u16>(values, validity, count, target) : bounds<u8>(values, validity, count, target)
}

/** i128 to i64, 0 for NULL; false as soon as a value does not fit. */
export function frameNarrowDecimals(source: usize, validity: usize, count: u32, target: usize): bool {
  for (let row: u32 = 0; row < count; row++) {
    const isNull = validity != 0 && ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0
    const low = load<i64>(source + (<usize>row << 4))
    if (!isNull && load<i64>(source + (<usize>row << 4), 8) != low >> 63) return false
    store<i64>(target + (<usize>row << 3), isNull ? 0 : low)
  }
  return true
}

// XXH64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), seed 0: four lanes of 64 bits, eight bytes each at a time.
const PRIME_1: u64 = 0x9e3779b185ebca87
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f
const PRIME_3: u64 = 0x165667b19e3779f9
const PRIME_4: u64 = 0x85ebca77c2b2ae63
const PRIME_5: u64 = 0x27d4eb2f165667c5

// @ts-ignore: decorator
@inline function round(lane: u64, word: u64): u64 {
  return rotl<u64>(lane + word * PRIME_2, 31) * PRIME_1
}

// @ts-ignore: decorator
@inline function merge(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * PRIME_1 + PRIME_4
}

/** The lower half of XXH64 of these bytes. */
export function frameChecksum(position: usize, byteLength: u32): u32 {
  const end = position + <usize>byteLength
  let at = position
  let hash = PRIME_5
  if (byteLength >= 32) {
    let a = PRIME_1 + PRIME_2
    let b = PRIME_2
    let c: u64 = 0
    let d: u64 = 0 - PRIME_1
    for (; at + 32 <= end; at += 32) {
      a = round(a, load<u64>(at))
      b = round(b, load<u64>(at, 8))
      c = round(c, load<u64>(at, 16))
      d = round(d, load<u64>(at, 24))
    }
    hash = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18)
    hash = merge(merge(merge(merge(hash, a), b), c), d)
  }
  hash += <u64>byteLength
  for (; at + 8 <= end; at += 8) hash = rotl<u64>(hash ^ round(0, load<u64>(at)), 27) * PRIME_1 + PRIME_4
  if (at + 4 <= end) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(at) * PRIME_1), 23) * PRIME_2 + PRIME_3
    at += 4
  }
  for (; at < end; at++) hash = rotl<u64>(hash ^ (<u64>load<u8>(at) * PRIME_5), 11) * PRIME_1
  hash = (hash ^ (hash >> 33)) * PRIME_2
  hash = (hash ^ (hash >> 29)) * PRIME_3
  return <u32>(hash ^ (hash >> 32))
}

/** Bytes from one place to another; slower from JavaScript, which copies shared memory word by word. */
export function frameCopy(source: usize, byteLength: u32, target: usize): void {
  memory.copy(target, source, byteLength)
}
