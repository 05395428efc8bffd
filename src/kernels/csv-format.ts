/** Rows as CSV text (RFC 4180): the cells of all columns of one row, then of the next. */

/** Kinds of cells; integers have a scale, so that decimals are integers too. */
const TEXT: u32 = 0
const DATE: u32 = 1
const I8: u32 = 2
const U8: u32 = 3
const I16: u32 = 4
const U16: u32 = 5
const I32: u32 = 6
const U32: u32 = 7
const I64: u32 = 8

/** Room for every cell but text: a sign, 39 digits, a point, a delimiter. */
const FIXED_BYTES: usize = 48
const LF: u8 = 10
const CR: u8 = 13

/** How a column is described, in 40 bytes: fields of 4, the last one of 8. */
const SOURCE_BYTES: usize = 40
const VALUES: usize = 4
/** Of text. */
const OFFSETS: usize = 8
/** Bitmap of the values; 0: none is NULL. */
const VALIDITY: usize = 12
/** Of a dictionary: the number of its value for each row, and which rows have one. */
const CODES: usize = 16
const CODES_VALIDITY: usize = 20
const SCALE: usize = 24
/** 10^scale; 0 if 64 bits do not hold it. */
const POWER: usize = 32

// @ts-ignore: decorator
@inline function isNull(validity: u32, row: u32): bool {
  return validity != 0 && ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0
}

// @ts-ignore: decorator
@inline function digitsOf(value: u64): u32 {
  let digits: u32 = 1
  for (let bound: u64 = 10; digits < 20 && value >= bound; bound *= 10) digits++
  return digits
}

/** The last `count` digits of a number, which end before `to`. */
// @ts-ignore: decorator
@inline function putDigits(to: usize, count: u32, value: u64): void {
  for (; value > u32.MAX_VALUE && count > 0; count--) {
    const next = value / 10
    store<u8>(--to, <u8>(48 + value - 10 * next))
    value = next
  }
  let rest = <u32>value
  for (; count >= 2; count -= 2) {
    const next = rest / 100
    const pair = rest - 100 * next
    const tens = pair / 10
    to -= 2
    store<u16>(to, <u16>(((48 + pair - 10 * tens) << 8) | (48 + tens)))
    rest = next
  }
  if (count > 0) store<u8>(to - 1, <u8>(48 + (rest % 10)))
}

/** The end of the text. */
function putNumber(at: usize, value: i64, scale: u32, power: u64): usize {
  let magnitude = <u64>value
  if (value < 0) {
    store<u8>(at++, 45)
    magnitude = 0 - magnitude
  }
  if (scale == 0) {
    const digits = digitsOf(magnitude)
    putDigits(at + digits, digits, magnitude)
    return at + digits
  }
  const whole = power == 0 ? 0 : magnitude / power
  const digits = digitsOf(whole)
  putDigits(at + digits, digits, whole)
  at += digits
  store<u8>(at++, 46)
  putDigits(at + scale, scale, magnitude - whole * power)
  return at + scale
}

