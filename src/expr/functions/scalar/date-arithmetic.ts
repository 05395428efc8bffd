/** Distances of dates and timestamps, steps from one to another, and their parts as numbers of seconds. */
import {
  FLOAT64,
  INT32,
  INT64,
  INTERVAL,
  UTF8,
  timestamp,
  type DataType,
  type IntervalValue,
  type Value,
} from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import {
  NANOS_PER_DAY,
  addIntervalToDate,
  addIntervalToTimestamp,
  checkDate,
  checkInterval,
  checkTimestamp,
  civilFromDays,
  convertUnit,
  daysFromCivil,
  daysInMonth,
  floorDiv,
  joinTimestamp,
  splitTimestamp,
  timestampOfDate,
} from '../../calendar.js'
import { dateField } from '../../date-fields.js'
import { unitsBetween, boundariesBetween } from '../../date-distance.js'
import { isTemporal } from '../../types.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { badArguments, defineScalar, fixed, type Coerce } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

const NANOS: DataType = timestamp('ns')

/** Text and NULL count as timestamps. */
const temporalType = (type: DataType): DataType | undefined =>
  isTemporal(type) ? type : type.kind === 'utf8' || type.kind === 'null' ? NANOS : undefined

/** A temporal value as nanoseconds since 1970. */
const nanosOf = (value: Value, type: DataType): bigint =>
  type.kind === 'timestamp' ? convertUnit(value as bigint, type.unit, 'ns') : timestampOfDate(value as number, 'ns')

/** A field's name and two moments. */
const twoMoments =
  (name: string): Coerce =>
  args => {
    const [field, ...moments] = args
    const types = moments.map(temporalType)
    if (args.length !== 3 || !['utf8', 'null'].includes(field.kind) || types.some(type => type === undefined))
      return badArguments(name, 'VARCHAR, DATE or TIMESTAMP, DATE or TIMESTAMP', args)
    return [UTF8, NANOS, NANOS]
  }

const dateDiff = defineScalar({
  name: 'date_diff',
  aliases: ['datediff'],
  description: 'How many boundaries of a unit lie between two moments: 31 December to 1 January is one year.',
  examples: [
    ex("date_diff('month', DATE '2024-01-31', DATE '2024-02-01')", '1'),
    ex("date_diff('day', DATE '2024-03-01', DATE '2024-02-28')", '-2'),
    ex("date_diff('day', NULL, DATE '2024-01-01')", 'NULL'),
  ],
  coerce: twoMoments('date_diff'),
  returns: () => INT64,
  evaluate: ([field, from, to]) => boundariesBetween(dateField(field as string), from as bigint, to as bigint),
})

const dateSub = defineScalar({
  name: 'date_sub',
  aliases: ['datesub'],
  description: 'How many whole units fit between two moments: 31 December to 1 January is no year.',
  examples: [
    ex("date_sub('month', DATE '2024-01-31', DATE '2024-02-01')", '0'),
    ex("date_sub('day', DATE '2024-02-28', DATE '2024-03-01')", '2'),
    ex("date_sub('day', NULL, DATE '2024-01-01')", 'NULL'),
  ],
  coerce: twoMoments('date_sub'),
  returns: () => INT64,
  evaluate: ([field, from, to]) => unitsBetween(dateField(field as string), from as bigint, to as bigint),
})

const dateAdd = defineScalar({
  name: 'date_add',
  description: 'A date or timestamp plus an interval.',
  examples: [
    ex("date_add(DATE '2024-01-31', INTERVAL '1' MONTH)", '2024-02-29'),
    ex("date_add(TIMESTAMP '2024-01-31 00:00:00', INTERVAL '1' HOUR)", '2024-01-31T01:00:00'),
    ex("date_add(NULL, INTERVAL '1' DAY)", 'NULL'),
  ],
  coerce(args) {
    const [moment, interval] = args
    const type = args.length === 2 ? temporalType(moment) : undefined
    if (type === undefined || !['interval', 'utf8', 'null'].includes(interval.kind))
      return badArguments('date_add', 'DATE or TIMESTAMP, INTERVAL', args)
    return [type, INTERVAL]
  },
  returns: ([type]) => type,
  evaluate: ([value, interval], [type]) =>
    type.kind === 'timestamp'
      ? addIntervalToTimestamp(value as bigint, interval as IntervalValue, 1, type.unit)
      : addIntervalToDate(value as number, interval as IntervalValue, 1),
})

const age = defineScalar({
  name: 'age',
  description: 'The first moment minus the second as months, days and time, as a calendar counts them.',
  examples: [
    ex("age(TIMESTAMP '2001-04-10 00:00:00', TIMESTAMP '1957-06-13 00:00:00')", '525 mons 27 days'),
    ex("age(DATE '2024-01-01', DATE '2024-01-02')", '-1 days'),
    ex("age(NULL, DATE '2024-01-01')", 'NULL'),
  ],
  coerce(args) {
    const fits = args.length === 2 && args.every(type => temporalType(type) !== undefined)
    return fits ? [NANOS, NANOS] : badArguments('age', 'DATE or TIMESTAMP, DATE or TIMESTAMP', args)
  },
  returns: () => INTERVAL,
  evaluate: ([end, start]) => ageBetween(start as bigint, end as bigint),
})

