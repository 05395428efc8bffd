/** Distances between two moments, in nanoseconds since 1970, in units of the calendar. */
import { fail } from '../common/errors.js'
import { addIntervalToTimestamp, civilFromDays, floorDiv, splitTimestamp } from './calendar.js'

/** Units of a fixed length in nanoseconds. */
const FIXED: Readonly<Record<string, bigint>> = {
  nanosecond: 1n,
  microsecond: 1000n,
  millisecond: 1_000_000n,
  second: 1_000_000_000n,
  minute: 60_000_000_000n,
  hour: 3_600_000_000_000n,
  day: 86_400_000_000_000n,
  week: 604_800_000_000_000n,
}

/** Units of whole months. */
const MONTHS: Readonly<Record<string, bigint>> = {
  month: 1n,
  quarter: 3n,
  year: 12n,
  decade: 120n,
  century: 1200n,
  millennium: 12_000n,
}

const monthsOf = (nanos: bigint): bigint => {
  const { year, month } = civilFromDays(splitTimestamp(nanos, 'ns').days)
  return BigInt(year) * 12n + BigInt(month - 1)
}

/**
 * How many beginnings of a unit (canonical name) lie behind `from` and not behind `to`; negative when `to` is earlier. A week
 * is seven such days.
 */
export function boundariesBetween(unit: string, from: bigint, to: bigint): bigint {
  if (unit === 'week') return boundariesBetween('day', from, to) / 7n
  const length = FIXED[unit]
  if (length !== undefined) return floorDiv(to, length) - floorDiv(from, length)
  const months = monthsIn(unit)
  return floorDiv(monthsOf(to), months) - floorDiv(monthsOf(from), months)
}

/** How many whole units lie between two moments; negative when `to` is earlier. */
export function unitsBetween(unit: string, from: bigint, to: bigint): bigint {
  const length = FIXED[unit]
  if (length !== undefined) return (to - from) / length
  const months = monthsIn(unit)
  if (to < from) return -unitsBetween(unit, to, from)
  const whole = monthsOf(to) - monthsOf(from)
  const reached = addIntervalToTimestamp(from, { months: Number(whole), days: 0, nanos: 0n }, 1, 'ns')
  return (reached > to ? whole - 1n : whole) / months
}

function monthsIn(unit: string): bigint {
  const months = MONTHS[unit]
  if (months === undefined)
    throw fail('INVALID_ARGUMENT', [
      `'${unit}' is no unit of time; known are ${[...Object.keys(FIXED), ...Object.keys(MONTHS)].join(', ')}`,
    ])
  return months
}
