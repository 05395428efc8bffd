/** Columns as text lines: the reference's .tbl (every field ended by `|`) or CSV (RFC 4180). */
import type { GeneratedColumn } from './columns.js'
import { rowCountOf } from './generate-table.js'

const EPOCH_MS = Date.UTC(1992, 0, 1)
const DAY_MS = 86_400_000
/** The last possible receipt day is 1998-12-31. */
const DAYS = Array.from({ length: 2557 }, (_, day) =>
  Buffer.from(new Date(EPOCH_MS + day * DAY_MS).toISOString().slice(0, 10), 'latin1'),
)
const PIPE = 0x7c
const COMMA = 0x2c
const QUOTE = 0x22
const NEWLINE = 0x0a
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
/** An upper bound of the bytes of one number or date with its separator. */
const NUMBER_BYTES = 16

/** Writes cells into one growing buffer. */
class LineWriter {
  bytes = new Uint8Array(1 << 20)
  length = 0

  room(needed: number): void {
    if (this.length + needed <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + needed))
    larger.set(this.bytes)
    this.bytes = larger
  }

  byte(value: number): void {
    this.bytes[this.length++] = value
  }

  integer(value: number): void {
    if (value < 0) {
      this.byte(MINUS)
      value = -value
    }
    let digits = 1
    for (let limit = 10; value >= limit; limit *= 10) digits++
    for (let i = this.length + digits - 1, rest = value; i >= this.length; i--) {
      this.bytes[i] = ZERO + (rest % 10)
      rest = Math.trunc(rest / 10)
    }
    this.length += digits
  }

  /** Hundredths with two decimals. */
  cents(value: number): void {
    if (value < 0) {
      this.byte(MINUS)
      value = -value
    }
    this.integer(Math.trunc(value / 100))
    this.byte(POINT)
    this.byte(ZERO + (Math.trunc(value / 10) % 10))
    this.byte(ZERO + (value % 10))
  }

  copy(source: Uint8Array, start: number, end: number): void {
    this.room(end - start + NUMBER_BYTES)
    const { bytes } = this
    let at = this.length
    for (let i = start; i < end; i++) bytes[at++] = source[i]
    this.length = at
  }
}

type CellWriter = (writer: LineWriter, row: number) => void

function cellWriter(column: GeneratedColumn, quoted: boolean): CellWriter {
  switch (column.kind) {
    case 'int':
      return (writer, row) => writer.integer(column.values[row])
    case 'decimal':
      if (column.whole === true && !quoted) return (writer, row) => writer.integer(column.values[row] / 100)
      return (writer, row) => writer.cents(column.values[row])
    case 'date':
      return (writer, row) => writer.copy(DAYS[column.values[row]], 0, 10)
    case 'word': {
      const words = column.words.map(word => Buffer.from(word, 'latin1'))
      return (writer, row) => writer.copy(words[column.codes[row]], 0, words[column.codes[row]].length)
    }
    case 'text':
      return (writer, row) => {
        const start = column.offsets[row]
        const end = column.offsets[row + 1]
        // No generated text holds a quote or a line end, so a comma is the only reason to quote.
        const quote = quoted && column.bytes.subarray(start, end).includes(COMMA)
        if (quote) writer.byte(QUOTE)
        writer.copy(column.bytes, start, end)
        if (quote) writer.byte(QUOTE)
      }
  }
}

/** All rows of the columns as lines. CSV has decimals with their full scale and no header here. */
export function encodeText(columns: readonly GeneratedColumn[], format: 'tbl' | 'csv'): Uint8Array {
  const csv = format === 'csv'
  const writers = columns.map(column => cellWriter(column, csv))
  const writer = new LineWriter()
  const rowCount = rowCountOf(columns[0])
  for (let row = 0; row < rowCount; row++) {
    writer.room(writers.length * NUMBER_BYTES)
    for (let i = 0; i < writers.length; i++) {
      if (csv && i > 0) writer.byte(COMMA)
      writers[i](writer, row)
      writer.room(writers.length * NUMBER_BYTES)
      if (!csv) writer.byte(PIPE)
    }
    writer.byte(NEWLINE)
  }
  return writer.bytes.subarray(0, writer.length)
}
