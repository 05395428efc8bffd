/** Writes CSV by RFC 4180: a header, `\n` line ends, NULL as nothing and the empty string as `""`. */
import { fail } from '../../common/errors.js'
import { openAtomicFile } from '../../storage/read-file.js'
import { compressionOf } from '../compression.js'
import type { FileWriter, PieceEncoder, WriteRequest } from '../format.js'
import { pieceWriter, textBytes, textEncoder } from '../piece-writer.js'
import { TextBuffer } from '../text-buffer.js'
import { csvDialect, isUsual } from './dialect.js'
import { fieldWriter, writeRows } from './format-rows.js'

const LF = 10

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
  const head = await textBytes(header.take(), compressionOf(options, path))
  return pieceWriter(await openAtomicFile({ path, host }), encoder, { head })
}

/** The rows of such a file. */
export async function openCsvEncoder({ options, path }: WriteRequest): Promise<PieceEncoder> {
  const dialect = csvDialect(options, path)
  if (!isUsual(dialect) || dialect.quote === '' || dialect.escape !== dialect.quote)
    throw fail('NOT_SUPPORTED', ['writing CSV with this delimiter or quote'])
  const writer = fieldWriter(dialect)
  return textEncoder((batch, start, out) => writeRows(batch, start, out, writer), compressionOf(options, path))
}
