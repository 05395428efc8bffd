/**
 * Comparisons: one bit a row, 1 where the comparison holds. `op` is 0 for =, 1 for <, 2 for <=; `flip` is 0xff to
 * negate (<>, >=, >), else 0. Floats in total order: NaN = NaN is greatest, -0 = 0. Rows past the end are read, not
 * written; the bits behind the last row are 0 up to the next multiple of 64.
 */

// @ts-ignore: decorator
@inline function holds<T>(op: u32, a: T, b: T): u32 {
  if (isFloat<T>()) {
    if (op == 0) return <u32>(a == b) | (<u32>(a != a) & <u32>(b != b))
    if (op == 1) return <u32>(a < b) | (<u32>(b != b) & <u32>(a == a))
    return <u32>(a <= b) | <u32>(b != b)
  }
  if (op == 0) return <u32>(a == b)
  if (op == 1) return <u32>(a < b)
  return <u32>(a <= b)
}

// @ts-ignore: decorator
@inline function clearLastWord(out: usize, n: u32): void {
  if (n > 0) store<u64>(out + (((n - 1) >> 6) << 3), 0)
}

/** The bits of the rows that exist among the eight from `row` on. */
// @ts-ignore: decorator
@inline function present(row: u32, n: u32): u32 {
  return n - row >= 8 ? 0xff : (1 << (n - row)) - 1
}

// @ts-ignore: decorator
@inline function literalLoop<T>(op: u32, flip: u32, values: usize, n: u32, b: T, out: usize): void {
  const size = sizeof<T>()
  clearLastWord(out, n)
  for (let row: u32 = 0; row < n; row += 8, out++, values += 8 * size) {
    let bits: u32 = 0
    for (let i: u32 = 0; i < 8; i++) bits |= holds<T>(op, load<T>(values + <usize>i * size), b) << i
    store<u8>(out, <u8>((bits ^ flip) & present(row, n)))
  }
}

// @ts-ignore: decorator
@inline function columnLoop<T>(op: u32, flip: u32, left: usize, right: usize, n: u32, out: usize): void {
  const size = sizeof<T>()
  clearLastWord(out, n)
  for (let row: u32 = 0; row < n; row += 8, out++, left += 8 * size, right += 8 * size) {
    let bits: u32 = 0
    for (let i: u32 = 0; i < 8; i++) {
      bits |= holds<T>(op, load<T>(left + <usize>i * size), load<T>(right + <usize>i * size)) << i
    }
    store<u8>(out, <u8>((bits ^ flip) & present(row, n)))
  }
}

// @ts-ignore: decorator
@inline function literal<T>(op: u32, flip: u32, values: usize, n: u32, b: T, out: usize): void {
  if (op == 0) literalLoop<T>(0, flip, values, n, b, out)
  else if (op == 1) literalLoop<T>(1, flip, values, n, b, out)
  else literalLoop<T>(2, flip, values, n, b, out)
}

// @ts-ignore: decorator
@inline function columns<T>(op: u32, flip: u32, left: usize, right: usize, n: u32, out: usize): void {
  if (op == 0) columnLoop<T>(0, flip, left, right, n, out)
  else if (op == 1) columnLoop<T>(1, flip, left, right, n, out)
  else columnLoop<T>(2, flip, left, right, n, out)
}

// @ts-ignore: decorator
@inline function vector32(op: u32, a: v128, b: v128): u32 {
  if (op == 0) return <u32>i32x4.bitmask(i32x4.eq(a, b))
  if (op == 1) return <u32>i32x4.bitmask(i32x4.lt_s(a, b))
  return <u32>i32x4.bitmask(i32x4.le_s(a, b))
}

// @ts-ignore: decorator
@inline function vector64(op: u32, a: v128, b: v128): u32 {
  if (op == 0) return <u32>i64x2.bitmask(i64x2.eq(a, b))
  if (op == 1) return <u32>i64x2.bitmask(i64x2.lt_s(a, b))
  return <u32>i64x2.bitmask(i64x2.le_s(a, b))
}

/** Comparison with a literal that is not NaN: a NaN in `a` is false for each operation, as the total order wants. */
// @ts-ignore: decorator
@inline function vectorF64(op: u32, a: v128, b: v128): u32 {
  if (op == 0) return <u32>i64x2.bitmask(f64x2.eq(a, b))
  if (op == 1) return <u32>i64x2.bitmask(f64x2.lt(a, b))
  return <u32>i64x2.bitmask(f64x2.le(a, b))
}

// @ts-ignore: decorator
@inline function literal32(op: u32, flip: u32, values: usize, n: u32, b: i32, out: usize): void {
  const all = i32x4.splat(b)
  clearLastWord(out, n)
  for (let row: u32 = 0; row < n; row += 8, out++, values += 32) {
    const bits = vector32(op, v128.load(values), all) | (vector32(op, v128.load(values, 16), all) << 4)
    store<u8>(out, <u8>((bits ^ flip) & present(row, n)))
  }
}

