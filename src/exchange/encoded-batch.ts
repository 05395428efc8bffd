/** A batch ready for the network or a file: one frame in a block of the arena, with the checksums of the pieces it travels in. */
import { crc32 } from 'node:zlib'
import type { Batch } from '../arrow/batch.js'
import { decodeBlock, encodeBlock, type FrameBlock } from '../arrow/frame.js'
import { release, views } from '../arrow/memory.js'
import type { Schema } from '../arrow/schema.js'
import { FRAME_BYTES } from './options.js'

export interface EncodedBatch extends FrameBlock {
  readonly rowCount: number
  /** CRC-32 of each piece of FRAME_BYTES; the last one may be shorter. */
  readonly checksums: readonly number[]
}

/** Borrows the batch; the block's reference is the caller's. */
export function encodeForExchange(batch: Batch): EncodedBatch {
  const frame = encodeBlock(batch)
  const checksums: number[] = []
  for (let start = 0; start < frame.byteLength; start += FRAME_BYTES) checksums.push(crc32(pieceOf(frame, start)))
  return { ...frame, rowCount: batch.rowCount, checksums }
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
