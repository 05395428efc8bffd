/** Fields and truncation of dates and timestamps by kernel, over flat columns. */
import type { Column } from '../../arrow/batch.js'
import { releaseColumn } from '../../arrow/column.js'
import { withScratch } from '../../arrow/memory.js'
import { INT32, type DataType } from '../../arrow/types.js'
import { UNIT_PER_SECOND } from '../types.js'
import { buildColumn, commonNulls } from './columns.js'
import { exprKernels } from './kernel-calls.js'

type Timestamp = DataType & { readonly kind: 'timestamp' }

const perDay = (type: Timestamp): bigint => 86_400n * UNIT_PER_SECOND[type.unit]

/** Numbers by which the kernel knows the fields of a day. */
const DAY_FIELDS: Readonly<Record<string, number>> = {
  year: 0,
  month: 1,
  day: 2,
  quarter: 3,
  dow: 4,
  isodow: 5,
  doy: 6,
  week: 7,
  isoyear: 8,
}

/** Fields of the time of a day: how many fit a second, or how many seconds they last, and where they begin anew. */
const CLOCK_FIELDS: Readonly<Record<string, { readonly seconds: bigint; readonly modulus: bigint }>> = {
  hour: { seconds: 3600n, modulus: 24n },
  minute: { seconds: 60n, modulus: 60n },
  second: { seconds: 1n, modulus: 60n },
}

/** A field (canonical name) of a DATE or TIMESTAMP column as INT; undefined when there is no kernel for it or for a value. */
export function dateFieldColumn(field: string, column: Column): Column | undefined {
  const { type, length: n } = column
  const dayField = DAY_FIELDS[field]
  if (type.kind === 'date' && dayField !== undefined) {
    return buildColumn(INT32, n, own => {
      const values = own(n * 4)
      exprKernels().dateField(column.values, n, dayField, values)
      return { values, ...commonNulls(own, [column], n) }
    })
  }
  if (type.kind !== 'timestamp') return undefined
  const clock = CLOCK_FIELDS[field]
  if (clock !== undefined) {
    const divisor = clock.seconds * UNIT_PER_SECOND[type.unit]
    return buildColumn(INT32, n, own => {
      const values = own(n * 4)
      exprKernels().dateClock(column.values, n, perDay(type), divisor, clock.modulus, values)
      return { values, ...commonNulls(own, [column], n) }
    })
  }
  if (dayField === undefined) return undefined
  return withDays(column, type, days =>
    buildColumn(INT32, n, own => {
      const values = own(n * 4)
      exprKernels().dateField(days, n, dayField, values)
      return { values, ...commonNulls(own, [column], n) }
    }),
  )
}

/** Runs `use` with the day of each row of a timestamp column; undefined when a day does not fit. */
function withDays(column: Column, type: Timestamp, use: (days: number) => Column | undefined): Column | undefined {
  return withScratch(scratch => {
    const days = scratch(column.length * 4)
    const fit = exprKernels().dateOfTicks(column.values, column.validity, column.length, perDay(type), days)
    return fit === 0 ? undefined : use(days)
  })
}

const TRUNCATED_DAYS: Readonly<Record<string, number>> = { year: 0, quarter: 1, month: 2, week: 3 }
const TRUNCATED_SECONDS: Readonly<Record<string, bigint>> = { day: 86_400n, hour: 3600n, minute: 60n, second: 1n }

/** date_trunc of a DATE or TIMESTAMP column; undefined when there is no kernel for the unit or for a value. */
export function dateTruncColumn(unit: string, column: Column): Column | undefined {
  const { type, length: n } = column
  const dayUnit = TRUNCATED_DAYS[unit]
  if (type.kind === 'date' && dayUnit !== undefined) {
    return buildColumn(type, n, own => {
      const values = own(n * 4)
      exprKernels().dateTruncate(column.values, n, dayUnit, values)
      return { values, ...commonNulls(own, [column], n) }
    })
  }
  if (type.kind !== 'timestamp') return undefined
  const seconds = TRUNCATED_SECONDS[unit]
  if (seconds !== undefined) return roundedTicks(column, seconds * UNIT_PER_SECOND[type.unit])
  if (dayUnit === undefined) return undefined
  return withDays(column, type, days => truncatedTicks(column, type, days, dayUnit))
}

function roundedTicks(column: Column, step: bigint): Column | undefined {
  const { type, length: n, validity } = column
  let fits = true
  const result = buildColumn(type, n, own => {
    const values = own(n * 8)
    fits = exprKernels().dateRoundTicks(column.values, validity, n, step, values) === 1
    return { values, ...commonNulls(own, [column], n) }
  })
  return fits ? result : dropped(result)
}

function truncatedTicks(column: Column, type: Timestamp, days: number, unit: number): Column | undefined {
  const { length: n, validity } = column
  let fits = true
  const result = buildColumn(type, n, own => {
    const values = own(n * 8)
    exprKernels().dateTruncate(days, n, unit, days)
    fits = exprKernels().dateToTicks(days, validity, n, perDay(type), values) === 1
    return { values, ...commonNulls(own, [column], n) }
  })
  return fits ? result : dropped(result)
}

function dropped(column: Column): undefined {
  releaseColumn(column)
  return undefined
}
