/**
 * Parquet's hybrid of runs and bit-packed groups (Encodings.md, "RLE"), read piece by piece: dictionary codes, definition
 * levels, booleans. A reader is 128 bytes of the caller's memory, so that nothing is shared between threads. No byte
 * behind the input decides anything: a run that the input cannot hold ends the reading.
 */
import { bitmapAppend, bitmapRead } from './bitmap'
import { gatherDense } from './gather'

// Next byte of the input behind the current run, its end, bits a value, values left of the run.
const POSITION: usize = 0
const END: usize = 4
const BITS: usize = 8
const LEFT: usize = 12
// Where the values of a bit-packed run start (0: the run repeats VALUE), and which of them is next.
const PACKED: usize = 16
const INDEX: usize = 20
const VALUE: usize = 24
/** Two vectors that pick the bytes of 4 packed values each, and two of factors that align their bits. */
const PICKS: usize = 64
const FACTORS: usize = 96

/** Up to this width 4 values start within 16 bytes and 32 bits hold each, wherever in its first byte it starts. */
const MAX_VECTOR_BITS: u32 = 24

/** Starts reading values of `bits` bits from [source, end); false if there are no such values. */
export function parquetHybridOpen(reader: usize, source: usize, end: usize, bits: u32): bool {
  store<u32>(reader, <u32>source, POSITION)
  store<u32>(reader, <u32>end, END)
  store<u32>(reader, bits, BITS)
  store<u32>(reader, 0, LEFT)
  if (bits == 0 || bits > MAX_VECTOR_BITS) return bits <= 32
  const half = (bits << 2) >> 3
  for (let i: u32 = 0; i < 8; i++) {
    const bit = i * bits
    const byte = (bit >> 3) - (i >= 4 ? half : 0)
    store<u32>(reader + (<usize>i << 2), byte * 0x01010101 + 0x03020100, PICKS)
    store<u32>(reader + (<usize>i << 2), 1 << (7 - (bit & 7)), FACTORS)
  }
  return true
}

/** Makes the next run the current one; false at the end of the input or when it makes no sense. */
function nextRun(reader: usize): bool {
  let at: usize = load<u32>(reader, POSITION)
  const end: usize = load<u32>(reader, END)
  const bits = load<u32>(reader, BITS)
  let header: u64 = 0
  let byte: u64 = 128
  for (let shift: u64 = 0; byte >= 128 && shift < 35; shift += 7) {
    if (at >= end) return false
    byte = load<u8>(at++)
    header |= (byte & 127) << shift
  }
  if (byte >= 128 || header > u32.MAX_VALUE) return false
  const available = <u64>(end - at)
  if ((header & 1) == 1) {
    const groups = header >> 1
    // The bytes of the last group behind the last value may be missing.
    const values = min(groups << 3, (available << 3) / bits)
    store<u32>(reader, <u32>min<u64>(values, u32.MAX_VALUE), LEFT)
    store<u32>(reader, <u32>at, PACKED)
    store<u32>(reader, 0, INDEX)
    store<u32>(reader, <u32>(at + <usize>min(groups * bits, available)), POSITION)
    return true
  }
  const size = (bits + 7) >> 3
  if (<u64>size > available) return false
  store<u32>(reader, <u32>(header >> 1), LEFT)
  store<u32>(reader, 0, PACKED)
  store<u32>(reader, load<u32>(at) & (u32.MAX_VALUE >> ((4 - size) << 3)), VALUE)
  store<u32>(reader, <u32>at + size, POSITION)
  return true
}

/** One packed value by its number. */
// @ts-ignore: decorator
@inline function packedAt(packed: usize, bits: u32, index: u32): u32 {
  const bit = <u64>index * bits
  return <u32>(load<u64>(packed + <usize>(bit >> 3)) >> (bit & 7)) & (u32.MAX_VALUE >> (32 - bits))
}

