/** Zstandard of a known size, decompressed by the kernel. (Streams of unknown size: src/formats/zstd-stream.ts.) */
import { kernels, views, withScratch } from './memory.js'

interface ZstdKernels {
  zstdDecompress(source: number, byteLength: number, target: number, size: number, work: number): number
  zstdWorkBytes(): number
}

/** Bytes that one compressed byte can stand for; a size beyond is not worth its memory. */
export const MAX_ZSTD_RATIO = 33_000
/** Bytes behind the output that may be overwritten. */
const SLOP = 64

/**
 * Decompresses [source, source + byteLength) of the arena to `target`, which has room for `size` + 64 bytes; whether that gave exactly
 * `size` bytes. Throws ARENA_EXHAUSTED.
 */
export function decompressZstd(source: number, byteLength: number, target: number, size: number): boolean {
  const { zstdDecompress, zstdWorkBytes } = kernels<ZstdKernels>()
  return withScratch(scratch => zstdDecompress(source, byteLength, target, size, scratch(zstdWorkBytes())) === 1)
}

/** The `size` bytes that frames stand for; undefined if they are damaged or stand for another number. Throws ARENA_EXHAUSTED. */
export function decodeZstdFrames(frames: Uint8Array, size: number): Uint8Array | undefined {
  if (size > MAX_ZSTD_RATIO * frames.length) return undefined
  return withScratch(scratch => {
    const [source, target] = [scratch(frames.length), scratch(size + SLOP)]
    const { u8 } = views()
    u8.set(frames, source)
    return decompressZstd(source, frames.length, target, size) ? u8.slice(target, target + size) : undefined
  })
}
