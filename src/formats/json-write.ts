/** Writes NDJSON: one object a line, all members, NULL as null, numbers with all their digits. */
import type { Batch, Column } from '../arrow/batch.js'
import { views } from '../arrow/memory.js'
import { openAtomicFile } from '../storage/read-file.js'
import { cellWriter, hasValue, type CellWriter } from './cell-text.js'
import { compressionOf } from './compression.js'
import type { FileWriter, PieceEncoder, WriteRequest } from './format.js'
import { PIECE_BYTES, pieceWriter, textBytes, textEncoder } from './piece-writer.js'
import { TextBuffer } from './text-buffer.js'

const HEX = '0123456789abcdef'

/**
 * Opens a file for an NDJSON result. DATE and TIMESTAMP are ISO 8601 strings, BYTEA is a hexadecimal string; NaN and the infinities,
 * which JSON lacks, are the strings "NaN", "inf", "-inf". Options: compression. Throws FILE_NOT_WRITABLE.
 */
export async function openJsonWriter(request: WriteRequest): Promise<FileWriter> {
  const { host, options, path } = request
  const encoder = await openJsonEncoder(request)
  const head = await textBytes(new Uint8Array(0), compressionOf(options, path))
  return pieceWriter(await openAtomicFile({ path, host }), encoder, { head })
}

/** The rows of such a file. */
export async function openJsonEncoder({ options, path, schema }: WriteRequest): Promise<PieceEncoder> {
  const prefixes = schema.fields.map(({ name }, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`)
  return textEncoder((batch, start, out) => writeRows(batch, start, out, prefixes), compressionOf(options, path))
}

function writeRows({ columns, rowCount }: Batch, start: number, out: TextBuffer, prefixes: readonly string[]): number {
  const cells = columns.map(jsonCellWriter)
  let row = start
  for (; row < rowCount && out.length < PIECE_BYTES; row++) {
    for (let column = 0; column < columns.length; column++) {
      out.text(prefixes[column])
      if (hasValue(columns[column], row)) cells[column](out, row)
      else out.text('null')
    }
    out.text(columns.length === 0 ? '{}\n' : '}\n')
  }
  return row
}

/** Writes the cells of a column that are not NULL as JSON values. */
export function jsonCellWriter(column: Column): CellWriter {
  const { type } = column
  if (type.kind === 'list' && column.dictionary === undefined) return listWriter(column)
  if (type.kind === 'date') {
    const write = cellWriter(column, writeString, (out, text) => out.text(text))
    return (out, row) => {
      out.byte(34)
      write(out, row)
      out.byte(34)
    }
  }
  if (type.kind === 'float') {
    return cellWriter(column, writeString, (out, text) => out.text(/\d/.test(text) ? text : `"${text}"`))
  }
  const isBare = type.kind === 'boolean' || type.kind === 'int'
  return cellWriter(column, writeString, (out, text) => out.text(isBare ? text : JSON.stringify(text)))
}

/** `[1,null]`: the elements by the writer of their column. */
function listWriter(column: Column): CellWriter {
  const [elements] = column.children
  const write = jsonCellWriter(elements)
  return (out, row) => {
    const { i32 } = views()
    const [start, end] = [i32[column.offsets / 4 + row], i32[column.offsets / 4 + row + 1]]
    out.byte(91)
    for (let element = start; element < end; element++) {
      if (element > start) out.byte(44)
      if (hasValue(elements, element)) write(out, element)
      else out.text('null')
    }
    out.byte(93)
  }
}

function writeString(out: TextBuffer, bytes: Uint8Array, start: number, end: number): void {
  out.reserve(6 * (end - start) + 2)
  const target = out.bytes
  let to = out.length
  target[to++] = 34
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte < 32) to += target.write(`\\u00${HEX[byte >>> 4]}${HEX[byte & 15]}`, to, 'latin1')
    else {
      if (byte === 34 || byte === 92) target[to++] = 92
      target[to++] = byte
    }
  }
  target[to++] = 34
  out.length = to
}
