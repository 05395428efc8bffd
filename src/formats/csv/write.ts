/** Writes CSV by RFC 4180: a header, `\n` line ends, NULL as nothing and the empty string as `""`. */
import type { Batch } from '../../arrow/batch.js'
import { openAtomicFile } from '../../storage/read-file.js'
import { writesGzip } from '../compression.js'
import { cellWriter, hasValue, type BytesWriter } from '../cell-text.js'
import type { FileWriter, PieceEncoder, WriteRequest } from '../format.js'
import { PIECE_BYTES, pieceWriter, textBytes, textEncoder } from '../piece-writer.js'
import { TextBuffer } from '../text-buffer.js'
import { csvDialect, isUsual, type CsvDialect } from './dialect.js'
import { fail } from '../../common/errors.js'

const LF = 10
const CR = 13

/**
 * Opens a file for a CSV result. Decimals have all digits of their scale, floats the shortest text that reads back, dates and
 * timestamps are ISO 8601. Options: has_header (true), delimiter, quote, null_value (nothing), compression. Throws FILE_NOT_WRITABLE, INVALID_OPTION.
 */
export async function openCsvWriter(request: WriteRequest): Promise<FileWriter> {
  const { host, options, path, schema } = request
  const encoder = await openCsvEncoder(request)
  const dialect = csvDialect(options, path)
  const header = new TextBuffer()
  if (dialect.hasHeader) {
    const writer = fieldWriter(dialect)
    schema.fields.forEach((field, column) => {
      if (column > 0) header.byte(writer.delimiter)
      writer.text(header, field.name)
    })
    header.byte(LF)
  }
  const head = await textBytes(header.take(), writesGzip(options, path))
  return pieceWriter(await openAtomicFile({ path, host }), encoder, { head })
}

/** The rows of such a file. */
export async function openCsvEncoder({ options, path }: WriteRequest): Promise<PieceEncoder> {
  const dialect = csvDialect(options, path)
  if (!isUsual(dialect) || dialect.quote === '' || dialect.escape !== dialect.quote)
    throw fail('NOT_SUPPORTED', ['writing CSV with this delimiter or quote'])
  const writer = fieldWriter(dialect)
  return textEncoder((batch, start, out) => writeRows(batch, start, out, writer), writesGzip(options, path))
}

/** How the fields of one dialect are written. */
export interface FieldWriter {
  readonly delimiter: number
  readonly nullValue: string
  readonly text: (out: TextBuffer, text: string) => void
  readonly bytes: BytesWriter
}

/** Writes rows from `start` until a good portion is buffered; gives the next row. Borrows the batch. */
export function writeRows(batch: Batch, start: number, out: TextBuffer, writer: FieldWriter): number {
  const { columns, rowCount } = batch
  const cells = columns.map(column => cellWriter(column, writer.bytes, writer.text))
  let row = start
  for (; row < rowCount && out.length < PIECE_BYTES; row++) {
    for (let column = 0; column < columns.length; column++) {
      if (column > 0) out.byte(writer.delimiter)
      if (hasValue(columns[column], row)) cells[column](out, row)
      else if (writer.nullValue !== '') out.text(writer.nullValue)
    }
    out.byte(LF)
  }
  return row
}

/** The field writer of a dialect that `isUsual` and has a quote. */
export function fieldWriter(dialect: CsvDialect): FieldWriter {
  const delimiter = dialect.delimiter.charCodeAt(0)
  const quote = dialect.quote.charCodeAt(0)
  const nullValue = Buffer.from(dialect.nullValue)
  const needsQuotes = (bytes: Uint8Array, start: number, end: number): boolean => {
    if (start === end || isSame(bytes, start, end, nullValue)) return true
    for (let at = start; at < end; at++) {
      const byte = bytes[at]
      if (byte === delimiter || byte === quote || byte === LF || byte === CR) return true
    }
    return false
  }
  const writeBytes = (out: TextBuffer, bytes: Uint8Array, start: number, end: number): void => {
    out.reserve(2 * (end - start) + 2)
    const target = out.bytes
    let to = out.length
    const isQuoted = needsQuotes(bytes, start, end)
    if (isQuoted) target[to++] = quote
    for (let at = start; at < end; at++) {
      target[to++] = bytes[at]
      if (isQuoted && bytes[at] === quote) target[to++] = quote
    }
    if (isQuoted) target[to++] = quote
    out.length = to
  }
  const writeText = (out: TextBuffer, text: string): void => {
    const bytes = Buffer.from(text)
    writeBytes(out, bytes, 0, bytes.length)
  }
  return { delimiter, nullValue: dialect.nullValue, text: writeText, bytes: writeBytes }
}

function isSame(bytes: Uint8Array, start: number, end: number, other: Uint8Array): boolean {
  if (end - start !== other.length) return false
  for (let i = 0; i < other.length; i++) if (bytes[start + i] !== other[i]) return false
  return true
}
