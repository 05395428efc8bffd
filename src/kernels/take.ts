/**
 * Gathering rows by a list of row numbers (i32; -1 gives NULL: zero bytes and a 0 validity bit). The variants ending in
 * `Dense` are for lists without -1.
 */
import { gatherDense } from './gather'

/** Is there a negative number among `count` row numbers? */
export function takeHasNegative(indices: usize, count: u32): bool {
  let any = i32x4.splat(0)
  let at = indices
  const end = indices + (<usize>count << 2)
  for (; at + 16 <= end; at += 16) any = v128.or(any, v128.load(at))
  let rest: i32 = 0
  for (; at < end; at += 4) rest |= load<i32>(at)
  return i32x4.bitmask(any) != 0 || rest < 0
}

// @ts-ignore: decorator
@inline function gather<T>(values: usize, indices: usize, count: u32, target: usize): void {
  const size = sizeof<T>()
  let to = target
  const end = indices + (<usize>count << 2)
  for (let at = indices; at < end; at += 4, to += size) {
    const row = load<i32>(at)
    store<T>(to, row < 0 ? <T>0 : load<T>(values + <usize>row * size))
  }
}

/** Values of `width` 1, 2, 4, 8 or 16 bytes. */
export function takeFixed(values: usize, width: u32, indices: usize, count: u32, target: usize): void {
  if (width == 1) gather<u8>(values, indices, count, target)
  else if (width == 2) gather<u16>(values, indices, count, target)
  else if (width == 4) gather<u32>(values, indices, count, target)
  else if (width == 8) gather<u64>(values, indices, count, target)
  else {
    for (let i: u32 = 0; i < count; i++) {
      const row = load<i32>(indices + (<usize>i << 2))
      v128.store(target + (<usize>i << 4), row < 0 ? i64x2.splat(0) : v128.load(values + (<usize>row << 4)))
    }
  }
}

export function takeFixedDense(values: usize, width: u32, indices: usize, count: u32, target: usize): void {
  if (width == 1) gatherDense<u8>(values, indices, count, target)
  else if (width == 2) gatherDense<u16>(values, indices, count, target)
  else if (width == 4) gatherDense<u32>(values, indices, count, target)
  else if (width == 8) gatherDense<u64>(values, indices, count, target)
  else {
    for (let i: u32 = 0; i < count; i++) {
      v128.store(target + (<usize>i << 4), v128.load(values + (<usize>load<u32>(indices + (<usize>i << 2)) << 4)))
    }
  }
}

/** Bits of a bitmap (0: all ones) into whole words of 64; a negative row number gives 0. The number of ones. */
export function takeBits(bitmap: usize, indices: usize, count: u32, target: usize): u32 {
  let ones: u32 = 0
  for (let start: u32 = 0; start < count; start += 64) {
    const end = min<u32>(64, count - start)
    let bits: u64 = 0
    for (let bit: u32 = 0; bit < end; bit++) {
      const row = load<i32>(indices + (<usize>(start + bit) << 2))
      if (row < 0) continue
      const one = bitmap == 0 ? 1 : (load<u8>(bitmap + (<u32>row >> 3)) >> <u8>(row & 7)) & 1
      bits |= (<u64>one) << bit
    }
    store<u64>(target + (start >> 3), bits)
    ones += <u32>popcnt<u64>(bits)
  }
  return ones
}

export function takeBitsDense(bitmap: usize, indices: usize, count: u32, target: usize): u32 {
  let ones: u32 = 0
  for (let start: u32 = 0; start < count; start += 64) {
    const end = min<u32>(64, count - start)
    let bits: u64 = 0
    for (let bit: u32 = 0; bit < end; bit++) {
      const row = load<u32>(indices + (<usize>(start + bit) << 2))
      bits |= (<u64>((load<u8>(bitmap + (row >> 3)) >> <u8>(row & 7)) & 1)) << bit
    }
    store<u64>(target + (start >> 3), bits)
    ones += <u32>popcnt<u64>(bits)
  }
  return ones
}

/** Sixteen of the 64 bits from bit `from` on as bytes of 0 or 255. */
// @ts-ignore: decorator
@inline function bitBytes(bits: u64, from: u64): v128 {
  const low = i8x16.splat(<u8>(bits >> from))
  const high = i8x16.splat(<u8>(bits >> (from + 8)))
  const eight = i8x16.shuffle(low, high, 0, 0, 0, 0, 0, 0, 0, 0, 16, 16, 16, 16, 16, 16, 16, 16)
  const each = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128)
  return i8x16.eq(v128.and(eight, each), each)
}

/** The low bytes of 16 row numbers below 64. */
// @ts-ignore: decorator
@inline function rowBytes(at: usize): v128 {
  const low = i16x8.narrow_i32x4_u(v128.load(at), v128.load(at, 16))
  return i8x16.narrow_i16x8_u(low, i16x8.narrow_i32x4_u(v128.load(at, 32), v128.load(at, 48)))
}

