/** Rows whose integer lies between two bounds: filters that a scan learns of while it runs. */
import { bitAt } from './segment'

// @ts-ignore: decorator
@inline
function valueAt(values: usize, width: u32, signed: u32, row: u32): i64 {
  if (width == 8) return load<i64>(values + (<usize>row << 3))
  if (width == 4) return signed ? <i64>load<i32>(values + (<usize>row << 2)) : <i64>load<u32>(values + (<usize>row << 2))
  if (width == 2) return signed ? <i64>load<i16>(values + (<usize>row << 1)) : <i64>load<u16>(values + (<usize>row << 1))
  return signed ? <i64>load<i8>(values + row) : <i64>load<u8>(values + row)
}

/**
 * Rows whose value (`width` bytes) is in low .. high, into u32 out (room for n; may be `rows`); returns how many. Of the n rows that
 * u32 `rows` names (0: of the first n). A NULL row is kept if `keepsNulls`.
 */
export function rangeFilter(values: usize, width: u32, signed: u32, validity: usize, keepsNulls: u32, rows: usize, n: u32, low: i64, high: i64, out: usize): u32 {
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
    const value = valueAt(values, width, signed, row)
    count += u32(value >= low) & u32(value <= high)
  }
  return count
}
