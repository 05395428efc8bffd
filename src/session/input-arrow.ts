/** Arrow data of a program as rows outside the arena, or as batches in it. Loaded by the first use: apache-arrow is slow to load. */
import type { RecordBatch, Table } from 'apache-arrow'
import { fromArrowBatch, fromArrowSchema, loadArrow } from '../arrow/arrow-js.js'
import type { Batch } from '../arrow/batch.js'
import { releaseBatch } from '../arrow/column.js'
import { encodeBatch } from '../arrow/frame.js'
import { sameSchema, type Schema } from '../arrow/schema.js'
import type { EncodedBatch } from '../catalog/memory-table.js'
import { fail } from '../common/errors.js'
import type { HeldRows } from './session.js'

/** A table, or batches that all have the schema of the first. */
export type ArrowInput = Table | readonly RecordBatch[]

/** A copy of the data. TYPE_MISMATCH for a batch of another schema than the first; INVALID_ARGUMENT if there is no schema. */
export async function rowsFromArrow(input: ArrowInput): Promise<HeldRows> {
  await loadArrow()
  const batches = isBatchList(input) ? input : input.batches
  const from = isBatchList(input) ? input[0]?.schema : input.schema
  if (from === undefined) throw fail('INVALID_ARGUMENT', ['an empty list of batches has no schema; give a Table'])
  const schema = fromArrowSchema(from)
  return { schema, batches: batches.filter(batch => batch.numRows > 0).map(batch => encoded(batch, schema)) }
}

const isBatchList = (input: ArrowInput): input is readonly RecordBatch[] => Array.isArray(input)

function encoded(input: RecordBatch, schema: Schema): EncodedBatch {
  const batch = checkedBatch(input, schema)
  try {
    return { bytes: encodeBatch(batch), rowCount: batch.rowCount }
  } finally {
    releaseBatch(batch)
  }
}

/** A copy in the arena, owned by the caller. TYPE_MISMATCH unless it has the columns of the schema, by name and type. */
export async function batchFromArrow(input: RecordBatch, schema: Schema): Promise<Batch> {
  await loadArrow()
  return checkedBatch(input, schema)
}

function checkedBatch(input: RecordBatch, schema: Schema): Batch {
  if (!sameSchema(fromArrowSchema(input.schema), schema))
    throw fail('TYPE_MISMATCH', ['a record batch has other columns than the first one or the schema'])
  return fromArrowBatch(input, schema)
}
