/** Small Parquet files written by hand, so that every number in them can be a lie. */
import {
  THRIFT,
  encodeThrift,
  structList,
  thriftStruct,
  type ThriftStruct,
} from '../../../src/formats/parquet/thrift-compact.js'

/** What a file of one column of three BIGINTs says of itself; what is left out is true. */
export interface Lies {
  /** Of the data page's header. */
  readonly pageValues?: number
  readonly uncompressedBytes?: number
  readonly compressedBytes?: number
  readonly encoding?: number
  /** Of the dictionary page's header; there is one when `encoding` is of dictionaries. */
  readonly dictionaryValues?: number
  readonly dictionaryBytes?: number
  /** Of the column chunk and the row group. */
  readonly chunkValues?: number
  readonly chunkBytes?: number
  readonly chunkOffset?: number
  readonly codec?: number
  readonly rows?: number
  /** Columns of the schema and of the row group, all over the same pages. */
  readonly columns?: number
  readonly physicalType?: number
  /** Instead of the values. */
  readonly body?: Uint8Array
  /** Instead of the page header. */
  readonly header?: Uint8Array
  readonly footerBytes?: number
}

const DICTIONARY = 8
const i32 = (id: number, value: number | undefined) => [id, THRIFT.i32, value] as const
const i64 = (id: number, value: number | undefined) => [id, THRIFT.i64, value] as const

/** The three values 0, 1, 2 as they lie in a PLAIN page. */
const VALUES = new Uint8Array(BigInt64Array.of(0n, 1n, 2n).buffer)
/** Their codes in a dictionary of three: 2 bits each, one run of 8 bit-packed codes. */
export const CODES = Uint8Array.of(2, 3, 0b100100, 0)

function pageOf(lies: Lies): Uint8Array {
  const isCoded = lies.encoding === DICTIONARY
  const body = lies.body ?? (isCoded ? CODES : VALUES)
  const data = thriftStruct([
    i32(1, 0),
    i32(2, lies.uncompressedBytes ?? body.length),
    i32(3, lies.compressedBytes ?? body.length),
    [5, THRIFT.struct, thriftStruct([i32(1, lies.pageValues ?? 3), i32(2, lies.encoding ?? 0), i32(3, 3), i32(4, 3)])],
  ])
  const pages = [lies.header ?? encodeThrift(data), body]
  if (!isCoded) return Buffer.concat(pages)
  const dictionary = thriftStruct([
    i32(1, 2),
    i32(2, lies.dictionaryBytes ?? VALUES.length),
    i32(3, lies.dictionaryBytes ?? VALUES.length),
    [7, THRIFT.struct, thriftStruct([i32(1, lies.dictionaryValues ?? 3), i32(2, 0)])],
  ])
  return Buffer.concat([encodeThrift(dictionary), VALUES, ...pages])
}

function footerOf(lies: Lies, pageBytes: number): ThriftStruct {
  const { columns = 1, rows = 3, physicalType = 2, codec = 0 } = lies
  const elements = Array.from({ length: columns }, (_, i) =>
    thriftStruct([i32(1, physicalType), i32(3, 0), [4, THRIFT.binary, Buffer.from(`c${i}`)]]),
  )
  const root = thriftStruct([[4, THRIFT.binary, Buffer.from('root')], i32(5, columns)])
  const chunks = Array.from({ length: columns }, (_, i) => {
    const metadata = thriftStruct([
      i32(1, physicalType),
      [2, THRIFT.list, { elementType: THRIFT.i32, items: [lies.encoding ?? 0] }],
      [3, THRIFT.list, { elementType: THRIFT.binary, items: [Buffer.from(`c${i}`)] }],
      i32(4, codec),
      i64(5, lies.chunkValues ?? 3),
      i64(6, lies.chunkBytes ?? pageBytes),
      i64(7, lies.chunkBytes ?? pageBytes),
      i64(9, lies.chunkOffset ?? 4),
      ...(lies.encoding === DICTIONARY ? [i64(11, 4)] : []),
    ])
    return thriftStruct([i64(2, 4), [3, THRIFT.struct, metadata]])
  })
  const group = thriftStruct([[1, THRIFT.list, structList(chunks)], i64(2, pageBytes), i64(3, rows)])
  return thriftStruct([
    i32(1, 1),
    [2, THRIFT.list, structList([root, ...elements])],
    i64(3, rows),
    [4, THRIFT.list, structList([group])],
  ])
}

const MAGIC = Buffer.from('PAR1')

export function parquetFile(lies: Lies = {}): Uint8Array {
  const pages = pageOf(lies)
  return withFooter(pages, encodeThrift(footerOf(lies, pages.length)), lies.footerBytes)
}

/** A file of the given pages and footer, whose length may be a lie. */
export function withFooter(pages: Uint8Array, footer: Uint8Array, footerBytes = footer.length): Uint8Array {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(footerBytes)
  return Buffer.concat([MAGIC, pages, footer, length, MAGIC])
}