// @ts-ignore: decorator
@inline function columns32(op: u32, flip: u32, left: usize, right: usize, n: u32, out: usize): void {
  clearLastWord(out, n)
  for (let row: u32 = 0; row < n; row += 8, out++, left += 32, right += 32) {
    const low = vector32(op, v128.load(left), v128.load(right))
    const bits = low | (vector32(op, v128.load(left, 16), v128.load(right, 16)) << 4)
    store<u8>(out, <u8>((bits ^ flip) & present(row, n)))
  }
}

// @ts-ignore: decorator
@inline function literal64(op: u32, flip: u32, values: usize, n: u32, b: i64, out: usize): void {
  const all = i64x2.splat(b)
  clearLastWord(out, n)
  for (let row: u32 = 0; row < n; row += 8, out++, values += 64) {
    const low = vector64(op, v128.load(values), all) | (vector64(op, v128.load(values, 16), all) << 2)
    const high = vector64(op, v128.load(values, 32), all) | (vector64(op, v128.load(values, 48), all) << 2)
    store<u8>(out, <u8>(((low | (high << 4)) ^ flip) & present(row, n)))
  }
}

// @ts-ignore: decorator
@inline function literalF64(op: u32, flip: u32, values: usize, n: u32, b: f64, out: usize): void {
  const all = f64x2.splat(b)
  clearLastWord(out, n)
  for (let row: u32 = 0; row < n; row += 8, out++, values += 64) {
    const low = vectorF64(op, v128.load(values), all) | (vectorF64(op, v128.load(values, 16), all) << 2)
    const high = vectorF64(op, v128.load(values, 32), all) | (vectorF64(op, v128.load(values, 48), all) << 2)
    store<u8>(out, <u8>(((low | (high << 4)) ^ flip) & present(row, n)))
  }
}

// @ts-ignore: decorator
@inline function columns64(op: u32, flip: u32, left: usize, right: usize, n: u32, out: usize): void {
  clearLastWord(out, n)
  for (let row: u32 = 0; row < n; row += 8, out++, left += 64, right += 64) {
    const first = vector64(op, v128.load(left), v128.load(right))
    const second = vector64(op, v128.load(left, 16), v128.load(right, 16))
    const third = vector64(op, v128.load(left, 32), v128.load(right, 32))
    const fourth = vector64(op, v128.load(left, 48), v128.load(right, 48))
    store<u8>(out, <u8>(((first | (second << 2) | (third << 4) | (fourth << 6)) ^ flip) & present(row, n)))
  }
}

/** Signed or unsigned integers of `width` 1, 2, 4 or 8 bytes against a literal of the same type. */
export function compareIntLiteral(
  values: usize, width: u32, signed: u32, n: u32, op: u32, flip: u32, b: i64, out: usize,
): void {
  if (width == 8) {
    if (!signed) literal<u64>(op, flip, values, n, <u64>b, out)
    else if (op == 0) literal64(0, flip, values, n, b, out)
    else if (op == 1) literal64(1, flip, values, n, b, out)
    else literal64(2, flip, values, n, b, out)
  } else if (width == 4) {
    if (!signed) literal<u32>(op, flip, values, n, <u32>b, out)
    else if (op == 0) literal32(0, flip, values, n, <i32>b, out)
    else if (op == 1) literal32(1, flip, values, n, <i32>b, out)
    else literal32(2, flip, values, n, <i32>b, out)
  } else if (width == 2) {
    if (signed) literal<i16>(op, flip, values, n, <i16>b, out)
    else literal<u16>(op, flip, values, n, <u16>b, out)
  } else if (signed) literal<i8>(op, flip, values, n, <i8>b, out)
  else literal<u8>(op, flip, values, n, <u8>b, out)
}

/** Two columns of one integer type. */
export function compareIntColumns(
  left: usize, right: usize, width: u32, signed: u32, n: u32, op: u32, flip: u32, out: usize,
): void {
  if (width == 8) {
    if (!signed) columns<u64>(op, flip, left, right, n, out)
    else if (op == 0) columns64(0, flip, left, right, n, out)
    else if (op == 1) columns64(1, flip, left, right, n, out)
    else columns64(2, flip, left, right, n, out)
  } else if (width == 4) {
    if (!signed) columns<u32>(op, flip, left, right, n, out)
    else if (op == 0) columns32(0, flip, left, right, n, out)
    else if (op == 1) columns32(1, flip, left, right, n, out)
    else columns32(2, flip, left, right, n, out)
  } else if (width == 2) {
    if (signed) columns<i16>(op, flip, left, right, n, out)
    else columns<u16>(op, flip, left, right, n, out)
  } else if (signed) columns<i8>(op, flip, left, right, n, out)
  else columns<u8>(op, flip, left, right, n, out)
}

