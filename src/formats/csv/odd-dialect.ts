/** CSV files of unusual dialects (long delimiters, other escapes, comments) through csv-parse: slower, same results. */
import { Readable } from 'node:stream'
import type { Batch } from '../../arrow/batch.js'
import { batchFromValues } from '../../arrow/column.js'
import type { Value } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { parseValue } from '../../expr/value-text.js'
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

/** All records of a file, the header too. Throws FILE_NOT_READABLE, FILE_INVALID. */
export async function* oddRecords(path: string, host: string, dialect: CsvDialect): AsyncGenerator<TextRecord, void> {
  const { parse } = await import('csv-parse')
  const source = await openBytes({ path, host }, dialect.compression)
  const parser = parse({
    bom: true,
    comment: dialect.comment === '' ? null : dialect.comment,
    delimiter: dialect.delimiter,
    escape: dialect.escape === '' ? null : dialect.escape,
    quote: dialect.quote === '' ? null : dialect.quote,
    info: true,
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
  const types = scan.projection.map(column => scan.fileSchema.fields[column].type)
  let columns: Value[][] = scan.projection.map(() => [])
  let rowCount = 0
  const flush = (): Batch => {
    const batch = { ...batchFromValues(scan.schema, columns), rowCount }
    columns = scan.projection.map(() => [])
    rowCount = 0
    return batch
  }
  let isHeader = dialect.hasHeader
  for await (const { line, fields } of oddRecords(path, scan.host, dialect)) {
    scan.signal.throwIfAborted()
    if (isHeader) {
      isHeader = false
      continue
    }
    scan.projection.forEach((column, i) => {
      const text = fields[column]
      try {
        columns[i].push(text === null ? null : parseValue(text, types[i]))
      } catch {
        throw fail('FILE_INVALID', [path, `line ${line}, ${valueReason(scan.fileSchema, column, String(text))}`])
      }
    })
    if (++rowCount === scan.batchRows) yield flush()
  }
  if (rowCount > 0) yield flush()
}
