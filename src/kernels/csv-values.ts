/**
 * Cells of CSV (csv.ts) into values, one loop a type. Each loop stops before a cell that is not written in the usual way and
 * returns its row (n when done): whoever called decides about that one and calls again for those behind it.
 */
import { CELL_ESCAPED, CELL_MISSING, CELL_PLAIN } from './csv'

const POINT: u8 = 46
const ZEROS: u64 = 0x3030303030303030

// @ts-ignore: decorator
@inline function startOf(cell: u64): usize {
  return <usize>(cell & 0xffffffff)
}

// @ts-ignore: decorator
@inline function lengthOf(cell: u64): usize {
  return <usize>(cell >> 34)
}

// @ts-ignore: decorator
@inline function kindOf(cell: u64): u32 {
  return <u32>(cell >> 32) & 3
}

/** NULL is a cell that is missing, or without quotes empty or the NULL text. */
// @ts-ignore: decorator
@inline function isNull(cell: u64, nullText: usize, nullLength: usize): bool {
  const kind = kindOf(cell)
  if (kind != CELL_PLAIN) return kind == CELL_MISSING
  const length = lengthOf(cell)
  if (length == 0) return true
  return length == nullLength && memory.compare(startOf(cell), nullText, length) == 0
}

/** Clears the row's bit; the whole bitmap was set before. */
// @ts-ignore: decorator
@inline function clearBit(bitmap: usize, row: u32): void {
  const byte = bitmap + (row >> 3)
  store<u8>(byte, <u8>(<u32>load<u8>(byte) & ~(<u32>1 << (row & 7))))
}

/** Clears the bits of rows that are NULL in `validity`, where all were set; their number. */
export function csvNulls(cells: usize, n: u32, nullText: usize, nullLength: u32, validity: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    if (!isNull(load<u64>(cells + (<usize>row << 3)), nullText, nullLength)) continue
    clearBit(validity, row)
    count++
  }
  return count
}

// @ts-ignore: decorator
@inline function bitAt(bitmap: usize, row: u32): bool {
  return bitmap == 0 || ((load<u8>(bitmap + (row >> 3)) >> <u8>(row & 7)) & 1) != 0
}

const BAD: u64 = u64.MAX_VALUE

/** Up to 8 digits as a number, BAD if one is none. */
// @ts-ignore: decorator
@inline function digits8(at: usize, length: usize): u64 {
  const missing = 64 - (<u64>length << 3)
  // Shifts by 64 would be shifts by 0.
  const text = length == 0 ? ZEROS : (load<u64>(at) << missing) | (length == 8 ? 0 : ZEROS >> (64 - missing))
  // The upper half of each byte is 3, also when 6 is added to it.
  const upper = (text & 0xf0f0f0f0f0f0f0f0) | (((text + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)
  if (upper != 0x3333333333333333) return BAD
  let value = text & 0x0f0f0f0f0f0f0f0f
  value = ((value * 2561) >> 8) & 0x00ff00ff00ff00ff
  value = ((value * 6553601) >> 16) & 0x0000ffff0000ffff
  return (value * 42949672960001) >> 32
}

/** Up to 18 digits as a number, BAD if there are more or one is none. */
// @ts-ignore: decorator
@inline function digits(at: usize, length: usize): u64 {
  if (length <= 8) return digits8(at, length)
  if (length > 18) return BAD
  const low = digits8(at + length - 8, 8)
  if (length <= 16) {
    const high = digits8(at, length - 8)
    return high == BAD || low == BAD ? BAD : high * 100000000 + low
  }
  const middle = digits8(at + length - 16, 8)
  const high = digits8(at, length - 16)
  return high == BAD || middle == BAD || low == BAD ? BAD : (high * 100000000 + middle) * 100000000 + low
}

// @ts-ignore: decorator
@inline function storeInteger(out: usize, row: u32, width: u32, value: i64): void {
  if (width == 8) store<i64>(out + (<usize>row << 3), value)
  else if (width == 4) store<i32>(out + (<usize>row << 2), <i32>value)
  else if (width == 2) store<i16>(out + (<usize>row << 1), <i16>value)
  else if (width == 1) store<i8>(out + row, <i8>value)
  else {
    store<i64>(out + (<usize>row << 4), value)
    store<i64>(out + (<usize>row << 4), value >> 63, 8)
  }
}

/** Whole numbers from `low` to `high` as integers of `width` bytes; NULLs are 0. */
export function csvIntegers(cells: usize, from: u32, n: u32, validity: usize, width: u32, low: i64, high: i64, out: usize): u32 {
  for (let row = from; row < n; row++) {
    if (!bitAt(validity, row)) {
      storeInteger(out, row, width, 0)
      continue
    }
    const cell = load<u64>(cells + (<usize>row << 3))
    let at = startOf(cell)
    let length = lengthOf(cell)
    const isNegative = length > 1 && load<u8>(at) == 45
    if (isNegative) {
      at++
      length--
    }
    if (length == 0) return row
    const value = digits(at, length)
    if (value == BAD) return row
    const signed = isNegative ? -(<i64>value) : <i64>value
    if (signed < low || signed > high) return row
    storeInteger(out, row, width, signed)
  }
  return n
}

/** Place of the point in at most 16 bytes, `length` if there is none. */
// @ts-ignore: decorator
@inline function pointIn(at: usize, length: usize): usize {
  const mask = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(POINT)))
  return mask == 0 ? length : min(length, <usize>ctz(mask))
}

