/** A batch as it came from another process: frames in the arena whose bytes nobody has looked at yet. */
import type { Batch } from '../arrow/batch.js'
import { batchBytes, releaseBatch } from '../arrow/column.js'
import { decodeBlock } from '../arrow/frame.js'
import { alloc, kernels, release } from '../arrow/memory.js'
import type { Schema } from '../arrow/schema.js'
import { fail } from '../common/errors.js'
import { payloadChecksum, sealFrame } from './frame-checksum.js'
import type { ArrivedFrame } from './proto/messages.js'

/** Plain data: it can be posted to another thread. Whoever has it owns its frames' blocks. */
export interface ReceivedBatch {
  /** In order; the last one completes the batch. */
  readonly frames: readonly ArrivedFrame[]
  /** Payload of all frames. */
  readonly bytes: number
  /** Who sent it, for error messages. */
  readonly peer: string
}

/** A batch of this process, one reference of it; or one from elsewhere. */
export type Parcel =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'received'; readonly received: ReceivedBatch; readonly schema: Schema }

/** The batch, owned by the caller. DATA_CORRUPTION if it is not what was sent. */
export const openParcel = (parcel: Parcel): Batch =>
  parcel.kind === 'batch' ? parcel.batch : openReceived(parcel.received, parcel.schema)

export const parcelBytes = (parcel: Parcel): number =>
  parcel.kind === 'batch' ? batchBytes(parcel.batch) : parcel.received.bytes

export function releaseParcel(parcel: Parcel): void {
  if (parcel.kind === 'batch') releaseBatch(parcel.batch)
  else releaseFrames(parcel.received.frames)
}

interface CopyKernel {
  frameCopy(source: number, byteLength: number, target: number): void
}

/**
 * Checks and decodes, and takes the frames over: DATA_CORRUPTION names the frame and the peer. What a thread holds lies in its own heap,
 * which is swept if it dies: the frames lie in that of the main thread.
 */
export function openReceived(received: ReceivedBatch, schema: Schema): Batch {
  const { frames, bytes, peer } = received
  let block = 0
  try {
    block = alloc(bytes)
    let at = block
    for (const { channel, seq, rows, more, checksum, ...payload } of frames) {
      kernels<CopyKernel>().frameCopy(payload.block + payload.start, payload.bytes, at)
      const header = { seq, rows, more, bytes: payload.bytes }
      if (sealFrame(channel, header, payloadChecksum(at, payload.bytes)) !== checksum)
        throw fail('DATA_CORRUPTION', [peer, `frame ${seq} has a wrong checksum`])
      at += payload.bytes
    }
    const batch = decodeBlock({ block, byteLength: bytes }, schema)
    const { rows } = frames[frames.length - 1]
    if (batch.rowCount === rows) return batch
    releaseBatch(batch)
    throw fail('DATA_CORRUPTION', [peer, `${batch.rowCount} rows in a batch of ${rows}`])
  } finally {
    if (block !== 0) release(block)
    releaseFrames(frames)
  }
}

export const releaseFrames = (frames: readonly ArrivedFrame[]): void => frames.forEach(({ block }) => release(block))
