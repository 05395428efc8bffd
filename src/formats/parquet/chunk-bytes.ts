/** Bytes of column chunks, read from the file straight into the arena. */
import { alloc, release, views } from '../../arrow/memory.js'
import { invariant } from '../../common/invariant.js'
import { readExactly } from '../../storage/read-file.js'
import type { FilePlace, OpenFile } from '../../storage/store.js'
import type { ColumnChunk } from './footer.js'

export interface Range {
  readonly start: number
  readonly end: number
}

/** Byte ranges that cover the chunks, ascending, with gaps of at most `gapBytes` included. */
export function coalesceChunks(chunks: readonly ColumnChunk[], gapBytes: number): Range[] {
  const ranges: { start: number; end: number }[] = []
  for (const chunk of chunks.toSorted((left, right) => left.start - right.start)) {
    const last = ranges.at(-1)
    const end = chunk.start + chunk.byteLength
    if (last === undefined || chunk.start > last.end + gapBytes) ranges.push({ start: chunk.start, end })
    else last.end = Math.max(last.end, end)
  }
  return ranges
}

/** Chunks in the arena until `release` is called, once. */
export interface ChunkBytes {
  /** Arena position of the chunk's first byte. */
  positionOf(chunk: ColumnChunk): number
  release(): void
}

/**
 * Reads chunks, neighbours together. When it fails or was aborted, its memory is given back only after the last read has
 * called back. Throws FILE_NOT_READABLE, FILE_INVALID, ARENA_EXHAUSTED.
 */
export async function readChunks(
  file: OpenFile,
  place: FilePlace,
  chunks: readonly ColumnChunk[],
): Promise<ChunkBytes> {
  const ranges = coalesceChunks(chunks, file.gapBytes)
  const blocks: number[] = []
  try {
    for (const { start, end } of ranges) blocks.push(alloc(end - start))
    const { u8 } = views()
    const reads = ranges.map(({ start, end }, i) =>
      readExactly(file, place, u8.subarray(blocks[i], blocks[i] + end - start), start),
    )
    const failed = (await Promise.allSettled(reads)).find(result => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  } catch (error) {
    blocks.forEach(release)
    throw error
  }
  return {
    positionOf(chunk) {
      const i = ranges.findIndex(({ start, end }) => chunk.start >= start && chunk.start + chunk.byteLength <= end)
      invariant(i >= 0, 'the chunk is one of those that were read')
      return blocks[i] + chunk.start - ranges[i].start
    },
    release: () => blocks.forEach(release),
  }
}
