/** Dates and timestamps by strftime formats, in both directions. */
import type { TimeUnit } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { civilFromDays, dayOfWeek, daysFromCivil, daysInMonth, isoWeek, joinTimestamp } from './calendar.js'

export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
export const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

const NANOS_PER_SECOND = 1_000_000_000n

/** A day and the nanoseconds since its midnight. */
export interface Moment {
  readonly days: number
  readonly nanos: bigint
}

const pad = (value: number | bigint, width: number, fill = '0'): string => String(value).padStart(width, fill)

const dayOfYear = (days: number): number => days - daysFromCivil(civilFromDays(days).year, 1, 1) + 1
const hour = ({ nanos }: Moment): number => Number(nanos / (3600n * NANOS_PER_SECOND))
const hour12 = (moment: Moment): number => hour(moment) % 12 || 12
const fraction = ({ nanos }: Moment, digits: number): string => pad(nanos % NANOS_PER_SECOND, 9).slice(0, digits)

/** What each specifier writes. */
const WRITERS: Readonly<Record<string, (moment: Moment) => string>> = {
  Y: ({ days }) => pad(civilFromDays(days).year, 4),
  C: ({ days }) => pad(Math.floor(civilFromDays(days).year / 100), 2),
  y: ({ days }) => pad(((civilFromDays(days).year % 100) + 100) % 100, 2),
  m: ({ days }) => pad(civilFromDays(days).month, 2),
  b: ({ days }) => MONTHS[civilFromDays(days).month - 1].slice(0, 3),
  B: ({ days }) => MONTHS[civilFromDays(days).month - 1],
  d: ({ days }) => pad(civilFromDays(days).day, 2),
  e: ({ days }) => pad(civilFromDays(days).day, 2, ' '),
  a: ({ days }) => WEEKDAYS[dayOfWeek(days)].slice(0, 3),
  A: ({ days }) => WEEKDAYS[dayOfWeek(days)],
  w: ({ days }) => String(dayOfWeek(days)),
  u: ({ days }) => String(dayOfWeek(days) || 7),
  j: ({ days }) => pad(dayOfYear(days), 3),
  U: ({ days }) => pad(Math.floor((dayOfYear(days) + 6 - dayOfWeek(days)) / 7), 2),
  W: ({ days }) => pad(Math.floor((dayOfYear(days) + 6 - ((dayOfWeek(days) + 6) % 7)) / 7), 2),
  G: ({ days }) => pad(isoWeek(days).year, 4),
  V: ({ days }) => pad(isoWeek(days).week, 2),
  H: moment => pad(hour(moment), 2),
  k: moment => pad(hour(moment), 2, ' '),
  I: moment => pad(hour12(moment), 2),
  l: moment => pad(hour12(moment), 2, ' '),
  M: ({ nanos }) => pad((nanos / (60n * NANOS_PER_SECOND)) % 60n, 2),
  S: ({ nanos }) => pad((nanos / NANOS_PER_SECOND) % 60n, 2),
  p: moment => (hour(moment) < 12 ? 'AM' : 'PM'),
  P: moment => (hour(moment) < 12 ? 'am' : 'pm'),
  f: moment => fraction(moment, 9),
  L: moment => fraction(moment, 3),
  '3f': moment => fraction(moment, 3),
  '6f': moment => fraction(moment, 6),
  '9f': moment => fraction(moment, 9),
  '.3f': moment => `.${fraction(moment, 3)}`,
  '.6f': moment => `.${fraction(moment, 6)}`,
  '.9f': moment => `.${fraction(moment, 9)}`,
  s: ({ days, nanos }) => String(BigInt(days) * 86_400n + nanos / NANOS_PER_SECOND),
  z: () => '+0000',
  Z: () => 'UTC',
  n: () => '\n',
  t: () => '\t',
  '%': () => '%',
}

/** Specifiers that stand for others. */
const COMPOUND: Readonly<Record<string, string>> = {
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  R: '%H:%M',
  T: '%H:%M:%S',
  X: '%H:%M:%S',
  c: '%a %b %e %H:%M:%S %Y',
  h: '%b',
  r: '%I:%M:%S %p',
  x: '%m/%d/%y',
}

const SPECIFIER = /%(\.?[369]f|-?[A-Za-z%])/

