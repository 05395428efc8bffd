/** The end of a Parquet file whose row groups were encoded apart, each as a small file: page indexes and the footer. */
import { MAGIC, parseFooter, type FilePart, type ParquetFooter } from './footer.js'
import {
  THRIFT,
  decodeThrift,
  encodeThrift,
  numberAt,
  structList,
  structsAt,
  thriftStruct,
  withFields,
  type ThriftStruct,
} from './thrift-compact.js'

/** The file as it is by now: one row group follows the other, the page indexes of all come behind the last one. */
export interface FooterWriter {
  /**
   * Takes the row groups of a small file, whose chunks begin at byte `start` of the large one; gives the bytes of the chunks and of
   * their Bloom filters. `filters`, by leaf, are added to those of its only row group.
   */
  add(file: Uint8Array, start: number, filters?: BloomFilters): Uint8Array
  /** What follows the last chunk, at byte `start`: page indexes, metadata, their length, magic. */
  end(start: number): Uint8Array
}

export type BloomFilters = ReadonlyMap<number, Uint8Array>

/** One column chunk at its place in the large file. */
interface MovedChunk {
  readonly metadata: ThriftStruct
  /** ColumnIndex and OffsetIndex structs, encoded. */
  readonly index?: { readonly columns: Uint8Array; readonly offsets: Uint8Array }
}

interface MovedGroup {
  /** The RowGroup struct without its chunks. */
  readonly group: ThriftStruct
  readonly chunks: readonly MovedChunk[]
}

/** `template`: the metadata of a file of no rows. `path` is for errors. */
export function footerWriter(template: ThriftStruct, path: string): FooterWriter {
  const groups: MovedGroup[] = []
  let rows = 0
  return {
    add(file, start, filters) {
      const footer = fileFooter(file, path)
      const end = endOfChunks(footer)
      rows += footer.rowCount
      for (const number of footer.rowGroups.keys()) {
        const group = movedGroup(footer, file, number, { by: start - MAGIC.length, ordinal: groups.length })
        groups.push(filters === undefined ? group : filteredGroup(group, filters, start + end - MAGIC.length))
      }
      const chunks = file.subarray(MAGIC.length, end)
      return filters === undefined ? chunks : Buffer.concat([chunks, ...filters.values()])
    },
    end(start) {
      const pieces: Uint8Array[] = []
      const metadata = encodeThrift(
        withFields(template, [
          [3, THRIFT.i64, rows],
          [4, THRIFT.list, structList(placedGroups(groups, start, pieces))],
        ]),
      )
      const length = new Uint8Array(4)
      new DataView(length.buffer).setUint32(0, metadata.length, true)
      return Buffer.concat([...pieces, metadata, length, MAGIC])
    },
  }
}

/** The footer of a whole file in memory, or of one of `fileSize` bytes whose end `file` is. */
export function fileFooter(file: Uint8Array, path: string, fileSize = file.length): ParquetFooter {
  const length = new DataView(file.buffer, file.byteOffset, file.byteLength).getUint32(file.length - 8, true)
  return parseFooter(file.subarray(file.length - 8 - length, file.length - 8), path, fileSize)
}

/** Place after the last byte of the last column chunk and Bloom filter; page indexes follow there. */
const endOfChunks = ({ rowGroups }: ParquetFooter): number =>
  rowGroups
    .flatMap(({ chunks }) => chunks.flatMap(chunk => [chunk, chunk.bloomFilter]))
    .reduce((end, part) => (part === undefined ? end : Math.max(end, part.start + part.byteLength)), MAGIC.length)

/** The group with filters that follow each other from `start` on. */
function filteredGroup({ group, chunks }: MovedGroup, filters: BloomFilters, start: number): MovedGroup {
  const places = new Map<number, number>()
  let position = start
  for (const [leaf, { length }] of filters) {
    places.set(leaf, position)
    position += length
  }
  return {
    group,
    chunks: chunks.map(({ metadata, ...chunk }, leaf) => ({
      ...chunk,
      metadata: withFields(metadata, [
        [14, THRIFT.i64, places.get(leaf)],
        [15, THRIFT.i32, filters.get(leaf)?.length],
      ]),
    })),
  }
}

function movedGroup(
  footer: ParquetFooter,
  file: Uint8Array,
  number: number,
  { by, ordinal }: { readonly by: number; readonly ordinal: number },
): MovedGroup {
  const bytesOf = ({ start, byteLength }: FilePart): Uint8Array => file.subarray(start, start + byteLength)
  const chunks = footer.rowGroups[number].chunks.map(({ metadata, index }): MovedChunk => {
    const movedPlace = (id: number): number | undefined => {
      const place = numberAt(metadata, id)
      return place === undefined ? undefined : place + by
    }
    const moved = withFields(
      metadata,
      [9, 11, 14].map(id => [id, THRIFT.i64, movedPlace(id)] as const),
    )
    if (index === undefined) return { metadata: moved }
    // The small file's memory is used again.
    const columns = bytesOf(index.columns).slice()
    return { metadata: moved, index: { columns, offsets: movedOffsets(bytesOf(index.offsets), by, footer.path) } }
  })
  const group = structsAt(footer.metadata, 4)[number]
  const fileOffset = numberAt(group, 5)
  return {
    group: withFields(group, [
      [5, THRIFT.i64, fileOffset === undefined ? undefined : fileOffset + by],
      [7, THRIFT.i16, ordinal < 2 ** 15 ? ordinal : undefined],
    ]),
    chunks,
  }
}

/** An OffsetIndex struct whose pages lie `by` bytes further on. */
function movedOffsets(bytes: Uint8Array, by: number, path: string): Uint8Array {
  const index = decodeThrift(bytes, path)
  const locations = structsAt(index, 1).map(location =>
    withFields(location, [[1, THRIFT.i64, (numberAt(location, 1) ?? 0) + by]]),
  )
  return encodeThrift(withFields(index, [[1, THRIFT.list, structList(locations)]]))
}

/**
 * The RowGroup structs of a file whose page indexes lie at `start`: first those of the columns, which readers look at first, then
 * those of the offsets. Their bytes are added to `pieces`.
 */
function placedGroups(groups: readonly MovedGroup[], start: number, pieces: Uint8Array[]): ThriftStruct[] {
  let position = start
  const placed = new Map<Uint8Array, number>()
  for (const part of ['columns', 'offsets'] as const) {
    for (const { index } of groups.flatMap(({ chunks }) => chunks)) {
      if (index === undefined) continue
      placed.set(index[part], position)
      pieces.push(index[part])
      position += index[part].length
    }
  }
  return groups.map(({ group, chunks }) => {
    const structs = chunks.map(({ metadata, index }) =>
      thriftStruct([
        [2, THRIFT.i64, 0],
        [3, THRIFT.struct, metadata],
        [4, THRIFT.i64, index && placed.get(index.offsets)],
        [5, THRIFT.i32, index?.offsets.length],
        [6, THRIFT.i64, index && placed.get(index.columns)],
        [7, THRIFT.i32, index?.columns.length],
      ]),
    )
    return withFields(group, [[1, THRIFT.list, structList(structs)]])
  })
}
