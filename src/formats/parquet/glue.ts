/**
 * One row group, some columns, as a complete Parquet file in memory: `PAR1`, the column chunks, a rewritten footer. The
 * footer declares integers, dates, timestamps and decimals as the bare integers they are stored as, so that the decoder gives
 * their stored values and this project gives them meaning.
 */
import { invariant } from '../../common/invariant.js'
import { readExactly } from '../../storage/read-file.js'
import type { FilePlace, OpenFile } from '../../storage/store.js'
import { coalesceChunks } from './chunk-bytes.js'
import { MAGIC, type ColumnChunk, type ParquetFooter, type RowGroup } from './footer.js'
import { PHYSICAL, type ParquetColumn } from './parquet-schema.js'
import {
  THRIFT,
  encodeThrift,
  numberAt,
  structList,
  structsAt,
  thriftStruct,
  withFields,
  type ThriftStruct,
} from './thrift-compact.js'

export interface GlueRequest {
  readonly rowGroup: number
  /** Ascending, numbers of `footer.columns`. */
  readonly columns: readonly number[]
  /** Gives the memory of the small file: its first `byteLength` bytes are written. */
  readonly room: (byteLength: number) => Uint8Array
}

/** Reads the chunks of some columns of one row group and makes the small file, in the room that the request gives. */
export async function glueRowGroup(
  file: OpenFile,
  place: FilePlace,
  footer: ParquetFooter,
  request: GlueRequest,
): Promise<Uint8Array> {
  const group = footer.rowGroups[request.rowGroup]
  const columns = request.columns.map(number => footer.columns[number])
  const chunks = columns.flatMap(column => group.chunks.slice(column.firstLeaf, column.firstLeaf + column.leafCount))
  const ranges = coalesceChunks(chunks, file.gapBytes)
  const starts: number[] = []
  let position = MAGIC.length
  for (const range of ranges) {
    starts.push(position)
    position += range.end - range.start
  }
  const moved = chunks.map(chunk => {
    const i = ranges.findIndex(
      range => chunk.start >= range.start && chunk.start < Math.max(range.end, range.start + 1),
    )
    return movedChunk(chunk, starts[i] - ranges[i].start)
  })
  const footerBytes = encodeThrift(miniFooter(footer, columns, moved, group))
  const bytes = request.room(position + footerBytes.length + 8)
  bytes.set(MAGIC)
  await Promise.all(
    ranges.map(({ start, end }, i) =>
      readExactly(file, place, bytes.subarray(starts[i], starts[i] + end - start), start),
    ),
  )
  bytes.set(footerBytes, position)
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(bytes.length - 8, footerBytes.length, true)
  bytes.set(MAGIC, bytes.length - 4)
  return bytes
}

/** ColumnMetaData fields that stay: type, encodings, path, codec, value count, sizes. */
const KEPT_METADATA = [1, 2, 3, 4, 5, 6, 7]

function movedChunk(chunk: ColumnChunk, by: number): ThriftStruct {
  const { fields } = chunk.metadata
  const kept = [...fields].filter(([id]) => KEPT_METADATA.includes(id))
  const dictionaryStart = numberAt(chunk.metadata, 11) ?? 0
  const metadata = withFields({ fields: new Map(kept) }, [
    [9, THRIFT.i64, (numberAt(chunk.metadata, 9) ?? 0) + by],
    [11, THRIFT.i64, dictionaryStart > 0 ? dictionaryStart + by : undefined],
  ])
  return thriftStruct([
    [2, THRIFT.i64, chunk.start + by],
    [3, THRIFT.struct, metadata],
  ])
}

function miniFooter(
  footer: ParquetFooter,
  columns: readonly ParquetColumn[],
  chunks: readonly ThriftStruct[],
  group: RowGroup,
): ThriftStruct {
  const root = structsAt(footer.metadata, 2)[0]
  invariant(root !== undefined, 'a parsed footer has a schema')
  const schema = [withFields(root, [[5, THRIFT.i32, columns.length]]), ...columns.flatMap(bareElements)]
  const rowGroup = thriftStruct([
    [1, THRIFT.list, structList(chunks)],
    [2, THRIFT.i64, 0],
    [3, THRIFT.i64, group.rowCount],
  ])
  return thriftStruct([
    [1, THRIFT.i32, numberAt(footer.metadata, 1) ?? 1],
    [2, THRIFT.list, structList(schema)],
    [3, THRIFT.i64, group.rowCount],
    [4, THRIFT.list, structList([rowGroup])],
  ])
}

/** Whether the decoder is to give the stored values of this column: integers, and bytes that it would cut or misread. */
const isBare = ({ physicalType, field, meaning }: ParquetColumn): boolean =>
  field.type.kind !== 'null' &&
  (physicalType === PHYSICAL.int32 || physicalType === PHYSICAL.int64 || meaning === 'interval' || meaning === 'uuid')

/** Elements of a column: annotations taken off top-level bare leaves. */
function bareElements(column: ParquetColumn): readonly ThriftStruct[] {
  if (!isBare(column)) return column.elements
  return [
    withFields(column.elements[0], [
      [6, THRIFT.i32, undefined],
      [7, THRIFT.i32, undefined],
      [8, THRIFT.i32, undefined],
      [10, THRIFT.struct, undefined],
    ]),
  ]
}
