/** CRC-32 of frames, over payload and header, as exchange.proto lays it down: the payload's can be had before there is a header. */
import { crc32 } from 'node:zlib'
import type { FrameHeader } from './channel-state.js'

/** channel u32, seq u64, rows u32, more u32, payload length u32; little-endian. */
const HEADER_BYTES = 24

/** `payloadChecksum` is the CRC-32 of the payload alone. */
export function sealFrame(channel: number, header: FrameHeader, payloadChecksum: number): number {
  const bytes = new DataView(new ArrayBuffer(HEADER_BYTES))
  bytes.setUint32(0, channel, true)
  bytes.setBigUint64(4, BigInt(header.seq), true)
  bytes.setUint32(12, header.rows, true)
  bytes.setUint32(16, header.more ? 1 : 0, true)
  bytes.setUint32(20, header.bytes, true)
  return crc32(bytes, payloadChecksum)
}

export const frameChecksum = (channel: number, header: Omit<FrameHeader, 'bytes'>, payload: Uint8Array): number =>
  sealFrame(channel, { ...header, bytes: payload.byteLength }, crc32(payload))
