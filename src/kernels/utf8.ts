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
