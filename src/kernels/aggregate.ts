/**
 * Accumulators: one loop over the rows of a batch per aggregate. `groups` is u32[n] group ids, or 0 when every row belongs
 * to group 0. States are segmented entry arrays (see segment.ts) of the size that each kernel names.
 */
import { bitAt, entryAt, setBit } from './segment'

// @ts-ignore: decorator
@inline
function groupOf(groups: usize, row: u32): u32 {
  return groups ? load<u32>(groups + (<usize>row << 2)) : 0
}

// @ts-ignore: decorator
@inline
function isValid(validity: usize, row: u32): bool {
  return validity == 0 || bitAt(validity, row) != 0
}

/** Adds the valid rows of each group (8-byte entries). */
export function aggregateCount(groups: usize, validity: usize, n: u32, dir: usize): void {
  if (groups == 0) {
    let count: i64 = 0
    if (validity == 0) count = n
    else for (let row: u32 = 0; row < n; row++) count += bitAt(validity, row)
    const entry = entryAt(dir, 0, 8)
    store<i64>(entry, load<i64>(entry) + count)
    return
  }
  for (let row: u32 = 0; row < n; row++) {
    if (!isValid(validity, row)) continue
    const entry = entryAt(dir, groupOf(groups, row), 8)
    store<i64>(entry, load<i64>(entry) + 1)
  }
}

/**
 * aggregateCount for few groups without NULLs. `lanes` is room for 32 bytes a group: four counts each, so that rows of one
 * group do not wait for one another.
 */
export function aggregateCountFew(groups: usize, n: u32, groupCount: u32, lanes: usize, dir: usize): void {
  memory.fill(lanes, 0, <usize>groupCount << 5)
  let row: u32 = 0
  for (; row + 4 <= n; row += 4) {
    const at = groups + (<usize>row << 2)
    const a = lanes + (<usize>load<u32>(at) << 5)
    const b = lanes + (<usize>load<u32>(at, 4) << 5)
    const c = lanes + (<usize>load<u32>(at, 8) << 5)
    const d = lanes + (<usize>load<u32>(at, 12) << 5)
    store<i64>(a, load<i64>(a) + 1)
    store<i64>(b, load<i64>(b, 8) + 1, 8)
    store<i64>(c, load<i64>(c, 16) + 1, 16)
    store<i64>(d, load<i64>(d, 24) + 1, 24)
  }
  for (; row < n; row++) {
    const lane = lanes + (<usize>load<u32>(groups + (<usize>row << 2)) << 5)
    store<i64>(lane, load<i64>(lane) + 1)
  }
  for (let group: u32 = 0; group < groupCount; group++) {
    const lane = lanes + (<usize>group << 5)
    const entry = entryAt(dir, group, 8)
    store<i64>(entry, load<i64>(entry) + load<i64>(lane) + load<i64>(lane, 8) + load<i64>(lane, 16) + load<i64>(lane, 24))
  }
}

/** Adds to a lane; the sign bit of the result is set when the sum has overflowed. */
// @ts-ignore: decorator
@inline
function addLane(lane: usize, value: i64): i64 {
  const sum = load<i64>(lane)
  const next = sum + value
  store<i64>(lane, next)
  return (sum ^ next) & (value ^ next)
}

/** 64-bit sums of 8-byte values for few groups without NULLs (lanes as above); returns 0, and adds nothing, on overflow. */
export function aggregateSumFew(groups: usize, values: usize, n: u32, groupCount: u32, lanes: usize, dir: usize): u32 {
  memory.fill(lanes, 0, <usize>groupCount << 5)
  let overflow: i64 = 0
  let row: u32 = 0
  for (; row + 4 <= n; row += 4) {
    const at = groups + (<usize>row << 2)
    const value = values + (<usize>row << 3)
    overflow |= addLane(lanes + (<usize>load<u32>(at) << 5), load<i64>(value))
    overflow |= addLane(lanes + (<usize>load<u32>(at, 4) << 5) + 8, load<i64>(value, 8))
    overflow |= addLane(lanes + (<usize>load<u32>(at, 8) << 5) + 16, load<i64>(value, 16))
    overflow |= addLane(lanes + (<usize>load<u32>(at, 12) << 5) + 24, load<i64>(value, 24))
  }
  for (; row < n; row++) overflow |= addLane(lanes + (<usize>load<u32>(groups + (<usize>row << 2)) << 5), load<i64>(values + (<usize>row << 3)))
  for (let group: u32 = 0; group < groupCount; group++) {
    const lane = lanes + (<usize>group << 5)
    for (let other: usize = 8; other < 32; other += 8) overflow |= addLane(lane, load<i64>(lane + other))
    const sum = load<i64>(entryAt(dir, group, 8))
    overflow |= addLane(lane, sum)
  }
  if (overflow < 0) return 0
  for (let group: u32 = 0; group < groupCount; group++) store<i64>(entryAt(dir, group, 8), load<i64>(lanes + (<usize>group << 5)))
  return 1
}

