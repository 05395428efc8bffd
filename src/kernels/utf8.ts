/** Strings by bytes and characters. */

/** Whether every byte from `at` to `end` is ASCII. */
export function utf8IsAscii(at: usize, end: usize): u32 {
  let any = i8x16.splat(0)
  for (; at + 16 <= end; at += 16) any = v128.or(any, v128.load(at))
  let rest: u8 = 0
  for (; at < end; at++) rest |= load<u8>(at)
  return <u32>(i8x16.bitmask(any) == 0 && rest < 0x80)
}

/** The byte `count` characters after `at`, at most `end`. */
// @ts-ignore: decorator
@inline function skip(at: usize, end: usize, count: u32): usize {
  for (; at < end; at++) {
    // A byte that is no continuation begins a character.
    if ((load<u8>(at) & 0xc0) != 0x80) {
      if (count == 0) return at
      count--
    }
  }
  return end
}

/**
 * Characters [from, from + count) of each string, from counted from 0. Writes `out` (bytes, at most as many as the
 * input has) and `outOffsets` (n + 1, from 0). Returns the number of bytes.
 */
export function utf8Substring(
  values: usize, offsets: usize, n: u32, ascii: u32, from: u32, count: u32, out: usize, outOffsets: usize,
): u32 {
  let used: u32 = 0
  store<u32>(outOffsets, 0)
  for (let row: u32 = 0; row < n; row++, offsets += 4) {
    const start = values + load<u32>(offsets)
    const end = values + load<u32>(offsets, 4)
    const length = <u32>(end - start)
    const first = ascii ? start + min<u32>(from, length) : skip(start, end, from)
    const rest = <u32>(end - first)
    const last = ascii ? first + min<u32>(count, rest) : skip(first, end, count)
    const taken = <u32>(last - first)
    if (taken <= 16) v128.store(out + used, v128.load(first))
    else memory.copy(out + used, first, taken)
    used += taken
    store<u32>(outOffsets + ((row + 1) << 2), used)
  }
  return used
}

/** out (i32) = number of characters of each string. */
export function utf8Length(values: usize, offsets: usize, n: u32, ascii: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++, offsets += 4) {
    const start = load<u32>(offsets)
    const end = load<u32>(offsets, 4)
    let count = end - start
    if (!ascii) {
      count = 0
      for (let at = values + start; at < values + end; at++) count += <u32>((load<u8>(at) & 0xc0) != 0x80)
    }
    store<u32>(out + (row << 2), count)
  }
}

/** Copies bytes, ASCII letters in upper (`upper` 1) or lower case. The last 15 bytes behind `out` may be written. */
export function utf8AsciiCase(from: usize, byteLength: u32, upper: u32, out: usize): void {
  const first = <u8>(upper ? 0x61 : 0x41)
  for (let at: u32 = 0; at < byteLength; at += 16) {
    const bytes = v128.load(from + at)
    const place = i8x16.sub(bytes, i8x16.splat(<i8>first))
    const isLetter = i8x16.lt_u(place, i8x16.splat(26))
    v128.store(out + at, v128.xor(bytes, v128.and(isLetter, i8x16.splat(0x20))))
  }
}

/** Strings of both sides, one behind the other; a side of stride 0 is one string for all rows. Returns the bytes. */
export function utf8Concat(
  left: usize, leftOffsets: usize, leftStride: u32, right: usize, rightOffsets: usize, rightStride: u32, n: u32, out: usize, outOffsets: usize,
): u32 {
  let used: u32 = 0
  store<u32>(outOffsets, 0)
  for (let row: u32 = 0; row < n; row++) {
    const a = leftOffsets + (<usize>(row * leftStride) << 2)
    const b = rightOffsets + (<usize>(row * rightStride) << 2)
    used += copyString(left, a, out + used)
    used += copyString(right, b, out + used)
    store<u32>(outOffsets + ((row + 1) << 2), used)
  }
  return used
}

// @ts-ignore: decorator
@inline function copyString(values: usize, offset: usize, out: usize): u32 {
  const start = load<u32>(offset)
  const length = load<u32>(offset, 4) - start
  if (length <= 16) v128.store(out, v128.load(values + start))
  else memory.copy(out, values + start, length)
  return length
}

/** Strings without spaces at their ends: `sides` 1 start, 2 end, 3 both. Returns the bytes. */
export function utf8Trim(values: usize, offsets: usize, n: u32, sides: u32, out: usize, outOffsets: usize): u32 {
  let used: u32 = 0
  store<u32>(outOffsets, 0)
  for (let row: u32 = 0; row < n; row++, offsets += 4) {
    let start = values + load<u32>(offsets)
    let end = values + load<u32>(offsets, 4)
    if (sides & 1) while (start < end && load<u8>(start) == 0x20) start++
    if (sides & 2) while (end > start && load<u8>(end - 1) == 0x20) end--
    const length = <u32>(end - start)
    if (length <= 16) v128.store(out + used, v128.load(start))
    else memory.copy(out + used, start, length)
    used += length
    store<u32>(outOffsets + ((row + 1) << 2), used)
  }
  return used
}

/** out (i32) = bytes of each string, times `factor`. */
export function utf8ByteLength(offsets: usize, n: u32, factor: u32, out: usize): void {
  for (const end = out + (<usize>n << 2); out < end; out += 4, offsets += 4)
    store<u32>(out, (load<u32>(offsets, 4) - load<u32>(offsets)) * factor)
}
