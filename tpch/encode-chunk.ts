/** Rows of a table as bytes of its file. */
import { releaseBatch } from '../src/arrow/column.js'
import { encodeParquetRowGroup } from '../src/formats/parquet/write.js'
import type { GeneratedColumn } from './columns.js'
import { encodeText } from './encode-text.js'
import { rowCountOf } from './generate-table.js'
import type { OutputFormat } from './generate-job.js'
import { SCHEMAS, type TableName } from './schema.js'
import { toBatch } from './to-batch.js'

/** A part of a file, in memory of its own: text lines, or a Parquet row group for `writeEncoded`. */
export interface EncodedChunk {
  readonly bytes: Uint8Array
  readonly rowCount: number
}

/** All rows of `columns`. Parquet uses the arena while it runs. */
export async function encodeChunk(
  table: TableName,
  columns: readonly GeneratedColumn[],
  format: OutputFormat,
): Promise<EncodedChunk> {
  const rowCount = rowCountOf(columns[0])
  if (format !== 'parquet') return { bytes: encodeText(columns, format), rowCount }
  const batch = toBatch(SCHEMAS[table], columns)
  try {
    return { bytes: await encodeParquetRowGroup(SCHEMAS[table], [batch]), rowCount }
  } finally {
    releaseBatch(batch)
  }
}
