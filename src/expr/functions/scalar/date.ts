/**
 * Functions of dates and timestamps. now() and current_date are replaced by the statement's time before anything runs.
 */
import { DATE, FLOAT64, INT32, INT64, UTF8, timestamp, type DataType, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import {
  addMonths,
  civilFromDays,
  dayOfWeek,
  daysFromCivil,
  daysInMonth,
  splitTimestamp,
  timestampOfDate,
  convertUnit,
  checkDate,
  checkTimestamp,
} from '../../calendar.js'
import { dateField, datePart, dateTrunc } from '../../date-fields.js'
import { MONTHS, WEEKDAYS } from '../../date-format.js'
import { isTemporal } from '../../types.js'
import { parseValue } from '../../value-text.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { badArguments, defineScalar, fixed, type Coerce } from '../signature.js'
import { parsedDate, parsedTimestamp } from './date-format.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

const NANOS: DataType = timestamp('ns')

/** Leading arguments of fixed types, then one date or timestamp (text counts as a timestamp). */
const temporalLast =
  (name: string, before: readonly DataType[], also: readonly DataType['kind'][] = []): Coerce =>
  args => {
    const last = args.at(-1)
    const takes = [...before.map(() => 'VARCHAR'), 'DATE or TIMESTAMP'].join(', ')
    if (args.length !== before.length + 1 || last === undefined) return badArguments(name, takes, args)
    if (!before.every((type, i) => args[i].kind === type.kind || args[i].kind === 'null'))
      return badArguments(name, takes, args)
    if (isTemporal(last) || also.includes(last.kind)) return [...before, last]
    if (last.kind === 'utf8' || last.kind === 'null') return [...before, NANOS]
    return badArguments(name, takes, args)
  }

/** The field must be known when the statement is planned, because the result type depends on it. */
function partType(field: Value | undefined): DataType {
  if (field === undefined) throw fail('FUNCTION_ARGUMENTS', ['the field of date_part must be a literal'])
  const name = field === null ? 'year' : dateField(field as string)
  return name === 'epoch' ? FLOAT64 : name === 'nanosecond' ? INT64 : INT32
}

const toResult = (value: number | bigint, type: DataType): Value =>
  type.kind === 'int' && type.bits === 64 ? BigInt(value) : Number(value)

const date_part = defineScalar({
  name: 'date_part',
  aliases: ['datepart'],
  description: 'A field of a date, timestamp or interval, as EXTRACT(field FROM value). Epoch is DOUBLE seconds.',
  examples: [
    ex("date_part('year', DATE '1998-12-01')", '1998'),
    ex("date_part('dow', DATE '2024-02-29')", '4'),
    ex("date_part('epoch', TIMESTAMP '1970-01-01 00:00:01.5')", '1.5'),
    ex("date_part('year', NULL)", 'NULL'),
  ],
  coerce: temporalLast('date_part', [UTF8], ['interval']),
  returns: (_, constants) => partType(constants?.[0]),
  evaluate: ([field, value], [, type], returns) => toResult(datePart(dateField(field as string), value, type), returns),
})

/** `year(x)` and its likes. */
const partFunction = (name: string, field: string, result: string, aliases: readonly string[] = []): ScalarFunction =>
  defineScalar({
    name,
    aliases,
    description: `The ${field} of a date or timestamp, as date_part('${field}', value).`,
    examples: [ex(`${name}(TIMESTAMP '2024-02-29 13:14:15')`, result), ex(`${name}(NULL)`, 'NULL')],
    coerce: temporalLast(name, []),
    returns: () => INT32,
    evaluate: ([value], [type]) => Number(datePart(field, value, type)),
  })

const date_trunc = defineScalar({
  name: 'date_trunc',
  aliases: ['datetrunc'],
  description:
    'The beginning of the year, quarter, month, week, day, hour, minute, second … that holds a date or timestamp.',
  examples: [
    ex("date_trunc('month', DATE '2024-02-29')", '2024-02-01'),
    ex("date_trunc('hour', TIMESTAMP '2024-02-29 13:14:15')", '2024-02-29T13:00:00'),
    ex("date_trunc('month', NULL)", 'NULL'),
  ],
  coerce: temporalLast('date_trunc', [UTF8]),
  returns: ([, type]) => type,
  evaluate: ([unit, value], [, type]) => dateTrunc(dateField(unit as string), value, type),
})

/** A function that the binder replaces by a literal of the statement's time. */
const statementTime = (name: string, aliases: readonly string[], type: DataType, description: string): ScalarFunction =>
  defineScalar({
    name,
    aliases,
    description,
    examples: [ex(`${name}() IS NOT NULL`, 'true'), ex(`nullif(${name}(), ${name}())`, 'NULL')],
    volatility: 'stable',
    coerce: fixed(name, []),
    returns: () => type,
    evaluate: () => {
      throw fail('NOT_SUPPORTED', [`${name}() outside of a statement`])
    },
  })

const make_date = defineScalar({
  name: 'make_date',
  description: 'The date of a year, month and day.',
  examples: [ex('make_date(2024, 2, 29)', '2024-02-29'), ex('make_date(2024, NULL, 1)', 'NULL')],
  coerce: fixed('make_date', [INT32, INT32, INT32]),
  returns: () => DATE,
  evaluate: args => {
    const [year, month, day] = args.map(Number)
    const exists = Math.abs(year) <= 999_999 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
    if (!exists) throw fail('INVALID_ARGUMENT', [`make_date: there is no date ${year}-${month}-${day}`])
    return daysFromCivil(year, month, day)
  },
})

const to_date = defineScalar({
  name: 'to_date',
  description:
    'The date of a text (YYYY-MM-DD, or by the first of the strftime formats that fits), or the day of a timestamp.',
  examples: [
    ex("to_date('2024-02-29')", '2024-02-29'),
    ex("to_date('29/02/2024', '%d/%m/%Y')", '2024-02-29'),
    ex('to_date(NULL)', 'NULL'),
  ],
  coerce: args => (areTexts(args) ? args.map(() => UTF8) : temporalLast('to_date', [])(args)),
  returns: () => DATE,
  evaluate: ([value, ...formats], [type]) => {
    if (formats.length > 0) return parsedDate(value, formats)
    if (type.kind === 'utf8') return parseValue(value as string, DATE)
    return type.kind === 'timestamp' ? checkDate(splitTimestamp(value as bigint, type.unit).days) : value
  },
})

const areTexts = (args: readonly DataType[]): boolean =>
  args.length > 0 && args.every(type => type.kind === 'utf8' || type.kind === 'null')

/** Seconds (or text, or a date) as a timestamp. */
const to_timestamp = defineScalar({
  name: 'to_timestamp',
  description:
    'A text (ISO 8601, or by the first of the strftime formats that fits), a date or a number of seconds since 1970 as TIMESTAMP.',
  examples: [
    ex("to_timestamp('2024-02-29T12:00:00')", '2024-02-29T12:00:00'),
    ex('to_timestamp(86400)', '1970-01-02T00:00:00'),
    ex("to_timestamp('29.02.24 08:30', '%d.%m.%y %H:%M')", '2024-02-29T08:30:00'),
    ex('to_timestamp(NULL)', 'NULL'),
  ],
  coerce: args => {
    const [first] = args
    if (args.length === 1 && first.kind === 'int') return [INT64]
    if (args.length === 1 && (first.kind === 'float' || first.kind === 'decimal')) return [FLOAT64]
    if (areTexts(args)) return args.map(() => UTF8)
    return temporalLast('to_timestamp', [])(args)
  },
  returns: () => NANOS,
  evaluate: ([value, ...formats], [type]) => {
    if (formats.length > 0) return parsedTimestamp(value, formats)
    if (type.kind === 'float') return nanosOfSeconds(value as number)
    if (type.kind === 'utf8') return parseValue(value as string, NANOS)
    if (type.kind === 'int') return checkTimestamp((value as bigint) * 1_000_000_000n)
    return type.kind === 'timestamp'
      ? convertUnit(value as bigint, type.unit, 'ns')
      : timestampOfDate(value as number, 'ns')
  },
})

/** To the microsecond, which is what a DOUBLE of seconds holds in this century. */
function nanosOfSeconds(seconds: number): bigint {
  if (!Number.isFinite(seconds)) throw fail('NUMERIC_OVERFLOW', ['TIMESTAMP'])
  return checkTimestamp(BigInt(Math.round(seconds * 1e6)) * 1000n)
}

const ticks = (
  name: string,
  unit: 's' | 'ms' | 'us' | 'ns',
  word: string,
  result: string,
  aliases: readonly string[] = [],
): ScalarFunction =>
  defineScalar({
    name,
    aliases,
    description: `A number of ${word} since 1970-01-01T00:00 as TIMESTAMP.`,
    examples: [ex(`${name}(1500)`, result), ex(`${name}(NULL)`, 'NULL')],
    coerce: fixed(name, [INT64]),
    returns: () => timestamp(unit),
    evaluate: ([value]) => value,
  })

const to_unixtime = defineScalar({
  name: 'to_unixtime',
  description: 'Whole seconds since 1970-01-01T00:00.',
  examples: [ex("to_unixtime(TIMESTAMP '1970-01-02 00:00:00')", '86400'), ex('to_unixtime(NULL)', 'NULL')],
  coerce: temporalLast('to_unixtime', []),
  returns: () => INT64,
  evaluate: ([value], [type]) =>
    type.kind === 'timestamp' ? convertUnit(value as bigint, type.unit, 's') : timestampOfDate(value as number, 's'),
})

const last_day = defineScalar({
  name: 'last_day',
  description: 'The last day of the month.',
  examples: [ex("last_day(DATE '2024-02-10')", '2024-02-29'), ex('last_day(NULL)', 'NULL')],
  coerce: fixed('last_day', [DATE]),
  returns: () => DATE,
  evaluate: ([value]) => {
    const { year, month } = civilFromDays(addMonths(value as number, 0))
    return daysFromCivil(year, month, daysInMonth(year, month))
  },
})

const named = (name: string, description: string, result: string, text: (days: number) => string): ScalarFunction =>
  defineScalar({
    name,
    description,
    examples: [ex(`${name}(DATE '2024-02-29')`, result), ex(`${name}(NULL)`, 'NULL')],
    coerce: temporalLast(name, []),
    returns: () => UTF8,
    evaluate: ([value], [type]) =>
      text(type.kind === 'timestamp' ? splitTimestamp(value as bigint, type.unit).days : (value as number)),
  })

export const DATE_TIME: readonly ScalarFunction[] = [
  statementTime('current_date', ['today'], DATE, 'The date of the statement in UTC.'),
  date_part,
  date_trunc,
  partFunction('day', 'day', '29', ['dayofmonth']),
  named('dayname', 'The English name of the weekday.', 'Thursday', days => WEEKDAYS[dayOfWeek(days)]),
  partFunction('century', 'century', '21'),
  partFunction('dayofweek', 'dow', '4', ['weekday']),
  partFunction('dayofyear', 'doy', '60'),
  partFunction('decade', 'decade', '202'),
  partFunction('hour', 'hour', '13'),
  partFunction('isodow', 'isodow', '4'),
  partFunction('isoyear', 'isoyear', '2024'),
  last_day,
  make_date,
  partFunction('microsecond', 'microsecond', '15000000'),
  partFunction('millennium', 'millennium', '3'),
  partFunction('millisecond', 'millisecond', '15000'),
  partFunction('minute', 'minute', '14'),
  partFunction('month', 'month', '2'),
  named('monthname', 'The English name of the month.', 'February', days => MONTHS[civilFromDays(days).month - 1]),
  statementTime('now', ['current_timestamp'], timestamp('ns', 'UTC'), 'The time at which the statement started.'),
  partFunction('quarter', 'quarter', '1'),
  partFunction('second', 'second', '15'),
  to_date,
  to_timestamp,
  ticks('to_timestamp_micros', 'us', 'microseconds', '1970-01-01T00:00:00.001500'),
  ticks('to_timestamp_millis', 'ms', 'milliseconds', '1970-01-01T00:00:01.500'),
  ticks('to_timestamp_nanos', 'ns', 'nanoseconds', '1970-01-01T00:00:00.000001500'),
  ticks('to_timestamp_seconds', 's', 'seconds', '1970-01-01T00:25:00', ['from_unixtime']),
  to_unixtime,
  partFunction('week', 'week', '9', ['weekofyear']),
  partFunction('year', 'year', '2024'),
]
