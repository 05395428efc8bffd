/**
 * Integers in fewer bytes, as they travel in frames: differences from a base of 1 to 4 bytes, or steps from the integer before of
 * 1 or 2 bytes. `width` is what the integers take unpacked, 4 or 8 bytes; arithmetic wraps, so that everything comes back.
 */

/** Bytes of a vector that are kept, in order: those of 1 to 4 bytes of two 8-byte integers, of 1 to 3 bytes of four 4-byte ones. */
const PACK: usize = memory.data<u8>([
  0, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 1, 8, 9, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 1, 2, 8, 9, 10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 1, 2, 3, 8, 9, 10, 11, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 4, 8, 12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 1, 4, 5, 8, 9, 12, 13, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 255, 255, 255, 255,
])

/** The other way: where the bytes of each integer are, 255 for those that are 0. */
const UNPACK: usize = memory.data<u8>([
  0, 255, 255, 255, 255, 255, 255, 255, 1, 255, 255, 255, 255, 255, 255, 255,
  0, 1, 255, 255, 255, 255, 255, 255, 2, 3, 255, 255, 255, 255, 255, 255,
  0, 1, 2, 255, 255, 255, 255, 255, 3, 4, 5, 255, 255, 255, 255, 255,
  0, 1, 2, 3, 255, 255, 255, 255, 4, 5, 6, 7, 255, 255, 255, 255,
  0, 255, 255, 255, 1, 255, 255, 255, 2, 255, 255, 255, 3, 255, 255, 255,
  0, 1, 255, 255, 2, 3, 255, 255, 4, 5, 255, 255, 6, 7, 255, 255,
  0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255,
])

/** Steps are looked at in runs of so many, until one is too large. */
const RUN: usize = 512

// @ts-ignore: decorator
@inline function shuffle(table: usize, width: u32, bytes: u32): v128 {
  return v128.load(table + (<usize>(bytes - 1 + (width == 8 ? 0 : 4)) << 4))
}

// @ts-ignore: decorator
@inline function storeBytes(target: usize, value: u64, bytes: u32): void {
  for (let i: u32 = 0; i < bytes; i++) store<u8>(target + i, <u8>(value >> (i << 3)))
}

// @ts-ignore: decorator
@inline function loadBytes(source: usize, bytes: u32): u64 {
  let value: u64 = 0
  for (let i: u32 = 0; i < bytes; i++) value |= <u64>load<u8>(source + i) << (i << 3)
  return value
}

/** The steps from `at` to `end`, ORed: T is the width. */
// @ts-ignore: decorator
@inline function joinedSteps<T>(from: usize, end: usize): u64 {
  let joined = i64x2.splat(0)
  let at = from
  for (; at + 16 <= end; at += 16) {
    const before = v128.load(at - sizeof<T>())
    joined = v128.or(joined, sizeof<T>() == 8 ? i64x2.sub(v128.load(at), before) : i32x4.sub(v128.load(at), before))
  }
  let rest: T = 0
  for (; at < end; at += sizeof<T>()) rest |= load<T>(at) - load<T>(at - sizeof<T>())
  const halves = i64x2.extract_lane(joined, 0) | i64x2.extract_lane(joined, 1)
  return sizeof<T>() == 8 ? halves | <u64>rest : (halves & 0xffffffff) | (halves >>> 32) | <u64>rest
}

/** Bytes of the steps between `count` integers: 1 or 2, or 0 if they need more (as when an integer is smaller than the one before). */
export function packStepBytes(values: usize, width: u32, count: u32): u32 {
  if (count == 0) return 1
  const end = values + <usize>count * width
  let joined: u64 = 0
  for (let at = values + width; at < end && joined <= 0xffff; at += RUN * width) {
    const runEnd = min(end, at + RUN * width)
    joined |= width == 8 ? joinedSteps<u64>(at, runEnd) : joinedSteps<u32>(at, runEnd)
  }
  return joined <= 0xff ? 1 : joined <= 0xffff ? 2 : 0
}

