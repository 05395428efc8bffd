/**
 * Headers of Parquet pages (PageHeader of parquet.thrift, in the compact protocol), read in place: a scan meets thousands, of
 * which it wants ten numbers each.
 */
import { views } from '../../arrow/memory.js'
import { THRIFT } from './thrift-compact.js'

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
  /** Version 2, where levels lie before the compressed part. */
  readonly isVersion2: boolean
  /** Bytes of levels in version 2; 0 in version 1. */
  readonly repetitionBytes: number
  readonly definitionBytes: number
  /** False for a version 2 page that is stored as it is, whatever the codec. */
  readonly isCompressed: boolean
}

/** The header at arena position `start`, before `end`; `invalid` makes the error for one that makes no sense. */
export function readPageHeader(start: number, end: number, invalid: (reason: string) => Error): PageHeader {
  const reader = new HeaderReader(start, end, invalid)
  const header = reader.header()
  const { compressedBytes, uncompressedBytes, valueCount, repetitionBytes, definitionBytes } = header
  const counts = [compressedBytes, uncompressedBytes, valueCount, repetitionBytes, definitionBytes]
  const isSound = repetitionBytes + definitionBytes <= Math.min(compressedBytes, uncompressedBytes)
  if (!isSound || counts.some(count => count < 0)) throw invalid('a page header with impossible counts')
  return header
}

/** Structs in page headers nest twice; more is an attack on the stack. */
const MAX_DEPTH = 8

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

class HeaderReader {
  private readonly u8 = views().u8
  private readonly start: number
  private readonly end: number
  private readonly invalid: (reason: string) => Error
  private at: number

  constructor(start: number, end: number, invalid: (reason: string) => Error) {
    this.start = start
    this.at = start
    this.end = end
    this.invalid = invalid
  }

  header(): PageHeader {
    // Fields that a header must have are -1 until they are met.
    const header: Mutable<PageHeader> = {
      kind: 'other',
      headerBytes: 0,
      compressedBytes: -1,
      uncompressedBytes: -1,
      valueCount: 0,
      encoding: -1,
      levelEncoding: -1,
      isVersion2: false,
      repetitionBytes: 0,
      definitionBytes: 0,
      isCompressed: true,
    }
    this.fields((id, type) => {
      if (id === 2 && type === THRIFT.i32) header.uncompressedBytes = this.signed()
      else if (id === 3 && type === THRIFT.i32) header.compressedBytes = this.signed()
      else if (id === 5 && type === THRIFT.struct) this.dataPage(header)
      else if (id === 7 && type === THRIFT.struct) this.dictionaryPage(header)
      else if (id === 8 && type === THRIFT.struct) this.dataPageVersion2(header)
      else this.skip(type, 0)
    })
    header.headerBytes = this.at - this.start
    return header
  }

  private dataPage(header: Mutable<PageHeader>): void {
    header.kind = 'data'
    header.valueCount = -1
    this.fields((id, type) => {
      if (type !== THRIFT.i32) this.skip(type, 1)
      else if (id === 1) header.valueCount = this.signed()
      else if (id === 2) header.encoding = this.signed()
      else if (id === 3) header.levelEncoding = this.signed()
      else this.signed()
    })
  }

  private dictionaryPage(header: Mutable<PageHeader>): void {
    header.kind = 'dictionary'
    header.valueCount = -1
    this.fields((id, type) => {
      if (type !== THRIFT.i32) this.skip(type, 1)
      else if (id === 1) header.valueCount = this.signed()
      else if (id === 2) header.encoding = this.signed()
      else this.signed()
    })
  }

  private dataPageVersion2(header: Mutable<PageHeader>): void {
    header.kind = 'data'
    header.isVersion2 = true
    header.valueCount = -1
    header.repetitionBytes = -1
    header.definitionBytes = -1
    this.fields((id, type) => {
      if (id === 7) header.isCompressed = type !== THRIFT.false
      else if (type !== THRIFT.i32) this.skip(type, 1)
      else if (id === 1) header.valueCount = this.signed()
      else if (id === 4) header.encoding = this.signed()
      else if (id === 5) header.definitionBytes = this.signed()
      else if (id === 6) header.repetitionBytes = this.signed()
      else this.signed()
    })
  }

  /** Calls `read` for every field of a struct; it reads the value. */
  private fields(read: (id: number, type: number) => void): void {
    for (let id = 0; ;) {
      const byte = this.byte()
      if (byte === 0) return
      id = byte >> 4 === 0 ? this.signed() : id + (byte >> 4)
      read(id, byte & 15)
    }
  }

  private skip(type: number, depth: number): void {
    if (depth > MAX_DEPTH) throw this.invalid('a page header that is nested too deeply')
    switch (type) {
      case THRIFT.true:
      case THRIFT.false:
        return
      case THRIFT.i8:
        return this.forward(1)
      case THRIFT.i16:
      case THRIFT.i32:
      case THRIFT.i64:
        return void this.unsigned()
      case THRIFT.double:
        return this.forward(8)
      case THRIFT.binary:
        return this.forward(this.unsigned())
      case THRIFT.struct:
        return this.fields((_id, inner) => this.skip(inner, depth + 1))
    }
    throw this.invalid(`a page header with a field of type ${type}`)
  }

  private byte(): number {
    if (this.at >= this.end) throw this.invalid('a page header that ends early')
    return this.u8[this.at++]
  }

  private forward(byteLength: number): void {
    if (byteLength > this.end - this.at) throw this.invalid('a page header that ends early')
    this.at += byteLength
  }

  /** ULEB128 below 2^53. */
  private unsigned(): number {
    let value = 0
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw this.invalid('a page header with a number out of range')
  }

  /** Zigzag. */
  private signed(): number {
    const value = this.unsigned()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}
