/**
 * Strings IN a list. The list is a table of `mask` + 1 slots of 16 bytes, zeroed before it is filled: u64 the first 8 bytes of the
 * string (absent ones 0), u32 its length + 1 (0: empty slot), u32 its position. Filled at most by half, searched linearly.
 */
import { mixWord } from './segment'

const SLOT_BYTES: usize = 16

// @ts-ignore: decorator
@inline
function leadOf(text: usize, length: u32): u64 {
  const word = load<u64>(text)
  return length >= 8 ? word : word & (((<u64>1) << (<u64>length << 3)) - 1)
}

// @ts-ignore: decorator
@inline
function firstSlot(lead: u64, length: u32, mask: u32): u32 {
  return <u32>(mixWord(lead + length) >> 32) & mask
}

/** Behind the first 8 bytes, which are equal. */
// @ts-ignore: decorator
@inline
function sameRest(left: usize, right: usize, length: u32): bool {
  for (let at: u32 = 8; at < length; at += 8) {
    if (leadOf(left + at, length - at) != leadOf(right + at, length - at)) return false
  }
  return true
}

// @ts-ignore: decorator
@inline
function slotOfText(text: usize, length: u32, table: usize, mask: u32): usize {
  const lead = leadOf(text, length)
  let slot = firstSlot(lead, length, mask)
  while (true) {
    const place = table + <usize>slot * SLOT_BYTES
    const found = load<u32>(place, 8)
    if (found == 0) return place
    if (found == length + 1 && load<u64>(place) == lead && sameRest(text, load<u32>(place, 12), length)) return place
    slot = (slot + 1) & mask
  }
}

/** Fills the table with n strings, which stay where they are. */
export function compareTextList(values: usize, offsets: usize, n: u32, table: usize, mask: u32): void {
  for (let i: u32 = 0; i < n; i++, offsets += 4) {
    const start = load<u32>(offsets)
    const length = load<u32>(offsets, 4) - start
    const place = slotOfText(values + start, length, table, mask)
    store<u64>(place, leadOf(values + start, length))
    store<u32>(place, length + 1, 8)
    store<u32>(place, <u32>(values + start), 12)
  }
}

/** Bits of the rows whose string is in the table; the bits behind the last row are 0 up to the next 64. */
export function compareTextInList(values: usize, offsets: usize, n: u32, table: usize, mask: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row += 64, out += 8) {
    let bits: u64 = 0
    const count = min<u32>(64, n - row)
    for (let i: u32 = 0; i < count; i++, offsets += 4) {
      const start = load<u32>(offsets)
      const place = slotOfText(values + start, load<u32>(offsets, 4) - start, table, mask)
      bits |= <u64>u32(load<u32>(place, 8) != 0) << <u64>i
    }
    store<u64>(out, bits)
  }
}
