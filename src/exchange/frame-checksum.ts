/** CRC-32 of frames, over header and payload, as exchange.proto lays it down. */
import { crc32 } from 'node:zlib'
import type { FrameHeader } from './channel-state.js'

/** channel u32, seq u64, rows u32, more u32, payload length u32; little-endian. */
const HEADER_BYTES = 24

export function frameChecksum(channel: number, header: Omit<FrameHeader, 'bytes'>, payload: Uint8Array): number {
  const bytes = new DataView(new ArrayBuffer(HEADER_BYTES))
  bytes.setUint32(0, channel, true)
  bytes.setBigUint64(4, BigInt(header.seq), true)
  bytes.setUint32(12, header.rows, true)
  bytes.setUint32(16, header.more ? 1 : 0, true)
  bytes.setUint32(20, payload.byteLength, true)
  return crc32(payload, crc32(bytes))
}
