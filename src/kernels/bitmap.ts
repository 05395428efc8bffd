/** Bitmaps: one bit a row, least significant bit first. Bits behind the last row of a result are 0. */

/** `length` (1 .. 64) bits from bit `index` of a bitmap; the bits above are 0. Reads no byte behind the last bit's word. */
// @ts-ignore: decorator
@inline export function bitmapRead(bitmap: usize, index: u32, length: u32): u64 {
  const at = bitmap + (index >> 3)
  const shift = <u64>(index & 7)
  let bits = load<u64>(at) >> shift
  if (shift != 0 && <u32>shift + length > 64) bits |= (<u64>load<u8>(at + 8)) << (64 - shift)
  return length == 64 ? bits : bits & (((<u64>1) << length) - 1)
}

/** Number of ones among the first `length` bits. */
export function bitmapCount(bitmap: usize, length: u32): u32 {
  let count: u32 = 0
  let row: u32 = 0
  for (; row + 64 <= length; row += 64) count += <u32>popcnt<u64>(load<u64>(bitmap + (row >> 3)))
  if (row < length) count += <u32>popcnt<u64>(bitmapRead(bitmap, row, length - row))
  return count
}

/**
 * Copies `length` bits from bit `start` of `source` (0: all ones) to bit `index` of `target`, whose bits from `index` on
 * are 0 up to the next multiple of 64 behind the last one.
 */
export function bitmapAppend(source: usize, start: u32, length: u32, target: usize, index: u32): void {
  for (let done: u32 = 0; done < length; done += 64) {
    const count = min<u32>(64, length - done)
    const ones: u64 = count == 64 ? u64.MAX_VALUE : ((<u64>1) << count) - 1
    const bits = source == 0 ? ones : bitmapRead(source, start + done, count)
    const to = index + done
    const word = target + ((to >> 6) << 3)
    const shift = to & 63
    store<u64>(word, load<u64>(word) | (bits << shift))
    if (shift + count > 64) store<u64>(word + 8, load<u64>(word + 8) | (bits >> (64 - shift)))
  }
}

/** target = left AND right, word by word over `length` bits; either may be 0 for all ones. */
export function bitmapAnd(left: usize, right: usize, length: u32, target: usize): void {
  for (let row: u32 = 0; row < length; row += 64) {
    const count = min<u32>(64, length - row)
    const ones: u64 = count == 64 ? u64.MAX_VALUE : ((<u64>1) << count) - 1
    const at = row >> 3
    const bits = (left == 0 ? ones : load<u64>(left + at)) & (right == 0 ? ones : load<u64>(right + at))
    store<u64>(target + at, bits & ones)
  }
}

/** Sets the first `length` bits to ones and the rest of the last word to zeros. */
export function bitmapFill(target: usize, length: u32): void {
  bitmapAnd(0, 0, length, target)
}

/** Row numbers (i32) of the ones among the first `length` bits; how many. Writes up to `length` numbers. */
export function bitmapIndices(bitmap: usize, length: u32, target: usize): u32 {
  let to = target
  for (let row: u32 = 0; row < length; row += 64) {
    let bits = bitmapRead(bitmap, row, min<u32>(64, length - row))
    if (bits == u64.MAX_VALUE) {
      for (let bit: u32 = 0; bit < 64; bit++, to += 4) store<u32>(to, row + bit)
      continue
    }
    for (; bits != 0; bits &= bits - 1, to += 4) store<u32>(to, row + <u32>ctz<u64>(bits))
  }
  return <u32>((to - target) >> 2)
}
