/** The footer of a Parquet file: schema, row groups, column chunks and statistics, parsed once per version of a file. */
import type { ColumnStatistics } from '../../catalog/table-provider.js'
import type { Schema } from '../../arrow/schema.js'
import { fail } from '../../common/errors.js'
import { invariant } from '../../common/invariant.js'
import { openForRead, readExactly } from '../../storage/read-file.js'
import type { FileHost, FilePlace, FileVersion } from '../../storage/store.js'
import { storeOf } from '../../storage/stores.js'
import { parquetColumns, type ParquetColumn } from './parquet-schema.js'
import { chunkStatistics } from './statistics.js'
import { decodeThrift, numberAt, structAt, structsAt, textAt, utf8Bytes, type ThriftStruct } from './thrift-compact.js'

export interface ColumnChunk {
  /** Bytes [start, start + byteLength) of the file: the dictionary page, if any, then the data pages. */
  readonly start: number
  readonly byteLength: number
  /** The ColumnMetaData struct. */
  readonly metadata: ThriftStruct
  /** Where the page index of the chunk lies; absent: it has none. */
  readonly index?: { readonly columns: FilePart; readonly offsets: FilePart }
  /** Where its Bloom filter lies; absent: it has none, or does not tell where that ends. */
  readonly bloomFilter?: FilePart
}

/** Bytes of the file. */
export interface FilePart {
  readonly start: number
  readonly byteLength: number
}

export interface RowGroup {
  readonly rowCount: number
  /** One per leaf of the schema. */
  readonly chunks: readonly ColumnChunk[]
  /** Uncompressed bytes. */
  readonly byteLength: number
}

export interface ParquetFooter {
  readonly path: string
  readonly fileSize: number
  readonly rowCount: number
  readonly schema: Schema
  readonly columns: readonly ParquetColumn[]
  readonly rowGroups: readonly RowGroup[]
  /** The whole FileMetaData struct. */
  readonly metadata: ThriftStruct
}

/** At both ends of a file. */
export const MAGIC = utf8Bytes('PAR1')
const MAGIC_WORD = 0x31524150
const ENCRYPTED_MAGIC = 0x45524150 // PARE
/** One read fetches the footers of all but very large files. */
const TAIL_BYTES = 64 * 1024
/** Of 10 000 columns and hundreds of row groups. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024
const CACHED_FOOTERS = 256

const cache = new Map<string, { readonly version: FileVersion; readonly footer: ParquetFooter }>()

/**
 * The footer of the file, from a cache while its version stays the same. Throws FILE_NOT_READABLE [host, path, reason],
 * FILE_INVALID [path, reason], NOT_SUPPORTED.
 */
export async function readFooter(path: string, host: FileHost): Promise<ParquetFooter> {
  const place = { path, host }
  const cached = cache.get(path)
  const { version, bytes: tail } = await (await storeOf(path)).tail(place, TAIL_BYTES, cached?.version)
  if (cached !== undefined && tail === undefined) return cached.footer
  invariant(tail !== undefined, 'a store gives the bytes of a version that is not known')
  const footer = parseFooter(await footerBytes(place, version, tail), path, version.byteLength)
  cache.delete(path)
  cache.set(path, { version, footer })
  for (const oldest of cache.keys()) {
    if (cache.size <= CACHED_FOOTERS) break
    cache.delete(oldest)
  }
  return footer
}

/** `tail`: the last bytes of the file. */
async function footerBytes(place: FilePlace, version: FileVersion, tail: Uint8Array): Promise<Uint8Array> {
  const { path, host } = place
  const size = version.byteLength
  if (size < 12) throw fail('FILE_INVALID', [path, `is not a Parquet file: it has only ${size} bytes`])
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length)
  const magic = view.getUint32(tail.length - 4, true)
  if (magic === ENCRYPTED_MAGIC) throw fail('NOT_SUPPORTED', [`${path}: an encrypted Parquet footer`])
  if (magic !== MAGIC_WORD) throw fail('FILE_INVALID', [path, 'is not a Parquet file: it does not end in PAR1'])
  const length = view.getUint32(tail.length - 8, true)
  if (length > size - 12) {
    throw fail('FILE_INVALID', [path, `the Parquet footer claims ${length} bytes in a file of ${size} bytes`])
  }
  if (length > MAX_FOOTER_BYTES) throw fail('NOT_SUPPORTED', [`${path}: a Parquet footer of ${length} bytes`])
  if (length + 8 <= tail.length) return tail.subarray(tail.length - 8 - length, tail.length - 8)
  const bytes = new Uint8Array(length)
  const file = await openForRead(path, host, version)
  try {
    await readExactly(file, place, bytes, size - 8 - length)
  } finally {
    await file.close()
  }
  return bytes
}