/** Marks the groups of valid rows (1-byte entries). */
export function aggregateSeen(groups: usize, validity: usize, n: u32, dir: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    if (!isValid(validity, row)) continue
    store<u8>(entryAt(dir, groupOf(groups, row), 1), 1)
    if (groups == 0) return
  }
}

// @ts-ignore: decorator
@inline
function sum64<T>(groups: usize, values: usize, validity: usize, from: u32, n: u32, dir: usize): u32 {
  if (groups == 0) {
    const entry = entryAt(dir, 0, 8)
    let sum = load<i64>(entry)
    let row = from
    for (; row < n; row++) {
      if (!isValid(validity, row)) continue
      const value = <i64>load<T>(values + <usize>row * sizeof<T>())
      const next = sum + value
      if (((sum ^ next) & (value ^ next)) < 0) break
      sum = next
    }
    store<i64>(entry, sum)
    return row
  }
  for (let row = from; row < n; row++) {
    if (!isValid(validity, row)) continue
    const value = <i64>load<T>(values + <usize>row * sizeof<T>())
    const entry = entryAt(dir, groupOf(groups, row), 8)
    const sum = load<i64>(entry)
    const next = sum + value
    if (((sum ^ next) & (value ^ next)) < 0) return row
    store<i64>(entry, next)
  }
  return n
}

/** 64-bit sums (8-byte entries) of `width` bytes; stops before a row that would overflow and returns it (n when done). */
export function aggregateSum64(groups: usize, values: usize, width: u32, signed: u32, validity: usize, from: u32, n: u32, dir: usize): u32 {
  if (width == 8) return sum64<i64>(groups, values, validity, from, n, dir)
  if (width == 4) return signed ? sum64<i32>(groups, values, validity, from, n, dir) : sum64<u32>(groups, values, validity, from, n, dir)
  if (width == 2) return signed ? sum64<i16>(groups, values, validity, from, n, dir) : sum64<u16>(groups, values, validity, from, n, dir)
  return signed ? sum64<i8>(groups, values, validity, from, n, dir) : sum64<u8>(groups, values, validity, from, n, dir)
}

/** Copies 64-bit sums into 16-byte entries. */
export function aggregateWiden(from: usize, groups: u32, to: usize): void {
  for (let group: u32 = 0; group < groups; group++) {
    const value = load<i64>(entryAt(from, group, 8))
    const entry = entryAt(to, group, 16)
    store<i64>(entry, value)
    store<i64>(entry, value >> 63, 8)
  }
}

// @ts-ignore: decorator
@inline
function low64(values: usize, width: u32, signed: u32, row: u32): u64 {
  if (width == 16) return load<u64>(values + (<usize>row << 4))
  if (width == 8) return load<u64>(values + (<usize>row << 3))
  if (width == 4) return signed ? <u64>(<i64>load<i32>(values + (<usize>row << 2))) : <u64>load<u32>(values + (<usize>row << 2))
  if (width == 2) return signed ? <u64>(<i64>load<i16>(values + (<usize>row << 1))) : <u64>load<u16>(values + (<usize>row << 1))
  return signed ? <u64>(<i64>load<i8>(values + row)) : <u64>load<u8>(values + row)
}

/** 128-bit sums (16-byte entries) from row `from`; returns 1 if one left 128 bits, else 0. */
export function aggregateSum128(groups: usize, values: usize, width: u32, signed: u32, validity: usize, from: u32, n: u32, dir: usize): u32 {
  for (let row = from; row < n; row++) {
    if (!isValid(validity, row)) continue
    const low = low64(values, width, signed, row)
    const high: i64 = width == 16 ? load<i64>(values + (<usize>row << 4), 8) : signed ? <i64>low >> 63 : 0
    const entry = entryAt(dir, groupOf(groups, row), 16)
    const oldHigh = load<i64>(entry, 8)
    const sum = load<u64>(entry) + low
    const sumHigh = oldHigh + high + i64(sum < low)
    if (((oldHigh ^ sumHigh) & (high ^ sumHigh)) < 0) return 1
    store<u64>(entry, sum)
    store<i64>(entry, sumHigh, 8)
  }
  return 0
}

