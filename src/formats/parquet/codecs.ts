/** Decompression of Parquet pages, from and to the arena. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { MAX_LZ4_RATIO, decodeLz4Block } from '../../arrow/lz4.js'
import { kernels, views } from '../../arrow/memory.js'
import { MAX_ZSTD_RATIO, decompressZstd } from '../../arrow/zstd.js'

/** CompressionCodec of parquet.thrift; LZ4_RAW is called lz4 here. */
export const CODEC = { uncompressed: 0, snappy: 1, gzip: 2, brotli: 4, zstd: 6, lz4: 7 } as const

/** Bytes behind a decompressed page that a codec may overwrite. */
export const CODEC_SLOP = 64

/** Codecs of pages that `decompress` takes. */
export const isOwnCodec = (codec: number): boolean => Object.values<number>(CODEC).includes(codec)

/** Bytes of output that one compressed byte can stand for; a page that claims more is not worth its memory. */
const MAX_RATIO: Readonly<Record<number, number>> = {
  [CODEC.snappy]: 24,
  [CODEC.gzip]: 1040,
  [CODEC.brotli]: 1_000_000,
  [CODEC.lz4]: MAX_LZ4_RATIO,
  [CODEC.zstd]: MAX_ZSTD_RATIO,
}

/** Whether `compressedBytes` can stand for `size` bytes. */
export const isPlausible = (codec: number, compressedBytes: number, size: number): boolean =>
  size <= (MAX_RATIO[codec] ?? Infinity) * compressedBytes + 64

interface SnappyKernel {
  snappyDecompress(source: number, byteLength: number, target: number, size: number): number
}

/**
 * Decompresses [source, source + byteLength) to `target`, which has room for `size` + CODEC_SLOP bytes; whether that gave
 * exactly `size` bytes.
 */
export function decompress(codec: number, source: number, byteLength: number, target: number, size: number): boolean {
  if (codec === CODEC.snappy) return kernels<SnappyKernel>().snappyDecompress(source, byteLength, target, size) === 1
  if (codec === CODEC.zstd) return decompressZstd(source, byteLength, target, size)
  const { u8 } = views()
  if (codec === CODEC.lz4)
    return decodeLz4Block(u8, source, source + byteLength, u8.subarray(target, target + size), 0) === size
  const bytes = inflate(codec, u8.subarray(source, source + byteLength), size)
  if (bytes?.length !== size) return false
  u8.set(bytes, target)
  return true
}

/** Undefined for damaged input and for more than `size` bytes. */
function inflate(codec: number, bytes: Uint8Array, size: number): Uint8Array | undefined {
  try {
    return (codec === CODEC.gzip ? gunzipSync : brotliDecompressSync)(bytes, { maxOutputLength: Math.max(size, 1) })
  } catch {
    return undefined
  }
}
