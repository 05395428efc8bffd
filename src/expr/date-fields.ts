/** Fields and truncation of dates, timestamps and intervals: EXTRACT, date_part, date_trunc. */
import type { DataType, IntervalValue, Value } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import {
  NANOS_PER_DAY,
  civilFromDays,
  dayOfWeek,
  daysFromCivil,
  floorDiv,
  isoWeek,
  joinTimestamp,
  splitTimestamp,
} from './calendar.js'

const NANOS_PER_SECOND = 1_000_000_000n

interface Moment {
  readonly days: number
  /** Since midnight. */
  readonly nanos: bigint
}

const civil = (moment: Moment): ReturnType<typeof civilFromDays> => civilFromDays(moment.days)
const monthOf = (moment: Moment): number => civil(moment).month
const withinMinute = (moment: Moment): bigint => moment.nanos % (60n * NANOS_PER_SECOND)

/** What each field is of a moment; epoch is apart because it is no whole number. */
const FIELDS: Readonly<Record<string, (moment: Moment) => number | bigint>> = {
  year: moment => civil(moment).year,
  millennium: moment => Math.ceil(civil(moment).year / 1000),
  century: moment => Math.ceil(civil(moment).year / 100),
  decade: moment => Math.floor(civil(moment).year / 10),
  isoyear: moment => isoWeek(moment.days).year,
  quarter: moment => Math.ceil(monthOf(moment) / 3),
  month: monthOf,
  week: moment => isoWeek(moment.days).week,
  day: moment => civil(moment).day,
  doy: moment => moment.days - daysFromCivil(civil(moment).year, 1, 1) + 1,
  dow: moment => dayOfWeek(moment.days),
  isodow: moment => dayOfWeek(moment.days) || 7,
  hour: moment => moment.nanos / (3600n * NANOS_PER_SECOND),
  minute: moment => (moment.nanos / (60n * NANOS_PER_SECOND)) % 60n,
  second: moment => withinMinute(moment) / NANOS_PER_SECOND,
  millisecond: moment => withinMinute(moment) / 1_000_000n,
  microsecond: moment => withinMinute(moment) / 1000n,
  nanosecond: moment => withinMinute(moment),
}

const INTERVAL_FIELDS: Readonly<Record<string, (value: IntervalValue) => number | bigint>> = {
  millennium: value => Math.trunc(value.months / 12_000),
  century: value => Math.trunc(value.months / 1200),
  decade: value => Math.trunc(value.months / 120),
  year: value => Math.trunc(value.months / 12),
  quarter: value => Math.trunc((value.months % 12) / 3) + 1,
  month: value => value.months % 12,
  day: value => value.days,
  hour: value => value.nanos / (3600n * NANOS_PER_SECOND),
  minute: value => (value.nanos / (60n * NANOS_PER_SECOND)) % 60n,
  second: value => (value.nanos / NANOS_PER_SECOND) % 60n,
  millisecond: value => (value.nanos / 1_000_000n) % 60_000n,
  microsecond: value => (value.nanos / 1000n) % 60_000_000n,
  nanosecond: value => value.nanos % 60_000_000_000n,
}

const ALIASES: Readonly<Record<string, string>> = {
  years: 'year',
  y: 'year',
  months: 'month',
  mon: 'month',
  weeks: 'week',
  days: 'day',
  d: 'day',
  hours: 'hour',
  h: 'hour',
  minutes: 'minute',
  min: 'minute',
  m: 'minute',
  seconds: 'second',
  sec: 'second',
  s: 'second',
  milliseconds: 'millisecond',
  ms: 'millisecond',
  microseconds: 'microsecond',
  us: 'microsecond',
  nanoseconds: 'nanosecond',
  ns: 'nanosecond',
  dayofweek: 'dow',
  dayofyear: 'doy',
  quarters: 'quarter',
  decades: 'decade',
  centuries: 'century',
  millenniums: 'millennium',
  millennia: 'millennium',
  weekday: 'dow',
  weekofyear: 'week',
}