/** Entries of 16 bytes whose 128-bit value is not a 64-bit one (signed or unsigned); returns their number. */
export function aggregateWideCount(dir: usize, from: u32, n: u32, signed: u32): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const entry = entryAt(dir, from + row, 16)
    count += u32(load<i64>(entry, 8) != (signed ? load<i64>(entry) >> 63 : 0))
  }
  return count
}

/** f64 sums (8-byte entries) of 4- or 8-byte floats. */
export function aggregateSumFloat(groups: usize, values: usize, width: u32, validity: usize, n: u32, dir: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    if (!isValid(validity, row)) continue
    const value = width == 8 ? load<f64>(values + (<usize>row << 3)) : <f64>load<f32>(values + (<usize>row << 2))
    const entry = entryAt(dir, groupOf(groups, row), 8)
    store<f64>(entry, load<f64>(entry) + value)
  }
}

// ---- averages of groups from..from+n: counts in 8-byte entries; where the count is 0 the value is 0 ----

export function aggregateAverageFloat(sums: usize, counts: usize, from: u32, n: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const count = load<i64>(entryAt(counts, from + row, 8))
    store<f64>(out + (<usize>row << 3), count == 0 ? 0 : load<f64>(entryAt(sums, from + row, 8)) / <f64>count)
  }
}

/** A 128-bit integer as f64, by its magnitude: the halves of a small negative number are large and would cancel out. */
// @ts-ignore: decorator
@inline
function wideToFloat(low: u64, high: i64): f64 {
  if (high >= 0) return <f64>high * 18446744073709551616.0 + <f64>low
  const top = ~(<u64>high) + u64(low == 0)
  return -(<f64>top * 18446744073709551616.0 + <f64>(~low + 1))
}

/** Averages of integer sums of 8- or 16-byte entries as f64. */
export function aggregateAverageInt(sums: usize, width: u32, counts: usize, from: u32, n: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const count = load<i64>(entryAt(counts, from + row, 8))
    const entry = entryAt(sums, from + row, width)
    const sum = width == 8 ? <f64>load<i64>(entry) : wideToFloat(load<u64>(entry), load<i64>(entry, 8))
    store<f64>(out + (<usize>row << 3), count == 0 ? 0 : sum / <f64>count)
  }
}

/** Truncated (sum * scale) / count of 8-byte sums; returns 0 if a product does not fit 64 bits. */
export function aggregateAverageDecimal(sums: usize, counts: usize, from: u32, n: u32, scale: i64, out: usize): u32 {
  const bound = i64.MAX_VALUE / scale
  for (let row: u32 = 0; row < n; row++) {
    const count = load<i64>(entryAt(counts, from + row, 8))
    const sum = load<i64>(entryAt(sums, from + row, 8))
    if (sum > bound || sum < -bound) return 0
    store<i64>(out + (<usize>row << 3), count == 0 ? 0 : (sum * scale) / count)
  }
  return 1
}

// ---- minimum and maximum over order-preserving integers ----

/** Kinds of aggregateOrder and aggregateUnorder. */
const UNSIGNED: u32 = 0
const SIGNED: u32 = 1
const FLOAT: u32 = 2
const BOOLEAN: u32 = 3

/** f64 to an i64 of the same order: -0 as 0, every NaN the greatest. */
// @ts-ignore: decorator
@inline
function orderFloat(value: f64): i64 {
  const bits = reinterpret<i64>(value == 0 ? 0 : value != value ? reinterpret<f64>(0x7ff8000000000000) : value)
  return bits ^ ((bits >> 63) & i64.MAX_VALUE)
}

/** Values of a kind and width as i64 of the same order. */
export function aggregateOrder(values: usize, kind: u32, width: u32, n: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    let key: i64
    if (kind == BOOLEAN) key = bitAt(values, row)
    else if (kind == FLOAT) key = orderFloat(width == 8 ? load<f64>(values + (<usize>row << 3)) : <f64>load<f32>(values + (<usize>row << 2)))
    else key = <i64>low64(values, width, kind, row)
    store<i64>(out + (<usize>row << 3), kind == UNSIGNED && width == 8 ? key ^ i64.MIN_VALUE : key)
  }
}

