/**
 * Writes Parquet files: parquet-wasm encodes each row group as a small file, its column chunks are copied to the target, and the
 * footer is ours, so that memory is bounded by one row group and a failing input leaves no file.
 */
import type { Batch } from '../../arrow/batch.js'
import { batchFromValues, releaseBatch, retainBatch } from '../../arrow/column.js'
import type { Schema } from '../../arrow/schema.js'
import { sliceBatch } from '../../arrow/take.js'
import { typeName } from '../../arrow/types.js'
import { BallistaError, didYouMean, fail } from '../../common/errors.js'
import { openAtomicFile } from '../../storage/read-file.js'
import type { FileHost } from '../../storage/store.js'
import { END_OF_STREAM, writeRecordBatch, schemaMessage } from '../arrow-message.js'
import { integerOption } from '../format-options.js'
import type { EncodedPiece, FileWriter, FormatOptions, PieceEncoder } from '../format.js'
import { pieceWriter } from '../piece-writer.js'
import { TextBuffer } from '../text-buffer.js'
import { bloomFilter, takesBloomFilter } from './bloom-filter.js'
import { loadParquetWasm, type ParquetWasm } from './decode.js'
import { columnsWithoutDictionary } from './dictionary-choice.js'
import { MAGIC } from './footer.js'
import { fileFooter, footerWriter } from './footer-writer.js'
import { fileStatistics } from './split-plan.js'
import { THRIFT, structList, structsAt, utf8Bytes, withFields, type ThriftStruct } from './thrift-compact.js'
import { annotated, bareSchema, holdsInterval, withBareBatch } from './write-schema.js'

export interface ParquetEncodeOptions {
  /** Default snappy. */
  readonly compression?: ParquetCompression
  /** Default 122 880. */
  readonly rowGroupRows?: number
  /** Names of columns that get Bloom filters. */
  readonly bloomFilterColumns?: readonly string[]
}

export interface ParquetWriteOptions extends ParquetEncodeOptions {
  /** This host, for errors. */
  readonly host: FileHost
}

const CODECS = {
  uncompressed: 'UNCOMPRESSED',
  snappy: 'SNAPPY',
  gzip: 'GZIP',
  brotli: 'BROTLI',
  zstd: 'ZSTD',
  lz4_raw: 'LZ4_RAW',
} as const
export type ParquetCompression = keyof typeof CODECS

const ROW_GROUP_ROWS = 122_880
const CREATED_BY = utf8Bytes('ballista')

/** Options of COPY: `bloom_filter_columns`, `compression`, `max_row_group_size`. Throws INVALID_OPTION. */
export function parquetWriteOptions(options: FormatOptions, schema: Schema): ParquetEncodeOptions {
  const rowGroupRows = integerOption(options, 'max_row_group_size', ROW_GROUP_ROWS)
  if (rowGroupRows < 1) throw fail('INVALID_OPTION', ['max_row_group_size', 'must be at least 1'])
  const name = (options['compression'] ?? 'snappy').toLowerCase().replace(/\(\d+\)$/, '')
  const compression = Object.keys(CODECS).find(
    (codec): codec is ParquetCompression => codec === (name === 'none' ? 'uncompressed' : name),
  )
  if (compression === undefined) {
    throw fail('INVALID_OPTION', [
      'compression',
      `expected one of ${Object.keys(CODECS).join(', ')}, got '${options['compression']}'`,
    ])
  }
  return { compression, rowGroupRows, bloomFilterColumns: bloomFilterColumns(options, schema) }
}

function bloomFilterColumns(options: FormatOptions, { fields }: Schema): string[] {
  const names = (options['bloom_filter_columns'] ?? '').split(',').map(name => name.trim())
  return names
    .filter(name => name !== '')
    .map(name => {
      const found = fields.find(each => each.name === name)
      if (found !== undefined && takesBloomFilter(found.type)) return name
      throw fail('INVALID_OPTION', [
        'bloom_filter_columns',
        found === undefined
          ? `the files have no column '${name}'${didYouMean(
              name,
              fields.map(each => each.name),
            )}`
          : `'${name}' is ${typeName(found.type)}, for which there are none`,
      ])
    })
}

/**
 * Opens a file that takes batches of `schema`. DECIMAL up to 18 digits is stored as INT64, more as 16 bytes; every column has
 * statistics. Holds the batches of one row group. Throws FILE_NOT_WRITABLE, NOT_SUPPORTED for types that Parquet lacks.
 */
export async function openParquetWriter(
  path: string,
  schema: Schema,
  options: ParquetWriteOptions,
): Promise<FileWriter> {
  const wasm = await loadParquetWasm()
  const footer = footerWriter(templateOf(wasm, schema, path), path)
  const file = await openAtomicFile({ path, host: options.host })
  let last: Uint8Array = MAGIC
  const writer = pieceWriter(file, rowGroupEncoder(wasm, schema, options), {
    head: MAGIC,
    append: piece => file.append(footer.add(piece, file.byteLength)),
    end: () => (last = footer.end(file.byteLength)),
  })
  return { ...writer, statistics: () => fileStatistics(fileFooter(last, path, file.byteLength)) }
}

/** Pieces that are row groups, each as a file of its own. Holds the batches of one. Throws NOT_SUPPORTED. */
export async function openParquetEncoder(schema: Schema, options: ParquetEncodeOptions): Promise<PieceEncoder> {
  const wasm = await loadParquetWasm()
  // The writer, which knows what it cannot store, may be another task.
  templateOf(wasm, schema, 'Parquet')
  return rowGroupEncoder(wasm, schema, options)
}

