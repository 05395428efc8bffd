/** Conversions between numeric representations, row by row; ranges are proved or checked by the caller. */

// @ts-ignore: decorator
@inline function widen<T>(values: usize, n: u32, out: usize): void {
  const size = sizeof<T>()
  for (const end = out + (<usize>n << 3); out < end; out += 8, values += size) store<i64>(out, <i64>load<T>(values))
}

/** Integers of `width` 1, 2 or 4 bytes (8: a copy) as i64. */
export function castToI64(values: usize, width: u32, signed: u32, n: u32, out: usize): void {
  if (width == 8) memory.copy(out, values, <usize>n << 3)
  else if (width == 4) {
    if (signed) widen<i32>(values, n, out)
    else widen<u32>(values, n, out)
  } else if (width == 2) {
    if (signed) widen<i16>(values, n, out)
    else widen<u16>(values, n, out)
  } else if (signed) widen<i8>(values, n, out)
  else widen<u8>(values, n, out)
}

// @ts-ignore: decorator
@inline function narrow<T>(values: usize, n: u32, out: usize): void {
  const size = sizeof<T>()
  for (const end = values + (<usize>n << 3); values < end; values += 8, out += size) store<T>(out, <T>load<i64>(values))
}

/** i64 as integers of `width` 1, 2 or 4 bytes; the values must fit. */
export function castFromI64(values: usize, width: u32, n: u32, out: usize): void {
  if (width == 4) narrow<i32>(values, n, out)
  else if (width == 2) narrow<i16>(values, n, out)
  else narrow<i8>(values, n, out)
}

/** i64 divided by `divisor` as f64: exact operands below 2^53 make the one division correctly rounded. */
export function castI64ToF64(values: usize, divisor: f64, n: u32, out: usize): void {
  const end = out + (<usize>n << 3)
  if (divisor == 1) for (; out < end; out += 8, values += 8) store<f64>(out, <f64>load<i64>(values))
  else for (; out < end; out += 8, values += 8) store<f64>(out, <f64>load<i64>(values) / divisor)
}

/** i64 divided by `divisor` > 0, rounded half away from zero. */
export function castScaleDown(values: usize, divisor: i64, n: u32, out: usize): void {
  const half = <u64>divisor >> 1
  for (const end = out + (<usize>n << 3); out < end; out += 8, values += 8) {
    const value = load<i64>(values)
    const magnitude = value < 0 ? 0 - <u64>value : <u64>value
    const quotient = magnitude / <u64>divisor
    const rest = magnitude - quotient * <u64>divisor
    const rounded = quotient + <u64>(rest > half || (rest == half && (divisor & 1) == 0))
    store<i64>(out, value < 0 ? -(<i64>rounded) : <i64>rounded)
  }
}

/** f64 rounded half away from zero as i64. Returns 1 if a valid row does not fit 64 bits (or is NaN). */
export function castF64ToI64(values: usize, validity: usize, n: u32, out: usize): u32 {
  for (let row: u32 = 0; row < n; row++) {
    const value = load<f64>(values + (<usize>row << 3))
    const whole = trunc(value)
    const rounded = abs(value - whole) >= 0.5 ? whole + copysign<f64>(1, value) : whole
    const fits = rounded >= -9223372036854775808.0 && rounded < 9223372036854775808.0
    if (!fits && (validity == 0 || ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1))) return 1
    store<i64>(out + (<usize>row << 3), fits ? <i64>rounded : 0)
  }
  return 0
}

export function castF32ToF64(values: usize, n: u32, out: usize): void {
  for (const end = out + (<usize>n << 3); out < end; out += 8, values += 4) store<f64>(out, <f64>load<f32>(values))
}
