/** Values as text and back: what VARCHAR casts, writers and parsers of files use. */
import { typeName, type DataType, type IntervalValue, type TimeUnit, type Value } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { unreachable } from '../common/invariant.js'
import { civilFromDays, daysFromCivil, daysInMonth, joinTimestamp, splitTimestamp } from './calendar.js'
import { checkPrecision, rescale } from './decimal-value.js'
import { parseInterval } from './interval-text.js'
import { integerBounds } from './types.js'

const NANOS_PER_SECOND = 1_000_000_000n

/**
 * Text of a value of `type`: decimals with all digits of their scale, floats as the shortest text that reads back, ISO
 * 8601 dates and timestamps, bytes as hexadecimal, lists as `[1, 2, NULL]`. NULL is `NULL`. Other nested types throw
 * NOT_SUPPORTED.
 */
export function valueText(value: Value, type: DataType): string {
  if (value === null) return 'NULL'
  switch (type.kind) {
    case 'null':
      return 'NULL'
    case 'boolean':
      return value === true ? 'true' : 'false'
    case 'int':
      return String(value)
    case 'float':
      return floatText(value as number, type.bits)
    case 'decimal':
      return decimalText(value as bigint, type.scale)
    case 'utf8':
      return value as string
    case 'binary':
      return Buffer.from(value as Uint8Array).toString('hex')
    case 'date':
      return dateText(value as number)
    case 'timestamp':
      return timestampText(value as bigint, type.unit, type.timeZone !== undefined)
    case 'interval':
      return intervalText(value as IntervalValue)
    case 'list':
      return `[${(value as readonly Value[]).map(item => valueText(item, type.element.type)).join(', ')}]`
    case 'struct':
    case 'map':
      throw fail('NOT_SUPPORTED', [`text of ${typeName(type)}`])
    default:
      return unreachable(type)
  }
}

/** `-12.30` for -1230 at scale 2. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString()
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** Shortest text that reads back as the same float; whole numbers end in `.0`. */
export function floatText(value: number, bits: 32 | 64): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Object.is(value, -0)) return '-0.0'
  const text = bits === 64 ? String(value) : shortestFloat32(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

function shortestFloat32(value: number): string {
  // 9 significant digits always identify a float32; 6 always survive a round trip.
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)))
    if (Math.fround(Number(text)) === value) return text
  }
  return String(Number(value.toPrecision(9)))
}

const pad = (value: number | bigint, width: number): string => String(value).padStart(width, '0')

/** `2024-02-29`; years before 0 have a minus sign. */
export function dateText(days: number): string {
  const { year, month, day } = civilFromDays(days)
  return `${year < 0 ? '-' : ''}${pad(Math.abs(year), 4)}-${pad(month, 2)}-${pad(day, 2)}`
}

/** `2024-02-29T12:00:00.123`, with `Z` when `utc`; fractions in groups of three digits. */
export function timestampText(ticks: bigint, unit: TimeUnit, utc: boolean): string {
  const { days, nanos } = splitTimestamp(ticks, unit)
  const seconds = Number(nanos / NANOS_PER_SECOND)
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map(part => pad(part, 2))
    .join(':')
  const fraction = pad(nanos % NANOS_PER_SECOND, 9).replace(/(?:000){1,3}$/, '')
  return `${dateText(days)}T${time}${fraction === '' ? '' : `.${fraction}`}${utc ? 'Z' : ''}`
}

/** `1 mons 2 days 3 hours 4 mins 5.6 secs` without the parts that are zero. */
export function intervalText(value: IntervalValue): string {
  const parts: string[] = []
  if (value.months !== 0) parts.push(`${value.months} mons`)
  if (value.days !== 0) parts.push(`${value.days} days`)
  const hours = value.nanos / (3600n * NANOS_PER_SECOND)
  const minutes = (value.nanos / (60n * NANOS_PER_SECOND)) % 60n
  const rest = value.nanos % (60n * NANOS_PER_SECOND)
  if (hours !== 0n) parts.push(`${hours} hours`)
  if (minutes !== 0n) parts.push(`${minutes} mins`)
  if (rest !== 0n || parts.length === 0) parts.push(`${decimalText(rest, 9).replace(/\.?0+$/, '') || '0'} secs`)
  return parts.join(' ')
}

