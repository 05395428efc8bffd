/** Scans CSV files of the usual dialect: byte ranges are cut at line ends, fields go straight from bytes into columns. */
import type { Batch, Column } from '../../arrow/batch.js'
import type { Schema } from '../../arrow/schema.js'
import { typeName } from '../../arrow/types.js'
import type { FileSplit } from '../../catalog/table-provider.js'
import { fail } from '../../common/errors.js'
import { BlockScope } from '../block-scope.js'
import { countSkippedRecords } from '../../runtime/io-counters.js'
import { rangeOf } from '../byte-ranges.js'
import { openWindow, type ByteWindow } from '../byte-source.js'
import { openBytes } from '../compression.js'
import type { FileScan } from '../format.js'
import { checkText, invalidLine, type TextFile } from '../invalid-line.js'
import { CellTable, type MalformedCut } from './cells.js'
import { csvDialect, isUsual, type CsvDialect } from './dialect.js'
import { withoutRecords } from './drop-records.js'
import { newlineOf } from './line-ends.js'
import { scanOddCsv } from './odd-dialect.js'
import { FieldError, parseColumn } from './parse-columns.js'

const LF = 10

/**
 * Batches of the scan's schema, given away. Columns are found by position. Holds one block of the file. Throws FILE_NOT_READABLE,
 * FILE_INVALID [path, `line …`] for malformed records and values, ARENA_EXHAUSTED.
 */