/** Field by field, as Postgres counts: a day that is missing is borrowed from the month of the earlier moment. */
function ageBetween(start: bigint, end: bigint): IntervalValue {
  if (end < start) {
    const { months, days, nanos } = ageBetween(end, start)
    return { months: -months, days: -days, nanos: -nanos }
  }
  const [from, to] = [splitTimestamp(start, 'ns'), splitTimestamp(end, 'ns')]
  const [a, b] = [civilFromDays(from.days), civilFromDays(to.days)]
  let [months, days, nanos] = [(b.year - a.year) * 12 + b.month - a.month, b.day - a.day, to.nanos - from.nanos]
  if (nanos < 0n) [days, nanos] = [days - 1, nanos + NANOS_PER_DAY]
  if (days < 0) [months, days] = [months - 1, days + daysInMonth(a.year, a.month)]
  return { months, days, nanos }
}

/** Bins begin at the origin; months are counted by the calendar, everything else in nanoseconds. */
const binned = (
  name: string,
  origins: string,
  originOf: (width: IntervalValue) => bigint,
  examples: readonly FunctionExample[],
): ScalarFunction =>
  defineScalar({
    name,
    description: `The beginning of the bin of a width that holds a date or timestamp; bins are counted from an origin (default ${origins}).`,
    examples: [...examples, ex(`${name}(INTERVAL '1 day', NULL)`, 'NULL')],
    coerce(args) {
      const [width, ...moments] = args
      const fits =
        (args.length === 2 || args.length === 3) &&
        ['interval', 'utf8', 'null'].includes(width.kind) &&
        moments.every(type => temporalType(type) !== undefined)
      return fits
        ? [INTERVAL, ...moments.map(() => NANOS)]
        : badArguments(name, 'INTERVAL, TIMESTAMP, [TIMESTAMP]', args)
    },
    returns: () => NANOS,
    evaluate: ([width, moment, origin]) =>
      binStart(
        width as IntervalValue,
        moment as bigint,
        (origin as bigint | undefined) ?? originOf(width as IntervalValue),
      ),
  })

const dateBin = binned('date_bin', '1970-01-01', () => 0n, [
  ex("date_bin(INTERVAL '15 minutes', TIMESTAMP '2024-02-29 13:37:00')", '2024-02-29T13:30:00'),
  ex("date_bin(INTERVAL '3 months', DATE '2024-05-01')", '2024-04-01T00:00:00'),
])

/** A Monday, so that weeks begin with one. */
const timeBucket = binned(
  'time_bucket',
  '2000-01-03, a Monday, or 2000-01-01 for a width of months',
  ({ months }) => timestampOfDate(daysFromCivil(2000, 1, months === 0 ? 3 : 1), 'ns'),
  [
    ex("time_bucket(INTERVAL '1 week', DATE '2024-05-01')", '2024-04-29T00:00:00'),
    ex("time_bucket(INTERVAL '7 months', DATE '2024-05-01')", '2023-12-01T00:00:00'),
  ],
)

function binStart({ months, days, nanos }: IntervalValue, moment: bigint, origin: bigint): bigint {
  const step = BigInt(days) * NANOS_PER_DAY + nanos
  if (months === 0) {
    if (step <= 0n) throw fail('INVALID_ARGUMENT', ['the width of a bin is more than 0'])
    return checkTimestamp(origin + floorDiv(moment - origin, step) * step)
  }
  if (months < 0 || step !== 0n)
    throw fail('INVALID_ARGUMENT', ['the width of a bin is months, or days and time, and more than 0'])
  const whole = BigInt(months)
  const stepped = (count: bigint): bigint =>
    addIntervalToTimestamp(origin, { months: Number(count * whole), days: 0, nanos: 0n }, 1, 'ns')
  const count = floorDiv(boundariesBetween('month', origin, moment), whole)
  return stepped(count) > moment ? stepped(count - 1n) : stepped(count)
}

/** Parts that are not whole flow into the next smaller one, with months of 30 days; nanoseconds are rounded. */
function scaledInterval(value: IntervalValue, scale: (part: number) => number): IntervalValue {
  const wholeMonths = scale(value.months)
  const months = Math.trunc(wholeMonths)
  const wholeDays = scale(value.days) + (wholeMonths - months) * 30
  const days = Math.trunc(wholeDays)
  const nanos = scale(Number(value.nanos)) + (wholeDays - days) * Number(NANOS_PER_DAY)
  if (!Number.isFinite(nanos)) throw fail('NUMERIC_OVERFLOW', ['INTERVAL'])
  return checkInterval({ months, days, nanos: BigInt(Math.round(nanos)) })
}

