/** Headers of Parquet pages (PageHeader of parquet.thrift). */
import { booleanAt, decodeThriftPrefix, numberAt, structAt, type ThriftStruct } from './thrift-compact.js'

/** Encodings by number. */
export const ENCODING = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  deltaBinaryPacked: 5,
  deltaLengthByteArray: 6,
  deltaByteArray: 7,
  rleDictionary: 8,
  byteStreamSplit: 9,
} as const

export interface PageHeader {
  /** Other kinds (index pages) are passed over. */
  readonly kind: 'data' | 'dictionary' | 'other'
  /** Bytes of the header itself. */
  readonly headerBytes: number
  /** Bytes of the page behind the header, and of the same uncompressed. */
  readonly compressedBytes: number
  readonly uncompressedBytes: number
  /** Values, NULLs included: the rows of a flat column. */
  readonly valueCount: number
  readonly encoding: number
  /** How version 1 stores definition levels, if it has any. */
  readonly levelEncoding: number
  /** Only in version 2, where levels lie before the compressed part: the bytes they take. Absent: version 1. */
  readonly levels?: { readonly repetitionBytes: number; readonly definitionBytes: number }
  /** False for a version 2 page that is stored as it is, whatever the codec. */
  readonly isCompressed: boolean
}

/** The header at the start of `bytes`; `invalid` makes the error for one that makes no sense. */
export function readPageHeader(bytes: Uint8Array, invalid: (reason: string) => Error): PageHeader {
  const { struct, byteLength } = decodeThriftPrefix(bytes, reason => invalid(`a page header ${reason}`))
  const compressedBytes = count(struct, 3)
  const uncompressedBytes = count(struct, 2)
  if (compressedBytes < 0 || uncompressedBytes < 0) throw invalid('a page header without sizes')
  const sizes = { headerBytes: byteLength, compressedBytes, uncompressedBytes }
  const header = { ...sizes, ...contents(struct) }
  const { levels } = header
  if (header.valueCount < 0 || levels === undefined) return checked(header, header.valueCount >= 0, invalid)
  const levelBytes = levels.repetitionBytes + levels.definitionBytes
  const fits = levels.repetitionBytes >= 0 && levels.definitionBytes >= 0 && levelBytes <= compressedBytes
  return checked(header, fits && levelBytes <= uncompressedBytes, invalid)
}

function checked(header: PageHeader, isSound: boolean, invalid: (reason: string) => Error): PageHeader {
  if (!isSound) throw invalid('a page header with impossible counts')
  return header
}

type Contents = Omit<PageHeader, 'headerBytes' | 'compressedBytes' | 'uncompressedBytes'>

function contents(struct: ThriftStruct): Contents {
  const plain = { levelEncoding: ENCODING.rle, isCompressed: true }
  const first = structAt(struct, 5)
  if (first !== undefined) {
    return {
      ...plain,
      kind: 'data',
      valueCount: count(first, 1),
      encoding: count(first, 2),
      levelEncoding: count(first, 3),
    }
  }
  const dictionary = structAt(struct, 7)
  if (dictionary !== undefined) {
    return { ...plain, kind: 'dictionary', valueCount: count(dictionary, 1), encoding: count(dictionary, 2) }
  }
  const second = structAt(struct, 8)
  if (second === undefined) return { ...plain, kind: 'other', valueCount: 0, encoding: ENCODING.plain }
  return {
    ...plain,
    kind: 'data',
    valueCount: count(second, 1),
    encoding: count(second, 4),
    levels: { definitionBytes: count(second, 5), repetitionBytes: count(second, 6) },
    isCompressed: booleanAt(second, 7) !== false,
  }
}

/** A required i32 field; -1 where it is missing. */
const count = (struct: ThriftStruct, id: number): number => numberAt(struct, id) ?? -1
