/**
 * Accumulators of pairs of numbers and of bits. `groups` is u32[n] group ids, or 0 when every row belongs to group 0. States
 * are segmented entry arrays (see segment.ts).
 */
import { bitAt, entryAt } from './segment'

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

/** Bytes of an entry: f64 { count, mean of x, mean of y, sums of dx * dx, dy * dy, dx * dy } with d the distance from the mean. */
const ENTRY: usize = 48

/** Adds the pairs of f64 values that are both valid, by Welford's recurrence. */
export function comomentsUpdate(groups: usize, x: usize, xValidity: usize, y: usize, yValidity: usize, n: u32, dir: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    if (!isValid(xValidity, row) || !isValid(yValidity, row)) continue
    const entry = entryAt(dir, groupOf(groups, row), ENTRY)
    const count = load<f64>(entry) + 1
    const dx = load<f64>(x + (<usize>row << 3)) - load<f64>(entry, 8)
    const dy = load<f64>(y + (<usize>row << 3)) - load<f64>(entry, 16)
    const rest = (count - 1) / count
    store<f64>(entry, count)
    store<f64>(entry, load<f64>(entry, 8) + dx / count, 8)
    store<f64>(entry, load<f64>(entry, 16) + dy / count, 16)
    store<f64>(entry, load<f64>(entry, 24) + dx * dx * rest, 24)
    store<f64>(entry, load<f64>(entry, 32) + dy * dy * rest, 32)
    store<f64>(entry, load<f64>(entry, 40) + dx * dy * rest, 40)
  }
}

/** Adds partial states (Chan, Golub, LeVeque): `states` are the positions (u32[6]) of f64[n] for each part of an entry. */
export function comomentsMerge(groups: usize, states: usize, n: u32, dir: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const at = <usize>row << 3
    const added = load<f64>(<usize>load<u32>(states) + at)
    if (added == 0) continue
    const entry = entryAt(dir, groupOf(groups, row), ENTRY)
    const old = load<f64>(entry)
    const count = old + added
    const dx = load<f64>(<usize>load<u32>(states, 4) + at) - load<f64>(entry, 8)
    const dy = load<f64>(<usize>load<u32>(states, 8) + at) - load<f64>(entry, 16)
    const share = added / count
    const weight = old * share
    store<f64>(entry, count)
    store<f64>(entry, load<f64>(entry, 8) + dx * share, 8)
    store<f64>(entry, load<f64>(entry, 16) + dy * share, 16)
    store<f64>(entry, load<f64>(entry, 24) + load<f64>(<usize>load<u32>(states, 12) + at) + dx * dx * weight, 24)
    store<f64>(entry, load<f64>(entry, 32) + load<f64>(<usize>load<u32>(states, 16) + at) + dy * dy * weight, 32)
    store<f64>(entry, load<f64>(entry, 40) + load<f64>(<usize>load<u32>(states, 20) + at) + dx * dy * weight, 40)
  }
}

/** Folds the bits of valid 8-byte values into 8-byte entries; `op` 0 AND, 1 OR, 2 XOR. */
export function bitsUpdate(groups: usize, values: usize, validity: usize, n: u32, op: u32, dir: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    if (!isValid(validity, row)) continue
    const value = load<u64>(values + (<usize>row << 3))
    const entry = entryAt(dir, groupOf(groups, row), 8)
    const old = load<u64>(entry)
    store<u64>(entry, op == 0 ? old & value : op == 1 ? old | value : old ^ value)
  }
}