const intervalTimes = (
  name: string,
  operator: string,
  scale: (part: number, number: number) => number,
  result: string,
): ScalarFunction =>
  defineScalar({
    name,
    description: `An interval ${operator} a number; \`interval ${operator} number\`. Fractions flow into the next smaller part.`,
    examples: [
      ex(`${name}(INTERVAL '4 days', 3)`, result),
      ex(`INTERVAL '4 days' ${operator} 3`, result),
      ex(`${name}(NULL, 2)`, 'NULL'),
    ],
    coerce: fixed(name, [INTERVAL, FLOAT64]),
    returns: () => INTERVAL,
    evaluate: ([interval, number]) => {
      if (operator === '/' && number === 0) throw fail('DIVIDE_BY_ZERO')
      return scaledInterval(interval as IntervalValue, part => scale(part, number as number))
    },
  })

const epoch = (name: string, unit: 's' | 'ms' | 'us' | 'ns', word: string, result: string): ScalarFunction =>
  defineScalar({
    name,
    description: `${word} since 1970-01-01T00:00 of a date or timestamp.`,
    examples: [ex(`${name}(TIMESTAMP '1970-01-01 00:00:01.5')`, result), ex(`${name}(NULL)`, 'NULL')],
    coerce(args) {
      const type = args.length === 1 ? temporalType(args[0]) : undefined
      return type === undefined ? badArguments(name, 'DATE or TIMESTAMP', args) : [type]
    },
    returns: () => (unit === 's' ? FLOAT64 : INT64),
    evaluate: ([value], [type]) => {
      const nanos = nanosOf(value, type)
      return unit === 's' ? Number(nanos) / 1e9 : convertUnit(nanos, 'ns', unit)
    },
  })

const makeTimestamp = defineScalar({
  name: 'make_timestamp',
  description: 'The timestamp of a year, month, day, hour, minute and second (with a fraction).',
  examples: [
    ex('make_timestamp(2024, 2, 29, 13, 5, 1.5)', '2024-02-29T13:05:01.500'),
    ex('make_timestamp(2024, NULL, 1, 0, 0, 0)', 'NULL'),
  ],
  coerce: fixed('make_timestamp', [INT32, INT32, INT32, INT32, INT32, FLOAT64]),
  returns: () => NANOS,
  evaluate: args => {
    const [year, month, day, hour, minute, second] = args.map(Number)
    const isDate = Math.abs(year) <= 999_999 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
    const isTime = hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second < 60
    if (!isDate || !isTime)
      throw fail('INVALID_ARGUMENT', [
        `make_timestamp: there is no ${year}-${month}-${day} ${hour}:${minute}:${second}`,
      ])
    const nanos = BigInt(hour * 3600 + minute * 60) * 1_000_000_000n + BigInt(Math.round(second * 1e9))
    return joinTimestamp(daysFromCivil(year, month, day), nanos, 'ns')
  },
})

/** `to_days(3)`: an interval of so many units. */
const intervalOf = (
  name: string,
  unit: string,
  make: (count: bigint) => IntervalValue,
  result: string,
): ScalarFunction =>
  defineScalar({
    name,
    description: `An interval of a number of ${unit}.`,
    examples: [ex(`${name}(2)`, result), ex(`${name}(NULL)`, 'NULL')],
    coerce: fixed(name, [INT64]),
    returns: () => INTERVAL,
    evaluate: ([count]) => make(count as bigint),
  })

const months = (count: bigint): IntervalValue => ({ months: checkDate(Number(count)), days: 0, nanos: 0n })
const days = (count: bigint): IntervalValue => ({ months: 0, days: checkDate(Number(count)), nanos: 0n })
const time = (nanos: bigint): IntervalValue => ({ months: 0, days: 0, nanos: checkTimestamp(nanos) })

export const DATE_ARITHMETIC: readonly ScalarFunction[] = [
  age,
  dateAdd,
  dateBin,
  dateDiff,
  dateSub,
  epoch('epoch', 's', 'Seconds', '1.5'),
  epoch('epoch_ms', 'ms', 'Milliseconds', '1500'),
  epoch('epoch_ns', 'ns', 'Nanoseconds', '1500000000'),
  epoch('epoch_us', 'us', 'Microseconds', '1500000'),
  intervalTimes('interval_divide', '/', (part, number) => part / number, '1 days 8 hours'),
  intervalTimes('interval_multiply', '*', (part, number) => part * number, '12 days'),
  makeTimestamp,
  timeBucket,
  intervalOf('to_days', 'days', days, '2 days'),
  intervalOf('to_hours', 'hours', count => time(count * 3_600_000_000_000n), '2 hours'),
  intervalOf('to_minutes', 'minutes', count => time(count * 60_000_000_000n), '2 mins'),
  intervalOf('to_months', 'months', months, '2 mons'),
  intervalOf('to_seconds', 'seconds', count => time(count * 1_000_000_000n), '2 secs'),
  intervalOf('to_weeks', 'weeks', count => days(count * 7n), '14 days'),
  intervalOf('to_years', 'years', count => months(count * 12n), '24 mons'),
]