/** The next `count` values of the bit-packed run, which has them; the highest. */
function unpack(reader: usize, count: u32, out: usize): u32 {
  const bits = load<u32>(reader, BITS)
  const packed: usize = load<u32>(reader, PACKED)
  let index = load<u32>(reader, INDEX)
  const last = index + count
  store<u32>(reader, last, INDEX)
  let highest: u32 = 0
  for (; (index & 7) != 0 && index < last; index++, out += 4) {
    const value = packedAt(packed, bits, index)
    store<u32>(out, value)
    highest = max(highest, value)
  }
  if (bits <= MAX_VECTOR_BITS && last >= 8 && index <= last - 8) {
    let at = packed + <usize>(index >> 3) * bits
    const half: usize = (bits << 2) >> 3
    const firstPick = v128.load(reader, PICKS)
    const secondPick = v128.load(reader, PICKS + 16)
    const firstFactor = v128.load(reader, FACTORS)
    const secondFactor = v128.load(reader, FACTORS + 16)
    const mask = i32x4.splat(<i32>(u32.MAX_VALUE >> (32 - bits)))
    let highs = i32x4.splat(0)
    for (; index <= last - 8; index += 8, at += bits, out += 32) {
      const first = i32x4.mul(i8x16.swizzle(v128.load(at), firstPick), firstFactor)
      const second = i32x4.mul(i8x16.swizzle(v128.load(at + half), secondPick), secondFactor)
      const low = v128.and(i32x4.shr_u(first, 7), mask)
      const high = v128.and(i32x4.shr_u(second, 7), mask)
      v128.store(out, low)
      v128.store(out, high, 16)
      highs = i32x4.max_u(highs, i32x4.max_u(low, high))
    }
    const pairs = i32x4.max_u(highs, i8x16.shuffle(highs, highs, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
    highest = max(highest, max(<u32>i32x4.extract_lane(pairs, 0), <u32>i32x4.extract_lane(pairs, 1)))
  }
  for (; index < last; index++, out += 4) {
    const value = packedAt(packed, bits, index)
    store<u32>(out, value)
    highest = max(highest, value)
  }
  return highest
}

// @ts-ignore: decorator
@inline function fill(value: u32, count: u32, out: usize): void {
  const end = out + (<usize>count << 2)
  const four = i32x4.splat(<i32>value)
  for (; out + 16 <= end; out += 16) v128.store(out, four)
  for (; out < end; out += 4) store<u32>(out, value)
}

/** The next `count` values as u32 at `out`; false if the input ends before or a value is not below `limit`. */
export function parquetHybridRead(reader: usize, count: u32, limit: u32, out: usize): bool {
  if (count == 0) return true
  if (load<u32>(reader, BITS) == 0) {
    fill(0, count, out)
    return limit > 0
  }
  let highest: u32 = 0
  while (count > 0) {
    const left = load<u32>(reader, LEFT)
    if (left == 0) {
      if (!nextRun(reader)) return false
      continue
    }
    const length = min(left, count)
    if (load<u32>(reader, PACKED) != 0) highest = max(highest, unpack(reader, length, out))
    else {
      const value = load<u32>(reader, VALUE)
      highest = max(highest, value)
      fill(value, length, out)
    }
    store<u32>(reader, left - length, LEFT)
    out += <usize>length << 2
    count -= length
  }
  return highest < limit
}

/** Goes past the next `count` values; false if the input ends before. */
export function parquetHybridSkip(reader: usize, count: u32): bool {
  if (load<u32>(reader, BITS) == 0) return true
  while (count > 0) {
    const left = load<u32>(reader, LEFT)
    if (left == 0) {
      if (!nextRun(reader)) return false
      continue
    }
    const length = min(left, count)
    store<u32>(reader, load<u32>(reader, INDEX) + length, INDEX)
    store<u32>(reader, left - length, LEFT)
    count -= length
  }
  return true
}

/** Codes that lie in the first-level cache between their unpacking and their use. */
const CHUNK: u32 = 1024

/**
 * The values of `width` (1, 2, 4, 8, 16) bytes that the next `count` codes stand for. `scratch` has 4 KiB; false if the codes
 * end before or one is not below `length`, the number of values at `dictionary`.
 */
export function parquetDictionary(
  reader: usize, count: u32, dictionary: usize, length: u32, width: u32, scratch: usize, out: usize,
): bool {
  while (count > 0) {
    const codes = min(count, CHUNK)
    if (!parquetHybridRead(reader, codes, length, scratch)) return false
    if (width == 8) gatherDense<u64>(dictionary, scratch, codes, out)
    else if (width == 4) gatherDense<u32>(dictionary, scratch, codes, out)
    else if (width == 2) gatherDense<u16>(dictionary, scratch, codes, out)
    else if (width == 1) gatherDense<u8>(dictionary, scratch, codes, out)
    else {
      for (let i: u32 = 0; i < codes; i++) {
        v128.store(out + (<usize>i << 4), v128.load(dictionary + (<usize>load<u32>(scratch + (<usize>i << 2)) << 4)))
      }
    }
    out += <usize>codes * width
    count -= codes
  }
  return true
}

// @ts-ignore: decorator
@inline function gatherChosen<T>(codes: usize, dictionary: usize, at: usize, end: usize, base: u32, out: usize): void {
  for (; at < end; at += 4, out += sizeof<T>()) {
    const code: usize = load<u32>(codes + (<usize>(load<u32>(at) - base) << 2))
    store<T>(out, load<T>(dictionary + code * sizeof<T>()))
  }
}

/**
 * As parquetDictionary for those of the next `count` rows that `chosen` row numbers (u32, ascending, below `count`) name; width 0
 * gives the codes themselves as u32. Codes that nobody chose are not checked.
 */
export function parquetDictionaryChosen(
  reader: usize, count: u32, dictionary: usize, length: u32, width: u32, scratch: usize, rows: usize, chosen: u32,
  out: usize,
): bool {
  let at = rows
  const end = rows + (<usize>chosen << 2)
  for (let base: u32 = 0; base < count; base += CHUNK) {
    if (at == end) return parquetHybridSkip(reader, count - base)
    const codes = min(count - base, CHUNK)
    if (load<u32>(at) >= base + codes) {
      if (!parquetHybridSkip(reader, codes)) return false
      continue
    }
    if (!parquetHybridRead(reader, codes, length, scratch)) return false
    let next = at
    while (next < end && load<u32>(next) < base + codes) next += 4
    if (width == 8) gatherChosen<u64>(scratch, dictionary, at, next, base, out)
    else if (width == 4) gatherChosen<u32>(scratch, dictionary, at, next, base, out)
    else if (width == 2) gatherChosen<u16>(scratch, dictionary, at, next, base, out)
    else if (width == 1) gatherChosen<u8>(scratch, dictionary, at, next, base, out)
    else if (width == 0) {
      for (let to = out, from = at; from < next; from += 4, to += 4) {
        store<u32>(to, load<u32>(scratch + (<usize>(load<u32>(from) - base) << 2)))
      }
    } else {
      for (let to = out, from = at; from < next; from += 4, to += 16) {
        const code: usize = load<u32>(scratch + (<usize>(load<u32>(from) - base) << 2))
        v128.store(to, v128.load(dictionary + (code << 4)))
      }
    }
    out += ((next - at) >> 2) * (width == 0 ? 4 : width)
    at = next
  }
  return true
}

// Definition levels of a flat optional column are values of one bit: 1 where the row is not NULL.

/** Are the next `count` levels all 1, and of one run? Goes past them if so, else stays. */
export function parquetLevelsAllSet(reader: usize, count: u32): bool {
  while (load<u32>(reader, LEFT) == 0) if (!nextRun(reader)) return false
  const left = load<u32>(reader, LEFT)
  if (load<u32>(reader, PACKED) != 0 || load<u32>(reader, VALUE) != 1 || left < count) return false
  store<u32>(reader, left - count, LEFT)
  return true
}

/**
 * Appends the next `count` levels to a bitmap (0: nothing is written) at bit `index`, from which on its words are 0; how many
 * are 1, or -1 if the input ends before or holds another level.
 */
export function parquetLevels(reader: usize, count: u32, bitmap: usize, index: u32): i32 {
  let ones: u32 = 0
  while (count > 0) {
    const left = load<u32>(reader, LEFT)
    if (left == 0) {
      if (!nextRun(reader)) return -1
      continue
    }
    const length = min(left, count)
    const packed: usize = load<u32>(reader, PACKED)
    const value = load<u32>(reader, VALUE)
    const first = load<u32>(reader, INDEX)
    if (packed != 0) {
      for (let done: u32 = 0; done < length; done += 64) {
        ones += <u32>popcnt<u64>(bitmapRead(packed, first + done, min<u32>(64, length - done)))
      }
      if (bitmap != 0) bitmapAppend(packed, first, length, bitmap, index)
      store<u32>(reader, first + length, INDEX)
    } else if (value == 1) {
      ones += length
      if (bitmap != 0) bitmapAppend(0, 0, length, bitmap, index)
    } else if (value != 0) return -1
    store<u32>(reader, left - length, LEFT)
    index += length
    count -= length
  }
  return <i32>ones
}
