/** Dates and timestamps as text and back, by strftime formats. */
import { UTF8, timestamp, type DataType, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { splitTimestamp } from '../../calendar.js'
import { formatMoment, parseMoment, type Moment } from '../../date-format.js'
import { isTemporal } from '../../types.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { badArguments, defineScalar } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

const NANOS: DataType = timestamp('ns')

const isText = (type: DataType): boolean => type.kind === 'utf8' || type.kind === 'null'

const momentOf = (value: Value, type: DataType): Moment =>
  type.kind === 'timestamp' ? splitTimestamp(value as bigint, type.unit) : { days: value as number, nanos: 0n }

const toChar = defineScalar({
  name: 'to_char',
  aliases: ['date_format', 'strftime'],
  description:
    'A date or timestamp as text by a strftime format: %Y %m %d %H %M %S %f (nanoseconds) %3f %6f %b %B %a %A %j %p %I %y %V %G %u %w %F %T …',
  examples: [
    ex("to_char(DATE '2024-02-29', '%d.%m.%Y')", '29.02.2024'),
    ex("strftime(TIMESTAMP '2024-02-29 13:05:00', '%a %-I:%M %p')", 'Thu 1:05 PM'),
    ex("to_char(NULL, '%Y')", 'NULL'),
  ],
  coerce(args) {
    const [value, format] = args
    if (args.length !== 2 || !isText(format) || !(isTemporal(value) || isText(value)))
      return badArguments('to_char', 'DATE or TIMESTAMP, VARCHAR', args)
    return [isTemporal(value) ? value : NANOS, UTF8]
  },
  returns: () => UTF8,
  evaluate: ([value, format], [type]) => formatMoment(momentOf(value, type), format as string),
})

/** The first format that fits; throws INVALID_CAST. */
function parsed(text: Value, formats: readonly Value[], name: string): bigint {
  for (const format of formats) {
    const ticks = parseMoment(text as string, format as string, 'ns')
    if (ticks !== undefined) return ticks
  }
  throw fail('INVALID_CAST', ['VARCHAR', name, text as string])
}

const strptime = defineScalar({
  name: 'strptime',
  description: 'A text as TIMESTAMP by a strftime format, or by the first of several that fits.',
  examples: [
    ex("strptime('29.02.2024 13:05', '%d.%m.%Y %H:%M')", '2024-02-29T13:05:00'),
    ex("strptime('Feb 29 2024', '%Y', '%b %d %Y')", '2024-02-29T00:00:00'),
    ex("strptime(NULL, '%Y')", 'NULL'),
  ],
  coerce: args =>
    args.length >= 2 && args.every(isText)
      ? args.map(() => UTF8)
      : badArguments('strptime', 'VARCHAR, VARCHAR, …', args),
  returns: () => NANOS,
  evaluate: ([text, ...formats]) => parsed(text, formats, 'TIMESTAMP'),
})

/** The day of a text by formats; what to_date does with more than one argument. */
export const parsedDate = (text: Value, formats: readonly Value[]): number =>
  splitTimestamp(parsed(text, formats, 'DATE'), 'ns').days

/** The instant of a text by formats; what to_timestamp does with more than one argument. */
export const parsedTimestamp = (text: Value, formats: readonly Value[]): bigint => parsed(text, formats, 'TIMESTAMP')

export const DATE_FORMAT: readonly ScalarFunction[] = [strptime, toChar]