/** `count` integers as differences from `base` of `bytes` bytes. */
export function packDifferences(values: usize, width: u32, count: u32, base: i64, bytes: u32, target: usize): void {
  const kept = shuffle(PACK, width, bytes)
  const from = width == 8 ? i64x2.splat(base) : i32x4.splat(<i32>base)
  const end = target + <usize>count * bytes
  const stride = <usize>(width == 8 ? 2 : 4) * bytes
  let at = values
  // What a store writes beyond its integers is overwritten by the next one, and the last ones are stored singly.
  for (; target + 16 <= end; target += stride, at += 16) {
    const value = v128.load(at)
    v128.store(target, i8x16.swizzle(width == 8 ? i64x2.sub(value, from) : i32x4.sub(value, from), kept))
  }
  for (; target < end; target += bytes, at += width)
    storeBytes(target, (width == 8 ? load<u64>(at) : <u64>load<u32>(at)) - <u64>base, bytes)
}

/** The `count` steps to each of the integers behind the first one. */
export function packSteps(values: usize, width: u32, count: u32, bytes: u32, target: usize): void {
  const kept = shuffle(PACK, width, bytes)
  const end = target + <usize>count * bytes
  const stride = <usize>(width == 8 ? 2 : 4) * bytes
  let at = values
  for (; target + 16 <= end; target += stride, at += 16) {
    const value = v128.load(at + width)
    const before = v128.load(at)
    v128.store(target, i8x16.swizzle(width == 8 ? i64x2.sub(value, before) : i32x4.sub(value, before), kept))
  }
  for (; target < end; target += bytes, at += width) {
    const step = width == 8 ? load<u64>(at, 8) - load<u64>(at) : <u64>(load<u32>(at, 4) - load<u32>(at))
    storeBytes(target, step, bytes)
  }
}

/** The integers of `count` differences; the largest difference. */
export function packedDifferences(source: usize, count: u32, bytes: u32, base: i64, width: u32, target: usize): u32 {
  const places = shuffle(UNPACK, width, bytes)
  const from = width == 8 ? i64x2.splat(base) : i32x4.splat(<i32>base)
  const end = source + <usize>count * bytes
  const stride = <usize>(width == 8 ? 2 : 4) * bytes
  // The upper halves of differences of 8 bytes are 0.
  let highest = i32x4.splat(0)
  let to = target
  for (; source + 16 <= end; source += stride, to += 16) {
    const difference = i8x16.swizzle(v128.load(source), places)
    highest = i32x4.max_u(highest, difference)
    v128.store(to, width == 8 ? i64x2.add(difference, from) : i32x4.add(difference, from))
  }
  let largest = max(
    max(<u32>i32x4.extract_lane(highest, 0), <u32>i32x4.extract_lane(highest, 1)),
    max(<u32>i32x4.extract_lane(highest, 2), <u32>i32x4.extract_lane(highest, 3)),
  )
  for (; source < end; source += bytes, to += width) {
    const difference = loadBytes(source, bytes)
    largest = max(largest, <u32>difference)
    if (width == 8) store<i64>(to, base + difference)
    else store<i32>(to, <i32>(base + difference))
  }
  return largest
}

/** Integers of type V from steps of type S. */
// @ts-ignore: decorator
@inline function addSteps<S, V>(source: usize, count: u32, base: i64, target: usize): u64 {
  let sum: u64 = 0
  store<V>(target, <V>base)
  for (let i: u32 = 1; i <= count; i++) {
    sum += <u64>load<S>(source)
    store<V>(target + <usize>i * sizeof<V>(), <V>(base + sum))
    source += sizeof<S>()
  }
  return sum
}

/** `base`, and the integers to which `count` steps lead; the sum of the steps, which is below 2^48. */
export function packedSteps(source: usize, count: u32, bytes: u32, base: i64, width: u32, target: usize): f64 {
  if (width == 8)
    return <f64>(bytes == 1 ? addSteps<u8, i64>(source, count, base, target) : addSteps<u16, i64>(source, count, base, target))
  return <f64>(bytes == 1 ? addSteps<u8, i32>(source, count, base, target) : addSteps<u16, i32>(source, count, base, target))
}
