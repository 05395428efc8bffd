/** Dates and times in a format of the user's (`%d/%m/%Y`), as strptime and DuckDB name its parts. */
import { BallistaError, fail } from '../../common/errors.js'
import { daysFromCivil, daysInMonth, joinTimestamp } from '../../expr/calendar.js'
import { parseValue } from '../../expr/value-text.js'
import { typeName, type DataType, type Value } from '../../arrow/types.js'
import type { CsvDialect } from './dialect.js'

/** A point in time: days since 1970-01-01 and nanoseconds of that day. */
export interface FormattedTime {
  readonly days: number
  readonly nanos: bigint
}

/** What a text of the format stands for; undefined if it is none. */
export type DateFormat = (text: string) => FormattedTime | undefined

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** The text of a part as a regular expression. */
const PARTS: Readonly<Record<string, string>> = {
  Y: '\\d{4}',
  y: '\\d{2}',
  m: '\\d{1,2}',
  d: '\\d{1,2}',
  e: '\\d{1,2}',
  b: '[a-z]{3}',
  B: '[a-z]{3,9}',
  H: '\\d{1,2}',
  I: '\\d{1,2}',
  p: '[ap]m',
  M: '\\d{2}',
  S: '\\d{2}',
  f: '\\d{1,9}',
}

/** Parts that stand for several. */
const SHORTHANDS: Readonly<Record<string, string>> = { F: '%Y-%m-%d', T: '%H:%M:%S', R: '%H:%M' }

/** `%Y %y %m %d %e %b %B %H %I %p %M %S %f`, `%F`, `%T` and `%R`; `%%` is a percent sign. Throws INVALID_OPTION. */
export function dateFormat(format: string, option: string): DateFormat {
  const expanded = format.replace(/%([FTR])/g, (_, part: string) => SHORTHANDS[part])
  const names: string[] = []
  const source = expanded.replace(/%(.?)|[^%]/gsu, (token, part: string | undefined) => {
    if (part === undefined || part === '%') return (part ?? token).replace(/[^\w\s]/g, '\\$&')
    const pattern = PARTS[part]
    if (pattern === undefined)
      throw fail('INVALID_OPTION', [option, `'%${part}' is no part of a date (known: ${KNOWN})`])
    names.push(part)
    return `(${pattern})`
  })
  const expression = new RegExp(`^\\s*${source}\\s*$`, 'i')
  return text => {
    const found = expression.exec(text)
    return found === null ? undefined : timeOf(new Map(names.map((name, i) => [name, found[i + 1]])))
  }
}

const KNOWN = [...Object.keys(PARTS), ...Object.keys(SHORTHANDS)].map(part => `%${part}`).join(' ')

function timeOf(parts: ReadonlyMap<string, string>): FormattedTime | undefined {
  const number = (name: string, missing: number): number => Number(parts.get(name) ?? missing)
  const word = (parts.get('b') ?? parts.get('B'))?.slice(0, 3).toLowerCase()
  const month = word === undefined ? number('m', 1) : MONTHS.indexOf(word) + 1
  const day = number('d', number('e', 1))
  const short = number('y', 70)
  // As POSIX: 69 to 99 are of the last century.
  const year = number('Y', short + (short < 69 ? 2000 : 1900))
  const hour = parts.has('I') ? hourOf(number('I', 12), parts.get('p')) : number('H', 0)
  const [minute, second] = [number('M', 0), number('S', 0)]
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  if (hour === undefined || hour > 23 || minute > 59 || second > 59) return undefined
  const fraction = BigInt((parts.get('f') ?? '').padEnd(9, '0'))
  return {
    days: daysFromCivil(year, month, day),
    nanos: BigInt(hour * 3600 + minute * 60 + second) * 10n ** 9n + fraction,
  }
}

function hourOf(hour: number, half: string | undefined): number | undefined {
  if (hour < 1 || hour > 12) return undefined
  return (hour % 12) + (half?.toLowerCase() === 'pm' ? 12 : 0)
}

/** The format that the dialect has for values of the type; undefined for its usual text. */
export function formatOf(type: DataType, { dateFormat: date, timestampFormat }: CsvDialect): DateFormat | undefined {
  if (type.kind === 'date') return date
  return type.kind === 'timestamp' ? timestampFormat : undefined
}

/** A cell's text as a value of the type. Throws INVALID_CAST, NUMERIC_OVERFLOW. */
export function parseCell(text: string, type: DataType, dialect: CsvDialect): Value {
  const format = formatOf(type, dialect)
  if (format === undefined) return parseValue(text, type)
  const time = format(text)
  if (time === undefined) throw fail('INVALID_CAST', ['VARCHAR', typeName(type), text])
  return type.kind === 'timestamp' ? joinTimestamp(time.days, time.nanos, type.unit) : time.days
}

/** Whether a text is a value of the type. */
export function isCell(text: string, type: DataType, dialect: CsvDialect): boolean {
  try {
    parseCell(text, type, dialect)
    return true
  } catch (error) {
    if (error instanceof BallistaError) return false
    throw error
  }
}
