/** The kernels of dates and strings against the plain functions, over values from edge to edge. */
import test from 'ava'
import { columnFromValues, columnValues, releaseColumn } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { DATE, UTF8, timestamp, type DataType, type TimeUnit, type Value } from '../../src/arrow/types.js'
import type { Column } from '../../src/arrow/batch.js'
import { seededRng } from '../../src/common/clock.js'
import { datePart, dateTrunc } from '../../src/expr/date-fields.js'
import { dateFieldColumn, dateTruncColumn } from '../../src/expr/vector/dates.js'
import { asciiCaseColumn, concatOperands, trimColumn } from '../../src/expr/vector/strings.js'

const SEED = Number(process.env.SEED ?? 11)

function result(type: DataType, values: readonly Value[], run: (column: Column) => Column | undefined): Value[] {
  const column = columnFromValues(type, values)
  const made = run(column)
  releaseColumn(column)
  const found = made === undefined ? [] : columnValues(made)
  if (made !== undefined) releaseColumn(made)
  return found
}

const FIELDS = ['year', 'month', 'day', 'quarter', 'dow', 'isodow', 'doy', 'week', 'isoyear']
const UNITS = ['year', 'quarter', 'month', 'week']

test('fields and truncation of days agree with the calendar, a thousand years around and at random', t => {
  const rng = seededRng(SEED)
  const days: number[] = [0, -1, -719_468, -719_469, 2_932_896]
  for (let year = -400; year < 600; year++) days.push(year * 365 + Math.floor(rng.next() * 370))
  for (let i = 0; i < 500; i++) days.push(Math.floor((rng.next() - 0.5) * 2 ** 30))
  for (const field of FIELDS) {
    const found = result(DATE, days, column => dateFieldColumn(field, column))
    t.deepEqual(
      found,
      days.map(day => datePart(field, day, DATE)),
      `SEED=${SEED} ${field}`,
    )
  }
  for (const unit of UNITS) {
    const found = result(DATE, days, column => dateTruncColumn(unit, column))
    t.deepEqual(
      found,
      days.map(day => dateTrunc(unit, day, DATE)),
      `SEED=${SEED} ${unit}`,
    )
  }
  t.is(bytesInUse(), 0)
})

test('fields and truncation of timestamps agree with the calendar in every unit', t => {
  const rng = seededRng(SEED + 1)
  const perSecond: Readonly<Record<TimeUnit, number>> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 }
  for (const unit of ['s', 'ms', 'us', 'ns'] as const) {
    const type = timestamp(unit)
    const ticks = Array.from({ length: 500 }, () => BigInt(Math.floor((rng.next() - 0.5) * 1.6e10)))
      .map(seconds => seconds * BigInt(perSecond[unit]) + BigInt(Math.floor(rng.next() * perSecond[unit])))
      .concat([0n, -1n, 1n])
    for (const field of [...FIELDS, 'hour', 'minute', 'second']) {
      const found = result(type, ticks, column => dateFieldColumn(field, column))
      t.deepEqual(
        found,
        ticks.map(tick => Number(datePart(field, tick, type))),
        `SEED=${SEED} ${unit} ${field}`,
      )
    }
    for (const step of [...UNITS, 'day', 'hour', 'minute', 'second']) {
      const found = result(type, ticks, column => dateTruncColumn(step, column))
      t.deepEqual(
        found,
        ticks.map(tick => dateTrunc(step, tick, type)),
        `SEED=${SEED} ${unit} ${step}`,
      )
    }
  }
  t.is(bytesInUse(), 0)
})

test('a timestamp that leaves its range is left to the slow path, unless its row is NULL', t => {
  const least = -(2n ** 63n)
  t.deepEqual(
    result(timestamp('ns'), [least], column => dateTruncColumn('year', column)),
    [],
  )
  t.deepEqual(
    result(timestamp('ns'), [least], column => dateTruncColumn('hour', column)),
    [],
  )
  t.deepEqual(
    result(timestamp('s'), [least], column => dateFieldColumn('year', column)),
    [],
  )
  t.deepEqual(
    result(timestamp('s'), [null, 0n], column => dateFieldColumn('year', column)),
    [null, 1970],
  )
  t.is(bytesInUse(), 0)
})

test('strings change case, lose spaces and are joined at every length around the width of a vector', t => {
  const letters = 'aZ[@`{ z~Az09'
  const texts = Array.from({ length: 70 }, (_, length) =>
    Array.from({ length }, (_, i) => letters[(i * 7 + length) % letters.length]).join(''),
  )
  const values = [...texts.map(text => `  ${text} `), null, '', ' ', '   ']
  const each = (change: (text: string) => string): Value[] =>
    values.map(value => (value === null ? null : change(value)))
  t.deepEqual(
    result(UTF8, values, column => asciiCaseColumn(column, 'upper')),
    each(text => text.toUpperCase()),
  )
  t.deepEqual(
    result(UTF8, values, column => asciiCaseColumn(column, 'lower')),
    each(text => text.toLowerCase()),
  )
  t.deepEqual(
    result(UTF8, values, column => trimColumn(column, 3)),
    each(text => text.replace(/^ +| +$/g, '')),
  )
  t.deepEqual(
    result(UTF8, values, column => trimColumn(column, 1)),
    each(text => text.replace(/^ +/, '')),
  )
  t.deepEqual(
    result(UTF8, values, column => concatOperands({ column }, { value: 'é!' }, values.length)),
    each(text => `${text}é!`),
  )
  t.deepEqual(
    result(UTF8, values, column => concatOperands({ column }, { column }, values.length)),
    each(text => text + text),
  )
  t.is(bytesInUse(), 0)
})