/** 10^0 … 10^18. */
const POWERS: StaticArray<u64> = [
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
  10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
]

// The number that readNumber has read: its digits, and how many of them stand behind the point.
let unscaled: u64 = 0
let scaleOf: u32 = 0

/** Reads `digits[.digits]` of at most 16 characters; false for anything else. */
// @ts-ignore: decorator
@inline function readNumber(at: usize, length: usize): bool {
  if (length == 0 || length > 16) return false
  const point = pointIn(at, length)
  const fraction = point < length ? length - point - 1 : 0
  if (point + fraction == 0) return false
  const whole = digits(at, point)
  const rest = digits(at + point + 1, fraction)
  if (whole == BAD || rest == BAD) return false
  scaleOf = <u32>fraction
  unscaled = whole * unchecked(POWERS[fraction]) + rest
  return true
}

/** Decimals of `scale` digits behind the point with magnitudes below `limit`; NULLs are 0. */
export function csvDecimals(cells: usize, from: u32, n: u32, validity: usize, width: u32, scale: u32, limit: i64, out: usize): u32 {
  for (let row = from; row < n; row++) {
    if (!bitAt(validity, row)) {
      storeInteger(out, row, width, 0)
      continue
    }
    const cell = load<u64>(cells + (<usize>row << 3))
    let at = startOf(cell)
    let length = lengthOf(cell)
    const isNegative = length > 1 && load<u8>(at) == 45
    if (isNegative) {
      at++
      length--
    }
    if (!readNumber(at, length) || scaleOf > scale || scale - scaleOf > 18) return row
    const power = unchecked(POWERS[scale - scaleOf])
    // Below this bound the product cannot wrap.
    if (unscaled > <u64>i64.MAX_VALUE / power) return row
    const value = <i64>(unscaled * power)
    if (value >= limit) return row
    storeInteger(out, row, width, isNegative ? -value : value)
  }
  return n
}

/** Largest integer up to which all are exact doubles. */
const MAX_EXACT: u64 = 1 << 53

/** Doubles (width 8) or floats (4); NULLs are 0. */
export function csvFloats(cells: usize, from: u32, n: u32, validity: usize, width: u32, out: usize): u32 {
  for (let row = from; row < n; row++) {
    let value: f64 = 0
    if (bitAt(validity, row)) {
      const cell = load<u64>(cells + (<usize>row << 3))
      let at = startOf(cell)
      let length = lengthOf(cell)
      const isNegative = length > 1 && load<u8>(at) == 45
      if (isNegative) {
        at++
        length--
      }
      if (!readNumber(at, length) || unscaled > MAX_EXACT) return row
      // Both are exact doubles, so that one division rounds correctly.
      value = <f64>unscaled / <f64>unchecked(POWERS[scaleOf])
      if (isNegative) value = -value
    }
    if (width == 8) store<f64>(out + (<usize>row << 3), value)
    else store<f32>(out + (<usize>row << 2), <f32>value)
  }
  return n
}

/** Days of each month from January, then those of a leap year. */
const MONTH_DAYS: StaticArray<u8> = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const NO_DAY: i32 = i32.MIN_VALUE

/** Days since 1970-01-01 of `YYYY-MM-DD` from the year 1 on; NO_DAY for anything else. */
// @ts-ignore: decorator
@inline function readDay(at: usize): i32 {
  if (load<u8>(at, 4) != 45 || load<u8>(at, 7) != 45) return NO_DAY
  const year64 = digits8(at, 4)
  const month64 = digits8(at + 5, 2)
  const day64 = digits8(at + 8, 2)
  if (year64 == BAD || month64 == BAD || day64 == BAD) return NO_DAY
  const year = <u32>year64
  const month = <u32>month64
  const day = <u32>day64
  if (year < 1 || month < 1 || month > 12) return NO_DAY
  const isLeap = (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0)
  if (day < 1 || day > <u32>unchecked(MONTH_DAYS[month - 1 + (isLeap ? 12 : 0)])) return NO_DAY
  // Years from March, eras of 400 years.
  const y = month <= 2 ? year - 1 : year
  const era = y / 400
  const yearOfEra = y - era * 400
  const dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
  return <i32>(era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear) - 719468
}