export async function* scanCsv(scan: FileScan): AsyncGenerator<Batch, void> {
  let wanted = scan.fetch ?? Infinity
  for (const split of scan.splits) {
    const dialect = csvDialect(scan.options, split.path)
    const batches = isUsual(dialect) ? scanSplit(scan, split, dialect) : scanOddCsv(scan, split.path, dialect)
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
  readonly window: ByteWindow
  readonly file: TextFile
}

async function* scanSplit(scan: FileScan, split: FileSplit, dialect: CsvDialect): AsyncGenerator<Batch, void> {
  const { start, end } = rangeOf(split)
  // The byte before the range tells whether a line starts exactly at its start.
  const from = Math.max(0, start - 1)
  const span = { start: from, expectedBytes: split.fileBytes ?? 0 }
  const place = { path: split.path, host: scan.host }
  const opening = openBytes(place, dialect.compression, span)
  const window = await openWindow(opening, split.path, from)
  let table: CellTable | undefined
  try {
    await window.fill()
    const file = { ...place, compression: dialect.compression, newline: newlineOf(window, dialect) }
    const at: SplitScan = { scan, split, dialect, window, file }
    const isInside = start === 0 ? await skipHeader(at) : await skipToLine(at, end)
    if (!isInside) return
    table = new CellTable({
      dialect,
      fieldCount: scan.fileSchema.fields.length,
      fields: [...scan.projection, ...checkedFields(scan, dialect)],
      capacity: Math.min(scan.batchRows, scan.fetch ?? Infinity),
    })
    yield* records(at, table, end)
  } finally {
    table?.close()
    await window.close()
  }
}

/** Moves to the first record; false if there is none. */
async function skipHeader(at: SplitScan): Promise<boolean> {
  const { window, dialect, scan, file } = at
  window.skipByteOrderMark()
  if (!dialect.hasHeader) return true
  const table = new CellTable({ dialect, fieldCount: scan.fileSchema.fields.length, fields: [], capacity: 1 })
  try {
    for (;;) {
      const cut = table.cut(window, file.newline)
      if (cut.kind === 'malformed') throw await malformedRecord(file, window, cut)
      if (table.count === 1) return true
      if (cut.more === 'nothing') return false
      await window.fill()
    }
  } finally {
    table.close()
  }
}

/** Moves behind the next line end; false if no line starts before `end`. */
async function skipToLine({ window, file }: SplitScan, end: number): Promise<boolean> {
  for (;;) {
    const found = window.indexOf(file.newline, window.start)
    window.start = found < 0 ? window.end : found + 1
    if (found >= 0) return window.position(window.start) < end
    if (window.atEnd || window.position(window.start) >= end) return false
    await window.fill()
  }
}

async function* records(at: SplitScan, table: CellTable, end: number): AsyncGenerator<Batch, void> {
  const { scan, window, dialect, file } = at
  let before = window.start
  for (;;) {
    scan.signal.throwIfAborted()
    const cut = table.cut(window, file.newline, end - window.position(0))
    if (cut.kind === 'malformed' && !dialect.ignoreErrors) throw await malformedRecord(file, window, cut)
    if (cut.kind === 'malformed') countSkippedRecords(1)
    // Quotes that do not pair do not say where the record ends: the next line may start another.
    const isAtRecord = cut.kind === 'malformed' && cut.found === undefined
    const isInWindow = !isAtRecord || window.indexOf(file.newline, window.start) >= 0
    // A line that goes on behind the window has to wait until the records before it are parsed.
    if (cut.kind === 'malformed' && isInWindow && table.count < table.capacity) {
      if (isAtRecord) await skipToLine(at, Infinity)
      continue
    }
    if (table.count > 0) {
      await checkText(file, window, before)
      const batch = await parse(at, table)
      table.count = 0
      if (batch !== undefined) yield batch
    }
    if (isAtRecord && !(await skipToLine(at, end))) return
    if (window.position(window.start) >= end) return checkCut(at, { before, end })
    if (cut.kind === 'ok' && cut.more === 'nothing') return
    if (cut.kind === 'ok' && cut.more === 'bytes') await window.fill()
    before = window.start
  }
}

/**
 * The reader of the next range starts behind the first line end at or after its own start. Unless that is where this one
 * stopped, a line end inside quotes lies between, and the two would read different records.
 */
function checkCut({ split, window }: SplitScan, { before, end }: { before: number; end: number }): void {
  const line = window.indexOf(LF, Math.max(before, end - 1 - window.position(0)))
  if (line < 0 || line + 1 === window.start || line >= window.start) return
  const advice =
    "a quoted line end lies where the file is cut for parallel reading; set the option newlines_in_values to 'true'"
  throw fail('FILE_INVALID', [split.path, advice])
}

/**
 * Fields that are parsed only to see whether the record is to be left out: which records there are must not depend on what is
 * asked of them.
 */
function checkedFields({ fileSchema, projection }: FileScan, { ignoreErrors }: CsvDialect): number[] {
  return ignoreErrors ? [...fileSchema.fields.keys()].filter(field => !projection.includes(field)) : []
}

/** The table's records as a batch; undefined if all were left out. */
async function parse(at: SplitScan, table: CellTable): Promise<Batch | undefined> {
  const { scan, dialect } = at
  const scope = new BlockScope()
  const bad = new Set<number>()
  const onBad = (record: number, text: string): void => {
    if (!dialect.ignoreErrors) throw new FieldError(record, text)
    bad.add(record)
  }
  let column = 0
  try {
    const columns = scan.projection.map((field): Column => {
      column = field
      return parseColumn(table, field, scan.fileSchema.fields[field].type, { scope, onBad })
    })
    const checks = new BlockScope()
    for (const field of checkedFields(scan, dialect)) {
      parseColumn(table, field, scan.fileSchema.fields[field].type, { scope: checks, onBad })
      checks.close()
    }
    scope.take()
    return withoutRecords({ schema: scan.schema, rowCount: table.count, columns }, bad)
  } catch (error) {
    if (!(error instanceof FieldError)) throw error
    const position = at.window.position(table.place(column, error.record) - at.window.block)
    throw await invalidLine(at.file, position, valueReason(scan.fileSchema, column, error.text))
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

/** FILE_INVALID for a malformed record of the window. */
export const malformedRecord = (file: TextFile, window: ByteWindow, cut: MalformedCut): Promise<Error> =>
  invalidLine(file, window.position(cut.place), `column ${cut.field + 1}: ${cut.reason}`)
