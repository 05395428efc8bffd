/**
 * Arithmetic on columns of i64 (integers and decimals of width 8) and floats. The unchecked kernels are for callers
 * that have proved from the ranges of their operands that nothing overflows; the checked ones look at valid rows only.
 */

/** Bounds of the valid rows: out[0] = min, out[1] = max (i64). Returns 0 when there is no valid row. */
export function arithmeticRange(values: usize, validity: usize, n: u32, out: usize): u32 {
  let low = i64.MAX_VALUE
  let high = i64.MIN_VALUE
  for (let row: u32 = 0; row < n; row++) {
    if (validity != 0 && !((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1)) continue
    const value = load<i64>(values + (row << 3))
    if (value < low) low = value
    if (value > high) high = value
  }
  store<i64>(out, low)
  store<i64>(out, high, 8)
  return <u32>(low <= high)
}

/** out = a·ka + b·kb, two rows at a time; sums and differences of decimals of any scales. */
export function arithmeticLinear(a: usize, ka: i64, b: usize, kb: i64, n: u32, out: usize): void {
  const end = out + (<usize>n << 3)
  if (ka == 1 && kb == 1) {
    for (; out < end; out += 16, a += 16, b += 16) v128.store(out, i64x2.add(v128.load(a), v128.load(b)))
    return
  }
  if (ka == 1 && kb == -1) {
    for (; out < end; out += 16, a += 16, b += 16) v128.store(out, i64x2.sub(v128.load(a), v128.load(b)))
    return
  }
  const x = i64x2.splat(ka)
  const y = i64x2.splat(kb)
  for (; out < end; out += 16, a += 16, b += 16) {
    v128.store(out, i64x2.add(i64x2.mul(v128.load(a), x), i64x2.mul(v128.load(b), y)))
  }
}

/** out = a·k + c. */
export function arithmeticLinearLiteral(a: usize, k: i64, c: i64, n: u32, out: usize): void {
  const end = out + (<usize>n << 3)
  const y = i64x2.splat(c)
  if (k == 1) {
    for (; out < end; out += 16, a += 16) v128.store(out, i64x2.add(v128.load(a), y))
    return
  }
  if (k == -1) {
    for (; out < end; out += 16, a += 16) v128.store(out, i64x2.sub(y, v128.load(a)))
    return
  }
  const x = i64x2.splat(k)
  for (; out < end; out += 16, a += 16) v128.store(out, i64x2.add(i64x2.mul(v128.load(a), x), y))
}

/** out = a·b. */
export function arithmeticMultiply(a: usize, b: usize, n: u32, out: usize): void {
  for (const end = out + (<usize>n << 3); out < end; out += 16, a += 16, b += 16) {
    v128.store(out, i64x2.mul(v128.load(a), v128.load(b)))
  }
}

/** out = a op b on i64 (0: +, 1: -, 2: *); `stride` 0 repeats b. Returns 1 if a valid row overflows. */
export function arithmeticChecked(op: u32, a: usize, b: usize, stride: u32, validity: usize, n: u32, out: usize): u32 {
  for (let row: u32 = 0; row < n; row++, b += stride) {
    const x = load<i64>(a + (<usize>row << 3))
    const y = load<i64>(b)
    let result: i64
    let bad: bool
    if (op == 0) {
      result = x + y
      bad = ((x ^ result) & (y ^ result)) < 0
    } else if (op == 1) {
      result = x - y
      bad = ((x ^ y) & (x ^ result)) < 0
    } else {
      result = x * y
      bad = overflows(x, y, result)
    }
    store<i64>(out + (<usize>row << 3), result)
    if (bad && (validity == 0 || ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1))) return 1
  }
  return 0
}

// @ts-ignore: decorator
@inline function overflows(x: i64, y: i64, product: i64): bool {
  // Both fit 32 bits: no overflow, and no division.
  if (x == <i64>(<i32>x) && y == <i64>(<i32>y)) return false
  if (x == 0) return false
  if (x == -1) return y == i64.MIN_VALUE
  return product / x != y
}

/**
 * out = a / b truncated, or the remainder (`op` 1); `stride` 0 repeats b. Rows that are not valid give 0. Returns 1
 * when a valid row divides by zero, 2 when one overflows.
 */
export function arithmeticDivide(op: u32, a: usize, b: usize, stride: u32, validity: usize, n: u32, out: usize): u32 {
  for (let row: u32 = 0; row < n; row++, b += stride) {
    const x = load<i64>(a + (<usize>row << 3))
    const y = load<i64>(b)
    const valid = validity == 0 || ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1)
    let result: i64 = 0
    if (valid) {
      if (y == 0) return 1
      if (y == -1) {
        if (op == 0 && x == i64.MIN_VALUE) return 2
        result = op == 0 ? -x : 0
      } else {
        result = op == 0 ? x / y : x % y
      }
    }
    store<i64>(out + (<usize>row << 3), result)
  }
  return 0
}

// @ts-ignore: decorator
@inline function floats(op: u32, x: v128, y: v128): v128 {
  if (op == 0) return f64x2.add(x, y)
  if (op == 1) return f64x2.sub(x, y)
  if (op == 2) return f64x2.mul(x, y)
  return f64x2.div(x, y)
}

// @ts-ignore: decorator
@inline function floatLoop(op: u32, a: usize, aStride: u32, b: usize, bStride: u32, n: u32, out: usize): void {
  const end = out + (<usize>n << 3)
  for (; out < end; out += 16, a += aStride, b += bStride) v128.store(out, floats(op, v128.load(a), v128.load(b)))
}

/** out = a op b on f64 (0: +, 1: -, 2: *, 3: /); a stride of 0 repeats a literal that lies there twice, else 16. */
export function arithmeticFloat(op: u32, a: usize, aStride: u32, b: usize, bStride: u32, n: u32, out: usize): void {
  if (op == 0) floatLoop(0, a, aStride, b, bStride, n, out)
  else if (op == 1) floatLoop(1, a, aStride, b, bStride, n, out)
  else if (op == 2) floatLoop(2, a, aStride, b, bStride, n, out)
  else floatLoop(3, a, aStride, b, bStride, n, out)
}
