/**
 * Values of Parquet pages (Encodings.md, "PLAIN") in the layout of columns. Sources need no alignment. Kernels that follow
 * lengths in the data check each of them against the end of the page.
 */

/** The low bytes of `count` INT32 values as integers of `width` 1 or 2. */
export function parquetNarrow(source: usize, count: u32, width: u32, out: usize): void {
  if (width == 1) for (let i: u32 = 0; i < count; i++) store<u8>(out + i, load<u8>(source + (<usize>i << 2)))
  else for (let i: u32 = 0; i < count; i++) store<u16>(out + (<usize>i << 1), load<u16>(source + (<usize>i << 2)))
}

const NANOS_OF_DAY: i64 = 86_400_000_000_000
/** 1970-01-01 in Julian days, by which INT96 counts. */
const EPOCH_DAY: i64 = 2_440_588
/** The days before and after that i64 nanoseconds reach in any case. */
const MAX_DAY: i64 = 106_751

/** INT96 timestamps (i64 nanoseconds of the day, u32 Julian day) as nanoseconds; false if one is out of their range. */
export function parquetInt96(source: usize, count: u32, out: usize): bool {
  const end = source + <usize>count * 12
  for (; source < end; source += 12, out += 8) {
    const nanos = load<i64>(source)
    const day = <i64>load<u32>(source, 8) - EPOCH_DAY
    if (day < -MAX_DAY || day >= MAX_DAY || nanos < 0 || nanos > NANOS_OF_DAY) return false
    store<i64>(out, day * NANOS_OF_DAY + nanos)
  }
  return true
}

/** One big-endian two's complement number of `size` bytes as i128; false if it takes more than 128 bits. */
// @ts-ignore: decorator
@inline function storeDecimal(source: usize, size: u32, out: usize): bool {
  if (size <= 8) {
    const value = <i64>bswap<u64>(load<u64>(source)) >> <i64>(64 - (size << 3))
    store<i64>(out, value)
    store<i64>(out, value >> 63, 8)
    return true
  }
  const extra: usize = size <= 16 ? 0 : size - 16
  const high = <i64>bswap<u64>(load<u64>(source + extra)) >> (size >= 16 ? 0 : <i64>(128 - (size << 3)))
  store<u64>(out, bswap<u64>(load<u64>(source + size - 8)))
  store<i64>(out, high, 8)
  const sign = <u8>(high >> 63)
  for (let i: usize = 0; i < extra; i++) if (load<u8>(source + i) != sign) return false
  return true
}

/** `count` numbers of `size` (not 0) bytes each, most significant first, as i128; false if one does not fit. */
export function parquetDecimals(source: usize, size: u32, count: u32, out: usize): bool {
  for (let i: u32 = 0; i < count; i++, source += size, out += 16) if (!storeDecimal(source, size, out)) return false
  return true
}

/** Numbers with a length each, as i128, until [source, end) is used up; how many, or -1 if a length is wrong or a number too long. */
export function parquetDecimalTexts(source: usize, end: usize, out: usize): i32 {
  let count: i32 = 0
  for (; source < end; count++, out += 16) {
    if (<u32>(end - source) < 4) return -1
    const size = load<u32>(source)
    source += 4
    if (size == 0 || size > <u32>(end - source) || !storeDecimal(source, size, out)) return -1
    source += size
  }
  return count
}

/** The number of values with a length each in [source, end), -1 if a length is wrong. */
export function parquetCountTexts(source: usize, end: usize): i32 {
  let count: i32 = 0
  for (; source < end; count++) {
    if (<u32>(end - source) < 4) return -1
    const size = load<u32>(source)
    source += 4
    if (size > <u32>(end - source)) return -1
    source += size
  }
  return count
}

/** Bits of PLAIN booleans as bytes of 0 and 1. */
export function parquetBits(source: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++) store<u8>(out + i, (load<u8>(source + (i >> 3)) >> <u8>(i & 7)) & 1)
}

