/** Files that are made of pieces, which may have been encoded elsewhere: a head, pieces in any order, an end. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Batch } from '../arrow/batch.js'
import type { CheckedFile } from '../storage/read-file.js'
import type { Compression } from './compression.js'
import type { EncodedPiece, FileWriter, PieceEncoder } from './format.js'
import { TextBuffer } from './text-buffer.js'

const gzipMember = promisify(gzip)

/** Bytes of text that are collected before they become a piece. */
export const PIECE_BYTES = 1024 * 1024

export interface FileParts {
  /** Written first. */
  readonly head: Uint8Array
  /** Writes a piece; default: its bytes. */
  append?(bytes: Uint8Array): Promise<void>
  /** Written last. */
  end?(): Uint8Array
}

/** Takes over the file and the encoder. */
export function pieceWriter(file: CheckedFile, encoder: PieceEncoder, { append, end, head }: FileParts): FileWriter {
  let rows = 0
  const start = async (): Promise<void> => {
    if (file.byteLength === 0 && head.length > 0) await file.append(head)
  }
  const add = async (piece: EncodedPiece): Promise<void> => {
    await start()
    await (append === undefined ? file.append(piece.bytes) : append(piece.bytes))
    rows += piece.rows
  }
  return {
    async write(batch) {
      for await (const piece of encoder.push(batch)) await add(piece)
    },
    append: add,
    async close() {
      try {
        for await (const piece of encoder.finish()) await add(piece)
        await start()
        const last = end?.()
        if (last !== undefined) await file.append(last)
        await file.close()
      } catch (error) {
        await file.abort()
        throw error
      } finally {
        encoder.close()
      }
      return { rows, bytes: file.byteLength, crc32: file.crc32 }
    },
    async abort() {
      encoder.close()
      await file.abort()
    },
  }
}

/** Writes rows from `start` until PIECE_BYTES are buffered or the batch ends; gives the next row. Borrows the batch. */
export type RowsToText = (batch: Batch, start: number, out: TextBuffer) => number

/** Pieces of whole lines, each compressed for itself. */
export function textEncoder(writeRows: RowsToText, compression: Compression): PieceEncoder {
  const out = new TextBuffer()
  let rows = 0
  const piece = async (): Promise<EncodedPiece> => {
    const taken = { bytes: await textBytes(out.take(), compression), rows }
    rows = 0
    return taken
  }
  return {
    async *push(batch) {
      for (let row = 0; row < batch.rowCount;) {
        const next = writeRows(batch, row, out)
        rows += next - row
        row = next
        if (out.length >= PIECE_BYTES) yield piece()
      }
    },
    async *finish() {
      if (out.length > 0) yield piece()
    },
    close() {},
  }
}

/** As they lie in the file: a gzip member (RFC 1952, section 2.2) or zstd frames (RFC 8878, section 3), of which many make a file. */
export async function textBytes(bytes: Uint8Array, compression: Compression): Promise<Uint8Array> {
  if (compression === 'none') return bytes
  if (compression === 'gzip') return gzipMember(bytes)
  const { zstdFrames } = await import('./zstd-write.js')
  return zstdFrames(bytes)
}
