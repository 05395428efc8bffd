/**
 * Split block Bloom filters (BloomFilter.md of the Parquet format): blocks of eight words of 32 bits; a value has a block, and a bit
 * in each of its words.
 */
import { bitAt } from './segment'
import { xxh64 } from './xxh64'

const BLOCK_BYTES: usize = 32

/** The block of a hash. */
// @ts-ignore: decorator
@inline function blockOf(blocks: usize, count: u32, hash: u64): usize {
  return blocks + BLOCK_BYTES * <usize>(((hash >> 32) * <u64>count) >> 32)
}

/** 1 << n in each lane, n being the upper five bits of the key times a salt: as the floating-point number 2^n, made an integer. */
// @ts-ignore: decorator
@inline function bits(hash: u64, salts: v128): v128 {
  const shifts = i32x4.shr_u(i32x4.mul(i32x4.splat(<i32>hash), salts), 27)
  return i32x4.trunc_sat_f32x4_u(i32x4.shl(i32x4.add(shifts, i32x4.splat(127)), 23))
}

/** Of words 0 to 3. */
// @ts-ignore: decorator
@inline function firstBits(hash: u64): v128 {
  return bits(hash, i32x4(0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d))
}

/** Of words 4 to 7. */
// @ts-ignore: decorator
@inline function lastBits(hash: u64): v128 {
  return bits(hash, i32x4(0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31))
}

// @ts-ignore: decorator
@inline function insert(blocks: usize, count: u32, hash: u64): void {
  const block = blockOf(blocks, count, hash)
  v128.store(block, v128.or(v128.load(block), firstBits(hash)))
  v128.store(block, v128.or(v128.load(block, 16), lastBits(hash)), 16)
}

/** Adds integers of `width` 1, 2, 4 or 8 bytes, those of less than 4 as INT32. `scratch`: 8 bytes. */
export function bloomAddFixed(
  values: usize, width: u32, isSigned: u32, validity: usize, n: u32, blocks: usize, count: u32, scratch: usize,
): void {
  for (let row: u32 = 0; row < n; row++, values += width) {
    if (validity != 0 && !bitAt(validity, row)) continue
    if (width >= 4) {
      insert(blocks, count, xxh64(values, width))
      continue
    }
    if (width == 2) store<i32>(scratch, isSigned != 0 ? <i32>load<i16>(values) : <i32>load<u16>(values))
    else store<i32>(scratch, isSigned != 0 ? <i32>load<i8>(values) : <i32>load<u8>(values))
    insert(blocks, count, xxh64(scratch, 4))
  }
}

/** Adds strings or bytes. */
export function bloomAddBytes(values: usize, offsets: usize, validity: usize, n: u32, blocks: usize, count: u32): void {
  for (let row: u32 = 0; row < n; row++, offsets += 4) {
    if (validity != 0 && !bitAt(validity, row)) continue
    const start = load<u32>(offsets)
    insert(blocks, count, xxh64(values + start, load<u32>(offsets, 4) - start))
  }
}

/** Whether a value of these bytes may have been added. */
export function bloomMayHold(position: usize, byteLength: u32, blocks: usize, count: u32): bool {
  const hash = xxh64(position, byteLength)
  const block = blockOf(blocks, count, hash)
  const first = firstBits(hash)
  const last = lastBits(hash)
  const missing = v128.or(v128.andnot(first, v128.load(block)), v128.andnot(last, v128.load(block, 16)))
  return !v128.any_true(missing)
}

/** Halves a filter of a power of two blocks as long as fewer than three in ten bits are set, so that half are afterwards: its blocks. */
export function bloomFold(blocks: usize, count: u32): u32 {
  for (; count > 1; count >>= 1) {
    let set: u64 = 0
    for (let at = blocks, end = blocks + BLOCK_BYTES * <usize>count; at < end; at += 8) set += popcnt(load<u64>(at))
    if (10 * set > 3 * 256 * <u64>count) return count
    // The block of a hash in half of the filter is half of its block: neighbours become one.
    for (let block: u32 = 0; block < count >> 1; block++) {
      const to = blocks + BLOCK_BYTES * <usize>block
      const from = blocks + BLOCK_BYTES * <usize>(2 * block)
      v128.store(to, v128.or(v128.load(from), v128.load(from, 32)))
      v128.store(to, v128.or(v128.load(from, 16), v128.load(from, 48)), 16)
    }
  }
  return count
}