function rowGroupEncoder(wasm: ParquetWasm, schema: Schema, options: ParquetEncodeOptions): PieceEncoder {
  const { bloomFilterColumns: filtered = [], compression = 'snappy', rowGroupRows = ROW_GROUP_ROWS } = options
  const pending: Batch[] = []
  let rows = 0
  const release = (): void => pending.splice(0).forEach(releaseBatch)
  const piece = (): EncodedPiece => {
    const plain = columnsWithoutDictionary(schema, pending)
    const bytes = encodeRowGroup(wasm, schema, pending, { compression, plain })
    const encoded = { bytes: filtered.length === 0 ? bytes : withBloomFilters(bytes, schema, pending, filtered), rows }
    release()
    rows = 0
    return encoded
  }
  return {
    *push(batch) {
      for (let start = 0; start < batch.rowCount;) {
        const end = Math.min(batch.rowCount, start + rowGroupRows - rows)
        pending.push(part(batch, start, end))
        rows += end - start
        start = end
        if (rows >= rowGroupRows) yield piece()
      }
    },
    *finish() {
      if (rows > 0) yield piece()
    },
    close: release,
  }
}

/** The file of one row group with Bloom filters for columns of these names. */
function withBloomFilters(
  file: Uint8Array,
  schema: Schema,
  batches: readonly Batch[],
  names: readonly string[],
): Uint8Array {
  const { columns, metadata } = fileFooter(file, 'Parquet')
  const filters = new Map(
    names.map(name => {
      const column = schema.fields.findIndex(each => each.name === name)
      return [columns[column].firstLeaf, bloomFilter(batches, column)]
    }),
  )
  const footer = footerWriter(metadata, 'Parquet')
  const chunks = footer.add(file, MAGIC.length, filters)
  return Buffer.concat([MAGIC, chunks, footer.end(MAGIC.length + chunks.length)])
}

/** Rows [start, end) with a reference of their own. */
function part(batch: Batch, start: number, end: number): Batch {
  if (start > 0 || end < batch.rowCount) return sliceBatch(batch, start, end)
  retainBatch(batch)
  return batch
}

/**
 * The rows of the batches (borrowed) as a Parquet file of one row group, in memory of its own: for a writer's `writeEncoded`.
 * Throws NOT_SUPPORTED for types that Parquet lacks.
 */
export async function encodeParquetRowGroup(
  schema: Schema,
  batches: readonly Batch[],
  compression: ParquetCompression = 'snappy',
): Promise<Uint8Array> {
  return encodeRowGroup(await loadParquetWasm(), schema, batches, { compression, plain: [] })
}

interface RowGroupForm {
  readonly compression: ParquetCompression
  /** Names of columns that get no dictionary. */
  readonly plain: readonly string[]
}

/** What the encoder is given: one for all writers of a thread, since fresh memory of this size costs more than the copy into it. */
const ipcStream = new TextBuffer()

/** A Parquet file of one row group. */
function encodeRowGroup(
  wasm: ParquetWasm,
  schema: Schema,
  batches: readonly Batch[],
  { compression, plain }: RowGroupForm,
): Uint8Array {
  // What failed may have left something.
  ipcStream.length = 0
  ipcStream.copy(schemaMessage(bareSchema(schema)))
  for (const batch of batches)
    withBareBatch(batch, bare => writeRecordBatch(bare, byteLength => ipcStream.room(byteLength)))
  ipcStream.copy(END_OF_STREAM)
  const table = wasm.Table.fromIPCStream(ipcStream.take())
  let properties = new wasm.WriterPropertiesBuilder()
    .setCompression(wasm.Compression[CODECS[compression]])
    .setMaxRowGroupSize(2 ** 31 - 1)
    .setStatisticsEnabled(wasm.EnabledStatistics.Page)
  for (const name of plain) properties = properties.setColumnDictionaryEnabled(name, false)
  // Both arguments are consumed.
  return wasm.writeParquet(table, properties.build())
}

/** The encoder's metadata for no rows: schema and column orders. Throws NOT_SUPPORTED. */
function templateOf(wasm: ParquetWasm, schema: Schema, path: string): ThriftStruct {
  const interval = schema.fields.find(field => holdsInterval(field.type))
  if (interval !== undefined) throw fail('NOT_SUPPORTED', [`the INTERVAL in the column '${interval.name}' in Parquet`])
  const empty = batchFromValues(
    schema,
    schema.fields.map(() => []),
  )
  try {
    const bytes = encodeRowGroup(wasm, schema, [empty], { compression: 'uncompressed', plain: [] })
    const { metadata } = fileFooter(bytes, path)
    const elements = annotated(structsAt(metadata, 2), schema)
    // The key-value metadata describe the Arrow schema of the encoder's input, not ours.
    return withFields(metadata, [
      [2, THRIFT.list, structList(elements)],
      [5, THRIFT.list, undefined],
      [6, THRIFT.binary, CREATED_BY],
    ])
  } catch (error) {
    if (error instanceof BallistaError) throw error
    const types = schema.fields.map(field => `${field.name} ${typeName(field.type)}`).join(', ')
    throw fail('NOT_SUPPORTED', [`Parquet with the columns ${types}`], { cause: error })
  } finally {
    releaseBatch(empty)
  }
}
