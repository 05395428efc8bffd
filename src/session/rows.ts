/** Values as JavaScript programs want them: the row form of a result. */
import type { Batch } from '../arrow/batch.js'
import { columnValues } from '../arrow/column.js'
import type { DataType, TimeUnit, Value } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { floorDiv } from '../expr/calendar.js'
import { valueText } from '../expr/value-text.js'

/**
 * BIGINT is bigint, DECIMAL its exact text, DATE and TIMESTAMP a Date (milliseconds; finer parts are cut), BYTEA bytes, a
 * list an array.
 */
export type RowValue = null | boolean | number | bigint | string | Date | Uint8Array | readonly RowValue[]
export type Row = Record<string, RowValue>

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
type Form = (value: Exclude<Value, null>) => RowValue

const asItIs: Form = value => value as RowValue

function formOf(type: DataType, forms: RowForms): Form {
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

/** One object a row, keys in column order; of columns with equal names the last one wins. */
export function batchRows(batch: Batch, forms: RowForms = {}): Row[] {
  const columns = batch.columns.map(column => {
    const form = formOf(column.type, forms)
    return columnValues(column).map(value => (value === null ? null : form(value)))
  })
  return Array.from({ length: batch.rowCount }, (_, row) => {
    const entries = batch.schema.fields.map((field, i): [string, RowValue] => [field.name, columns[i][row]])
    // fromEntries defines own properties, so a column named __proto__ is harmless.
    return Object.fromEntries(entries)
  })
}
