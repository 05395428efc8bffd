/** One of two values a row, by a bitmap. */

// @ts-ignore: decorator
@inline function choose<T>(mask: usize, left: usize, leftStride: usize, right: usize, rightStride: usize, n: u32, out: usize): void {
  let word: u64 = 0
  for (let row: u32 = 0; row < n; row++) {
    if ((row & 63) == 0) word = load<u64>(mask + (row >> 3))
    const value = word & 1 ? load<T>(left) : load<T>(right)
    store<T>(out, value)
    word >>= 1
    left += leftStride
    right += rightStride
    out += sizeof<T>()
  }
}

/** Values of 1, 2, 4 or 8 bytes: the left one where the mask has a one. A side of stride 0 is one value for all rows. */
export function choiceFixed(
  mask: usize, left: usize, leftStride: u32, right: usize, rightStride: u32, width: u32, n: u32, out: usize,
): void {
  const a = <usize>leftStride * width
  const b = <usize>rightStride * width
  if (width == 8) choose<u64>(mask, left, a, right, b, n, out)
  else if (width == 4) choose<u32>(mask, left, a, right, b, n, out)
  else if (width == 2) choose<u16>(mask, left, a, right, b, n, out)
  else choose<u8>(mask, left, a, right, b, n, out)
}

/** Bits: the left one where the mask has a one; position 0 stands for all ones. Returns the number of ones. */
export function choiceBits(mask: usize, left: usize, right: usize, n: u32, out: usize): u32 {
  let ones: u32 = 0
  for (let at: u32 = 0; at < n; at += 64) {
    const bits = load<u64>(mask + (at >> 3))
    const a = left ? load<u64>(left + (at >> 3)) : u64.MAX_VALUE
    const b = right ? load<u64>(right + (at >> 3)) : u64.MAX_VALUE
    let word = (bits & a) | (~bits & b)
    if (n - at < 64) word &= (<u64>1 << <u64>(n - at)) - 1
    store<u64>(out + (at >> 3), word)
    ones += <u32>popcnt<u64>(word)
  }
  return ones
}
