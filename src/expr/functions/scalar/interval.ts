/** Intervals by their length, with months of 30 days and days of 24 hours: what =, ORDER BY, GROUP BY and joins compare. */
import { INTERVAL, decimal, type IntervalValue } from '../../../arrow/types.js'
import { NANOS_PER_DAY, checkDate, intervalLength } from '../../calendar.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { defineScalar, fixed } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

const DAYS_PER_MONTH = 30n

const lengthOf = defineScalar({
  name: 'interval_length',
  description: 'The nanoseconds of an interval, with months of 30 days and days of 24 hours.',
  examples: [
    ex("interval_length(INTERVAL '1 day 1 second')", '86401000000000'),
    ex("interval_length(INTERVAL '1' MONTH) = interval_length(INTERVAL '30' DAY)", 'true'),
    ex('interval_length(NULL)', 'NULL'),
  ],
  coerce: fixed('interval_length', [INTERVAL]),
  returns: () => decimal(28, 0),
  evaluate: ([value]) => intervalLength(value as IntervalValue),
})

const justify = defineScalar({
  name: 'justify_interval',
  description: 'The interval of the same length whose days are fewer than 30 and whose hours are fewer than 24.',
  examples: [
    ex("justify_interval(INTERVAL '35 days 25 hours')", '1 mons 6 days 1 hours'),
    ex("justify_interval(INTERVAL '1 month -1 day')", '29 days'),
    ex('justify_interval(NULL)', 'NULL'),
  ],
  coerce: fixed('justify_interval', [INTERVAL]),
  returns: () => INTERVAL,
  evaluate([value]) {
    const length = intervalLength(value as IntervalValue)
    const days = length / NANOS_PER_DAY
    return {
      months: checkDate(Number(days / DAYS_PER_MONTH)),
      days: Number(days % DAYS_PER_MONTH),
      nanos: length % NANOS_PER_DAY,
    }
  },
})

export const INTERVALS: readonly ScalarFunction[] = [lengthOf, justify]
