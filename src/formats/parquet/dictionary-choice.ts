/** Which columns of a row group are not worth a dictionary: it would hold nearly every value, and cost more than it saves. */
import type { Batch, Column } from '../../arrow/batch.js'
import { childTypes, releaseColumn } from '../../arrow/column.js'
import { hashColumns } from '../../arrow/hash.js'
import { views, withScratch } from '../../arrow/memory.js'
import type { Schema } from '../../arrow/schema.js'
import { decodeDictionary, takeColumn } from '../../arrow/take.js'

const SAMPLE_ROWS = 2048
/** Of a sample of 122 880 rows: about as many are different where a column has 17 000 values. */
const DISTINCT_SHARE = 0.94

/** Names of the columns of which a sample has nearly as many values as rows. Borrows the batches. */
export function columnsWithoutDictionary(schema: Schema, batches: readonly Batch[]): string[] {
  const rows = batches.reduce((sum, { rowCount }) => sum + rowCount, 0)
  const stride = Math.ceil(rows / SAMPLE_ROWS)
  return schema.fields
    .filter(({ type }, column) => {
      if (type.kind === 'boolean' || type.kind === 'null' || childTypes(type).length > 0) return false
      const seen = new Set<number>()
      for (const batch of batches) addHashes(seen, batch.columns[column], stride)
      return seen.size > DISTINCT_SHARE * batches.reduce((sum, { rowCount }) => sum + Math.ceil(rowCount / stride), 0)
    })
    .map(({ name }) => name)
}

/** Adds the hashes of every `stride`th row. */
function addHashes(seen: Set<number>, column: Column, stride: number): void {
  const count = Math.ceil(column.length / stride)
  withScratch(scratch => {
    const indices = scratch(4 * count)
    const hashes = scratch(4 * count)
    for (let i = 0; i < count; i++) views().i32[indices / 4 + i] = i * stride
    const taken = takeColumn(column, indices, count)
    const flat = decodeDictionary(taken)
    releaseColumn(taken)
    try {
      hashColumns([flat], count, hashes)
    } finally {
      releaseColumn(flat)
    }
    for (let i = 0; i < count; i++) seen.add(views().u32[hashes / 4 + i])
  })
}
