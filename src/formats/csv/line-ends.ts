/** What the first bytes of a CSV file tell: how lines end, and a byte order mark. */
import type { ByteWindow } from '../byte-source.js'
import type { CsvDialect } from './dialect.js'

const LF = 10
const CR = 13

/**
 * The byte that ends lines. A lone CR does in files without an LF in their first window: old ones, and those of some
 * spreadsheets.
 */
export function newlineOf(window: ByteWindow, { lineEnd }: CsvDialect): number {
  if (lineEnd !== 'auto') return lineEnd === 'cr' ? CR : LF
  const isFirst = window.position(0) === 0
  return isFirst && window.indexOf(LF, 0) < 0 && window.indexOf(CR, 0) >= 0 ? CR : LF
}

/** For a window that starts at the file's start. */
export function skipByteOrderMark(window: ByteWindow): void {
  const { bytes } = window
  if (window.end >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) window.start = 3
}