/** takeBitsDense from a bitmap of at most 64 bits: those of a dictionary, mostly. Row numbers are looked up 16 at a time. */
export function takeBitsShort(bitmap: usize, indices: usize, count: u32, target: usize): u32 {
  const word = load<u64>(bitmap)
  const first = bitBytes(word, 0)
  const second = bitBytes(word, 16)
  const third = bitBytes(word, 32)
  const fourth = bitBytes(word, 48)
  const step = i8x16.splat(16)
  let ones: u32 = 0
  for (let start: u32 = 0; start < count; start += 64) {
    const end = min<u32>(64, count - start)
    let bits: u64 = 0
    let bit: u32 = 0
    for (; bit + 16 <= end; bit += 16) {
      let row = rowBytes(indices + (<usize>(start + bit) << 2))
      // A swizzle gives 0 for rows beyond its 16, also for those that wrap below 0.
      let some = i8x16.swizzle(first, row)
      row = i8x16.sub(row, step)
      some = v128.or(some, i8x16.swizzle(second, row))
      row = i8x16.sub(row, step)
      some = v128.or(some, i8x16.swizzle(third, row))
      some = v128.or(some, i8x16.swizzle(fourth, i8x16.sub(row, step)))
      bits |= <u64>(<u32>i8x16.bitmask(some) & 0xffff) << bit
    }
    for (; bit < end; bit++) bits |= ((word >> <u64>load<u32>(indices + (<usize>(start + bit) << 2))) & 1) << bit
    store<u64>(target + (start >> 3), bits)
    ones += <u32>popcnt<u64>(bits)
  }
  return ones
}

/** Offsets (count + 1, from 0) of the gathered strings or lists; the sum of their lengths, or -1 above 2^31 - 1. */
export function takeOffsets(offsets: usize, indices: usize, count: u32, target: usize): i32 {
  let sum: u64 = 0
  store<i32>(target, 0)
  for (let i: u32 = 0; i < count; i++) {
    const row = load<i32>(indices + (<usize>i << 2))
    if (row >= 0) {
      const at = offsets + (<usize>row << 2)
      sum += load<u32>(at, 4) - load<u32>(at)
    }
    store<u32>(target + (<usize>i << 2), <u32>sum, 4)
  }
  return sum > 0x7fffffff ? -1 : <i32>sum
}

/** The bytes of the gathered strings, to the offsets that takeOffsets wrote. `target` has 16 bytes more than their sum. */
export function takeBytes(
  values: usize, offsets: usize, indices: usize, count: u32, targetOffsets: usize, target: usize,
): void {
  for (let i: u32 = 0; i < count; i++) {
    const row = load<i32>(indices + (<usize>i << 2))
    if (row < 0) continue
    const from = offsets + (<usize>row << 2)
    const start = load<u32>(from)
    const length = load<u32>(from, 4) - start
    const to = target + load<u32>(targetOffsets + (<usize>i << 2))
    const source = values + start
    if (length <= 16) {
      v128.store(to, v128.load(source))
    } else if (length <= 32) {
      // The second half starts 16 bytes before the end, so that both halves stay inside the string.
      v128.store(to, v128.load(source))
      v128.store(to + length - 16, v128.load(source + length - 16))
    } else {
      memory.copy(to, source, length)
    }
  }
}

/** Row numbers of the elements of the gathered lists; `target` has room for the sum that takeOffsets gave. */
export function takeElements(offsets: usize, indices: usize, count: u32, target: usize): void {
  let to = target
  for (let i: u32 = 0; i < count; i++) {
    const row = load<i32>(indices + (<usize>i << 2))
    if (row < 0) continue
    const end = load<u32>(offsets + (<usize>row << 2), 4)
    for (let element = load<u32>(offsets + (<usize>row << 2)); element < end; element++, to += 4) store<u32>(to, element)
  }
}

/** Codes with -1 where the validity bit is 0. */
export function takeCodes(codes: usize, validity: usize, count: u32, target: usize): void {
  for (let row: u32 = 0; row < count; row++) {
    const isValid = (load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1
    store<i32>(target + (<usize>row << 2), isValid ? load<i32>(codes + (<usize>row << 2)) : -1)
  }
}

/** Copies `count` offsets (i32) so that the first becomes `first`. */
export function takeRebase(offsets: usize, count: u32, first: i32, target: usize): void {
  const delta = first - load<i32>(offsets)
  for (let i: u32 = 0; i < count; i++) store<i32>(target + (<usize>i << 2), load<i32>(offsets + (<usize>i << 2)) + delta)
}

/** Copies bytes. */
export function takeCopy(source: usize, byteLength: u32, target: usize): void {
  memory.copy(target, source, byteLength)
}

/** Sign-extends `count` i64 to i128. */
export function takeWiden(source: usize, count: u32, target: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const value = load<i64>(source + (<usize>i << 3))
    store<i64>(target + (<usize>i << 4), value)
    store<i64>(target + (<usize>i << 4), value >> 63, 8)
  }
}

/** Writes `count` copies of a value of `width` (1, 2, 4, 8 or 16) bytes. */
export function takeRepeat(value: usize, width: u32, count: u32, target: usize): void {
  if (count == 0) return
  const total = <usize>count * width
  memory.copy(target, value, width)
  // Doubling: each round copies all that is there already.
  for (let done: usize = width; done < total; done <<= 1) memory.copy(target + done, target, min(done, total - done))
}
