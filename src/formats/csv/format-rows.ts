/** Rows of batches as CSV text: kernels format integers, decimals, dates and text; what else there is becomes text first. */
import type { Batch, Column } from '../../arrow/batch.js'
import { columnFromValues, releaseColumn, retainColumn, valueAt } from '../../arrow/column.js'
import { kernels, views, withScratch, writeText } from '../../arrow/memory.js'
import { UTF8 } from '../../arrow/types.js'
import { valueText } from '../../expr/value-text.js'
import { hasValue } from '../cell-text.js'
import { PIECE_BYTES } from '../piece-writer.js'
import type { TextBuffer } from '../text-buffer.js'
import type { CsvDialect } from './dialect.js'

/** How the fields of one dialect are written. */
export interface FieldWriter {
  readonly delimiter: number
  readonly quote: number
  readonly nullValue: string
  readonly text: (out: TextBuffer, text: string) => void
}

/** The field writer of a dialect that `isUsual` and has a quote. */
export function fieldWriter({ delimiter, nullValue, quote }: CsvDialect): FieldWriter {
  const special = [delimiter, quote, '\n', '\r']
  return {
    delimiter: delimiter.charCodeAt(0),
    quote: quote.charCodeAt(0),
    nullValue,
    text(out, text) {
      const isQuoted = text === '' || text === nullValue || special.some(character => text.includes(character))
      out.text(isQuoted ? `${quote}${text.replaceAll(quote, quote + quote)}${quote}` : text)
    },
  }
}

interface CsvKernels {
  csvFormat(
    ...args: [
      sources: number, count: number, row: number, n: number, out: number, end: number,
      delimiter: number, quote: number, nullText: number, nullLength: number, used: number,
    ] // oxfmt-ignore
  ): number
}

/** Text that is formatted at once, before it is copied out of the arena. */
const ROOM_BYTES = 256 * 1024
/** What kernels may write behind it. */
const SLOP_BYTES = 16
/** Of a column's description in src/kernels/csv-format.ts. */
const SOURCE_BYTES = 40

/**
 * Writes rows from `start` until the batch ends or, in a batch of much text, two pieces are buffered; gives the next row. Borrows
 * the batch.
 */
export function writeRows(batch: Batch, start: number, out: TextBuffer, writer: FieldWriter): number {
  const sources: Source[] = []
  try {
    for (const column of batch.columns) sources.push(sourceOf(column, start))
    return withScratch(scratch => {
      const described = scratch(SOURCE_BYTES * sources.length)
      sources.forEach((source, i) => describe(source, described + SOURCE_BYTES * i))
      let row = start
      for (let room = ROOM_BYTES; row < batch.rowCount && out.length < 2 * PIECE_BYTES;) {
        const rows = { sources: described, count: sources.length, row, rowCount: batch.rowCount, room }
        const next = formatRows(rows, out, writer)
        // A row that is longer.
        if (next === row) room *= 2
        row = next
      }
      return row
    })
  } finally {
    for (const { column } of sources) releaseColumn(column)
  }
}

interface RowsToFormat {
  /** Descriptions of columns, and their number. */
  readonly sources: number
  readonly count: number
  readonly row: number
  readonly rowCount: number
  /** Bytes. */
  readonly room: number
}

/** Appends as many rows as have room; the row after them. */
function formatRows(
  { sources, count, row, rowCount, room }: RowsToFormat,
  out: TextBuffer,
  writer: FieldWriter,
): number {
  return withScratch(scratch => {
    const { delimiter, nullValue, quote } = writer
    const nullText = scratch(3 * nullValue.length + 1)
    const nullLength = writeText(nullText, nullValue)
    const used = scratch(4)
    const text = scratch(room + SLOP_BYTES)
    const next = kernels<CsvKernels>().csvFormat(
      sources, count, row, rowCount, text, text + room, delimiter, quote, nullText, nullLength, used,
    ) // oxfmt-ignore
    out.copy(views().u8.subarray(text, text + views().u32[used / 4]))
    return next
  })
}

/** A column as the kernel takes it, with a reference of its own. */
interface Source {
  readonly column: Column
  readonly kind: number
}

/** The column itself, or the text of its rows from `start` on. */
function sourceOf(column: Column, start: number): Source {
  const kind = kindOf(column.dictionary ?? column)
  if (kind !== undefined) {
    retainColumn(column)
    return { column, kind }
  }
  const texts = Array.from({ length: column.length }, (_, row) =>
    row < start || !hasValue(column, row) ? null : valueText(valueAt(column, row), column.type),
  )
  return { column: columnFromValues(UTF8, texts), kind: KIND.text }
}

/** Kinds of cells in src/kernels/csv-format.ts; integers by their width. */
const KIND = { text: 0, date: 1, signed: { 1: 2, 2: 4, 4: 6, 8: 8 }, unsigned: { 1: 3, 2: 5, 4: 7 } } as const

/** Undefined: none is of this type. */
function kindOf({ length, type, values, width }: Column): number | undefined {
  switch (type.kind) {
    case 'utf8':
      return KIND.text
    case 'date':
      return hasUsualYears(values / 4, length) ? KIND.date : undefined
    case 'int': {
      const kinds: Readonly<Record<number, number | undefined>> = type.signed ? KIND.signed : KIND.unsigned
      return kinds[width]
    }
    case 'decimal':
      return width === 8 ? KIND.signed[8] : undefined
    default:
      return undefined
  }
}

/** 0000-03-01 and 9999-12-31. */
const FIRST_DAY = -719_468
const LAST_DAY = 2_932_896

function hasUsualYears(first: number, length: number): boolean {
  const { i32 } = views()
  for (let at = first; at < first + length; at++) if (i32[at] < FIRST_DAY || i32[at] > LAST_DAY) return false
  return true
}

/** Writes the description of a source to `at`. */
function describe({ column, kind }: Source, at: number): void {
  const { u32, i64 } = views()
  const { dictionary, type } = column
  const { offsets, validity, values } = dictionary ?? column
  const codes = dictionary === undefined ? [0, 0] : [column.values, column.validity]
  const scale = type.kind === 'decimal' ? type.scale : 0
  u32.set([kind, values, offsets, validity, ...codes, scale], at / 4)
  // 10^19 is a number of 64 bits without a sign, 10^20 none.
  i64[at / 8 + 4] = scale > 19 ? 0n : 10n ** BigInt(scale)
}
