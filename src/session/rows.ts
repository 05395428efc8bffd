/** Values as JavaScript programs want them: the row form of a result. */
import type { Batch } from '../arrow/batch.js'
import { columnValues } from '../arrow/column.js'
import type { DataType, Value } from '../arrow/types.js'
import { valueText } from '../expr/value-text.js'

/**
 * BIGINT is bigint, DECIMAL its exact text, DATE and TIMESTAMP a Date (milliseconds; finer parts are cut), BYTEA bytes, a
 * list an array.
 */
export type RowValue = null | boolean | number | bigint | string | Date | Uint8Array | readonly RowValue[]
export type Row = Record<string, RowValue>

const MS_PER_DAY = 86_400_000
const PER_MS = { us: 1_000n, ns: 1_000_000n } as const

function rowValue(value: Value, type: DataType): RowValue {
  if (value === null) return null
  if (type.kind === 'date') return new Date((value as number) * MS_PER_DAY)
  if (type.kind === 'timestamp') {
    const ticks = value as bigint
    if (type.unit === 's') return new Date(Number(ticks) * 1000)
    return new Date(Number(type.unit === 'ms' ? ticks : ticks / PER_MS[type.unit]))
  }
  if (type.kind === 'decimal' || type.kind === 'interval') return valueText(value, type)
  if (type.kind === 'list') return (value as readonly Value[]).map(item => rowValue(item, type.element.type))
  return value as RowValue
}

/** One object a row, keys in column order; of columns with equal names the last one wins. */
export function batchRows(batch: Batch): Row[] {
  const columns = batch.columns.map(column => columnValues(column).map(value => rowValue(value, column.type)))
  return Array.from({ length: batch.rowCount }, (_, row) => {
    const entries = batch.schema.fields.map((field, i): [string, RowValue] => [field.name, columns[i][row]])
    // fromEntries defines own properties, so a column named __proto__ is harmless.
    return Object.fromEntries(entries)
  })
}
