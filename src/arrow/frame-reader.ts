/** The columns of a frame (its layout: `frame.ts`), read without trust in anything that it says. */
import { fail, type BallistaError } from '../common/errors.js'
import type { Column } from './batch.js'
import { bitmapBytes, childTypes, defaultWidth, makeColumn, releaseColumn } from './column.js'
import { alloc, kernels, release, retain, views } from './memory.js'
import * as packing from './packing.js'
import { withOwnRange } from './range.js'
import type { Schema } from './schema.js'
import type { DataType } from './types.js'

/** `BLF2` in little-endian order. */
export const MAGIC = 0x32464c42
export const FIRST_WORDS = 4
const COLUMN_WORDS = 4
const BASE_WORDS = 2
export const HAS_DICTIONARY = 1
/** The column had a range; the reader computes it again, since a wrong one would do harm. */
export const HAS_RANGE = 2
/** Packed values are steps from the one before, not differences from the base. */
export const IS_STEPPED = 4
const MAX_ROWS = 2 ** 31 - 1

interface ReadKernels {
  bitmapCount(bitmap: number, length: number): number
  frameOffsetsValid(offsets: number, count: number, total: number): number
  frameCodesValid(codes: number, count: number, length: number): number
  frameWiden(codes: number, count: number, width: number, target: number): void
}

/** Bytes of a buffer with what fills it up. */
export const padded = (byteLength: number): number => Math.ceil(byteLength / 8) * 8

/** Where decoding is: words and body advance as columns are read. */
export interface Reader {
  readonly words: Uint32Array
  word: number
  /** What columns hold. */
  readonly block: number
  /** Position of the body in the arena, its bytes, and those read so far. */
  readonly body: number
  readonly bodyBytes: number
  at: number
}

export const corrupt = (what: string): BallistaError => fail('DATA_CORRUPTION', ['a batch frame', what])

/** A copy, so that what has been checked stays so. */
export function readHeader(block: number, byteLength: number, schema: Schema): Uint32Array {
  const available = Math.floor(byteLength / 4)
  if (available < FIRST_WORDS) throw corrupt(`${byteLength} bytes are no header`)
  const { u32 } = views()
  const [magic, headerWords, rowCount, columnCount] = u32.subarray(block / 4, block / 4 + FIRST_WORDS)
  if (magic !== MAGIC) throw corrupt('it does not start with BLF2')
  if (headerWords < FIRST_WORDS || headerWords > available) throw corrupt(`a header of ${headerWords} words`)
  if (rowCount > MAX_ROWS) throw corrupt(`${rowCount} rows`)
  const expected = schema.fields.length
  if (columnCount !== expected) throw corrupt(`${columnCount} columns instead of ${expected}`)
  return u32.slice(block / 4, block / 4 + headerWords)
}

/** The next column; `length` as the parent demands it. */
export function readColumn(reader: Reader, type: DataType, length: number, isDictionary = false): Column {
  const { words, word } = reader
  if (word + COLUMN_WORDS > words.length) throw corrupt('the header ends inside a column')
  const [shape, ownLength, nullCount, dataBytes] = words.subarray(word, word + COLUMN_WORDS)
  reader.word += COLUMN_WORDS
  if (ownLength !== length) throw corrupt(`a column of ${ownLength} rows instead of ${length}`)
  if (nullCount > length || (type.kind === 'null' && nullCount !== length))
    throw corrupt(`${nullCount} NULLs in ${length} rows`)
  const packed = shape >>> 16
  const width = (shape >>> 8) & 0xff
  const flags = shape & 0xff
  const areKnown = packed === 0 ? flags <= HAS_RANGE : (flags & ~(HAS_RANGE | IS_STEPPED)) === 0
  if (!areKnown || (isDictionary && (flags === HAS_DICTIONARY || nullCount > 0))) throw corrupt(`flags ${flags}`)
  if (type.kind === 'null') {
    if (shape !== 0 || dataBytes !== 0) throw corrupt('data in a column of type NULL')
    return makeColumn({ type, length, nullCount })
  }
  const hasBase = packed > 0 && packing.isPackable(type, width)
  if (hasBase && word + COLUMN_WORDS + BASE_WORDS > words.length) throw corrupt('the header ends inside a column')
  if (hasBase) reader.word += BASE_WORDS
  const validity = nullCount === 0 ? 0 : readValidity(reader, length, nullCount)
  const parts = { type, length, nullCount, validity, width, dataBytes, packed, flags }
  if (flags === HAS_DICTIONARY) return readDictionary(reader, parts)
  return hasBase ? readPacked(reader, parts, word + COLUMN_WORDS) : readFlat(reader, parts)
}

interface Parts {
  readonly type: DataType
  readonly length: number
  readonly nullCount: number
  readonly validity: number
  readonly width: number
  readonly dataBytes: number
  /** Bytes of what is packed, 0 if nothing is. */
  readonly packed: number
  readonly flags: number
}

/** Position of the next `byteLength` bytes of the body. */
function readPiece(reader: Reader, byteLength: number): number {
  if (padded(byteLength) > reader.bodyBytes - reader.at) throw corrupt('it ends inside a buffer')
  const position = reader.body + reader.at
  reader.at += padded(byteLength)
  return position
}

function readValidity(reader: Reader, length: number, nullCount: number): number {
  const position = readPiece(reader, bitmapBytes(length))
  const valid = kernels<ReadKernels>().bitmapCount(position, length)
  if (valid !== length - nullCount) throw corrupt(`${nullCount} NULLs announced, ${length - valid} found`)
  return position
}

