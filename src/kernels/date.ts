/**
 * Calendar fields and truncation of DATE columns (days since 1970-01-01 as i32), by 400-year eras of the proleptic Gregorian
 * calendar, and of TIMESTAMP columns (ticks as i64).
 */

/** Quotient rounded down; `divisor` > 0. */
// @ts-ignore: decorator
@inline function floorDiv(value: i64, divisor: i64): i64 {
  const quotient = value / divisor
  return quotient - i64(value % divisor < 0)
}

// @ts-ignore: decorator
@inline function isLeap(year: i32): bool {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/** 0 is Monday. */
// @ts-ignore: decorator
@inline function weekday(day: i32): i32 {
  return <i32>((<i64>day + 3) - floorDiv(<i64>day + 3, 7) * 7)
}

/** Fields of dateField. */
const YEAR: u32 = 0
const MONTH: u32 = 1
const DAY: u32 = 2
const QUARTER: u32 = 3
const DAY_OF_WEEK: u32 = 4
const ISO_DAY_OF_WEEK: u32 = 5
const DAY_OF_YEAR: u32 = 6
const ISO_WEEK: u32 = 7
const ISO_YEAR: u32 = 8

/** A field that the civil date of a day has. */
// @ts-ignore: decorator
@inline function civil(day: i32, field: u32): i32 {
  const shifted = <i64>day + 719468
  const era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
  const dayOfEra = <u32>(shifted - era * 146097)
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  const shiftedMonth = (5 * dayOfYear + 2) / 153
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  if (field == MONTH) return <i32>month
  if (field == DAY) return <i32>(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  if (field == QUARTER) return <i32>((month + 2) / 3)
  const year = <i32>yearOfEra + <i32>era * 400 + (month <= 2 ? 1 : 0)
  if (field == YEAR) return year
  // The year of the era begins in March: 1 January is its day 306.
  return <i32>(dayOfYear >= 306 ? dayOfYear - 305 : dayOfYear + 60 + u32(isLeap(year)))
}

/** out (i32) = field of each day, numbered as above. */
export function dateField(days: usize, n: u32, field: u32, out: usize): void {
  for (const end = days + (<usize>n << 2); days < end; days += 4, out += 4) {
    const day = load<i32>(days)
    let value: i32
    if (field == DAY_OF_WEEK) value = (weekday(day) + 1) % 7
    else if (field == ISO_DAY_OF_WEEK) value = weekday(day) + 1
    else if (field >= ISO_WEEK) {
      const thursday = day - weekday(day) + 3
      value = field == ISO_YEAR ? civil(thursday, YEAR) : (civil(thursday, DAY_OF_YEAR) - 1) / 7 + 1
    } else value = civil(day, field)
    store<i32>(out, value)
  }
}

/** out (i32) = day of each tick; returns 0 if one (of a row that is not NULL) does not fit. */
export function dateOfTicks(ticks: usize, validity: usize, n: u32, perDay: i64, out: usize): u32 {
  for (let row: u32 = 0; row < n; row++) {
    const day = floorDiv(load<i64>(ticks + (<usize>row << 3)), perDay)
    store<i32>(out + (<usize>row << 2), <i32>day)
    if (day != <i64>(<i32>day) && isSet(validity, row)) return 0
  }
  return 1
}

// @ts-ignore: decorator
@inline function isSet(validity: usize, row: u32): bool {
  return validity == 0 || ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) != 0
}

/** out (i32) = (time of day / divisor) % modulus of each tick. */
export function dateClock(ticks: usize, n: u32, perDay: i64, divisor: i64, modulus: i64, out: usize): void {
  for (const end = ticks + (<usize>n << 3); ticks < end; ticks += 8, out += 4) {
    const tick = load<i64>(ticks)
    const time = tick - floorDiv(tick, perDay) * perDay
    store<i32>(out, <i32>((time / divisor) % modulus))
  }
}

/** Units of dateTruncate. */
const TO_YEAR: u32 = 0
const TO_QUARTER: u32 = 1
const TO_MONTH: u32 = 2

/** out (i32) = first day of the year (0), quarter (1), month (2) or week (3) of each day. */
export function dateTruncate(days: usize, n: u32, unit: u32, out: usize): void {
  for (const end = days + (<usize>n << 2); days < end; days += 4, out += 4) {
    const day = load<i32>(days)
    if (unit == TO_MONTH) store<i32>(out, day - civil(day, DAY) + 1)
    else if (unit == TO_YEAR) store<i32>(out, day - civil(day, DAY_OF_YEAR) + 1)
    else if (unit == TO_QUARTER) {
      const quarter = civil(day, QUARTER)
      const leap = i32(isLeap(civil(day, YEAR)))
      const before = quarter == 1 ? 0 : quarter == 2 ? 90 + leap : quarter == 3 ? 181 + leap : 273 + leap
      store<i32>(out, day - civil(day, DAY_OF_YEAR) + 1 + before)
    } else store<i32>(out, day - weekday(day))
  }
}

/** out (i64) = midnight of each day in ticks; returns 0 if one (of a row that is not NULL) does not fit. */
export function dateToTicks(days: usize, validity: usize, n: u32, perDay: i64, out: usize): u32 {
  const most = i64.MAX_VALUE / perDay
  for (let row: u32 = 0; row < n; row++) {
    const day = <i64>load<i32>(days + (<usize>row << 2))
    if ((day > most || day < -most) && isSet(validity, row)) return 0
    store<i64>(out + (<usize>row << 3), day * perDay)
  }
  return 1
}

/** out (i64) = each tick rounded down to a multiple of `step`; returns 0 if one (of a row that is not NULL) does not fit. */
export function dateRoundTicks(ticks: usize, validity: usize, n: u32, step: i64, out: usize): u32 {
  const least = i64.MIN_VALUE + step
  for (let row: u32 = 0; row < n; row++) {
    const tick = load<i64>(ticks + (<usize>row << 3))
    if (tick < least && isSet(validity, row)) return 0
    store<i64>(out + (<usize>row << 3), floorDiv(tick, step) * step)
  }
  return 1
}
