/** Leaves malformed records out of a batch, and counts them. */
import type { Batch } from '../../arrow/batch.js'
import { releaseBatch } from '../../arrow/column.js'
import { views, withScratch } from '../../arrow/memory.js'
import { countSkippedRecords } from '../../runtime/io-counters.js'
import { takeBatch } from '../../arrow/take.js'

/** The batch without the rows of these numbers, which it takes over; undefined if none is left. */
export function withoutRecords(batch: Batch, rows: ReadonlySet<number>): Batch | undefined {
  if (rows.size === 0) return batch
  countSkippedRecords(rows.size)
  try {
    const kept = Int32Array.from(Array.from({ length: batch.rowCount }, (_, row) => row).filter(row => !rows.has(row)))
    if (kept.length === 0) return undefined
    return withScratch(scratch => {
      const indices = scratch(kept.byteLength)
      views().i32.set(kept, indices / 4)
      return takeBatch(batch, indices, kept.length)
    })
  } finally {
    releaseBatch(batch)
  }
}
