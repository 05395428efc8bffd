/** CSV files of unusual dialects (long delimiters, other escapes, comments) through csv-parse: slower, same results. */
import { Readable } from 'node:stream'
import type { Batch } from '../../arrow/batch.js'
import { batchFromValues } from '../../arrow/column.js'
import type { Schema } from '../../arrow/schema.js'
import type { Value } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { countSkippedRecords } from '../../runtime/io-counters.js'
import type { FileHost } from '../../storage/store.js'
import { parseCell } from './date-format.js'
import type { ByteSource } from '../byte-source.js'
import { openBytes } from '../compression.js'
import type { FileScan } from '../format.js'
import type { CsvDialect } from './dialect.js'
import { valueReason } from './read.js'

/** A record with its line (from 1); null where a field is NULL. */
export interface TextRecord {
  readonly line: number
  readonly fields: readonly (string | null)[]
}

const CHUNK_BYTES = 256 * 1024

async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    const byteCount = await source.read(chunk)
    if (byteCount === 0) return
    yield chunk.subarray(0, byteCount)
  }
}

/**
 * All records of a file, the header too. Throws FILE_NOT_READABLE, FILE_INVALID: also for quotes that do not pair in a file
 * whose malformed records are to be left out, because csv-parse would leave out whatever follows up to another quote.
 */
export async function* oddRecords(path: string, host: FileHost, dialect: CsvDialect): AsyncGenerator<TextRecord, void> {
  const { parse } = await import('csv-parse')
  const source = await openBytes({ path, host }, dialect.compression)
  const parser = parse({
    bom: true,
    comment: dialect.comment === '' ? null : dialect.comment,
    delimiter: dialect.delimiter,
    escape: dialect.escape === '' ? null : dialect.escape,
    quote: dialect.quote === '' ? null : dialect.quote,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    cast: (text, { quoting }) => (!quoting && (text === '' || text === dialect.nullValue) ? null : text),
  })
  const input = Readable.from(chunksOf(source))
  try {
    for await (const { record, info } of input.compose(parser) as AsyncIterable<{
      record: (string | null)[]
      info: { lines: number }
    }>) {
      yield { line: info.lines, fields: record }
    }
  } catch (error) {
    const { lines, message } = error as Error & { lines?: number }
    if (lines === undefined) throw error
    throw fail('FILE_INVALID', [path, `line ${lines}, ${message}`], { cause: error })
  } finally {
    input.destroy()
    await source.close()
  }
}

/** Batches of the scan's schema, given away. */
export async function* scanOddCsv(scan: FileScan, path: string, dialect: CsvDialect): AsyncGenerator<Batch, void> {
  const { fields: schema } = scan.fileSchema
  // Which records are left out must not depend on the columns that are asked for.
  const parsed = dialect.ignoreErrors ? [...schema.keys()] : scan.projection
  let columns: Value[][] = scan.projection.map(() => [])
  let rowCount = 0
  const flush = (): Batch => {
    const batch = { ...batchFromValues(scan.schema, columns), rowCount }
    columns = scan.projection.map(() => [])
    rowCount = 0
    return batch
  }
  let isHeader = dialect.hasHeader
  for await (const record of oddRecords(path, scan.host, dialect)) {
    scan.signal.throwIfAborted()
    if (isHeader) {
      isHeader = false
      continue
    }
    const reason = countReason(record, schema.length, dialect)
    const values = reason === undefined ? valuesOf(record, parsed, { schema: scan.fileSchema, dialect }) : { reason }
    if ('reason' in values) {
      if (!dialect.ignoreErrors) throw fail('FILE_INVALID', [path, `line ${record.line}, ${values.reason}`])
      countSkippedRecords(1)
      continue
    }
    scan.projection.forEach((column, i) => columns[i].push(values.get(column) ?? null))
    if (++rowCount === scan.batchRows) yield flush()
  }
  if (rowCount > 0) yield flush()
}

/** What is wrong with the number of fields. */
function countReason({ fields }: TextRecord, fieldCount: number, { truncatedRows }: CsvDialect): string | undefined {
  const { length } = fields
  if (length === fieldCount || (truncatedRows && length < fieldCount)) return undefined
  const place = `column ${Math.min(length, fieldCount) + 1}`
  return `${place}: the record has ${length} ${length === 1 ? 'field' : 'fields'}, not ${fieldCount}`
}

/** The values of some columns, or what is wrong with the first that is none. */
function valuesOf(
  { fields }: TextRecord,
  columns: readonly number[],
  { schema, dialect }: { readonly schema: Schema; readonly dialect: CsvDialect },
): ReadonlyMap<number, Value> | { readonly reason: string } {
  const values = new Map<number, Value>()
  for (const column of columns) {
    const text = fields[column] ?? null
    try {
      values.set(column, text === null ? null : parseCell(text, schema.fields[column].type, dialect))
    } catch {
      return { reason: valueReason(schema, column, String(text)) }
    }
  }
  return values
}
