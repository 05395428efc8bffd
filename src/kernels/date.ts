/**
 * Calendar fields of DATE columns (days since 1970-01-01 as i32), by 400-year eras of the proleptic Gregorian calendar.
 */

/** out (i32) = field of each day: 0 year, 1 month, 2 day, 3 quarter. */
export function dateField(days: usize, n: u32, field: u32, out: usize): void {
  for (const end = days + (<usize>n << 2); days < end; days += 4, out += 4) {
    const shifted = <i64>load<i32>(days) + 719468
    const era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
    const dayOfEra = <u32>(shifted - era * 146097)
    const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
    const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    const shiftedMonth = (5 * dayOfYear + 2) / 153
    const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let value: i32
    if (field == 0) value = <i32>yearOfEra + <i32>era * 400 + (month <= 2 ? 1 : 0)
    else if (field == 1) value = <i32>month
    else if (field == 2) value = <i32>(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    else value = <i32>((month + 2) / 3)
    store<i32>(out, value)
  }
}