/** The canonical name of a field; undefined for an unknown one. */
export function knownDateField(name: string): string | undefined {
  const lower = name.trim().toLowerCase()
  const field = Object.hasOwn(ALIASES, lower) ? ALIASES[lower] : lower
  return field === 'epoch' || Object.hasOwn(FIELDS, field) ? field : undefined
}

/** The canonical name of a field; throws INVALID_ARGUMENT for an unknown one. */
export function dateField(name: string): string {
  const field = knownDateField(name)
  if (field !== undefined) return field
  throw fail('INVALID_ARGUMENT', [`unknown date field '${name}'; known are epoch, ${Object.keys(FIELDS).join(', ')}`])
}

/** A field (canonical name) of a DATE, TIMESTAMP or INTERVAL; epoch is in seconds with a fraction. */
export function datePart(field: string, value: Value, type: DataType): number | bigint {
  if (type.kind === 'interval') return intervalPart(field, value as IntervalValue)
  const moment = momentOf(value, type)
  if (field === 'epoch') return moment.days * 86_400 + Number(moment.nanos) / 1e9
  return FIELDS[field](moment)
}

function intervalPart(field: string, value: IntervalValue): number | bigint {
  if (field === 'epoch') {
    const days = BigInt(value.months) * 30n + BigInt(value.days)
    return Number(days * NANOS_PER_DAY + value.nanos) / 1e9
  }
  const part = INTERVAL_FIELDS[field]
  if (part === undefined) throw fail('INVALID_ARGUMENT', [`an interval has no field '${field}'`])
  return part(value)
}

function momentOf(value: Value, type: DataType): Moment {
  if (type.kind === 'timestamp') return splitTimestamp(value as bigint, type.unit)
  return { days: value as number, nanos: 0n }
}

const TRUNCATED_NANOS: Readonly<Record<string, bigint>> = {
  hour: 3600n * NANOS_PER_SECOND,
  minute: 60n * NANOS_PER_SECOND,
  second: NANOS_PER_SECOND,
  millisecond: 1_000_000n,
  microsecond: 1000n,
  nanosecond: 1n,
}

/**
 * The beginning of the unit that holds a DATE or TIMESTAMP; the type stays. Throws INVALID_ARGUMENT for an unknown
 * unit.
 */
export function dateTrunc(unit: string, value: Value, type: DataType): Value {
  const moment = momentOf(value, type)
  const step = TRUNCATED_NANOS[unit]
  const days = step === undefined ? truncateDays(unit, moment.days) : moment.days
  if (type.kind !== 'timestamp') return days
  return joinTimestamp(days, step === undefined ? 0n : floorDiv(moment.nanos, step) * step, type.unit)
}

/** Centuries begin with a year 1. */
const firstYear = (year: number, length: number): number => Math.floor((year - 1) / length) * length + 1

function truncateDays(unit: string, days: number): number {
  const { year, month } = civilFromDays(days)
  switch (unit) {
    case 'millennium':
      return daysFromCivil(firstYear(year, 1000), 1, 1)
    case 'century':
      return daysFromCivil(firstYear(year, 100), 1, 1)
    case 'decade':
      return daysFromCivil(Math.floor(year / 10) * 10, 1, 1)
    case 'year':
      return daysFromCivil(year, 1, 1)
    case 'quarter':
      return daysFromCivil(year, month - ((month - 1) % 3), 1)
    case 'month':
      return daysFromCivil(year, month, 1)
    case 'week':
      return days - ((dayOfWeek(days) + 6) % 7)
    case 'day':
      return days
    default:
      throw fail('INVALID_ARGUMENT', [
        `cannot truncate to '${unit}'; use millennium, century, decade, year, quarter, month, week, day, hour, minute, second or smaller`,
      ])
  }
}