/** Dates as days; NULLs are 0. */
export function csvDates(cells: usize, from: u32, n: u32, validity: usize, out: usize): u32 {
  for (let row = from; row < n; row++) {
    let days: i32 = 0
    if (bitAt(validity, row)) {
      const cell = load<u64>(cells + (<usize>row << 3))
      if (lengthOf(cell) != 10) return row
      days = readDay(startOf(cell))
      if (days == NO_DAY) return row
    }
    store<i32>(out + (<usize>row << 2), days)
  }
  return n
}

/**
 * `YYYY-MM-DD[( |T)HH:MM[:SS[.fraction]]]` in units of which a second has `perSecond` (1, 10^3, 10^6 or 10^9); a fraction of
 * more digits than that, and a year for which nanoseconds overflow, are left to the caller. NULLs are 0.
 */
export function csvTimestamps(cells: usize, from: u32, n: u32, validity: usize, perSecond: i64, out: usize): u32 {
  for (let row = from; row < n; row++) {
    const target = out + (<usize>row << 3)
    if (!bitAt(validity, row)) {
      store<i64>(target, 0)
      continue
    }
    const cell = load<u64>(cells + (<usize>row << 3))
    const at = startOf(cell)
    const length = lengthOf(cell)
    if (length != 10 && length != 16 && length < 19) return row
    const days = readDay(at)
    // 1700 to 2200 in days.
    if (days == NO_DAY || days < -98615 || days > 84005) return row
    let seconds: i64 = <i64>days * 86400
    let fraction: i64 = 0
    if (length > 10) {
      const mark = load<u8>(at, 10)
      if ((mark != 32 && mark != 84) || load<u8>(at, 13) != 58) return row
      const hour = digits8(at + 11, 2)
      const minute = digits8(at + 14, 2)
      if (hour > 23 || minute > 59) return row
      seconds += <i64>hour * 3600 + <i64>minute * 60
    }
    if (length > 16) {
      const second = digits8(at + 17, 2)
      if (load<u8>(at, 16) != 58 || second > 59) return row
      seconds += <i64>second
      if (length > 19) {
        const places = length - 20
        if (load<u8>(at, 19) != POINT || places == 0 || places > 9) return row
        const unit = unchecked(POWERS[places])
        const value = digits(at + 20, places)
        if (value == BAD || unit > <u64>perSecond) return row
        fraction = <i64>(value * (<u64>perSecond / unit))
      }
    }
    store<i64>(target, seconds * perSecond + fraction)
  }
  return n
}

/** `true` and `false` in any case; NULLs are false. `out` is a zeroed bitmap. */
export function csvBooleans(cells: usize, from: u32, n: u32, validity: usize, out: usize): u32 {
  for (let row = from; row < n; row++) {
    if (!bitAt(validity, row)) continue
    const cell = load<u64>(cells + (<usize>row << 3))
    const length = lengthOf(cell)
    const word = load<u32>(startOf(cell)) | 0x20202020
    if (length == 4 && word == 0x65757274) {
      const byte = out + (row >> 3)
      store<u8>(byte, <u8>(<u32>load<u8>(byte) | (<u32>1 << (row & 7))))
    } else if (length != 5 || word != 0x736c6166 || (load<u8>(startOf(cell), 4) | 0x20) != 101) return row
  }
  return n
}

/** Bytes of all cells; with escapes, more than their text. */
export function csvTextBytes(cells: usize, n: u32): f64 {
  let total: u64 = 0
  for (let row: u32 = 0; row < n; row++) total += <u64>lengthOf(load<u64>(cells + (<usize>row << 3)))
  return <f64>total
}

/**
 * Cells as text: `offsets` (n + 1 from 0) and, with 16 bytes to spare, `out`. NULLs (of a validity that is not 0) are empty.
 * In a cell with escapes, `escape` before itself or a quote is left out.
 */
export function csvTexts(cells: usize, n: u32, validity: usize, quote: u32, escape: u32, offsets: usize, out: usize): void {
  let used: usize = 0
  store<u32>(offsets, 0)
  for (let row: u32 = 0; row < n; row++) {
    const cell = load<u64>(cells + (<usize>row << 3))
    if (bitAt(validity, row)) {
      const at = startOf(cell)
      const length = lengthOf(cell)
      if (kindOf(cell) == CELL_ESCAPED) used += unescaped(at, length, quote, escape, out + used)
      else {
        if (length <= 16) v128.store(out + used, v128.load(at))
        else if (length <= 128) for (let i: usize = 0; i < length; i += 16) v128.store(out + used + i, v128.load(at + i))
        else memory.copy(out + used, at, length)
        used += length
      }
    }
    store<u32>(offsets + ((<usize>row + 1) << 2), <u32>used)
  }
}

function unescaped(at: usize, length: usize, quote: u32, escape: u32, out: usize): usize {
  const end = at + length
  let to = out
  for (; at < end; at++) {
    const byte = <u32>load<u8>(at)
    if (byte == escape && at + 1 < end) {
      const next = <u32>load<u8>(at + 1)
      if (next == quote || next == escape) at++
    }
    store<u8>(to++, load<u8>(at))
  }
  return to - out
}
