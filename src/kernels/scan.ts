/** Changes of width that scans make to freshly decoded values. Slots of NULL rows are treated like the others. */

/** Sign-extends `count` i32 values to i64. The areas do not overlap. */
export function scanWidenI32(values: usize, count: i32, out: usize): void {
  const end = values + (<usize>count << 2)
  for (; values < end; values += 4, out += 8) store<i64>(out, <i64>load<i32>(values))
}

/**
 * Copies `count` i128 values into i64 if all of them fit; gives 1, or 0 when one does not (`out` then holds any bytes).
 * `out` may be `values`.
 */
export function scanNarrowI128(values: usize, count: i32, out: usize): i32 {
  let lost: i64 = 0
  const end = values + (<usize>count << 4)
  for (; values < end; values += 16, out += 8) {
    const low = load<i64>(values)
    lost |= (low >> 63) ^ load<i64>(values, 8)
    store<i64>(out, low)
  }
  return lost == 0 ? 1 : 0
}
