/** Sequential bytes of a file, with a window that keeps what has not been consumed. */
import { alloc, release, views } from '../arrow/memory.js'
import { fail } from '../common/errors.js'
import { openForRead } from '../storage/read-file.js'
import type { FilePlace } from '../storage/store.js'

export interface ByteSource {
  /** Fills the front of `target`; 0 at the end. */
  read(target: Uint8Array): Promise<number>
  close(): Promise<void>
}

/** The bytes of a file from `start`. Throws FILE_NOT_READABLE, and FILE_INVALID if it has fewer than `expectedBytes`. */
export async function fileSource(place: FilePlace, start = 0, expectedBytes = 0): Promise<ByteSource> {
  const file = await openForRead(place.path, place.host)
  let position = start
  return {
    async read(target) {
      const byteCount = await file.read(target, position)
      position += byteCount
      if (byteCount === 0 && target.length > 0 && position < expectedBytes) throw shrunk(place, position, expectedBytes)
      return byteCount
    },
    close: () => file.close(),
  }
}

const shrunk = ({ path }: FilePlace, byteLength: number, expected: number): Error =>
  fail('FILE_INVALID', [
    path,
    `changed while the query ran: it had ${expected} bytes and ends at byte ${byteLength}; run the query again`,
  ])

/** Bytes read at first, for few rows, and then at once, for a batch of ordinary ones. */
const FIRST_BYTES = 256 * 1024
const BLOCK_BYTES = 4 * 1024 * 1024
/** Longest record of a text file, and so the largest window. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024

/** Opens a window on a source that is being opened; closing the window closes both. `origin` is the source's place in the file. */
export async function openWindow(opening: Promise<ByteSource>, path: string, origin = 0): Promise<ByteWindow> {
  const source = await opening
  try {
    return new ByteWindow(source, path, origin)
  } catch (error) {
    await source.close()
    throw error
  }
}

/** A window on a source, in the arena: bytes [start, end) are read and not consumed. Its owner closes it. */
export class ByteWindow {
  /** View of the block. */
  bytes: Uint8Array
  start = 0
  end = 0
  /** The source has ended: nothing follows `end`. */
  atEnd = false
  /** Position in the arena of `bytes[0]`. */
  block: number
  /** Place in the file of `bytes[0]`. */
  private origin: number
  private readonly source: ByteSource
  private readonly path: string

  constructor(source: ByteSource, path: string, origin: number) {
    this.source = source
    this.path = path
    this.origin = origin
    this.block = alloc(FIRST_BYTES)
    this.bytes = views().u8.subarray(this.block, this.block + FIRST_BYTES)
  }

  /** Place in the file of `bytes[index]`. */
  position(index: number): number {
    return this.origin + index
  }

  /** Index of the first `byte` from `from` on, before `end`; -1 if there is none. */
  indexOf(byte: number, from: number): number {
    const found = this.bytes.indexOf(byte, from)
    return found < this.end ? found : -1
  }

  /**
   * Drops what was consumed and fills the window to its end or the source's; it grows when nothing was consumed. Throws
   * FILE_INVALID for a record of more than 64 MiB.
   */
  async fill(): Promise<void> {
    if (this.atEnd) return
    const isFull = this.end - this.start === this.bytes.length
    if (isFull && this.bytes.length >= MAX_RECORD_BYTES) {
      const place = `at byte ${this.position(this.start)}: a record of more than ${MAX_RECORD_BYTES} bytes`
      throw fail('FILE_INVALID', [this.path, `${place}; is a quote not closed?`])
    }
    const wanted = this.end === 0 ? FIRST_BYTES : Math.max(BLOCK_BYTES, (isFull ? 2 : 1) * this.bytes.length)
    if (wanted > this.bytes.length) this.grow(wanted)
    else if (this.start > 0) this.bytes.copyWithin(0, this.start, this.end)
    this.origin += this.start
    this.end -= this.start
    this.start = 0
    while (!this.atEnd && this.end < this.bytes.length) {
      const byteCount = await this.source.read(this.bytes.subarray(this.end))
      this.atEnd = byteCount === 0
      this.end += byteCount
    }
  }

  /** Consumes the byte order mark of UTF-8; for a window that was filled at the file's start. */
  skipByteOrderMark(): void {
    const { bytes } = this
    if (this.end >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.start = 3
  }

  async close(): Promise<void> {
    try {
      await this.source.close()
    } finally {
      release(this.block)
    }
  }

  /** A larger block with the bytes that were not consumed at its start. */
  private grow(byteLength: number): void {
    const larger = alloc(byteLength)
    const bytes = views().u8.subarray(larger, larger + byteLength)
    bytes.set(this.bytes.subarray(this.start, this.end))
    release(this.block)
    this.block = larger
    this.bytes = bytes
  }
}
