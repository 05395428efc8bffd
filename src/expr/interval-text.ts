/** Reads interval texts: `1 year 2 months`, `3 days 4:05:06.7`, `90` with a unit. */
import type { IntervalValue } from '../arrow/types.js'
import { pow10 } from './decimal-value.js'

type Part = 'months' | 'days' | 'nanos'

const SECOND = 1_000_000_000n

/** How many months, days or nanoseconds one unit is. */
const UNITS: Readonly<Record<string, readonly [Part, bigint]>> = {
  millennium: ['months', 12_000n],
  century: ['months', 1200n],
  decade: ['months', 120n],
  year: ['months', 12n],
  quarter: ['months', 3n],
  month: ['months', 1n],
  mon: ['months', 1n],
  week: ['days', 7n],
  day: ['days', 1n],
  hour: ['nanos', 3600n * SECOND],
  minute: ['nanos', 60n * SECOND],
  min: ['nanos', 60n * SECOND],
  second: ['nanos', SECOND],
  sec: ['nanos', SECOND],
  millisecond: ['nanos', 1_000_000n],
  microsecond: ['nanos', 1000n],
  nanosecond: ['nanos', 1n],
}

const SHORT: Readonly<Record<string, string>> = {
  y: 'year',
  yr: 'year',
  w: 'week',
  d: 'day',
  h: 'hour',
  hr: 'hour',
  m: 'minute',
  s: 'second',
  ms: 'millisecond',
  us: 'microsecond',
  ns: 'nanosecond',
  centuries: 'century',
  millennia: 'millennium',
  msec: 'millisecond',
  usec: 'microsecond',
}

/**
 * The value of an interval text. `unit` (`day`, `months`, …) is used when the text is a bare number. Fractions of a
 * unit flow into the next smaller part with months of 30 days. Undefined when the text cannot be read.
 */
export function parseInterval(text: string, unit?: string): IntervalValue | undefined {
  const total = { months: 0n, days: 0n, nanos: 0n }
  const bare = /^\s*([+-]?\d*\.?\d*)\s*$/.exec(text)
  if (bare) {
    if (!/\d/.test(bare[1]) || !add(total, bare[1], unit ?? 'second')) return undefined
    return finish(total)
  }
  let rest = text.trim().toLowerCase()
  while (rest !== '') {
    const clock = /^([+-]?)(\d+):(\d{2})(?::(\d{2}(?:\.\d*)?))?(?:\s+|$)/.exec(rest)
    const part = clock ?? /^([+-]?\s*(?:\d+\.?\d*|\.\d+))\s*([a-z]+)\s*,?\s*/.exec(rest)
    if (!part) return undefined
    const fine = clock ? addClock(total, clock) : add(total, part[1].replace(/\s/g, ''), part[2])
    if (!fine) return undefined
    rest = rest.slice(part[0].length)
  }
  return text.trim() === '' ? undefined : finish(total)
}

type Total = { months: bigint; days: bigint; nanos: bigint }

function addClock(total: Total, [, sign, hours, minutes, seconds = '0']: RegExpExecArray): boolean {
  return (
    add(total, sign + hours, 'hour') && add(total, sign + minutes, 'minute') && add(total, sign + seconds, 'second')
  )
}

function add(total: Total, number: string, unitName: string): boolean {
  const unit = unitOf(unitName.toLowerCase())
  const match = /^([+-]?)(\d*)\.?(\d*)$/.exec(number)
  if (unit === undefined || match === null) return false
  const [part, factor] = unit
  const denominator = pow10(match[3].length)
  let amount = BigInt(`${match[2]}${match[3]}` || '0') * factor * (match[1] === '-' ? -1n : 1n)
  total[part] += amount / denominator
  amount %= denominator
  if (part === 'nanos' || amount === 0n) return true
  if (part === 'months') {
    amount *= 30n
    total.days += amount / denominator
    amount %= denominator
  }
  total.nanos += (amount * 86_400n * SECOND) / denominator
  return true
}

function unitOf(name: string): readonly [Part, bigint] | undefined {
  const known = (word: string): readonly [Part, bigint] | undefined => UNITS[SHORT[word] ?? word]
  return known(name) ?? (name.endsWith('s') ? known(name.slice(0, -1)) : undefined)
}

function finish(total: Total): IntervalValue | undefined {
  const fits = BigInt.asIntN(32, total.months) === total.months && BigInt.asIntN(32, total.days) === total.days
  if (!fits || BigInt.asIntN(64, total.nanos) !== total.nanos) return undefined
  return { months: Number(total.months), days: Number(total.days), nanos: total.nanos }
}
