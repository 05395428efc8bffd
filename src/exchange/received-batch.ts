/** A batch as it came from another process: frames whose bytes nobody has looked at yet. */
import type { Batch } from '../arrow/batch.js'
import { batchBytes, releaseBatch } from '../arrow/column.js'
import { decodeBlock } from '../arrow/frame.js'
import { alloc, release, views } from '../arrow/memory.js'
import type { Schema } from '../arrow/schema.js'
import { fail } from '../common/errors.js'
import { payloadChecksum, sealFrame } from './frame-checksum.js'
import type { Frame } from './proto/messages.js'

/** Plain data: it can be posted to another thread, which then owns the payloads (`payloadBuffers`). */
export interface ReceivedBatch {
  /** In order; the last one completes the batch. */
  readonly frames: readonly Frame[]
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
}

/** Checks and decodes: DATA_CORRUPTION names the frame and the peer. */
export function openReceived({ frames, bytes, peer }: ReceivedBatch, schema: Schema): Batch {
  const block = alloc(bytes)
  const memory = views().u8
  try {
    let at = block
    for (const { channel, seq, rows, more, checksum, payload } of frames) {
      const header = { seq, rows, more, bytes: payload.length }
      memory.set(payload, at)
      if (sealFrame(channel, header, payloadChecksum(at, payload.length)) !== checksum)
        throw fail('DATA_CORRUPTION', [peer, `frame ${seq} has a wrong checksum`])
      at += payload.length
    }
    const batch = decodeBlock({ block, byteLength: bytes }, schema)
    const { rows } = frames[frames.length - 1]
    if (batch.rowCount === rows) return batch
    releaseBatch(batch)
    throw fail('DATA_CORRUPTION', [peer, `${batch.rowCount} rows in a batch of ${rows}`])
  } finally {
    release(block)
  }
}

/** Payloads smaller than this share a pool's memory with others. */
const OWN_BUFFER_BYTES = 4096

/**
 * The same batch with payloads that can be posted to another thread without a copy, and the buffers to transfer: gRPC makes a buffer
 * of its own for each message that is not small, and hands it on.
 */
export function transferable(received: ReceivedBatch): { received: ReceivedBatch; buffers: ArrayBuffer[] } {
  const frames = received.frames.map(frame => {
    const { payload } = frame
    const isOwn = payload.byteLength >= OWN_BUFFER_BYTES && payload.byteLength * 2 > payload.buffer.byteLength
    // A plain Uint8Array: of a Buffer the pool would come along.
    const view = isOwn
      ? new Uint8Array(payload.buffer as ArrayBuffer, payload.byteOffset, payload.byteLength)
      : new Uint8Array(payload)
    return { ...frame, payload: view }
  })
  return { received: { ...received, frames }, buffers: frames.map(({ payload }) => payload.buffer as ArrayBuffer) }
}