/** Bytes of 0 and 1 as a bitmap of whole words of 64. */
export function parquetPack(values: usize, count: u32, out: usize): void {
  for (let row: u32 = 0; row < count; row += 64, out += 8) {
    const length = min<u32>(64, count - row)
    let bits: u64 = 0
    for (let bit: u32 = 0; bit < length; bit++) bits |= <u64>load<u8>(values + row + bit) << bit
    store<u64>(out, bits)
  }
}

// @ts-ignore: decorator
@inline function spread<T>(values: usize, bitmap: usize, start: u32, count: u32, valid: u32): void {
  let row = count
  let from = values + <usize>valid * sizeof<T>()
  let to = values + <usize>count * sizeof<T>()
  // Backwards, so that a value is read before its slot is overwritten; once they meet, the rest lies where it belongs.
  while (from != to && row > 0) {
    row--
    to -= sizeof<T>()
    const at = start + row
    if ((load<u8>(bitmap + (at >> 3)) >> <u8>(at & 7)) & 1) {
      from -= sizeof<T>()
      store<T>(to, load<T>(from))
    } else store<T>(to, <T>0)
  }
}

/**
 * Moves `valid` values of `width` (1, 2, 4, 8, 16) bytes, one behind the other, to those of `count` rows whose bit (of the
 * bitmap, from bit `start` on) is 1, of which there are `valid`; the others become 0.
 */
export function parquetSpread(values: usize, width: u32, bitmap: usize, start: u32, count: u32, valid: u32): void {
  if (width == 8) spread<u64>(values, bitmap, start, count, valid)
  else if (width == 4) spread<u32>(values, bitmap, start, count, valid)
  else if (width == 2) spread<u16>(values, bitmap, start, count, valid)
  else if (width == 1) spread<u8>(values, bitmap, start, count, valid)
  else {
    let from = values + (<usize>valid << 4)
    for (let row = count; row > 0 && from != values + (<usize>row << 4); row--) {
      const at = start + row - 1
      const isValid = ((load<u8>(bitmap + (at >> 3)) >> <u8>(at & 7)) & 1) != 0
      if (isValid) from -= 16
      v128.store(values + (<usize>(row - 1) << 4), isValid ? v128.load(from) : i64x2.splat(0))
    }
  }
}

/** Is the bit 1? */
// @ts-ignore: decorator
@inline function isSet(bitmap: usize, at: u32): bool {
  return ((load<u8>(bitmap + (at >> 3)) >> <u8>(at & 7)) & 1) != 0
}

/**
 * Continues `count` offsets behind offsets[0] by the lengths in [source, end); rows whose bit (bitmap 0: none, from bit
 * `start` on) is 0 are empty and have no length. The bytes of the source that they take, or -1 if a length is wrong.
 */
export function parquetTextOffsets(
  source: usize, end: usize, bitmap: usize, start: u32, count: u32, offsets: usize,
): i32 {
  let at = source
  let to = load<u32>(offsets)
  if (bitmap == 0) {
    for (let row: u32 = 0; row < count; row++) {
      offsets += 4
      if (<u32>(end - at) < 4) return -1
      const length = load<u32>(at)
      at += 4
      if (length > <u32>(end - at)) return -1
      at += length
      to += length
      store<u32>(offsets, to)
    }
    return <i32>(at - source)
  }
  for (let row: u32 = 0; row < count; row++) {
    offsets += 4
    if (isSet(bitmap, start + row)) {
      if (<u32>(end - at) < 4) return -1
      const length = load<u32>(at)
      at += 4
      if (length > <u32>(end - at)) return -1
      at += length
      to += length
    }
    store<u32>(offsets, to)
  }
  return <i32>(at - source)
}

/** As parquetTextOffsets for values of `size` bytes without lengths, which the caller knows to be there. */
export function parquetSlotOffsets(size: u32, bitmap: usize, start: u32, count: u32, offsets: usize): void {
  let to = load<u32>(offsets)
  for (let row: u32 = 0; row < count; row++) {
    if (bitmap == 0 || isSet(bitmap, start + row)) to += size
    store<u32>(offsets + (<usize>row << 2), to, 4)
  }
}

