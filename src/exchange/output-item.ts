/** What producers put into their output, and consumers take out. */
import type { Batch } from '../arrow/batch.js'
import { batchBytes, releaseBatch } from '../arrow/column.js'
import { release } from '../arrow/memory.js'
import type { EncodedBatch } from './encoded-batch.js'

/** One reference of a batch, or of the block of one that is encoded. */
export type OutputItem =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'encoded'; readonly encoded: EncodedBatch }

export const rowsOf = (item: OutputItem): number =>
  item.kind === 'batch' ? item.batch.rowCount : item.encoded.rowCount

export const bytesOf = (item: OutputItem): number =>
  item.kind === 'batch' ? batchBytes(item.batch) : item.encoded.byteLength

export function releaseItem(item: OutputItem): void {
  if (item.kind === 'batch') releaseBatch(item.batch)
  else release(item.encoded.block)
}

/** An item for one partition of an output. */
export interface OutputPart {
  readonly partition: number
  readonly item: OutputItem
  readonly bytes: number
}

export function partOf(partition: number, batch: Batch): OutputPart {
  const item = { kind: 'batch', batch } as const
  return { partition, item, bytes: bytesOf(item) }
}

export const encodedPart = (partition: number, encoded: EncodedBatch): OutputPart => ({
  partition,
  item: { kind: 'encoded', encoded },
  bytes: encoded.byteLength,
})