/** A day of the years 0000 to 9999 as `YYYY-MM-DD`; the end of the text. */
function putDate(at: usize, day: i32): usize {
  // The year begins in March, in eras of 400 years.
  const shifted = <u32>(day + 719468)
  const era = shifted / 146097
  const dayOfEra = shifted - era * 146097
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  const shiftedMonth = (5 * dayOfYear + 2) / 153
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  putDigits(at + 4, 4, yearOfEra + era * 400 + (month <= 2 ? 1 : 0))
  store<u8>(at, 45, 4)
  putDigits(at + 7, 2, month)
  store<u8>(at, 45, 7)
  putDigits(at + 10, 2, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  return at + 10
}

/** Whether the text holds something that only quotes keep together; copies it, and up to 15 bytes more. */
// @ts-ignore: decorator
@inline function copyText(to: usize, from: usize, length: usize, delimiter: u8, quote: u8): bool {
  const delimiters = i8x16.splat(delimiter)
  const quotes = i8x16.splat(quote)
  const feeds = i8x16.splat(LF)
  const returns = i8x16.splat(CR)
  for (let done: usize = 0; done < length; done += 16) {
    const bytes = v128.load(from + done)
    v128.store(to + done, bytes)
    const special = v128.or(
      v128.or(i8x16.eq(bytes, delimiters), i8x16.eq(bytes, quotes)),
      v128.or(i8x16.eq(bytes, feeds), i8x16.eq(bytes, returns)),
    )
    if (!v128.any_true(special)) continue
    const left = length - done
    if ((<u32>i8x16.bitmask(special) & (left >= 16 ? 0xffff : (<u32>1 << <u32>left) - 1)) != 0) return true
  }
  return false
}

/** The text in quotes; its end. */
function putQuoted(at: usize, from: usize, length: usize, quote: u8): usize {
  store<u8>(at++, quote)
  for (const end = from + length; from < end; from++) {
    const byte = load<u8>(from)
    store<u8>(at++, byte)
    if (byte == quote) store<u8>(at++, quote)
  }
  store<u8>(at, quote)
  return at + 1
}

// @ts-ignore: decorator
@inline function putText(at: usize, from: usize, length: usize, delimiter: u8, quote: u8, nullText: usize, nullLength: usize): usize {
  const isQuoted =
    length == 0 ||
    (length == nullLength && memory.compare(from, nullText, length) == 0) ||
    copyText(at, from, length, delimiter, quote)
  return isQuoted ? putQuoted(at, from, length, quote) : at + length
}

// @ts-ignore: decorator
@inline function integerAt(values: usize, row: u32, kind: u32): i64 {
  if (kind == I64) return load<i64>(values + (<usize>row << 3))
  if (kind == I32) return <i64>load<i32>(values + (<usize>row << 2))
  if (kind == U32) return <i64>load<u32>(values + (<usize>row << 2))
  if (kind == I16) return <i64>load<i16>(values + (<usize>row << 1))
  if (kind == U16) return <i64>load<u16>(values + (<usize>row << 1))
  return kind == U8 ? <i64>load<u8>(values + row) : <i64>load<i8>(values + row)
}

/**
 * Writes rows [row, n) of `count` columns to `out`, as many as end before `end`, behind which 16 bytes may be written: the row
 * after the last one. What they take goes to `used` (u32). NULL is `nullText`, which no value is without quotes.
 */
export function csvFormat(
  sources: usize, count: u32, row: u32, n: u32, out: usize, end: usize,
  delimiter: u32, quote: u32, nullText: usize, nullLength: u32, used: usize,
): u32 {
  const fixedRoom = max<usize>(FIXED_BYTES, <usize>nullLength + 2)
  let start = out
  for (; row < n; row++) {
    let at = start
    for (let source = sources, last = sources + <usize>count * SOURCE_BYTES; source < last; source += SOURCE_BYTES) {
      const codes = <usize>load<u32>(source, CODES)
      const index = codes == 0 ? row : load<u32>(codes + (<usize>row << 2))
      const isMissing = isNull(load<u32>(source, CODES_VALIDITY), row) || isNull(load<u32>(source, VALIDITY), index)
      const kind = load<u32>(source)
      let from = <usize>load<u32>(source, VALUES)
      let length: usize = 0
      if (kind == TEXT && !isMissing) {
        const offsets = <usize>load<u32>(source, OFFSETS) + (<usize>index << 2)
        length = load<u32>(offsets, 4) - load<u32>(offsets)
        from += load<u32>(offsets)
      }
      if (at + 2 * length + fixedRoom > end) {
        store<u32>(used, <u32>(start - out))
        return row
      }
      if (source > sources) store<u8>(at++, <u8>delimiter)
      if (isMissing) {
        memory.copy(at, nullText, nullLength)
        at += nullLength
      } else if (kind == TEXT) at = putText(at, from, length, <u8>delimiter, <u8>quote, nullText, nullLength)
      else if (kind == DATE) at = putDate(at, load<i32>(from + (<usize>index << 2)))
      else at = putNumber(at, integerAt(from, index, kind), load<u32>(source, SCALE), load<u64>(source, POWER))
    }
    store<u8>(at, LF)
    start = at + 1
  }
  store<u32>(used, <u32>(start - out))
  return row
}
