/** A result as rows: objects by column name. */
import type { Batch } from '../arrow/batch.js'
import { columnValues } from '../arrow/column.js'
import { formOf, type RowForms, type RowValue } from '../expr/js-forms.js'

export type { RowForms, RowValue } from '../expr/js-forms.js'

export type Row = Record<string, RowValue>

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
