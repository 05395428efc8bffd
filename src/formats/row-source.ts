/** Rows that code of an extension gives, as batches: tables and file formats that are written in JavaScript. */
import type { Batch } from '../arrow/batch.js'
import { batchFromValues } from '../arrow/column.js'
import type { Schema } from '../arrow/schema.js'
import type { Value } from '../arrow/types.js'
import { valueFrom } from '../expr/js-values.js'

/** Objects by column name; a column that is missing is NULL. */
export type SourceRow = Readonly<Record<string, unknown>>
export type SourceRows = AsyncIterable<SourceRow> | Iterable<SourceRow>

export interface RowBatchOptions {
  readonly schema: Schema
  readonly batchRows: number
  readonly signal: AbortSignal
}

/** Few enough that a query which needs only some does not wait for many more. */
const MAX_ROWS_AHEAD = 4096

/** Batches of the schema, given away. Leaving early ends the rows (`return()`). TYPE_MISMATCH for a value that is not of its column's type. */
export async function* rowBatches(rows: SourceRows, options: RowBatchOptions): AsyncGenerator<Batch, void> {
  const { schema, signal } = options
  const limit = Math.min(options.batchRows, MAX_ROWS_AHEAD)
  let columns: Value[][] = schema.fields.map(() => [])
  let rowCount = 0
  const flush = (): Batch => {
    const batch = { ...batchFromValues(schema, columns), rowCount }
    columns = schema.fields.map(() => [])
    rowCount = 0
    return batch
  }
  for await (const row of rows) {
    signal.throwIfAborted()
    schema.fields.forEach((field, i) => columns[i].push(valueFrom(row[field.name], field)))
    if (++rowCount === limit) yield flush()
  }
  if (rowCount > 0) yield flush()
}
