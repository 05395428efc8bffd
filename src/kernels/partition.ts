/** Distributes rows over partitions by their hashes. */

/** Partition of a hash: its high bits decide, so that hash tables inside a partition may use the low ones. */
// @ts-ignore: decorator
@inline export function partitionOf(hash: u32, partitions: u32): u32 {
  return <u32>((<u64>hash * <u64>partitions) >> 32)
}

/**
 * Row numbers by partition, ascending inside each: those of partition p are indices[starts[p]] .. indices[starts[p + 1] - 1].
 * `starts` has room for partitions + 2 numbers, `indices` for `count`.
 */
export function partitionRows(hashes: usize, count: u32, partitions: u32, starts: usize, indices: usize): void {
  memory.fill(starts, 0, <usize>(partitions + 2) << 2)
  // Counts go two places up: the running sums then are the places to write, and afterwards the starts.
  for (let row: u32 = 0; row < count; row++) {
    const at = starts + (<usize>(partitionOf(load<u32>(hashes + (<usize>row << 2)), partitions) + 2) << 2)
    store<u32>(at, load<u32>(at) + 1)
  }
  for (let partition: u32 = 1; partition <= partitions; partition++) {
    const at = starts + (<usize>partition << 2)
    store<u32>(at, load<u32>(at) + load<u32>(at - 4))
  }
  for (let row: u32 = 0; row < count; row++) {
    const at = starts + (<usize>(partitionOf(load<u32>(hashes + (<usize>row << 2)), partitions) + 1) << 2)
    const place = load<u32>(at)
    store<u32>(indices + (<usize>place << 2), row)
    store<u32>(at, place + 1)
  }
}

/**
 * Replaces hashes by others, by which rows spread anew although all of the old ones have one partition: rows with equal hashes stay
 * together. `salt` chooses among them.
 */
export function partitionSalt(hashes: usize, count: u32, salt: u32): void {
  for (let row: u32 = 0; row < count; row++) {
    const at = hashes + (<usize>row << 2)
    let h = (load<u32>(at) ^ (salt * 0x9e3779b9)) * 0x85ebca6b
    h = (h ^ (h >> 15)) * 0xc2b2ae35
    store<u32>(at, h ^ (h >> 16))
  }
}
