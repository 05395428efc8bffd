/** Addressing shared by the kernel families that work on segmented tables; inlined, never exported from the module. */

/** 2^16 entries a segment of an entry array, 2^20 slots a segment of a slot table. */
const ENTRY_BITS: u32 = 16
const ENTRY_MASK: u32 = 0xffff
const SLOT_BITS: u32 = 20
const SLOT_MASK: u32 = 0xfffff
export const GOLDEN: u64 = 0x9e3779b97f4a7c15

// @ts-ignore: decorator
@inline
export function entryAt(dir: usize, entry: u32, size: usize): usize {
  return <usize>load<u32>(dir + ((entry >> ENTRY_BITS) << 2)) + <usize>(entry & ENTRY_MASK) * size
}

// @ts-ignore: decorator
@inline
export function slotAt(dir: usize, slot: u32): usize {
  return <usize>load<u32>(dir + ((slot >> SLOT_BITS) << 2)) + (<usize>(slot & SLOT_MASK) << 2)
}

// @ts-ignore: decorator
@inline
export function bitAt(bitmap: usize, row: u32): u32 {
  return (<u32>load<u8>(bitmap + (row >> 3)) >> (row & 7)) & 1
}

/** A bijection followed by a multiplication; the top bits are the slot. */
// @ts-ignore: decorator
@inline
export function mixWord(word: u64): u64 {
  return (word ^ (word >> 32)) * GOLDEN
}

// @ts-ignore: decorator
@inline
export function mixWords(row: usize, words: u32): u64 {
  let h: u64 = 0
  for (let word: u32 = 0; word < words; word++) h = (rotl<u64>(h, 23) ^ mixWord(load<u64>(row + (<usize>word << 3)))) * GOLDEN
  return h ^ (h >> 29)
}

// @ts-ignore: decorator
@inline
export function sameWords(left: usize, right: usize, words: u32): bool {
  for (let word: u32 = 0; word < words; word++) {
    if (load<u64>(left + (<usize>word << 3)) != load<u64>(right + (<usize>word << 3))) return false
  }
  return true
}

// @ts-ignore: decorator
@inline
export function setBit(bitmap: usize, row: u32): void {
  const byte = bitmap + (row >> 3)
  store<u8>(byte, <u8>(<u32>load<u8>(byte) | (<u32>1 << (row & 7))))
}

/** Copies in 8-byte steps: may write up to 7 bytes after the end. */
// @ts-ignore: decorator
@inline
export function copyShort(to: usize, from: usize, len: usize): void {
  if (len > 128) memory.copy(to, from, len)
  else for (let at: usize = 0; at < len; at += 8) store<u64>(to + at, load<u64>(from + at))
}