/** Back from entries of 8 bytes to values of a kind and width (booleans: `out` is a zeroed bitmap). */
export function aggregateUnorder(dir: usize, from: u32, n: u32, kind: u32, width: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    let key = load<i64>(entryAt(dir, from + row, 8))
    if (kind == BOOLEAN) {
      const byte = out + (row >> 3)
      store<u8>(byte, <u8>(<u32>load<u8>(byte) | (<u32>(key & 1) << (row & 7))))
      continue
    }
    if (kind == FLOAT) {
      key ^= (key >> 63) & i64.MAX_VALUE
      if (width == 8) store<i64>(out + (<usize>row << 3), key)
      else store<f32>(out + (<usize>row << 2), <f32>reinterpret<f64>(key))
    } else if (width == 8) store<i64>(out + (<usize>row << 3), kind == UNSIGNED ? key ^ i64.MIN_VALUE : key)
    else if (width == 4) store<u32>(out + (<usize>row << 2), <u32>key)
    else if (width == 2) store<u16>(out + (<usize>row << 1), <u16>key)
    else store<u8>(out + row, <u8>key)
  }
}

export function aggregateMin64(groups: usize, values: usize, validity: usize, n: u32, dir: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    if (!isValid(validity, row)) continue
    const value = load<i64>(values + (<usize>row << 3))
    const entry = entryAt(dir, groupOf(groups, row), 8)
    if (value < load<i64>(entry)) store<i64>(entry, value)
  }
}

export function aggregateMax64(groups: usize, values: usize, validity: usize, n: u32, dir: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    if (!isValid(validity, row)) continue
    const value = load<i64>(values + (<usize>row << 3))
    const entry = entryAt(dir, groupOf(groups, row), 8)
    if (value > load<i64>(entry)) store<i64>(entry, value)
  }
}

/** Least (or greatest if `greatest`) 128-bit values (16-byte entries) of 8- or 16-byte ones. */
export function aggregateBest128(groups: usize, values: usize, width: u32, validity: usize, n: u32, greatest: u32, dir: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    if (!isValid(validity, row)) continue
    const low = low64(values, width, 1, row)
    const high: i64 = width == 16 ? load<i64>(values + (<usize>row << 4), 8) : <i64>low >> 63
    const entry = entryAt(dir, groupOf(groups, row), 16)
    const bestLow = load<u64>(entry)
    const bestHigh = load<i64>(entry, 8)
    const less = high < bestHigh || (high == bestHigh && low < bestLow)
    const more = high > bestHigh || (high == bestHigh && low > bestLow)
    if (greatest ? more : less) {
      store<u64>(entry, low)
      store<i64>(entry, high, 8)
    }
  }
}

// ---- moments: entries of 24 bytes { f64 count, mean, sum of squared distances from the mean } ----

/** Adds f64 values by Welford's recurrence. */
export function aggregateMoments(groups: usize, values: usize, validity: usize, n: u32, dir: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    if (!isValid(validity, row)) continue
    const value = load<f64>(values + (<usize>row << 3))
    const entry = entryAt(dir, groupOf(groups, row), 24)
    const count = load<f64>(entry) + 1
    const mean = load<f64>(entry, 8)
    const next = mean + (value - mean) / count
    store<f64>(entry, count)
    store<f64>(entry, next, 8)
    store<f64>(entry, load<f64>(entry, 16) + (value - mean) * (value - next), 16)
  }
}

/** Adds partial moments (Chan, Golub, LeVeque). */
export function aggregateMergeMoments(groups: usize, counts: usize, means: usize, squares: usize, n: u32, dir: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const at = <usize>row << 3
    const added = load<f64>(counts + at)
    if (added == 0) continue
    const entry = entryAt(dir, groupOf(groups, row), 24)
    const old = load<f64>(entry)
    const count = old + added
    const delta = load<f64>(means + at) - load<f64>(entry, 8)
    // 1 exactly when nothing was there, so that the state is taken over as it is.
    const share = added / count
    store<f64>(entry, count)
    store<f64>(entry, load<f64>(entry, 8) + delta * share, 8)
    store<f64>(entry, load<f64>(entry, 16) + load<f64>(squares + at) + delta * delta * old * share, 16)
  }
}

/** Variance over count - delta of groups from..from+n, its root if `root`; validity (zeroed) set where count > delta. */
export function aggregateVariance(dir: usize, from: u32, n: u32, delta: f64, root: u32, out: usize, validity: usize): u32 {
  let valid: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const entry = entryAt(dir, from + row, 24)
    const count = load<f64>(entry)
    const has = count > delta
    const variance = has ? load<f64>(entry, 16) / (count - delta) : 0
    store<f64>(out + (<usize>row << 3), root ? sqrt(variance) : variance)
    if (has) {
      setBit(validity, row)
      valid++
    }
  }
  return valid
}
