/**
 * Parquet's delta encodings and split streams (Encodings.md), whole pages at a time, to what PLAIN would have been. Lengths and
 * counts in the data are checked against the end of the page and the room of the output.
 */

/** Where `readVarint` ended: 0 after a number that makes no sense. A global of the instance, so private to the thread. */
let cursor: usize = 0

/** ULEB128 of at most 64 bits at `at`; moves `cursor` behind it. */
function readVarint(at: usize, end: usize): u64 {
  let value: u64 = 0
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (at >= end) break
    const byte = <u64>load<u8>(at++)
    value |= (byte & 127) << shift
    if (byte < 128) {
      cursor = at
      return value
    }
  }
  cursor = 0
  return 0
}

// @ts-ignore: decorator
@inline function unzigzag(value: u64): i64 {
  return <i64>(value >> 1) ^ -(<i64>(value & 1))
}

/** The number of values that DELTA_BINARY_PACKED data claims to have; -1 if there is none or it is above 2^31 - 1. */
export function parquetDeltaCount(source: usize, end: usize): i32 {
  readVarint(source, end)
  if (cursor != 0) readVarint(cursor, end)
  if (cursor == 0) return -1
  const count = readVarint(cursor, end)
  return cursor == 0 || count > 0x7fffffff ? -1 : <i32>count
}

/** A packed number of up to 64 bits that starts at bit `bit`. */
// @ts-ignore: decorator
@inline function packedAt(at: usize, bit: u64, bits: u64): u64 {
  const from = at + <usize>(bit >> 3)
  const shift = bit & 7
  let value = load<u64>(from) >> shift
  if (shift + bits > 64) value |= (<u64>load<u8>(from, 8)) << (64 - shift)
  return bits == 64 ? value : value & (((<u64>1) << bits) - 1)
}

/**
 * DELTA_BINARY_PACKED values, which are `count` (as parquetDeltaCount says), as integers of `width` 4 or 8 at `out`. The position
 * behind them, 0 if the data makes no sense.
 */
export function parquetDelta(source: usize, end: usize, width: u32, count: u32, out: usize): usize {
  const blockSize = readVarint(source, end)
  const miniblocks = cursor == 0 ? 0 : readVarint(cursor, end)
  if (cursor != 0) readVarint(cursor, end)
  let value = cursor == 0 ? 0 : unzigzag(readVarint(cursor, end))
  if (cursor == 0 || miniblocks == 0 || blockSize > 0x40000000 || blockSize % miniblocks != 0) return 0
  const perMiniblock = blockSize / miniblocks
  if (perMiniblock == 0 || (perMiniblock & 31) != 0) return 0
  if (count == 0) return cursor
  let at = cursor
  const stop = out + <usize>count * width
  if (width == 8) store<i64>(out, value)
  else store<i32>(out, <i32>value)
  out += width
  while (out < stop) {
    const least = unzigzag(readVarint(at, end))
    if (cursor == 0 || miniblocks > <u64>(end - cursor)) return 0
    const widths = cursor
    at = cursor + <usize>miniblocks
    for (let miniblock: usize = 0; miniblock < <usize>miniblocks && out < stop; miniblock++) {
      const bits = <u64>load<u8>(widths + miniblock)
      const byteLength = (perMiniblock >> 3) * bits
      const wanted = min(perMiniblock, <u64>((stop - out) / width))
      // The bytes of the last miniblock behind its last value may be missing.
      if (bits > 64 || (wanted * bits + 7) >> 3 > <u64>(end - at)) return 0
      for (let i: u64 = 0; i < wanted; i++, out += width) {
        value += least + (bits == 0 ? 0 : <i64>packedAt(at, i * bits, bits))
        if (width == 8) store<i64>(out, value)
        else store<i32>(out, <i32>value)
      }
      at += <usize>min(byteLength, <u64>(end - at))
    }
  }
  return at
}

/**
 * DELTA_LENGTH_BYTE_ARRAY: `count` texts of the given lengths (i32) from [source, end), with a length before each. `out` has room
 * for 4 `count` + (end - source) bytes. The number of bytes, -1 if the source is too short.
 */
export function parquetDeltaTexts(lengths: usize, count: u32, source: usize, end: usize, out: usize): i32 {
  const start = out
  for (let i: u32 = 0; i < count; i++) {
    const length = load<u32>(lengths + (<usize>i << 2))
    if (length > <u32>(end - source)) return -1
    store<u32>(out, length)
    out += 4
    memory.copy(out, source, length)
    out += length
    source += length
  }
  return <i32>(out - start)
}

/** Bytes of the texts of DELTA_BYTE_ARRAY with lengths before them, from the lengths (i32) of prefixes and suffixes; -1 if one is wrong. */
export function parquetPrefixedSize(prefixes: usize, suffixes: usize, count: u32): f64 {
  let total: f64 = 0
  let previous: u64 = 0
  for (let i: u32 = 0; i < count; i++) {
    const prefix = <u64>load<u32>(prefixes + (<usize>i << 2))
    const suffix = <u64>load<u32>(suffixes + (<usize>i << 2))
    if (prefix > previous || suffix > 0x7fffffff) return -1
    previous = prefix + suffix
    total += <f64>(previous + 4)
  }
  return total
}

/**
 * DELTA_BYTE_ARRAY: each text is the first bytes of the one before and a suffix from [source, end); with a length before each if
 * `hasLengths`, else without, all of `size` bytes. `out` has room for what parquetPrefixedSize gave. The number of bytes, -1 if the
 * source is too short or a length is not `size`.
 */
export function parquetPrefixedTexts(
  prefixes: usize, suffixes: usize, count: u32, source: usize, end: usize, hasLengths: u32, size: u32, out: usize,
): i32 {
  const start = out
  let previous = out
  for (let i: u32 = 0; i < count; i++) {
    const prefix = load<u32>(prefixes + (<usize>i << 2))
    const suffix = load<u32>(suffixes + (<usize>i << 2))
    if (suffix > <u32>(end - source)) return -1
    if (hasLengths) {
      store<u32>(out, prefix + suffix)
      out += 4
    } else if (prefix + suffix != size) return -1
    memory.copy(out, previous, prefix)
    memory.copy(out + prefix, source, suffix)
    previous = out
    out += prefix + suffix
    source += suffix
  }
  return <i32>(out - start)
}

/** BYTE_STREAM_SPLIT: `count` values of `width` bytes, of which the first bytes of all come first, then the second ones, and so on. */
export function parquetJoinStreams(source: usize, width: u32, count: u32, out: usize): void {
  for (let byte: u32 = 0; byte < width; byte++) {
    let to = out + byte
    const last = source + count
    for (; source < last; source++, to += width) store<u8>(to, load<u8>(source))
  }
}