/**
 * Copies the texts that parquetTextOffsets found, to `target` + their offsets. Up to 16 bytes behind the last one are
 * overwritten.
 */
export function parquetTextBytes(
  source: usize, bitmap: usize, start: u32, count: u32, offsets: usize, target: usize,
): void {
  let from = source + 4
  let begin = load<u32>(offsets)
  for (let row: u32 = 0; row < count; row++) {
    const end = load<u32>(offsets + (<usize>row << 2), 4)
    if (bitmap != 0 && !isSet(bitmap, start + row)) continue
    const length = end - begin
    const to = target + begin
    if (length <= 16) v128.store(to, v128.load(from))
    else if (length <= 32) {
      v128.store(to, v128.load(from))
      v128.store(to + length - 16, v128.load(from + length - 16))
    } else if (length <= 64) {
      v128.store(to, v128.load(from))
      v128.store(to, v128.load(from, 16), 16)
      if (length > 48) v128.store(to, v128.load(from, 32), 32)
      v128.store(to + length - 16, v128.load(from + length - 16))
    } else memory.copy(to, from, length)
    from += length + 4
    begin = end
  }
}

/**
 * Of the next `count` texts those that `chosen` row numbers (u32, ascending, below `count`) name: continues their offsets behind
 * offsets[0], and writes where their bytes start (u32). The bytes of the source that all `count` take, or -1 if a length is wrong.
 */
export function parquetTextStarts(
  source: usize, end: usize, count: u32, rows: usize, chosen: u32, offsets: usize, starts: usize,
): i32 {
  let at = source
  let to = load<u32>(offsets)
  let next = rows
  const last = rows + (<usize>chosen << 2)
  for (let row: u32 = 0; row < count; row++) {
    if (<u32>(end - at) < 4) return -1
    const length = load<u32>(at)
    at += 4
    if (length > <u32>(end - at)) return -1
    if (next < last && load<u32>(next) == row) {
      to += length
      offsets += 4
      store<u32>(offsets, to)
      store<u32>(starts, <u32>at)
      starts += 4
      next += 4
    }
    at += length
  }
  return <i32>(at - source)
}

/** As parquetTextStarts for values of `size` bytes without lengths, which the caller knows to be there. */
export function parquetSlotStarts(source: usize, size: u32, rows: usize, chosen: u32, offsets: usize, starts: usize): void {
  let to = load<u32>(offsets)
  for (let i: u32 = 0; i < chosen; i++) {
    to += size
    store<u32>(offsets + (<usize>i << 2), to, 4)
    store<u32>(starts + (<usize>i << 2), <u32>(source + <usize>load<u32>(rows + (<usize>i << 2)) * size))
  }
}

/** Copies `count` texts from where they start to `target` + their offsets, and up to 16 bytes behind the last one. */
export function parquetTextGather(starts: usize, offsets: usize, count: u32, target: usize): void {
  let begin = load<u32>(offsets)
  for (let row: u32 = 0; row < count; row++) {
    const end = load<u32>(offsets + (<usize>row << 2), 4)
    const length = end - begin
    const from: usize = load<u32>(starts + (<usize>row << 2))
    if (length <= 16) v128.store(target + begin, v128.load(from))
    else memory.copy(target + begin, from, length)
    begin = end
  }
}

/** The position behind the next `count` texts of [source, end), 0 if there are fewer. */
export function parquetTextSkip(source: usize, end: usize, count: u32): usize {
  for (; count > 0; count--) {
    if (<u32>(end - source) < 4) return 0
    const length = load<u32>(source)
    source += 4
    if (length > <u32>(end - source)) return 0
    source += length
  }
  return source
}

/** Does every one of the `count` texts of a valid UTF-8 string start with a whole character? */
export function parquetTextsWhole(values: usize, offsets: usize, count: u32): bool {
  const end = load<u32>(offsets + (<usize>count << 2))
  for (let row: u32 = 0; row < count; row++) {
    const start = load<u32>(offsets + (<usize>row << 2))
    if (start < end && (load<u8>(values + start) & 0xc0) == 0x80) return false
  }
  return true
}