/** Floats of `width` 4 or 8 bytes against a literal. */
export function compareFloatLiteral(values: usize, width: u32, n: u32, op: u32, flip: u32, b: f64, out: usize): void {
  if (width == 4) literal<f32>(op, flip, values, n, <f32>b, out)
  else if (b != b) literal<f64>(op, flip, values, n, b, out)
  else if (op == 0) literalF64(0, flip, values, n, b, out)
  else if (op == 1) literalF64(1, flip, values, n, b, out)
  else literalF64(2, flip, values, n, b, out)
}

/** Two columns of floats. */
export function compareFloatColumns(
  left: usize, right: usize, width: u32, n: u32, op: u32, flip: u32, out: usize,
): void {
  if (width == 4) columns<f32>(op, flip, left, right, n, out)
  else columns<f64>(op, flip, left, right, n, out)
}

// @ts-ignore: decorator
@inline function highWord(at: usize, width: u32): i64 {
  return width == 16 ? load<i64>(at, 8) : load<i64>(at) >> 63
}

/** Decimals of widths 8 or 16; a stride of 0 repeats one value (a literal in memory). */
export function compareWide(
  left: usize, leftWidth: u32, leftStride: u32, right: usize, rightWidth: u32, rightStride: u32, n: u32, op: u32, flip: u32,
  out: usize,
): void {
  clearLastWord(out, n)
  for (let start: u32 = 0; start < n; start += 8, out++) {
    let bits: u32 = 0
    const end = min<u32>(8, n - start)
    for (let i: u32 = 0; i < end; i++, left += leftStride, right += rightStride) {
      const a = load<u64>(left)
      const b = load<u64>(right)
      const high = highWord(left, leftWidth)
      const other = highWord(right, rightWidth)
      let bit: bool
      if (op == 0) bit = a == b && high == other
      else if (high != other) bit = high < other
      else bit = op == 1 ? a < b : a <= b
      bits |= <u32>bit << i
    }
    store<u8>(out, <u8>((bits ^ flip) & present(start, n)))
  }
}

/** Negative, 0 or positive: the order of two byte strings. */
// @ts-ignore: decorator
@inline export function compareBytes(a: usize, aLength: u32, b: usize, bLength: u32): i32 {
  const common = min<u32>(aLength, bLength)
  let i: u32 = 0
  for (; i + 8 <= common; i += 8) {
    const x = load<u64>(a + i)
    const y = load<u64>(b + i)
    if (x != y) return bswap<u64>(x) < bswap<u64>(y) ? -1 : 1
  }
  for (; i < common; i++) {
    const x = load<u8>(a + i)
    const y = load<u8>(b + i)
    if (x != y) return <i32>x - <i32>y
  }
  return aLength == bLength ? 0 : aLength < bLength ? -1 : 1
}

// @ts-ignore: decorator
@inline function textHolds(op: u32, a: usize, aLength: u32, b: usize, bLength: u32): u32 {
  if (op == 0) return <u32>(aLength == bLength && compareBytes(a, aLength, b, bLength) == 0)
  const order = compareBytes(a, aLength, b, bLength)
  return op == 1 ? <u32>(order < 0) : <u32>(order <= 0)
}

/** Strings by bytes; `rightStride` 0 repeats the first right string (a literal), 4 walks its offsets. */
export function compareText(
  left: usize, leftOffsets: usize, right: usize, rightOffsets: usize, rightStride: u32, n: u32, op: u32, flip: u32, out: usize,
): void {
  clearLastWord(out, n)
  for (let row: u32 = 0; row < n; row += 8, out++) {
    let bits: u32 = 0
    const end = min<u32>(8, n - row)
    for (let i: u32 = 0; i < end; i++, leftOffsets += 4, rightOffsets += rightStride) {
      const a = load<u32>(leftOffsets)
      const b = load<u32>(rightOffsets)
      bits |= textHolds(op, left + a, load<u32>(leftOffsets, 4) - a, right + b, load<u32>(rightOffsets, 4) - b) << i
    }
    store<u8>(out, <u8>((bits ^ flip) & present(row, n)))
  }
}

/** Integers (width 1, 2, 4 or 8) in a sorted list of i64; 1 where the value is there. */
export function compareInList(
  values: usize, width: u32, signed: u32, n: u32, list: usize, count: u32, out: usize,
): void {
  clearLastWord(out, n)
  for (let row: u32 = 0; row < n; row += 8, out++) {
    let bits: u32 = 0
    const end = min<u32>(8, n - row)
    for (let i: u32 = 0; i < end; i++, values += width) {
      let value: i64
      if (width == 8) value = load<i64>(values)
      else if (width == 4) value = signed ? <i64>load<i32>(values) : <i64>load<u32>(values)
      else if (width == 2) value = signed ? <i64>load<i16>(values) : <i64>load<u16>(values)
      else value = signed ? <i64>load<i8>(values) : <i64>load<u8>(values)
      let low: u32 = 0
      let high = count
      while (low < high) {
        const middle = (low + high) >> 1
        if (load<i64>(list + (middle << 3)) < value) low = middle + 1
        else high = middle
      }
      bits |= <u32>(low < count && load<i64>(list + (low << 3)) == value) << i
    }
    store<u8>(out, <u8>bits)
  }
}
