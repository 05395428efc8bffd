/** Cuts files of lines into byte ranges. */
import type { FileSplit } from '../catalog/table-provider.js'
import type { SplitRequest } from './format.js'

/** A byte order mark and the start of the line behind it lie in one range. */
const MIN_BYTES = 4

/** Ranges that are worth reading apart: none smaller than `minBytes`, and no more than partitions are wanted. */
export const rangeCount = (size: number, { minBytes, targetPartitions }: SplitRequest): number =>
  Math.max(1, Math.min(targetPartitions, Math.floor(size / Math.max(MIN_BYTES, minBytes))))

/**
 * The range in which the lines of a split start. The last range of a file is open: lines that were appended since the scan was
 * planned are read, or all of a longer file that took its place.
 */
export function rangeOf({ range, fileBytes = Infinity }: FileSplit): { readonly start: number; readonly end: number } {
  if (range === undefined) return { start: 0, end: Infinity }
  return { start: range.start, end: range.end >= fileBytes ? Infinity : range.end }
}

/** `count` ranges of about equal bytes that cover the file; the whole file as one split if `count` is 1. */
export function byteRanges(path: string, size: number, count: number): readonly FileSplit[] {
  if (count === 1) return [{ path, byteLength: size, fileBytes: size }]
  return Array.from({ length: count }, (_, i) => {
    const start = Math.floor((size / count) * i)
    const end = i === count - 1 ? size : Math.floor((size / count) * (i + 1))
    return { path, range: { start, end }, byteLength: end - start, fileBytes: size }
  })
}