/** Reads text as a value of `type`; the inverse of valueText. Throws INVALID_CAST or NUMERIC_OVERFLOW. */
export function parseValue(text: string, type: DataType): Value {
  const value = tryParse(text, type)
  if (value === undefined) throw fail('INVALID_CAST', ['VARCHAR', typeName(type), text])
  return value
}

function tryParse(text: string, type: DataType): Value | undefined {
  switch (type.kind) {
    case 'null':
      return null
    case 'boolean':
      return parseBoolean(text)
    case 'int':
      return parseInteger(text, type)
    case 'float':
      return parseFloatText(text, type.bits)
    case 'decimal':
      return parseDecimalText(text, type)
    case 'utf8':
      return text
    case 'binary':
      return new Uint8Array(Buffer.from(text))
    case 'date':
      return parseDate(text)
    case 'timestamp':
      return parseTimestamp(text, type.unit)
    case 'interval':
      return parseInterval(text)
    case 'list':
    case 'struct':
    case 'map':
      throw fail('NOT_SUPPORTED', [`text to ${typeName(type)}`])
    default:
      return unreachable(type)
  }
}

function parseBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  if (['true', 't', 'yes', 'y', 'on', '1'].includes(word)) return true
  if (['false', 'f', 'no', 'n', 'off', '0'].includes(word)) return false
  return undefined
}

function parseInteger(text: string, type: DataType & { kind: 'int' }): Value | undefined {
  const trimmed = text.trim()
  if (!/^[+-]?\d+$/.test(trimmed)) return undefined
  const value = BigInt(trimmed.replace(/^\+/, ''))
  const { min, max } = integerBounds(type)
  if (value < min || value > max) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
  return type.bits === 64 ? value : Number(value)
}

function parseFloatText(text: string, bits: 32 | 64): number | undefined {
  const trimmed = text.trim()
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed)
  if (word) return word[2].toLowerCase() === 'nan' ? NaN : word[1] === '-' ? -Infinity : Infinity
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(trimmed)) return undefined
  return bits === 32 ? Math.fround(Number(trimmed)) : Number(trimmed)
}

function parseDecimalText(text: string, type: DataType & { kind: 'decimal' }): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,4}))?$/i.exec(text.trim())
  if (!match) return undefined
  const [, sign, whole, fraction = '', exponent = '0'] = match
  if (whole === '' && fraction === '') return undefined
  const digits = BigInt(`${whole}${fraction}`)
  const scale = fraction.length - Number(exponent)
  const unscaled = scale >= 0 ? rescale(digits, scale, type.scale) : digits * 10n ** BigInt(type.scale - scale)
  return checkPrecision(sign === '-' ? -unscaled : unscaled, type)
}

const DATE_PATTERN = '([+-]?\\d{4,6})-(\\d{1,2})-(\\d{1,2})'
const DATE_ONLY = new RegExp(`^\\s*${DATE_PATTERN}\\s*$`)
const TIME_PATTERN = '(\\d{1,2}):(\\d{2})(?::(\\d{2})(?:\\.(\\d{1,9}))?)?'
const DATE_TIME = new RegExp(`^\\s*${DATE_PATTERN}(?:[T ]${TIME_PATTERN}\\s*(Z|[+-]\\d{2}(?::?\\d{2})?)?)?\\s*$`, 'i')

function parseDate(text: string): number | undefined {
  const match = DATE_ONLY.exec(text) ?? DATE_TIME.exec(text)
  return match ? daysOf(match) : undefined
}

function daysOf(match: RegExpExecArray): number | undefined {
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  return daysFromCivil(year, month, day)
}

function parseTimestamp(text: string, unit: TimeUnit): bigint | undefined {
  const match = DATE_TIME.exec(text)
  const days = match ? daysOf(match) : undefined
  if (match === null || days === undefined) return undefined
  const [hour, minute, second] = [match[4], match[5], match[6]].map(part => Number(part ?? 0))
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const seconds = BigInt(hour * 3600 + minute * 60 + second - zoneSeconds(match[8]))
  return joinTimestamp(days, seconds * NANOS_PER_SECOND + BigInt((match[7] ?? '').padEnd(9, '0')), unit)
}

/** Seconds east of UTC of `Z`, `+05`, `+0530` or `+05:30`. */
function zoneSeconds(zone: string | undefined): number {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0')
  return (zone[0] === '-' ? -1 : 1) * (Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2)) * 60)
}
