/** Scans CSV files of the usual dialect: byte ranges are cut at line ends, fields go straight from bytes into columns. */
import { isUtf8 } from 'node:buffer'
import type { Batch, Column } from '../../arrow/batch.js'
import type { Schema } from '../../arrow/schema.js'
import { typeName } from '../../arrow/types.js'
import type { FileSplit } from '../../catalog/table-provider.js'
import { fail } from '../../common/errors.js'
import { BlockScope } from '../block-scope.js'
import { ByteWindow, fileSource, gzipSource, lineAt, type ByteSource } from '../byte-source.js'
import type { FileScan } from '../format.js'
import type { FilePlace } from '../read-file.js'
import { csvDialect, isUsual, type CsvDialect } from './dialect.js'
import { scanOddCsv } from './odd-dialect.js'
import { FieldError, parseColumn } from './parse-columns.js'
import { FieldTable, tokenize, type Separators } from './tokenize.js'

const LF = 10

/**
 * Batches of the scan's schema, given away. Columns are found by position. Holds one block of the file. Throws FILE_NOT_READABLE,
 * FILE_INVALID [path, `line …`] for malformed records and values, ARENA_EXHAUSTED.
 */
export async function* scanCsv(scan: FileScan): AsyncGenerator<Batch, void> {
  let wanted = scan.fetch ?? Infinity
  for (const split of scan.splits) {
    const dialect = csvDialect(scan.options, split.path)
    const batches = isUsual(dialect) ? scanSplit({ scan, split, dialect }) : scanOddCsv(scan, split.path, dialect)
    for await (const batch of batches) {
      yield batch
      wanted -= batch.rowCount
      if (wanted <= 0) return
    }
  }
}

interface SplitScan {
  readonly scan: FileScan
  readonly split: FileSplit
  readonly dialect: CsvDialect
}

export const openSource = (place: FilePlace, dialect: CsvDialect, start = 0): Promise<ByteSource> =>
  dialect.gzip ? gzipSource(place) : fileSource(place, start)

export const separatorsOf = ({ delimiter, quote }: CsvDialect): Separators => ({
  delimiter: delimiter.charCodeAt(0),
  quote: quote === '' ? -1 : quote.charCodeAt(0),
})

async function* scanSplit(at: SplitScan): AsyncGenerator<Batch, void> {
  const { scan, split, dialect } = at
  const place = { path: split.path, host: scan.host }
  const { start, end } = split.range ?? { start: 0, end: Infinity }
  // The byte before the range tells whether a line starts exactly at its start.
  const from = Math.max(0, start - 1)
  const source = await openSource(place, dialect, from)
  try {
    const window = new ByteWindow(source, from)
    const isInside = start === 0 ? await skipHeader(window, at) : await skipToLine(window, end)
    if (!isInside) return
    const table = new FieldTable(scan.fileSchema.fields.length, Math.min(scan.batchRows, scan.fetch ?? Infinity))
    yield* records(at, window, table, end)
  } finally {
    await source.close()
  }
}

/** Moves to the first record; false if there is none. */
async function skipHeader(window: ByteWindow, { dialect, split, scan }: SplitScan): Promise<boolean> {
  await window.fill()
  skipByteOrderMark(window)
  if (!dialect.hasHeader) return true
  const table = new FieldTable(scan.fileSchema.fields.length, 1)
  for (;;) {
    const result = tokenize(window.unread(), separatorsOf(dialect), table)
    if (result.kind === 'malformed')
      throw await malformed({ scan, split, dialect }, window.position(result.position), result)
    window.start = result.next
    if (table.count === 1) return true
    if (window.atEnd) return false
    await window.fill()
  }
}

export function skipByteOrderMark(window: ByteWindow): void {
  const { bytes } = window
  if (window.end >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) window.start = 3
}

/** Moves behind the first line end; false if no line starts before `end`. */
async function skipToLine(window: ByteWindow, end: number): Promise<boolean> {
  for (;;) {
    await window.fill()
    const at = window.bytes.subarray(0, window.end).indexOf(LF, window.start)
    if (at >= 0) {
      window.start = at + 1
      return window.position(window.start) < end
    }
    window.start = window.end
    if (window.atEnd || window.position(window.start) >= end) return false
  }
}