function checkWidth({ type, width }: Parts): void {
  const isKnown = width === defaultWidth(type) || (type.kind === 'decimal' && (width === 8 || width === 16))
  if (!isKnown) throw corrupt(`width ${width} in a column of type ${type.kind}`)
}

function readFlat(reader: Reader, parts: Parts): Column {
  const { type, length, nullCount, validity, width, packed, flags } = parts
  checkWidth(parts)
  const hasOffsets = ['utf8', 'binary', 'list', 'map'].includes(type.kind)
  if (packed > (hasOffsets ? 2 : 0) || (flags & IS_STEPPED) !== 0)
    throw corrupt(`packing ${packed}, flags ${flags} in a column of type ${type.kind}`)
  const lengths = packed === 0 ? undefined : unpackOffsets(reader, parts)
  let column: Column
  try {
    const layout = readLayout(reader, parts, hasOffsets, lengths)
    const blocks = lengths === undefined ? [reader.block] : [reader.block, lengths.block]
    column = makeColumn({ type, length, nullCount, validity, width, ...layout, blocks })
  } catch (error) {
    if (lengths !== undefined) release(lengths.block)
    throw error
  }
  retain(reader.block)
  return flags === HAS_RANGE ? withOwnRange(column) : column
}

function readLayout(
  reader: Reader,
  { type, length, width, dataBytes }: Parts,
  hasOffsets: boolean,
  lengths: Lengths | undefined,
): Pick<Column, 'values' | 'offsets' | 'children'> {
  const isText = type.kind === 'utf8' || type.kind === 'binary'
  const expected = type.kind === 'boolean' ? bitmapBytes(length) : length * width
  if (!isText && dataBytes !== expected) throw corrupt(`${dataBytes} bytes of values instead of ${expected}`)
  const offsets = lengths?.block ?? (hasOffsets ? readPiece(reader, (length + 1) * 4) : 0)
  const values = readPiece(reader, dataBytes)
  const total = isText || !hasOffsets ? dataBytes : (lengths?.end ?? views().u32[offsets / 4 + length])
  const areOrdered = lengths === undefined ? !hasOffsets || areValid(offsets, length, total) : lengths.end === total
  if (!areOrdered) throw corrupt('offsets out of order')
  const children: Column[] = []
  try {
    for (const child of childTypes(type)) children.push(readColumn(reader, child, hasOffsets ? total : length))
  } catch (error) {
    children.forEach(releaseColumn)
    throw error
  }
  return { values: dataBytes === 0 && !isText ? 0 : values, offsets, children }
}

const areValid = (offsets: number, length: number, total: number): boolean =>
  kernels<ReadKernels>().frameOffsetsValid(offsets, length + 1, total) !== 0

/** Offsets in a block of their own, and where they end. */
interface Lengths {
  readonly block: number
  readonly end: number
}

function unpackOffsets(reader: Reader, { length, packed }: Parts): Lengths {
  const source = readPiece(reader, length * packed)
  const block = alloc((length + 1) * 4)
  const end = packing.unpackOffsets(source, packed, length, block)
  if (end <= MAX_ROWS) return { block, end }
  release(block)
  throw corrupt(`lengths of ${end} in all`)
}

/** Integers in a block of their own. */
function readPacked(reader: Reader, parts: Parts, baseAt: number): Column {
  const { type, length, nullCount, validity, width, dataBytes, packed, flags } = parts
  checkWidth(parts)
  const isStepped = (flags & IS_STEPPED) !== 0
  if (length === 0 || packed > (isStepped ? 2 : Math.min(width - 1, 4)))
    throw corrupt(`packing ${packed}, flags ${flags} in ${length} values of width ${width}`)
  const base = packing.readBase(reader.words[baseAt], reader.words[baseAt + 1], type, width)
  if (base === undefined) throw corrupt('a base that is no value of its column')
  const shape = { bytes: packed, isStepped, base }
  const expected = packing.packedBytes(shape, length)
  if (dataBytes !== expected) throw corrupt(`${dataBytes} bytes of packed values instead of ${expected}`)
  const source = readPiece(reader, dataBytes)
  const values = alloc(length * width)
  const range = packing.unpackValues(source, shape, type, width, length, values)
  if (validity !== 0) retain(reader.block)
  const blocks = validity === 0 ? [values] : [values, reader.block]
  const column = makeColumn({ type, length, nullCount, validity, values, width, blocks })
  if ((flags & HAS_RANGE) === 0) return column
  // What unpacking met is no bound worth having where some of it is the rest of NULLs.
  return nullCount === 0 && range !== undefined ? { ...column, range } : withOwnRange(column)
}

function readDictionary(reader: Reader, { type, length, nullCount, validity, width, dataBytes }: Parts): Column {
  if (width !== 1 && width !== 2 && width !== 4) throw corrupt(`dictionary codes of ${width} bytes`)
  if (dataBytes !== length * width) throw corrupt(`${dataBytes} bytes of codes instead of ${length * width}`)
  const packed = readPiece(reader, dataBytes)
  const dictionaryLength = reader.words[reader.word + 1] ?? 0
  const dictionary = readColumn(reader, type, dictionaryLength, true)
  let codes = 0
  try {
    codes = alloc(length * 4)
    const { frameWiden, frameCodesValid } = kernels<ReadKernels>()
    frameWiden(packed, length, width, codes)
    if (!frameCodesValid(codes, length, dictionaryLength)) throw corrupt('a dictionary code out of range')
  } catch (error) {
    releaseColumn(dictionary)
    if (codes !== 0) release(codes)
    throw error
  }
  retain(reader.block)
  return makeColumn({ type, length, nullCount, validity, values: codes, dictionary, blocks: [reader.block, codes] })
}
