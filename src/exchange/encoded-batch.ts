/** A batch ready for the network or a file: one frame in a block of the arena, with the checksums of the pieces it travels in. */
import type { Batch } from '../arrow/batch.js'
import { decodeBlock, encodeBlock, type FrameBlock } from '../arrow/frame.js'
import { release, views } from '../arrow/memory.js'
import type { Schema } from '../arrow/schema.js'
import { payloadChecksum } from './frame-checksum.js'
import { FRAME_BYTES } from './options.js'

export interface EncodedBatch extends FrameBlock {
  readonly rowCount: number
  /** Of each piece of FRAME_BYTES; the last one may be shorter. */
  readonly checksums: readonly number[]
}

/** Borrows the batch; the block's reference is the caller's. */
export function encodeForExchange(batch: Batch): EncodedBatch {
  const frame = encodeBlock(batch)
  return { ...frame, rowCount: batch.rowCount, checksums: checksumsOf(frame) }
}

/** Of the pieces. */
export function checksumsOf({ block, byteLength }: FrameBlock): number[] {
  const checksums: number[] = []
  for (let start = 0; start < byteLength; start += FRAME_BYTES)
    checksums.push(payloadChecksum(block + start, Math.min(FRAME_BYTES, byteLength - start)))
  return checksums
}

/** The piece from `start`, as a view of the arena. */
export const pieceOf = ({ block, byteLength }: FrameBlock, start: number): Uint8Array =>
  views().u8.subarray(block + start, block + Math.min(byteLength, start + FRAME_BYTES))

/** The batch in place; takes the block's reference over. */
export function openEncoded(encoded: EncodedBatch, schema: Schema): Batch {
  try {
    return decodeBlock(encoded, schema)
  } finally {
    release(encoded.block)
  }
}
