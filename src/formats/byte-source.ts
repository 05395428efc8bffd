/** Sequential bytes of a file, plain or gzipped, with a buffer that keeps what has not been consumed. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { fail } from '../common/errors.js'
import { countBytesRead, countOpenFile } from '../runtime/io-counters.js'
import { notReadable, openForRead, readUpTo, type FilePlace } from './read-file.js'

export interface ByteSource {
  /** Fills the front of `target`; 0 at the end. */
  read(target: Uint8Array): Promise<number>
  close(): Promise<void>
}

/** The bytes of a file from `start`. Throws FILE_NOT_READABLE. */
export async function fileSource(place: FilePlace, start = 0): Promise<ByteSource> {
  const file = await openForRead(place.path, place.host)
  let position = start
  return {
    async read(target) {
      const byteCount = await readUpTo(file, place, target, position)
      position += byteCount
      return byteCount
    },
    close: () => file.close(),
  }
}

/** The decompressed bytes of a gzip file. Throws FILE_NOT_READABLE, FILE_INVALID. */
export async function gzipSource(place: FilePlace): Promise<ByteSource> {
  await stat(place.path).catch((error: unknown) => {
    throw notReadable(place, error)
  })
  const plain = createGunzip()
  const compressed = createReadStream(place.path)
  countOpenFile(compressed)
  compressed.once('close', () => countBytesRead(compressed.bytesRead))
  const closed = new Promise<void>(resolve => compressed.once('close', resolve))
  pipeline(compressed, plain, () => undefined)
  const chunks = plain[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  let rest: Uint8Array = new Uint8Array(0)
  return {
    async read(target) {
      while (rest.length === 0) {
        const next = await chunks.next().catch((error: Error) => {
          throw fail('FILE_INVALID', [place.path, `is not a complete gzip file: ${error.message}`], { cause: error })
        })
        if (next.done === true) return 0
        rest = next.value
      }
      const byteCount = Math.min(rest.length, target.length)
      target.set(rest.subarray(0, byteCount))
      rest = rest.subarray(byteCount)
      return byteCount
    },
    async close() {
      plain.destroy()
      compressed.destroy()
      await closed
    },
  }
}

/** Bytes read at once: large enough for a batch of ordinary rows. */
const BLOCK_BYTES = 2 * 1024 * 1024

/** A window on a source: bytes [start, end) of `bytes` are read and not consumed. */
export class ByteWindow {
  bytes = new Uint8Array(BLOCK_BYTES)
  start = 0
  end = 0
  /** The source has ended: nothing follows `end`. */
  atEnd = false
  /** Place in the file of `bytes[0]`. */
  private origin: number
  private readonly source: ByteSource

  constructor(source: ByteSource, origin = 0) {
    this.source = source
    this.origin = origin
  }

  /** Place in the file of `bytes[index]`. */
  position(index: number): number {
    return this.origin + index
  }

  /** What is read and not consumed; valid until `fill`. */
  unread(): { readonly bytes: Uint8Array; readonly start: number; readonly end: number; readonly isLast: boolean } {
    return { bytes: this.bytes, start: this.start, end: this.end, isLast: this.atEnd }
  }

  /** Drops what was consumed and fills the window to its end or the source's; it grows when it is full already. */
  async fill(): Promise<void> {
    if (this.atEnd) return
    if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end)
      this.origin += this.start
      this.end -= this.start
      this.start = 0
    }
    if (this.end === this.bytes.length) {
      const larger = new Uint8Array(2 * this.bytes.length)
      larger.set(this.bytes)
      this.bytes = larger
    }
    while (!this.atEnd && this.end < this.bytes.length) {
      const byteCount = await this.source.read(this.bytes.subarray(this.end))
      this.atEnd = byteCount === 0
      this.end += byteCount
    }
  }
}

const NEWLINE = 10

/** Number of the line (from 1) that holds the byte at `position`, by counting; only for error messages. */
export async function lineAt(source: ByteSource, position: number): Promise<number> {
  const buffer = new Uint8Array(BLOCK_BYTES)
  let line = 1
  for (let before = 0; before < position;) {
    const byteCount = await source.read(buffer)
    if (byteCount === 0) break
    const end = Math.min(byteCount, position - before)
    for (let i = buffer.indexOf(NEWLINE); i >= 0 && i < end; i = buffer.indexOf(NEWLINE, i + 1)) line++
    before += byteCount
  }
  return line
}
