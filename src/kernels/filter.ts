/** Rows that can still matter: filters that a scan learns of while it runs, on columns of integers of 1, 2, 4 or 8 bytes. */
import { bitAt, entryAt, slotAt } from './segment'

/** Bytes of an entry of `ranks`, of which the first 8 are the bits of 64 successive values (join.ts). */
const RANK_BYTES: usize = 16

// @ts-ignore: decorator
@inline
function integerAt(values: usize, width: u32, signed: u32, row: u32): i64 {
  if (width == 8) return load<i64>(values + (<usize>row << 3))
  if (width == 4) return signed ? <i64>load<i32>(values + (<usize>row << 2)) : <i64>load<u32>(values + (<usize>row << 2))
  if (width == 2) return signed ? <i64>load<i16>(values + (<usize>row << 1)) : <i64>load<u16>(values + (<usize>row << 1))
  return signed ? <i64>load<i8>(values + row) : <i64>load<u8>(values + row)
}

// @ts-ignore: decorator
@inline
function isKept(value: i64, table: usize, ranks: usize, base: i64, range: u32): u32 {
  const slot = <u64>(value - base)
  if (slot >= <u64>range) return 0
  if (ranks == 0) return u32(load<u32>(slotAt(table, <u32>slot)) != 0)
  return <u32>(load<u64>(entryAt(ranks, <u32>slot >> 6, RANK_BYTES)) >> (slot & 63)) & 1
}

/**
 * Rows whose value has a build row of a join, into u32 out (room for n; may be `rows`); returns how many. Of the n rows that u32
 * `rows` names (0: of the first n); NULL is not kept. Looks into a direct table of `range` slots, or, unless `ranks` is 0, into that.
 */
export function filterSieve(values: usize, width: u32, signed: u32, validity: usize, rows: usize, n: u32, table: usize, ranks: usize, base: i64, range: u32, out: usize): u32 {
  let count: u32 = 0
  if (rows == 0 && validity == 0 && width == 8) {
    for (let row: u32 = 0; row < n; row++) {
      store<u32>(out + (<usize>count << 2), row)
      count += isKept(load<i64>(values + (<usize>row << 3)), table, ranks, base, range)
    }
    return count
  }
  for (let i: u32 = 0; i < n; i++) {
    const row = rows == 0 ? i : load<u32>(rows + (<usize>i << 2))
    store<u32>(out + (<usize>count << 2), row)
    if (validity != 0 && !bitAt(validity, row)) continue
    count += isKept(integerAt(values, width, signed, row), table, ranks, base, range)
  }
  return count
}

/** As filterSieve, rows whose value is in low .. high; NULL is kept if `keepsNulls`. */
export function filterRange(values: usize, width: u32, signed: u32, validity: usize, keepsNulls: u32, rows: usize, n: u32, low: i64, high: i64, out: usize): u32 {
  let count: u32 = 0
  if (rows == 0 && validity == 0 && width == 8) {
    for (let row: u32 = 0; row < n; row++) {
      const value = load<i64>(values + (<usize>row << 3))
      store<u32>(out + (<usize>count << 2), row)
      count += u32(value >= low) & u32(value <= high)
    }
    return count
  }
  for (let i: u32 = 0; i < n; i++) {
    const row = rows == 0 ? i : load<u32>(rows + (<usize>i << 2))
    store<u32>(out + (<usize>count << 2), row)
    if (validity != 0 && !bitAt(validity, row)) {
      count += keepsNulls
      continue
    }
    const value = integerAt(values, width, signed, row)
    count += u32(value >= low) & u32(value <= high)
  }
  return count
}
