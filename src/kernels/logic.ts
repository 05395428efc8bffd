/** Three-valued logic on pairs of bitmaps (values, validity); a validity of 0 stands for all valid. */

// @ts-ignore: decorator
@inline function onesOf(row: u32, n: u32): u64 {
  return n - row >= 64 ? u64.MAX_VALUE : ((<u64>1) << (n - row)) - 1
}

// @ts-ignore: decorator
@inline function bitsAt(bitmap: usize, row: u32, ones: u64): u64 {
  return bitmap == 0 ? ones : load<u64>(bitmap + (row >> 3)) & ones
}

/** AND: false decides over NULL. Writes values and validity; returns the number of valid rows. */
export function logicAnd(
  left: usize, leftValid: usize, right: usize, rightValid: usize, n: u32, out: usize, outValid: usize,
): u32 {
  let valid: u32 = 0
  for (let row: u32 = 0; row < n; row += 64) {
    const ones = onesOf(row, n)
    const a = bitsAt(leftValid, row, ones)
    const b = bitsAt(rightValid, row, ones)
    const leftBits = load<u64>(left + (row >> 3))
    const rightBits = load<u64>(right + (row >> 3))
    const yes = leftBits & a & rightBits & b
    const known = yes | (a & ~leftBits) | (b & ~rightBits)
    store<u64>(out + (row >> 3), yes)
    store<u64>(outValid + (row >> 3), known)
    valid += <u32>popcnt<u64>(known)
  }
  return valid
}

/** OR: true decides over NULL. Writes values and validity; returns the number of valid rows. */
export function logicOr(
  left: usize, leftValid: usize, right: usize, rightValid: usize, n: u32, out: usize, outValid: usize,
): u32 {
  let valid: u32 = 0
  for (let row: u32 = 0; row < n; row += 64) {
    const ones = onesOf(row, n)
    const a = bitsAt(leftValid, row, ones)
    const b = bitsAt(rightValid, row, ones)
    const leftBits = load<u64>(left + (row >> 3))
    const rightBits = load<u64>(right + (row >> 3))
    const yes = (leftBits & a) | (rightBits & b)
    const known = yes | (a & b)
    store<u64>(out + (row >> 3), yes)
    store<u64>(outValid + (row >> 3), known)
    valid += <u32>popcnt<u64>(known)
  }
  return valid
}

/** NOT of a bitmap (0: all ones). */
export function logicNot(bitmap: usize, n: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row += 64) {
    const ones = onesOf(row, n)
    store<u64>(out + (row >> 3), ~bitsAt(bitmap, row, ones) & ones)
  }
}

/** A AND B (AND NOT B when `negate`) of bitmaps, 0 standing for all ones; returns the number of ones. */
export function logicIntersect(left: usize, right: usize, negate: u32, n: u32, out: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row += 64) {
    const ones = onesOf(row, n)
    const other = bitsAt(right, row, ones)
    const bits = bitsAt(left, row, ones) & (negate ? ~other & ones : other)
    store<u64>(out + (row >> 3), bits)
    count += <u32>popcnt<u64>(bits)
  }
  return count
}

/**
 * IS [NOT] DISTINCT FROM out of equality: equal and both valid, or neither valid. `flip`: all ones for IS DISTINCT
 * FROM.
 */
export function logicNotDistinct(
  equal: usize, leftValid: usize, rightValid: usize, flip: u64, n: u32, out: usize,
): void {
  for (let row: u32 = 0; row < n; row += 64) {
    const ones = onesOf(row, n)
    const a = bitsAt(leftValid, row, ones)
    const b = bitsAt(rightValid, row, ones)
    const same = (load<u64>(equal + (row >> 3)) & a & b) | (~a & ~b)
    store<u64>(out + (row >> 3), (same ^ flip) & ones)
  }
}

/** map[rows[i]] = base + i for `count` row numbers: the inverse of a selection. */
export function logicScatter(rows: usize, count: u32, base: i32, map: usize): void {
  for (let i: u32 = 0; i < count; i++) store<i32>(map + (load<u32>(rows + (i << 2)) << 2), base + <i32>i)
}

/** Sets exactly the bits of `count` row numbers in a bitmap of `n` bits. */
export function logicMark(rows: usize, count: u32, n: u32, out: usize): void {
  memory.fill(out, 0, ((n + 63) >> 6) << 3)
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(rows + (i << 2))
    const at = out + (row >> 3)
    store<u8>(at, load<u8>(at) | (<u8>1 << <u8>(row & 7)))
  }
}
