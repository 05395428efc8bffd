/** Checks and conversions of batches that come from or go to other processes. */
import { xxh64 } from './xxh64'

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

/** The lower half of XXH64 of these bytes. */
export function frameChecksum(position: usize, byteLength: u32): u32 {
  return <u32>xxh64(position, byteLength)
}

/** Bytes from one place to another; slower from JavaScript, which copies shared memory word by word. */
export function frameCopy(source: usize, byteLength: u32, target: usize): void {
  memory.copy(target, source, byteLength)
}