/** Literal text and specifiers, compounds taken apart; throws INVALID_ARGUMENT for an unknown specifier. */
function parseFormat(format: string): readonly (string | { readonly specifier: string; readonly isBare: boolean })[] {
  const parts = format.replace(/%([DFRTXchrx])/g, (_, name: string) => COMPOUND[name]).split(SPECIFIER)
  return parts.map((part, i) => {
    if (i % 2 === 0) {
      if (part.includes('%')) throw fail('INVALID_ARGUMENT', [`the date format '${format}' ends in %`])
      return part
    }
    const isBare = part.startsWith('-')
    const specifier = isBare ? part.slice(1) : part
    if (WRITERS[specifier] === undefined)
      throw fail('INVALID_ARGUMENT', [`unknown specifier %${part} in the date format '${format}'`])
    return { specifier, isBare }
  })
}

/** A moment as text; `%-d` writes no leading zeros. Throws INVALID_ARGUMENT for an unknown specifier. */
export const formatMoment = (moment: Moment, format: string): string =>
  parseFormat(format)
    .map(part => {
      if (typeof part === 'string') return part
      const text = WRITERS[part.specifier](moment)
      return part.isBare ? text.replace(/^[0 ]+(?=.)/, '') : text
    })
    .join('')

/** What a text said about a moment. */
interface Fields {
  year: number
  month: number
  day: number
  dayOfYear: number | undefined
  hour: number
  isPm: boolean | undefined
  minute: number
  second: number
  nanos: bigint
  epoch: bigint | undefined
  /** East of UTC. */
  zoneSeconds: number
}

interface Reader {
  /** Sticky: matches where it is told to. Nothing is tried twice, so that no format takes long. */
  readonly pattern: RegExp
  readonly read: (fields: Fields, text: string) => void
}

const nameIndex = (names: readonly string[], text: string): number =>
  names.findIndex(name => name.slice(0, 3).toLowerCase() === text.slice(0, 3).toLowerCase())

const namePattern = (names: readonly string[]): string => [...names, ...names.map(name => name.slice(0, 3))].join('|')

const sticky = (pattern: string): RegExp => new RegExp(pattern, 'iy')

const nanosOf = (digits: string): bigint => BigInt(digits.slice(0, 9).padEnd(9, '0'))

const number = (digits: string, read: (fields: Fields, value: number) => void): Reader => ({
  pattern: sticky(digits),
  read: (fields, text) => read(fields, Number(text)),
})

const skipped = (pattern: string): Reader => ({ pattern: sticky(pattern), read: () => undefined })

