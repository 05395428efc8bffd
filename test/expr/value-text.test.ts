/** Texts of values: exact forms, round trips and the intervals and calendars behind them. */
import test from 'ava'
import {
  BINARY,
  BOOLEAN,
  DATE,
  FLOAT32,
  FLOAT64,
  INT32,
  INT64,
  INTERVAL,
  UTF8,
  decimal,
  timestamp,
  typeName,
  type DataType,
  type Value,
} from '../../src/arrow/types.js'
import { seededRng } from '../../src/common/clock.js'
import { addMonths, civilFromDays, daysFromCivil, daysInMonth } from '../../src/expr/calendar.js'
import { roundHalfAway } from '../../src/expr/cast-value.js'
import { divideRounded } from '../../src/expr/decimal-value.js'
import { parseInterval } from '../../src/expr/interval-text.js'
import { compareStrings } from '../../src/expr/value-compare.js'
import { parseValue, valueText } from '../../src/expr/value-text.js'
import { randomValue } from './random-expr.js'

const SEED = Number(process.env.SEED ?? 7)

test('values have these texts', t => {
  const cases: readonly (readonly [Value, DataType, string])[] = [
    [null, INT32, 'NULL'],
    [true, BOOLEAN, 'true'],
    [-5n, decimal(5, 2), '-0.05'],
    [12345n, decimal(5, 2), '123.45'],
    [0n, decimal(5, 2), '0.00'],
    [7n, decimal(5, 0), '7'],
    [1, FLOAT64, '1.0'],
    [-0, FLOAT64, '-0.0'],
    [0.1, FLOAT64, '0.1'],
    [1e21, FLOAT64, '1e+21'],
    [Math.fround(0.1), FLOAT32, '0.1'],
    [Math.fround(16_777_217), FLOAT32, '16777216.0'],
    [NaN, FLOAT64, 'NaN'],
    [-Infinity, FLOAT64, '-inf'],
    [0, DATE, '1970-01-01'],
    [-1, DATE, '1969-12-31'],
    [11_016, DATE, '2000-02-29'],
    [-719_528, DATE, '0000-01-01'],
    [1_500n, timestamp('ms'), '1970-01-01T00:00:01.500'],
    [-1n, timestamp('us'), '1969-12-31T23:59:59.999999'],
    [0n, timestamp('s', 'UTC'), '1970-01-01T00:00:00Z'],
    [{ months: 14, days: -3, nanos: 4_500_000_000n }, INTERVAL, '14 mons -3 days 4.5 secs'],
    [{ months: 0, days: 0, nanos: 0n }, INTERVAL, '0 secs'],
    [new Uint8Array([0, 255]), BINARY, '00ff'],
  ]
  for (const [value, type, text] of cases) t.is(valueText(value, type), text)
})

test('a text reads back as the value it was made of', t => {
  const rng = seededRng(SEED)
  const types = [BOOLEAN, INT32, INT64, FLOAT64, FLOAT32, UTF8, DATE, decimal(15, 2), decimal(38, 10), decimal(4, 4)]
  const units = (['s', 'ms', 'us'] as const).map(unit => timestamp(unit))
  for (let round = 0; round < 3000; round++) {
    const type = round % 4 === 0 ? units[round % 3] : types[round % types.length]
    const value = type.kind === 'timestamp' ? BigInt(Math.floor((rng.next() - 0.5) * 1e10)) : randomValue(rng, type)
    const text = valueText(value, type)
    t.true(Object.is(parseValue(text, type), value), `SEED=${SEED} ${typeName(type)} ${text}`)
  }
})

test('texts that people write are read, others are refused', t => {
  const cases: readonly (readonly [string, DataType, Value | undefined])[] = [
    [' 42 ', INT32, 42],
    ['+7', INT64, 7n],
    ['1.5', INT64, undefined],
    ['', INT64, undefined],
    ['1e3', decimal(10, 2), 100_000n],
    ['.5', decimal(10, 2), 50n],
    ['0.005', decimal(10, 2), 1n],
    ['-0.005', decimal(10, 2), -1n],
    ['1.', FLOAT64, 1],
    ['Infinity', FLOAT64, Infinity],
    ['0x10', FLOAT64, undefined],
    ['yes', BOOLEAN, true],
    ['maybe', BOOLEAN, undefined],
    ['2024-2-9', DATE, 19_762],
    ['2024-02-30', DATE, undefined],
    ['2024-02-09T10:00:00', DATE, 19_762],
    ['1970-01-01', timestamp('us'), 0n],
    ['1970-01-01 00:00:01.5+01:00', timestamp('ms'), -3_598_500n],
    ['1970-01-01 25:00', timestamp('ms'), undefined],
  ]
  for (const [text, type, value] of cases) {
    if (value === undefined) t.throws(() => parseValue(text, type), { code: 'INVALID_CAST' }, text)
    else t.is(parseValue(text, type), value, text)
  }
  t.throws(() => parseValue('1000', decimal(3, 0)), { code: 'NUMERIC_OVERFLOW' })
})

test('intervals are read with and without units', t => {
  const cases: readonly (readonly [string, string | undefined, readonly [number, number, bigint] | undefined])[] = [
    ['90', 'day', [0, 90, 0n]],
    ['1 year 2 months 3 days 4:05:06.7', undefined, [14, 3, 14_706_700_000_000n]],
    ['-1 mon 2 weeks', undefined, [-1, 14, 0n]],
    ['1.5 days', undefined, [0, 1, 43_200_000_000_000n]],
    ['1.5', 'months', [1, 15, 0n]],
    ['100 ms', undefined, [0, 0, 100_000_000n]],
    ['3', 'QUARTERS', [9, 0, 0n]],
    ['abc', undefined, undefined],
    ['1 parsec', undefined, undefined],
    ['', 'day', undefined],
  ]
  for (const [text, unit, wanted] of cases) {
    const value = parseInterval(text, unit)
    t.deepEqual(value && [value.months, value.days, value.nanos], wanted && [...wanted], text)
  }
})

test('the calendar agrees with Date and its own inverse', t => {
  for (let days = -200_000; days < 200_000; days += 97) {
    const { year, month, day } = civilFromDays(days)
    const date = new Date(days * 86_400_000)
    t.deepEqual([year, month, day], [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()])
    t.is(daysFromCivil(year, month, day), days)
    t.true(day <= daysInMonth(year, month))
  }
  t.is(addMonths(daysFromCivil(2024, 3, 31), -1), daysFromCivil(2024, 2, 29))
  t.is(addMonths(daysFromCivil(2023, 12, 31), 2), daysFromCivil(2024, 2, 29))
})

test('halves round away from zero, strings compare by bytes', t => {
  t.deepEqual([0.5, -0.5, 1.5, -1.5, 0.499_999_999_999_999_94, 2 ** 52 + 1].map(roundHalfAway), [
    1,
    -1,
    2,
    -2,
    0,
    2 ** 52 + 1,
  ])
  t.deepEqual(
    [5n, -5n, 14n, 15n, -15n].map(value => divideRounded(value, 10n)),
    [1n, -1n, 1n, 2n, -2n],
  )
  const words = ['a', 'é', '\uFF5E', '\u{1F986}', 'ab', '', '\uE000', 'z']
  const byBytes = [...words].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  t.deepEqual([...words].sort(compareStrings), byBytes)
})
