/** Errors in files of lines: they name the line. */
import { isUtf8 } from 'node:buffer'
import { fail } from '../common/errors.js'
import type { FilePlace } from '../storage/store.js'
import type { ByteSource, ByteWindow } from './byte-source.js'
import { openBytes, type Compression } from './compression.js'

/** A text file as it is read. */
export interface TextFile extends FilePlace {
  readonly compression: Compression
  /** The byte that ends lines. */
  readonly newline: number
}

/** FILE_INVALID with the line that holds the byte at `position`; reads the file once more up to there. */
export async function invalidLine(file: TextFile, position: number, reason: string): Promise<Error> {
  const source = await openBytes(file, file.compression)
  try {
    return fail('FILE_INVALID', [file.path, `line ${await lineAt(source, position, file.newline)}, ${reason}`])
  } finally {
    await source.close()
  }
}

const BLOCK_BYTES = 1024 * 1024

/** Number of the line (from 1) that holds the byte at `position`, by counting line ends. */
async function lineAt(source: ByteSource, position: number, newline: number): Promise<number> {
  const buffer = new Uint8Array(BLOCK_BYTES)
  let line = 1
  for (let before = 0; before < position;) {
    const byteCount = await source.read(buffer)
    if (byteCount === 0) break
    const end = Math.min(byteCount, position - before)
    for (let i = buffer.indexOf(newline); i >= 0 && i < end; i = buffer.indexOf(newline, i + 1)) line++
    before += byteCount
  }
  return line
}

export const NOT_UTF8 = 'the text is not UTF-8; convert it, for example with iconv'

/** Throws FILE_INVALID with the line unless the window's bytes [start, its own start) are UTF-8. */
export async function checkText(file: TextFile, window: ByteWindow, start: number): Promise<void> {
  const end = window.start
  if (isUtf8(window.bytes.subarray(start, end))) return
  let line = start
  for (let next = line; next < end && isUtf8(window.bytes.subarray(line, next));) {
    line = next
    const lineEnd = window.indexOf(file.newline, line)
    next = lineEnd < 0 ? end : lineEnd + 1
  }
  throw await invalidLine(file, window.position(line), NOT_UTF8)
}
