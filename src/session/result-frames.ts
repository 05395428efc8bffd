/** Frames over rows that are already there: results of statements that ran at once. */
import { batchFromValues } from '../arrow/column.js'
import { decodeBatch, encodeBatch } from '../arrow/frame.js'
import { field, type Schema } from '../arrow/schema.js'
import { releaseBatch } from '../arrow/column.js'
import { INT64, UTF8, type Value } from '../arrow/types.js'
import type { EncodedBatch } from '../catalog/memory-table.js'
import { DataFrame } from './dataframe.js'

/** A frame that gives the same rows every time and runs nothing. */
export function heldFrame(sql: string, schema: Schema, batches: readonly EncodedBatch[]): DataFrame {
  return new DataFrame(sql, async () => ({
    schema,
    batches: (async function* () {
      for (const batch of batches) yield decodeBatch(batch.bytes, schema)
    })(),
  }))
}

/** Rows of text columns, none NULL. */
export const textFrame = (sql: string, names: readonly string[], rows: readonly (readonly string[])[]): DataFrame => {
  const schema: Schema = { fields: names.map(name => field(name, UTF8, false)) }
  const columns = names.map((_, i): Value[] => rows.map(row => row[i]))
  return heldFrame(sql, schema, rows.length === 0 ? [] : [encodeValues(schema, columns)])
}

/** One row `count`: what a write gives. */
export function countFrame(sql: string, count: number): DataFrame {
  const schema: Schema = { fields: [field('count', INT64, false)] }
  return heldFrame(sql, schema, [encodeValues(schema, [[BigInt(count)]])])
}

function encodeValues(schema: Schema, columns: readonly (readonly Value[])[]): EncodedBatch {
  const batch = batchFromValues(schema, columns)
  try {
    return { bytes: encodeBatch(batch), rowCount: batch.rowCount }
  } finally {
    releaseBatch(batch)
  }
}
