/**
 * Hashes of rows, 32 bits each: equal values have equal hashes whatever their width or encoding. The first column of a key
 * writes (`combine` 0), the next ones mix theirs in (`combine` 1). NULL has a hash of its own; -0 is 0 and all NaNs are one.
 */

const NULL_HASH: u32 = 0x9e3779b9
const MULTIPLIER: u64 = 0x9e3779b97f4a7c15
const MULTIPLIER_2: u64 = 0xbf58476d1ce4e5b9

/** Finalizer of splitmix64: every input bit changes each output bit with probability near one half. */
// @ts-ignore: decorator
@inline function mix(value: u64): u32 {
  value += MULTIPLIER
  value = (value ^ (value >> 30)) * MULTIPLIER_2
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb
  return <u32>(value ^ (value >> 31))
}

// @ts-ignore: decorator
@inline function put(target: usize, row: u32, hash: u32, combine: u32): void {
  const at = target + (<usize>row << 2)
  // Not symmetric, so that (a, b) and (b, a) differ.
  store<u32>(at, combine != 0 ? rotl<u32>(load<u32>(at), 5) * 0x85ebca6b + hash : hash)
}

// @ts-ignore: decorator
@inline function isNull(validity: usize, row: u32): bool {
  return validity != 0 && ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0
}

// @ts-ignore: decorator
@inline function hashIntegers<T>(values: usize, validity: usize, count: u32, target: usize, combine: u32): void {
  for (let row: u32 = 0; row < count; row++) {
    const value = <u64>(<i64>load<T>(values + <usize>row * sizeof<T>()))
    put(target, row, isNull(validity, row) ? NULL_HASH : mix(value), combine)
  }
}

/** Integers of `width` 1, 2, 4 or 8 bytes, signed or (`isSigned` 0) unsigned. */
export function hashFixed(
  values: usize, width: u32, isSigned: u32, validity: usize, count: u32, target: usize, combine: u32,
): void {
  if (width == 8) hashIntegers<i64>(values, validity, count, target, combine)
  else if (isSigned != 0) {
    if (width == 4) hashIntegers<i32>(values, validity, count, target, combine)
    else if (width == 2) hashIntegers<i16>(values, validity, count, target, combine)
    else hashIntegers<i8>(values, validity, count, target, combine)
  } else if (width == 4) hashIntegers<u32>(values, validity, count, target, combine)
  else if (width == 2) hashIntegers<u16>(values, validity, count, target, combine)
  else hashIntegers<u8>(values, validity, count, target, combine)
}

/** i128; one that fits 64 bits has the hash of that i64. */
export function hashWide(values: usize, validity: usize, count: u32, target: usize, combine: u32): void {
  for (let row: u32 = 0; row < count; row++) {
    const low = load<i64>(values + (<usize>row << 4))
    const high = load<i64>(values + (<usize>row << 4), 8)
    const value = high == low >> 63 ? <u64>low : <u64>low ^ (<u64>mix(<u64>high) * MULTIPLIER)
    put(target, row, isNull(validity, row) ? NULL_HASH : mix(value), combine)
  }
}

// @ts-ignore: decorator
@inline function hashFloat(value: f64): u32 {
  if (value != value) return mix(0x7ff8000000000000)
  return mix(value == 0 ? 0 : reinterpret<u64>(value))
}

/** Floats of `width` 4 or 8 bytes; a FLOAT has the hash of the same DOUBLE. */
export function hashFloats(values: usize, width: u32, validity: usize, count: u32, target: usize, combine: u32): void {
  for (let row: u32 = 0; row < count; row++) {
    const value = width == 8 ? load<f64>(values + (<usize>row << 3)) : <f64>load<f32>(values + (<usize>row << 2))
    put(target, row, isNull(validity, row) ? NULL_HASH : hashFloat(value), combine)
  }
}

/** Booleans as the integers 0 and 1. */
export function hashBits(values: usize, validity: usize, count: u32, target: usize, combine: u32): void {
  for (let row: u32 = 0; row < count; row++) {
    const bit = (load<u8>(values + (row >> 3)) >> <u8>(row & 7)) & 1
    put(target, row, isNull(validity, row) ? NULL_HASH : mix(bit), combine)
  }
}

/** Of one string of bytes. */
// @ts-ignore: decorator
@inline export function hashString(start: usize, length: u32): u32 {
  let hash: u64 = length
  let at = start
  for (const end = start + (length & ~7); at < end; at += 8) {
    hash = (hash ^ load<u64>(at)) * MULTIPLIER
    hash ^= hash >> 32
  }
  const rest = length & 7
  // Reads up to 7 bytes behind the string; the last page of the arena is no block.
  if (rest != 0) hash = (hash ^ (load<u64>(at) & ((<u64>1 << (rest << 3)) - 1))) * MULTIPLIER
  return mix(hash)
}

export function hashBytes(
  values: usize, offsets: usize, validity: usize, count: u32, target: usize, combine: u32,
): void {
  for (let row: u32 = 0; row < count; row++) {
    const start = load<u32>(offsets + (<usize>row << 2))
    const length = load<u32>(offsets + (<usize>row << 2), 4) - start
    put(target, row, isNull(validity, row) ? NULL_HASH : hashString(values + start, length), combine)
  }
}

/** Rows whose hashes are those of dictionary rows. */
export function hashCodes(
  hashes: usize, codes: usize, validity: usize, count: u32, target: usize, combine: u32,
): void {
  for (let row: u32 = 0; row < count; row++) {
    const hash = isNull(validity, row) ? NULL_HASH : load<u32>(hashes + (<usize>load<u32>(codes + (<usize>row << 2)) << 2))
    put(target, row, hash, combine)
  }
}

/** Rows that are lists of elements with these hashes. */
export function hashLists(
  hashes: usize, offsets: usize, validity: usize, count: u32, target: usize, combine: u32,
): void {
  for (let row: u32 = 0; row < count; row++) {
    const end = load<u32>(offsets + (<usize>row << 2), 4)
    let hash: u64 = MULTIPLIER_2
    for (let element = load<u32>(offsets + (<usize>row << 2)); element < end; element++) {
      hash = (hash ^ load<u32>(hashes + (<usize>element << 2))) * MULTIPLIER
      hash ^= hash >> 32
    }
    put(target, row, isNull(validity, row) ? NULL_HASH : mix(hash), combine)
  }
}

/** Rows that are NULL or have the hash that is there already (a struct after its children). */
export function hashNulls(validity: usize, count: u32, target: usize): void {
  for (let row: u32 = 0; row < count; row++) if (isNull(validity, row)) store<u32>(target + (<usize>row << 2), NULL_HASH)
}
