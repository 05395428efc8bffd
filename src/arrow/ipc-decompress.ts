/** Batches of Arrow IPC with compressed buffers, turned into such without: what apache-arrow leaves to codecs it does not have. */
import { fail, type BallistaError } from '../common/errors.js'
import { withoutCompression, type BodyCompression } from './ipc-metadata.js'
import { MAX_LZ4_RATIO, decodeLz4Frame } from './lz4.js'
import { decodeZstdFrames } from './zstd.js'

/** Before the compressed bytes of a buffer: how many they stand for, or -1 for a buffer that is stored as it is. */
const PREFIX_BYTES = 8
/** Of one message: what offsets of 31 bits reach. */
const MAX_BODY_BYTES = 2 ** 31 - 1

const invalid = (what: string): BallistaError => fail('FILE_INVALID', ['Arrow data', what])

export interface PlainMessage {
  readonly metadata: Uint8Array
  readonly body: Uint8Array
}

/** The message with its buffers as they are without compression. Throws FILE_INVALID, ARENA_EXHAUSTED. */
export function decompressed(
  metadata: Uint8Array,
  { codec, buffers: compressed }: BodyCompression,
  body: Uint8Array,
): PlainMessage {
  const pieces: Uint8Array[] = []
  let length = 0
  const buffers: [number, number][] = []
  for (const [offset, byteLength] of compressed) {
    const plain = plainBuffer(body.subarray(offset, offset + byteLength), codec, MAX_BODY_BYTES - length)
    const padding = (8 - (plain.length % 8)) % 8
    buffers.push([length, plain.length])
    pieces.push(plain, new Uint8Array(padding))
    length += plain.length + padding
  }
  return { metadata: withoutCompression(metadata, buffers, length), body: Buffer.concat(pieces) }
}

function plainBuffer(buffer: Uint8Array, codec: 'lz4' | 'zstd', room: number): Uint8Array {
  if (buffer.length === 0) return buffer
  if (buffer.length < PREFIX_BYTES) throw invalid('a compressed buffer without its length')
  const size = new DataView(buffer.buffer, buffer.byteOffset).getBigInt64(0, true)
  const bytes = buffer.subarray(PREFIX_BYTES)
  if (size === -1n) return bytes
  if (size < 0n || size > BigInt(room)) throw invalid(`a buffer of ${size} bytes`)
  const plain = codec === 'lz4' ? lz4(bytes, Number(size)) : decodeZstdFrames(bytes, Number(size))
  if (plain === undefined) throw invalid(`a buffer that does not decompress to ${size} bytes`)
  return plain
}

const lz4 = (bytes: Uint8Array, size: number): Uint8Array | undefined =>
  size > MAX_LZ4_RATIO * bytes.length ? undefined : decodeLz4Frame(bytes, size)
