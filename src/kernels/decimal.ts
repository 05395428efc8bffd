/**
 * 128-bit arithmetic on decimals whose width is 8 or 16 bytes; results have width 16. Every result is checked against
 * the largest magnitude of its type (10^p - 1, given as two words). A stride of 0 repeats one operand.
 */

/** High word of the last product or magnitude: a second return value. One per thread. */
let high: u64 = 0

/** Low word of the 128-bit product; the high word in `high`. */
// @ts-ignore: decorator
@inline function multiply64(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff
  const aHigh = a >> 32
  const bLow = b & 0xffffffff
  const bHigh = b >> 32
  const low = aLow * bLow
  const middle = aHigh * bLow + (low >> 32)
  const cross = aLow * bHigh + (middle & 0xffffffff)
  high = aHigh * bHigh + (middle >> 32) + (cross >> 32)
  return (cross << 32) | (low & 0xffffffff)
}

// @ts-ignore: decorator
@inline function isValid(validity: usize, row: u32): bool {
  return validity == 0 || <bool>((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1)
}

// @ts-ignore: decorator
@inline function highOf(at: usize, width: u32): u64 {
  return width == 16 ? load<u64>(at, 8) : <u64>(load<i64>(at) >> 63)
}

/** out = a·ka + b·kb, with ka and kb in ±10^18. Returns 1 if a valid row exceeds the limit. */
export function decimalLinear(
  a: usize, aWidth: u32, aStride: u32, ka: i64, b: usize, bWidth: u32, bStride: u32, kb: i64, limitLow: u64, limitHigh: u64,
  validity: usize, n: u32, out: usize,
): u32 {
  for (let row: u32 = 0; row < n; row++, a += aStride, b += bStride, out += 16) {
    let bad = scaled(load<u64>(a), highOf(a, aWidth), ka)
    const low = productLow
    const top = productHigh
    bad = scaled(load<u64>(b), highOf(b, bWidth), kb) || bad
    const sumLow = low + productLow
    const sumHigh = top + productHigh + <u64>(sumLow < low)
    // Both terms are below 2^126, so the sum cannot wrap.
    store<u64>(out, sumLow)
    store<u64>(out, sumHigh, 8)
    bad = exceeds(sumLow, sumHigh, limitLow, limitHigh) || bad
    if (bad && isValid(validity, row)) return 1
  }
  return 0
}

let productLow: u64 = 0
let productHigh: u64 = 0

/** Two's complement product of a 128-bit and a 64-bit number; true when its magnitude reaches 2^126. */
// @ts-ignore: decorator
@inline function scaled(low: u64, top: u64, factor: i64): bool {
  const negative = (<i64>top < 0) != (factor < 0)
  const multiplier = factor < 0 ? 0 - <u64>factor : <u64>factor
  if (<i64>top < 0) {
    top = ~top + <u64>(low == 0)
    low = 0 - low
  }
  const lowProduct = multiply64(low, multiplier)
  const carry = high
  const highProduct = multiply64(top, multiplier)
  const sum = highProduct + carry
  const bad = high != 0 || sum < carry || sum >> 62 != 0
  productLow = negative ? 0 - lowProduct : lowProduct
  productHigh = negative ? ~sum + <u64>(lowProduct == 0) : sum
  return bad
}

/** Whether the magnitude of a two's complement number is over the limit. */
// @ts-ignore: decorator
@inline function exceeds(low: u64, top: u64, limitLow: u64, limitHigh: u64): bool {
  if (<i64>top < 0) {
    top = ~top + <u64>(low == 0)
    low = 0 - low
  }
  return top > limitHigh || (top == limitHigh && low > limitLow)
}

/** out = a·b. Returns 1 if a valid row exceeds the limit. */
export function decimalMultiply(
  a: usize, aWidth: u32, aStride: u32, b: usize, bWidth: u32, bStride: u32, limitLow: u64, limitHigh: u64, validity: usize, n: u32,
  out: usize,
): u32 {
  for (let row: u32 = 0; row < n; row++, a += aStride, b += bStride, out += 16) {
    let low = load<u64>(a)
    let top = highOf(a, aWidth)
    let otherLow = load<u64>(b)
    let otherTop = highOf(b, bWidth)
    const negative = <i64>top < 0 != <i64>otherTop < 0
    if (<i64>top < 0) {
      top = ~top + <u64>(low == 0)
      low = 0 - low
    }
    if (<i64>otherTop < 0) {
      otherTop = ~otherTop + <u64>(otherLow == 0)
      otherLow = 0 - otherLow
    }
    // One of the two fits 64 bits, or the product has more than 128.
    let bad = top != 0 && otherTop != 0
    const wide = top != 0 ? top : otherTop
    const factor = top != 0 ? otherLow : low
    const lowProduct = multiply64(low, otherLow)
    const carry = high
    const cross = multiply64(wide, factor)
    const sum = cross + carry
    bad = bad || high != 0 || sum < carry || sum > limitHigh || (sum == limitHigh && lowProduct > limitLow)
    store<u64>(out, negative ? 0 - lowProduct : lowProduct)
    store<u64>(out, negative ? ~sum + <u64>(lowProduct == 0) : sum, 8)
    if (bad && isValid(validity, row)) return 1
  }
  return 0
}
