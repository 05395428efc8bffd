/** Rows that are already there: results of statements that ran at once, and rows that programs bring. */
import type { Batch } from '../arrow/batch.js'
import { batchFromValues, releaseBatch } from '../arrow/column.js'
import { decodeBatch, encodeBatch } from '../arrow/frame.js'
import { field, type Schema } from '../arrow/schema.js'
import { INT64, UTF8, type Value } from '../arrow/types.js'
import type { EncodedBatch } from '../catalog/memory-table.js'
import type { HeldRows } from './session.js'

/** The result of a statement that gives none: no rows, and no columns. */
export const NO_ROWS: HeldRows = { schema: { fields: [] }, batches: [] }

/** Rows of text columns, none NULL. */
export function textRows(names: readonly string[], rows: readonly (readonly string[])[]): HeldRows {
  const schema: Schema = { fields: names.map(name => field(name, UTF8, false)) }
  const columns = names.map((_, i): Value[] => rows.map(row => row[i]))
  return { schema, batches: rows.length === 0 ? [] : [encodeValues(schema, columns)] }
}

/** One row `count`: what a write gives. */
export function countRow(count: number): HeldRows {
  const schema: Schema = { fields: [field('count', INT64, false)] }
  return { schema, batches: [encodeValues(schema, [[BigInt(count)]])] }
}

/** Values by column as a batch outside the arena. */
export function encodeValues(schema: Schema, columns: readonly (readonly Value[])[]): EncodedBatch {
  const batch = batchFromValues(schema, columns)
  try {
    return { bytes: encodeBatch(batch), rowCount: batch.rowCount }
  } finally {
    releaseBatch(batch)
  }
}

/** The rows as batches in the arena, each given away. */
export async function* heldBatches({ schema, batches }: HeldRows, signal: AbortSignal): AsyncGenerator<Batch> {
  for (const batch of batches) {
    signal.throwIfAborted()
    yield decodeBatch(batch.bytes, schema)
  }
}
