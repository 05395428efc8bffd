/** Dates, timestamps and intervals as numbers: the proleptic Gregorian calendar without time zones. */
import type { IntervalValue, TimeUnit } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { UNIT_PER_SECOND } from './types.js'

export interface CivilDate {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  /** 1 to 31. */
  readonly day: number
}

export const NANOS_PER_DAY = 86_400_000_000_000n
const SECONDS_PER_DAY = 86_400n
const MAX_DATE = 2 ** 31 - 1

/** Days since 1970-01-01 to a calendar date (Howard Hinnant's days_from_civil, by 400-year eras). */
export function civilFromDays(days: number): CivilDate {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day }
}

/** Calendar date to days since 1970-01-01; the inverse of civilFromDays. The date must exist. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year
  const era = Math.floor(shiftedYear / 400)
  const yearOfEra = shiftedYear - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Quotient rounded down; `divisor` > 0. */
export const floorDiv = (value: bigint, divisor: bigint): bigint => {
  const quotient = value / divisor
  return value % divisor < 0n ? quotient - 1n : quotient
}

/** The date some months later; the day is clamped to the end of the month. */
export function addMonths(days: number, months: number): number {
  if (months === 0) return days
  const { year, month, day } = civilFromDays(days)
  const total = year * 12 + (month - 1) + months
  const newYear = Math.floor(total / 12)
  const newMonth = total - newYear * 12 + 1
  return daysFromCivil(newYear, newMonth, Math.min(day, daysInMonth(newYear, newMonth)))
}

/** A day number that fits DATE, else throws NUMERIC_OVERFLOW. */
export function checkDate(days: number): number {
  if (!(days >= -MAX_DATE - 1 && days <= MAX_DATE)) throw fail('NUMERIC_OVERFLOW', ['DATE'])
  return days
}

/** A tick count that fits TIMESTAMP, else throws NUMERIC_OVERFLOW. */
export function checkTimestamp(ticks: bigint): bigint {
  if (BigInt.asIntN(64, ticks) !== ticks) throw fail('NUMERIC_OVERFLOW', ['TIMESTAMP'])
  return ticks
}

/** An interval whose parts fit INTERVAL, else throws NUMERIC_OVERFLOW. */
export function checkInterval(value: IntervalValue): IntervalValue {
  const fits = (part: number): boolean => part >= -MAX_DATE - 1 && part <= MAX_DATE
  if (!fits(value.months) || !fits(value.days) || BigInt.asIntN(64, value.nanos) !== value.nanos)
    throw fail('NUMERIC_OVERFLOW', ['INTERVAL'])
  return value
}

/** DATE + interval: months, then days; the rest of a day rounds down. `sign` is 1 or -1. Throws NUMERIC_OVERFLOW. */
export function addIntervalToDate(days: number, interval: IntervalValue, sign: 1 | -1): number {
  const nanos = interval.nanos * BigInt(sign)
  return checkDate(
    addMonths(days, sign * interval.months) + sign * interval.days + Number(floorDiv(nanos, NANOS_PER_DAY)),
  )
}

/** TIMESTAMP + interval: months, then days, then nanoseconds (rounded down to the unit). Throws NUMERIC_OVERFLOW. */
export function addIntervalToTimestamp(ticks: bigint, interval: IntervalValue, sign: 1 | -1, unit: TimeUnit): bigint {
  const perDay = SECONDS_PER_DAY * UNIT_PER_SECOND[unit]
  const date = floorDiv(ticks, perDay)
  const rest = ticks - date * perDay
  const moved = BigInt(checkDate(addMonths(Number(date), sign * interval.months) + sign * interval.days))
  const nanosPerTick = UNIT_PER_SECOND.ns / UNIT_PER_SECOND[unit]
  return checkTimestamp(moved * perDay + rest + floorDiv(interval.nanos * BigInt(sign), nanosPerTick))
}

/** Midnight of a day as a timestamp; throws NUMERIC_OVERFLOW. */
export const timestampOfDate = (days: number, unit: TimeUnit): bigint =>
  checkTimestamp(BigInt(days) * SECONDS_PER_DAY * UNIT_PER_SECOND[unit])

/** The day of a timestamp and the nanoseconds since its midnight. */
export function splitTimestamp(ticks: bigint, unit: TimeUnit): { readonly days: number; readonly nanos: bigint } {
  const perDay = SECONDS_PER_DAY * UNIT_PER_SECOND[unit]
  const days = floorDiv(ticks, perDay)
  return { days: Number(days), nanos: (ticks - days * perDay) * (UNIT_PER_SECOND.ns / UNIT_PER_SECOND[unit]) }
}

/** A day and nanoseconds since its midnight as a timestamp, rounded down to the unit; throws NUMERIC_OVERFLOW. */
export function joinTimestamp(days: number, nanos: bigint, unit: TimeUnit): bigint {
  const nanosPerTick = UNIT_PER_SECOND.ns / UNIT_PER_SECOND[unit]
  return checkTimestamp(BigInt(days) * SECONDS_PER_DAY * UNIT_PER_SECOND[unit] + floorDiv(nanos, nanosPerTick))
}

/** Ticks of one unit as ticks of another, rounded down; throws NUMERIC_OVERFLOW. */
export function convertUnit(ticks: bigint, from: TimeUnit, to: TimeUnit): bigint {
  const fromPer = UNIT_PER_SECOND[from]
  const toPer = UNIT_PER_SECOND[to]
  return toPer >= fromPer ? checkTimestamp(ticks * (toPer / fromPer)) : floorDiv(ticks, fromPer / toPer)
}

/** 0 is Sunday. */
export const dayOfWeek = (days: number): number => (((days + 4) % 7) + 7) % 7

/** ISO 8601 week: the year to which the week belongs and its number. */
export function isoWeek(days: number): { readonly year: number; readonly week: number } {
  const thursday = days - ((dayOfWeek(days) + 6) % 7) + 3
  const { year } = civilFromDays(thursday)
  return { year, week: Math.floor((thursday - daysFromCivil(year, 1, 1)) / 7) + 1 }
}

/** Length of an interval with months of 30 days: the order of intervals. */
export const intervalLength = (value: IntervalValue): bigint =>
  (BigInt(value.months) * 30n + BigInt(value.days)) * NANOS_PER_DAY + value.nanos
