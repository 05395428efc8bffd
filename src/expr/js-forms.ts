/** Values of SQL types as JavaScript programs want them. */
import type { DataType, TimeUnit, Value } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { floorDiv } from './calendar.js'
import { valueText } from './value-text.js'

/**
 * BIGINT is bigint, DECIMAL its exact text, DATE and TIMESTAMP a Date (milliseconds; finer parts are cut), BYTEA bytes, a
 * list an array.
 */
export type RowValue = null | boolean | number | bigint | string | Date | Uint8Array | readonly RowValue[]
/** Other forms for what JavaScript and JSON have no good type for. */
export interface RowForms {
  /** 64-bit integers; default bigint. As `number`, one beyond 2 ** 53 is a NUMERIC_OVERFLOW error. */
  readonly bigint?: 'bigint' | 'number' | 'string'
  /** DATE and TIMESTAMP; default Date. As `string`, ISO 8601 with all digits. */
  readonly dates?: 'date' | 'string'
}

const MS_PER_DAY = 86_400_000
const PER_MS = { us: 1_000n, ns: 1_000_000n } as const

/** Turns a column's values that are not NULL into their form. */
export type Form = (value: Exclude<Value, null>) => RowValue

const asItIs: Form = value => value as RowValue

/** How a value of the type that is not NULL looks to a program. */
export function formOf(type: DataType, forms: RowForms): Form {
  const asText: Form = value => valueText(value, type)
  switch (type.kind) {
    case 'int':
      if (type.bits < 64 || (forms.bigint ?? 'bigint') === 'bigint') return asItIs
      return forms.bigint === 'string' ? String : safeNumber
    case 'date':
      return forms.dates === 'string' ? asText : value => new Date((value as number) * MS_PER_DAY)
    case 'timestamp':
      return forms.dates === 'string' ? asText : value => new Date(milliseconds(value as bigint, type.unit))
    case 'decimal':
    case 'interval':
      return asText
    case 'list': {
      const form = formOf(type.element.type, forms)
      return value => (value as readonly Value[]).map(item => (item === null ? null : form(item)))
    }
    default:
      return asItIs
  }
}

function milliseconds(ticks: bigint, unit: TimeUnit): number {
  if (unit === 's') return Number(ticks) * 1000
  // Cut, not rounded: also before 1970 the digits stay those of the text.
  return Number(unit === 'ms' ? ticks : floorDiv(ticks, PER_MS[unit]))
}

function safeNumber(value: Exclude<Value, null>): number {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  throw fail('NUMERIC_OVERFLOW', [`a JavaScript number: ${String(value)}`])
}