/** What each specifier reads. */
const READERS: Readonly<Record<string, Reader>> = {
  Y: number('[+-]?\\d{4}', (fields, value) => (fields.year = value)),
  y: number('\\d{2}', (fields, value) => (fields.year = value < 70 ? 2000 + value : 1900 + value)),
  m: number('\\d{1,2}', (fields, value) => (fields.month = value)),
  b: { pattern: sticky(namePattern(MONTHS)), read: (fields, text) => (fields.month = nameIndex(MONTHS, text) + 1) },
  B: { pattern: sticky(namePattern(MONTHS)), read: (fields, text) => (fields.month = nameIndex(MONTHS, text) + 1) },
  d: number('\\d{1,2}', (fields, value) => (fields.day = value)),
  e: number(' ?\\d{1,2}', (fields, value) => (fields.day = value)),
  a: skipped(namePattern(WEEKDAYS)),
  A: skipped(namePattern(WEEKDAYS)),
  j: number('\\d{1,3}', (fields, value) => (fields.dayOfYear = value)),
  H: number('\\d{1,2}', (fields, value) => (fields.hour = value)),
  k: number(' ?\\d{1,2}', (fields, value) => (fields.hour = value)),
  I: number('\\d{1,2}', (fields, value) => (fields.hour = value)),
  l: number(' ?\\d{1,2}', (fields, value) => (fields.hour = value)),
  p: { pattern: sticky('[AaPp][Mm]'), read: (fields, text) => (fields.isPm = text[0].toLowerCase() === 'p') },
  P: { pattern: sticky('[AaPp][Mm]'), read: (fields, text) => (fields.isPm = text[0].toLowerCase() === 'p') },
  M: number('\\d{1,2}', (fields, value) => (fields.minute = value)),
  S: number('\\d{1,2}', (fields, value) => (fields.second = value)),
  f: { pattern: sticky('\\d{1,9}'), read: (fields, text) => (fields.nanos = nanosOf(text)) },
  L: { pattern: sticky('\\d{3}'), read: (fields, text) => (fields.nanos = nanosOf(text)) },
  '3f': { pattern: sticky('\\d{3}'), read: (fields, text) => (fields.nanos = nanosOf(text)) },
  '6f': { pattern: sticky('\\d{6}'), read: (fields, text) => (fields.nanos = nanosOf(text)) },
  '9f': { pattern: sticky('\\d{9}'), read: (fields, text) => (fields.nanos = nanosOf(text)) },
  '.3f': { pattern: sticky('\\.\\d{3}'), read: (fields, text) => (fields.nanos = nanosOf(text.slice(1))) },
  '.6f': { pattern: sticky('\\.\\d{6}'), read: (fields, text) => (fields.nanos = nanosOf(text.slice(1))) },
  '.9f': { pattern: sticky('\\.\\d{9}'), read: (fields, text) => (fields.nanos = nanosOf(text.slice(1))) },
  s: { pattern: sticky('[+-]?\\d{1,18}'), read: (fields, text) => (fields.epoch = BigInt(text)) },
  z: {
    pattern: sticky('Z|[+-]\\d{2}:?\\d{2}'),
    read(fields, text) {
      const digits = text.replace(':', '')
      const seconds = Number(digits.slice(1, 3)) * 3600 + Number(digits.slice(3, 5)) * 60
      fields.zoneSeconds = text === 'Z' ? 0 : text[0] === '-' ? -seconds : seconds
    },
  },
  n: skipped('\\s*'),
  t: skipped('\\s*'),
  '%': skipped('%'),
}

/** A text in a format as ticks since 1970 (UTC unless it names a zone); undefined if it does not match or does not exist. */
export function parseMoment(text: string, format: string, unit: TimeUnit): bigint | undefined {
  const fields: Fields = {
    year: 1970,
    month: 1,
    day: 1,
    dayOfYear: undefined,
    hour: 0,
    isPm: undefined,
    minute: 0,
    second: 0,
    nanos: 0n,
    epoch: undefined,
    zoneSeconds: 0,
  }
  const trimmed = text.trim()
  let at = 0
  for (const part of parseFormat(format)) {
    if (typeof part === 'string') {
      if (!trimmed.startsWith(part, at)) return undefined
      at += part.length
      continue
    }
    const reader = READERS[part.specifier]
    if (reader === undefined)
      throw fail('INVALID_ARGUMENT', [`%${part.specifier} in '${format}' can be written but not read`])
    reader.pattern.lastIndex = at
    const [found] = reader.pattern.exec(trimmed) ?? []
    if (found === undefined) return undefined
    reader.read(fields, found)
    at += found.length
  }
  return at === trimmed.length ? ticksOf(fields, unit) : undefined
}

function ticksOf(fields: Fields, unit: TimeUnit): bigint | undefined {
  const { minute, second, nanos, zoneSeconds, epoch } = fields
  if (epoch !== undefined) return joinTimestamp(0, epoch * NANOS_PER_SECOND + nanos, unit)
  const days = daysOf(fields)
  const hour = hourOf(fields)
  if (days === undefined || hour === undefined || minute > 59 || second > 59) return undefined
  const seconds = BigInt(hour * 3600 + minute * 60 + second - zoneSeconds)
  return joinTimestamp(days, seconds * NANOS_PER_SECOND + nanos, unit)
}

function daysOf({ year, month, day, dayOfYear: ordinal }: Fields): number | undefined {
  if (ordinal !== undefined) {
    const isThere = ordinal >= 1 && ordinal <= 365 + (daysInMonth(year, 2) - 28)
    return isThere ? daysFromCivil(year, 1, 1) + ordinal - 1 : undefined
  }
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  return daysFromCivil(year, month, day)
}

function hourOf({ hour, isPm }: Fields): number | undefined {
  if (isPm === undefined) return hour <= 23 ? hour : undefined
  if (hour < 1 || hour > 12) return undefined
  return (hour % 12) + (isPm ? 12 : 0)
}
