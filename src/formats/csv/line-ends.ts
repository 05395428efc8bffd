/** How the lines of a CSV file end. */
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