/** Footer bytes (without length and magic) of a file of `fileSize` bytes. Throws FILE_INVALID, NOT_SUPPORTED. */
export function parseFooter(bytes: Uint8Array, path: string, fileSize: number): ParquetFooter {
  const metadata = decodeThrift(bytes, path)
  const columns = parquetColumns(structsAt(metadata, 2), path)
  const leafCount = columns.reduce((sum, column) => sum + column.leafCount, 0)
  const rowGroups = structsAt(metadata, 4).map((group, i) =>
    rowGroupOf(group, { path, fileSize, leafCount, number: i }),
  )
  const rowCount = rowGroups.reduce((sum, group) => sum + group.rowCount, 0)
  const schema = { fields: columns.map(column => column.field) }
  return { path, fileSize, rowCount, schema, columns, rowGroups, metadata }
}

function rowGroupOf(
  group: ThriftStruct,
  at: { path: string; fileSize: number; leafCount: number; number: number },
): RowGroup {
  const { path, fileSize, leafCount, number } = at
  const invalid = (reason: string): Error => fail('FILE_INVALID', [path, `row group ${number} ${reason}`])
  const rowCount = numberAt(group, 3) ?? -1
  const chunks = structsAt(group, 1).map((chunk): ColumnChunk => {
    const metadata = structAt(chunk, 3)
    if (metadata === undefined) throw invalid('has a column chunk without metadata')
    if (textAt(chunk, 1) !== undefined) throw fail('NOT_SUPPORTED', [`${path}: column chunks in other files`])
    const dataStart = numberAt(metadata, 9) ?? -1
    const dictionaryStart = numberAt(metadata, 11) ?? 0
    const start = dictionaryStart > 0 ? Math.min(dictionaryStart, dataStart) : dataStart
    const byteLength = numberAt(metadata, 7) ?? -1
    if (start < 4 || byteLength < 0 || start + byteLength > fileSize)
      throw invalid('has a column chunk outside the file')
    const columns = filePart(chunk, 6, 7, fileSize)
    const offsets = filePart(chunk, 4, 5, fileSize)
    const bloomFilter = filePart(metadata, 14, 15, fileSize)
    return {
      start,
      byteLength,
      metadata,
      ...(columns && offsets ? { index: { columns, offsets } } : {}),
      ...(bloomFilter && { bloomFilter }),
    }
  })
  if (chunks.length !== leafCount) throw invalid(`has ${chunks.length} column chunks for ${leafCount} columns`)
  if (rowCount < 0 || rowCount > 2 ** 31 - 1) throw invalid('has an impossible number of rows')
  return { rowCount, chunks, byteLength: chunks.reduce((sum, chunk) => sum + (numberAt(chunk.metadata, 6) ?? 0), 0) }
}

/** A place that two fields of a chunk give; undefined if there is none within the file. */
function filePart(chunk: ThriftStruct, startId: number, lengthId: number, fileSize: number): FilePart | undefined {
  const start = numberAt(chunk, startId) ?? 0
  const byteLength = numberAt(chunk, lengthId) ?? 0
  return start >= 4 && byteLength > 0 && start + byteLength <= fileSize ? { start, byteLength } : undefined
}

const decoded = new WeakMap<ColumnChunk, ColumnStatistics>()

/** Statistics of one column of one row group, decoded once; empty for nested columns and where the file has none. */
export function statisticsOf(footer: ParquetFooter, rowGroup: number, column: number): ColumnStatistics {
  const described = footer.columns[column]
  if (described.physicalType === undefined) return {}
  const chunk = footer.rowGroups[rowGroup].chunks[described.firstLeaf]
  const known = decoded.get(chunk)
  if (known !== undefined) return known
  const statistics = structAt(chunk.metadata, 12)
  const own = statistics === undefined ? {} : chunkStatistics(described, statistics)
  decoded.set(chunk, own)
  return own
}
