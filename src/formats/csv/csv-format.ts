/** CSV as a file format: sampling, splitting, registration. */
import type { Schema } from '../../arrow/schema.js'
import type { FileSplit } from '../../catalog/table-provider.js'
import { fail } from '../../common/errors.js'
import { fileSize } from '../../storage/read-file.js'
import type { FileHost } from '../../storage/store.js'
import { byteRanges, rangeCount } from '../byte-ranges.js'
import { openWindow, type ByteWindow } from '../byte-source.js'
import { openBytes } from '../compression.js'
import type { FileDescription, FileFormat, FormatOptions, SplitRequest } from '../format.js'
import { checkText, type TextFile } from '../invalid-line.js'
import { CSV_READ_OPTIONS, csvDialect, isUsual, type CsvDialect } from './dialect.js'
import { CellTable, countFields } from './cells.js'
import { SchemaGuess, columnNames } from './infer.js'
import { newlineOf } from './line-ends.js'
import { oddRecords } from './odd-dialect.js'
import { malformedRecord, scanCsv } from './read.js'
import { openCsvEncoder, openCsvWriter } from './write.js'

const LF = 10

export const csvFormat: FileFormat = {
  name: 'csv',
  extensions: ['csv', 'tsv', 'tbl'],
  readOptions: CSV_READ_OPTIONS,
  writeOptions: ['compression', 'delimiter', 'has_header', 'null_value', 'quote'],
  inspect: inspectCsv,
  splits: splitCsv,
  scan: scanCsv,
  openWriter: openCsvWriter,
  openEncoder: openCsvEncoder,
}

/** One split, or ranges of about a line or more where the file may be cut at any line end. */
async function splitCsv(path: string, request: SplitRequest): Promise<readonly FileSplit[]> {
  const { options, host } = request
  const size = await fileSize({ path, host })
  const dialect = csvDialect(options, path)
  const count = rangeCount(size, request)
  const isCut = dialect.compression === 'none' && !dialect.newlinesInValues && isUsual(dialect)
  if (count === 1 || !isCut) return byteRanges(path, size, 1)
  const { records, byteLength, mayBeCut } = await sampleOf(path, host, dialect)
  if (!mayBeCut || byteLength === 0) return byteRanges(path, size, 1)
  const lines = Math.floor((size / byteLength) * records.length)
  return byteRanges(path, size, Math.max(1, Math.min(count, lines)))
}

interface Sample {
  readonly header: readonly (string | null)[] | undefined
  readonly records: readonly (readonly (string | null)[])[]
  /** Bytes of the sampled records. */
  readonly byteLength: number
  /** No line end stands in quotes, and lines end with LF. */
  readonly mayBeCut: boolean
}

async function inspectCsv(path: string, options: FormatOptions, host: FileHost): Promise<FileDescription> {
  const size = await fileSize({ path, host })
  const dialect = csvDialect(options, path)
  const sample = isUsual(dialect) ? await sampleOf(path, host, dialect) : await oddSampleOf(path, host, dialect)
  const { records, byteLength } = sample
  const rowCount =
    records.length === 0 ? 0 : Math.max(records.length, Math.round((size / Math.max(1, byteLength)) * records.length))
  return { schema: schemaOf(sample, dialect, path), rowCount, byteLength: size, columns: new Map() }
}

function schemaOf({ header, records }: Sample, dialect: CsvDialect, path: string): Schema {
  const fieldCount = header?.length ?? records[0]?.length
  if (fieldCount === undefined)
    throw fail('FILE_INVALID', [path, 'is empty: there is nothing to infer columns from; give the table a column list'])
  const guess = new SchemaGuess(columnNames(header, fieldCount), dialect)
  if (dialect.inferRecords > 0) records.slice(0, dialect.inferRecords).forEach(record => guess.add(record))
  return guess.schema()
}

/** At least one record is looked at, to see how many fields there are. */
const sampleSize = ({ inferRecords }: CsvDialect): number => Math.max(inferRecords, 1)

async function sampleOf(path: string, host: FileHost, dialect: CsvDialect): Promise<Sample> {
  const window = await openWindow(openBytes({ path, host }, dialect.compression), path)
  try {
    await window.fill()
    window.skipByteOrderMark()
    const newline = newlineOf(window, dialect)
    const file = { path, host, compression: dialect.compression, newline }
    let fieldCount = countFields(window, dialect, newline)
    while (fieldCount === undefined && !window.atEnd) {
      await window.fill()
      fieldCount = countFields(window, dialect, newline)
    }
    if (fieldCount === undefined) return { header: undefined, records: [], byteLength: 0, mayBeCut: false }
    if (typeof fieldCount !== 'number') throw await malformedRecord(file, window, fieldCount)
    return await readSample(window, file, { dialect, fieldCount })
  } finally {
    await window.close()
  }
}

/** The first records; a malformed one ends the sample (the scan reports it with its line). */
async function readSample(
  window: ByteWindow,
  file: TextFile,
  { dialect, fieldCount }: { readonly dialect: CsvDialect; readonly fieldCount: number },
): Promise<Sample> {
  const fields = Array.from({ length: fieldCount }, (_, field) => field)
  const wanted = sampleSize(dialect) + 1
  const table = new CellTable({ dialect, fieldCount, fields, capacity: wanted })
  const records: (string | null)[][] = []
  let byteLength = 0
  try {
    for (;;) {
      const { start } = window
      const cut = table.cut(window, file.newline)
      await checkText(file, window, start)
      byteLength += window.start - start
      for (let record = 0; record < table.count; record++) {
        records.push(fields.map(field => table.value(field, record)))
      }
      table.count = 0
      if (cut.kind === 'malformed' || cut.more === 'nothing' || records.length >= wanted) break
      if (cut.more === 'bytes') await window.fill()
    }
  } finally {
    table.close()
  }
  const header = dialect.hasHeader ? records.shift() : undefined
  const hasQuotedLineEnd = records.some(record => record.some(text => text?.includes('\n')))
  return { header, records, byteLength, mayBeCut: !hasQuotedLineEnd && file.newline === LF }
}

async function oddSampleOf(path: string, host: FileHost, dialect: CsvDialect): Promise<Sample> {
  const records: (readonly (string | null)[])[] = []
  for await (const { fields } of oddRecords(path, host, dialect)) {
    records.push(fields)
    if (records.length > sampleSize(dialect)) break
  }
  const header = dialect.hasHeader ? records.shift() : undefined
  const byteLength = records.reduce(
    (sum, record) => sum + record.reduce((total, text) => total + (text?.length ?? 0) + 1, 0),
    0,
  )
  return { header, records, byteLength, mayBeCut: false }
}