async function* records(
  at: SplitScan,
  window: ByteWindow,
  table: FieldTable,
  end: number,
): AsyncGenerator<Batch, void> {
  const { scan, dialect } = at
  const separators = separatorsOf(dialect)
  for (;;) {
    scan.signal.throwIfAborted()
    const limit = end - window.position(0)
    const before = window.start
    const result = tokenize(window.unread(), separators, table, limit)
    if (result.kind === 'malformed') throw await malformed(at, window.position(result.position), result)
    if (table.count > 0) {
      await checkText(at, window, before, result.next)
      yield await parse(at, window, table)
    }
    window.start = result.next
    if (window.position(window.start) >= end) return checkCut(at, window, { before, end })
    if (window.atEnd && (window.start >= window.end || table.count === 0)) return
    if (table.count === 0 || window.start >= window.end) await window.fill()
  }
}

/**
 * The reader of the next range starts behind the first line end at or after its own start. Unless that is where this one
 * stopped, a line end inside quotes lies between, and the two would read different records.
 */
function checkCut({ split }: SplitScan, window: ByteWindow, { before, end }: { before: number; end: number }): void {
  const boundary = Math.max(before, end - 1 - window.position(0))
  const line = window.bytes.subarray(0, window.end).indexOf(LF, boundary)
  if (line < 0 || line + 1 === window.start || line >= window.start) return
  const advice =
    "a quoted line end lies where the file is cut for parallel reading; set the option newlines_in_values to 'true'"
  throw fail('FILE_INVALID', [split.path, advice])
}

async function checkText(at: SplitScan, window: ByteWindow, start: number, end: number): Promise<void> {
  if (isUtf8(window.bytes.subarray(start, end))) return
  let line = start
  for (let next = line; next < end && isUtf8(window.bytes.subarray(line, next));) {
    line = next
    const lineEnd = window.bytes.indexOf(LF, line)
    next = lineEnd < 0 ? end : lineEnd + 1
  }
  throw await invalid(at, window.position(line), 'the text is not UTF-8; convert it, for example with iconv')
}

async function parse(at: SplitScan, window: ByteWindow, table: FieldTable): Promise<Batch> {
  const { scan, dialect } = at
  const fields = {
    bytes: window.bytes,
    table,
    from: 0,
    to: table.count,
    quote: dialect.quote,
    nullValue: Buffer.from(dialect.nullValue),
  }
  const scope = new BlockScope()
  let column = 0
  try {
    const columns = scan.projection.map((field): Column => {
      column = field
      return parseColumn(fields, field, scan.fileSchema.fields[field].type, scope)
    })
    scope.take()
    return { schema: scan.schema, rowCount: table.count, columns }
  } catch (error) {
    if (!(error instanceof FieldError)) throw error
    const position = window.position(table.starts[error.record * table.fieldCount + column])
    throw await invalid(at, position, valueReason(scan.fileSchema, column, error.text))
  } finally {
    scope.close()
  }
}

export function valueReason(schema: Schema, column: number, text: string): string {
  const { name, type } = schema.fields[column]
  return (
    `column '${name}': '${text}' is not a value of type ${typeName(type)}; ` +
    'correct the file, declare the column as VARCHAR, or raise schema_infer_max_rec'
  )
}

const malformed = (
  at: SplitScan,
  position: number,
  { field, reason }: { readonly field: number; readonly reason: string },
): Promise<Error> => invalid(at, position, `column ${field + 1}: ${reason}`)

async function invalid({ scan, split, dialect }: SplitScan, position: number, reason: string): Promise<Error> {
  const source = await openSource({ path: split.path, host: scan.host }, dialect)
  try {
    return fail('FILE_INVALID', [split.path, `line ${await lineAt(source, position)}, ${reason}`])
  } finally {
    await source.close()
  }
}
