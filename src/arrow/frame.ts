/**
 * Batches as bytes, between executors and in spill files: a header of u32 words, then the buffers in Arrow's layout, each
 * padded to 8 bytes. Names and types are not in it; both ends have the schema.
 *
 * | words                                                  | what                                                     |
 * |--------------------------------------------------------|----------------------------------------------------------|
 * | MAGIC, header length in words, row count, column count | once                                                     |
 * | flags + width << 8, length, null count, data bytes     | a column; its dictionary or children follow, depth first |
 *
 * Buffers have the same order: validity (if there are NULLs), offsets, values. Offsets start at 0. Dictionary codes take 1,
 * 2 or 4 bytes.
 */
import { fail, type BallistaError } from '../common/errors.js'
import type { Batch, Column } from './batch.js'
import { bitmapBytes, childTypes, defaultWidth, makeColumn, releaseColumn } from './column.js'
import { alloc, kernels, release, retain, views, withScratch } from './memory.js'
import { withOwnRange } from './range.js'
import type { Schema } from './schema.js'
import { decodeDictionary, sliceColumn } from './take.js'
import type { DataType } from './types.js'

/** `BLF1` in little-endian order. */
const MAGIC = 0x31464c42
const FIRST_WORDS = 4
const COLUMN_WORDS = 4
const HAS_DICTIONARY = 1
/** The column had a range; the reader computes it again, since a wrong one would do harm. */
const HAS_RANGE = 2
const MAX_ROWS = 2 ** 31 - 1

interface FrameKernels {
  bitmapCount(bitmap: number, length: number): number
  frameOffsetsValid(offsets: number, count: number, total: number): number
  frameCodesValid(codes: number, count: number, length: number): number
  frameCopy(source: number, byteLength: number, target: number): void
  frameNarrow(codes: number, count: number, width: number, target: number): void
  frameWiden(codes: number, count: number, width: number, target: number): void
  takeOffsets(offsets: number, indices: number, count: number, target: number): number
  takeRebase(offsets: number, count: number, first: number, target: number): void
}

type Scratch = (byteLength: number) => number

/** A buffer in the arena. */
interface Piece {
  readonly position: number
  readonly byteLength: number
}

/** What encoding collects: header words, and the buffers as places in the arena. */
interface Outline {
  readonly words: number[]
  readonly pieces: Piece[]
  /** Columns made on the way, to be released when the bytes are copied. */
  readonly made: Column[]
  readonly scratch: Scratch
}

const padded = (byteLength: number): number => Math.ceil(byteLength / 8) * 8

/** A frame in a block of the arena, from its first byte. */
export interface FrameBlock {
  readonly block: number
  readonly byteLength: number
}

/** The batch as bytes of an ordinary ArrayBuffer, no view of the arena. The batch is borrowed. */
export const encodeBatch = (batch: Batch): Uint8Array<ArrayBuffer> =>
  withOutline(batch, (outline, byteLength) => {
    const bytes = new Uint8Array(byteLength)
    const { u8 } = views()
    assemble(outline, bytes, ({ position, byteLength: length }, at) =>
      bytes.set(u8.subarray(position, position + length), at),
    )
    return bytes
  })

/** The batch in a new block, which is the caller's. The batch is borrowed. Throws ARENA_EXHAUSTED. */
export const encodeBlock = (batch: Batch): FrameBlock =>
  withOutline(batch, (outline, byteLength) => {
    const block = alloc(byteLength)
    const { frameCopy } = kernels<FrameKernels>()
    assemble(outline, views().u8.subarray(block, block + byteLength), ({ position, byteLength: length }, at) =>
      frameCopy(position, length, block + at),
    )
    return { block, byteLength }
  })

function withOutline<T>(batch: Batch, use: (outline: Outline, byteLength: number) => T): T {
  return withScratch(scratch => {
    const words = [MAGIC, 0, batch.rowCount, batch.columns.length]
    const outline: Outline = { words, pieces: [], made: [], scratch }
    try {
      for (const column of batch.columns) outlineColumn(outline, column)
      // The buffers start at a multiple of 8 bytes.
      if (words.length % 2 === 1) words.push(0)
      words[1] = words.length
      const byteLength = outline.pieces.reduce((sum, piece) => sum + padded(piece.byteLength), words.length * 4)
      return use(outline, byteLength)
    } finally {
      outline.made.forEach(releaseColumn)
    }
  })
}

/** `bytes` start at a multiple of 8. What pads buffers is zeroed: it travels, and nothing may travel with it. */
function assemble({ words, pieces }: Outline, bytes: Uint8Array, copy: (piece: Piece, at: number) => void): void {
  new Uint32Array(bytes.buffer, bytes.byteOffset, words.length).set(words)
  let at = words.length * 4
  for (const piece of pieces) {
    const end = at + piece.byteLength
    copy(piece, at)
    at += padded(piece.byteLength)
    bytes.fill(0, end, at)
  }
}

function outlineColumn(outline: Outline, column: Column): void {
  if (column.dictionary !== undefined) return outlineDictionary(outline, column, column.dictionary)
  const { type, length, width } = column
  const flags = column.range !== undefined && width <= 8 ? HAS_RANGE : 0
  const [first, last] = column.offsets === 0 ? [0, 0] : usedElements(column)
  const isText = type.kind === 'utf8' || type.kind === 'binary'
  const dataBytes = type.kind === 'boolean' ? bitmapBytes(length) : isText ? last - first : length * width
  outline.words.push(flags | (width << 8), length, column.nullCount, dataBytes)
  outlineValidity(outline, column)
  if (column.offsets !== 0) outlineOffsets(outline, column, first)
  if (dataBytes > 0) outline.pieces.push({ position: column.values + (isText ? first : 0), byteLength: dataBytes })
  for (const child of column.children) {
    const part = column.offsets === 0 ? sliceColumn(child, 0, length) : sliceColumn(child, first, last)
    outline.made.push(part)
    outlineColumn(outline, part)
  }
}

function outlineValidity({ pieces }: Outline, column: Column): void {
  if (column.validity !== 0) pieces.push({ position: column.validity, byteLength: bitmapBytes(column.length) })
}

function outlineOffsets({ pieces, scratch }: Outline, column: Column, first: number): void {
  const byteLength = (column.length + 1) * 4
  if (first === 0) {
    pieces.push({ position: column.offsets, byteLength })
    return
  }
  const position = scratch(byteLength)
  kernels<FrameKernels>().takeRebase(column.offsets, column.length + 1, 0, position)
  pieces.push({ position, byteLength })
}

/** The dictionary goes along if that takes fewer bytes than the flat values. */
function outlineDictionary(outline: Outline, column: Column, dictionary: Column): void {
  const { length } = column
  const width = dictionary.length <= 0x100 ? 1 : dictionary.length <= 0x10000 ? 2 : 4
  const isSmaller = length * width + dataSize(dictionary) < flatSize(column, dictionary, outline.scratch)
  if (!isSmaller || dictionary.nullCount > 0) {
    const flat = decodeDictionary(column)
    outline.made.push(flat)
    return outlineColumn(outline, flat)
  }
  outline.words.push(HAS_DICTIONARY | (width << 8), length, column.nullCount, length * width)
  outlineValidity(outline, column)
  const codes = outline.scratch(length * width)
  kernels<FrameKernels>().frameNarrow(column.values, length, width, codes)
  outline.pieces.push({ position: codes, byteLength: length * width })
  outlineColumn(outline, dictionary)
}

/** Bytes of values and offsets in a frame (nested types: a lower bound). */
function dataSize(column: Column): number {
  if (column.offsets === 0) return column.length * column.width
  const [first, last] = usedElements(column)
  return last - first + (column.length + 1) * 4
}

/** What dataSize would be for the flat form of a dictionary column. */
function flatSize(column: Column, dictionary: Column, scratch: Scratch): number {
  if (dictionary.offsets === 0) return column.length * dictionary.width
  const offsets = (column.length + 1) * 4
  const total = kernels<FrameKernels>().takeOffsets(dictionary.offsets, column.values, column.length, scratch(offsets))
  return total < 0 ? Infinity : total + offsets
}

function usedElements(column: Column): [first: number, last: number] {
  const { i32 } = views()
  return [i32[column.offsets / 4], i32[column.offsets / 4 + column.length]]
}

/** Where decoding is: words and body advance as columns are read. */
interface Reader {
  readonly words: Uint32Array
  word: number
  /** What columns hold. */
  readonly block: number
  /** Position of the body in the arena, its bytes, and those read so far. */
  readonly body: number
  readonly bodyBytes: number
  at: number
}

/** The batch of a frame, owned by the caller; all its columns share one copy of the bytes. As trusting as `decodeBlock`. */
export function decodeBatch(frame: Uint8Array, schema: Schema): Batch {
  const block = alloc(frame.length)
  try {
    views().u8.set(frame, block)
    return decodeBlock({ block, byteLength: frame.length }, schema)
  } finally {
    release(block)
  }
}

/**
 * The batch of a frame, owned by the caller; its columns lie in the block, which they hold. Trusts nothing: sizes, offsets, codes
 * and null counts are checked, DATA_CORRUPTION says which was wrong.
 */
export function decodeBlock({ block, byteLength }: FrameBlock, schema: Schema): Batch {
  const words = readHeader(block, byteLength, schema)
  const bodyBytes = byteLength - words.length * 4
  const columns: Column[] = []
  try {
    const reader: Reader = { words, word: FIRST_WORDS, block, body: block + words.length * 4, bodyBytes, at: 0 }
    for (const field of schema.fields) columns.push(readColumn(reader, field.type, words[2]))
    if (reader.at !== bodyBytes) throw corrupt(`${bodyBytes - reader.at} bytes behind the last column`)
    return { schema, rowCount: words[2], columns }
  } catch (error) {
    columns.forEach(releaseColumn)
    throw error
  }
}

const corrupt = (what: string): BallistaError => fail('DATA_CORRUPTION', ['a batch frame', what])

/** A copy, so that what has been checked stays so. */
function readHeader(block: number, byteLength: number, schema: Schema): Uint32Array {
  const available = Math.floor(byteLength / 4)
  if (available < FIRST_WORDS) throw corrupt(`${byteLength} bytes are no header`)
  const { u32 } = views()
  const [magic, headerWords, rowCount, columnCount] = u32.subarray(block / 4, block / 4 + FIRST_WORDS)
  if (magic !== MAGIC) throw corrupt('it does not start with BLF1')
  if (headerWords < FIRST_WORDS || headerWords > available) throw corrupt(`a header of ${headerWords} words`)
  if (rowCount > MAX_ROWS) throw corrupt(`${rowCount} rows`)
  const expected = schema.fields.length
  if (columnCount !== expected) throw corrupt(`${columnCount} columns instead of ${expected}`)
  return u32.slice(block / 4, block / 4 + headerWords)
}

/** The next column; `length` as the parent demands it. */
function readColumn(reader: Reader, type: DataType, length: number, isDictionary = false): Column {
  const { words, word } = reader
  if (word + COLUMN_WORDS > words.length) throw corrupt('the header ends inside a column')
  const [shape, ownLength, nullCount, dataBytes] = words.subarray(word, word + COLUMN_WORDS)
  reader.word += COLUMN_WORDS
  if (ownLength !== length) throw corrupt(`a column of ${ownLength} rows instead of ${length}`)
  if (nullCount > length || (type.kind === 'null' && nullCount !== length))
    throw corrupt(`${nullCount} NULLs in ${length} rows`)
  const width = shape >>> 8
  const flags = shape & 0xff
  if (flags > HAS_RANGE || (isDictionary && (flags === HAS_DICTIONARY || nullCount > 0)))
    throw corrupt(`flags ${flags}`)
  if (type.kind === 'null') {
    if (shape !== 0 || dataBytes !== 0) throw corrupt('data in a column of type NULL')
    return makeColumn({ type, length, nullCount })
  }
  const validity = nullCount === 0 ? 0 : readValidity(reader, length, nullCount)
  const parts = { type, length, nullCount, validity, width, dataBytes }
  return flags === HAS_DICTIONARY ? readDictionary(reader, parts) : readFlat(reader, parts, flags === HAS_RANGE)
}

interface Parts {
  readonly type: DataType
  readonly length: number
  readonly nullCount: number
  readonly validity: number
  readonly width: number
  readonly dataBytes: number
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
  const valid = kernels<FrameKernels>().bitmapCount(position, length)
  if (valid !== length - nullCount) throw corrupt(`${nullCount} NULLs announced, ${length - valid} found`)
  return position
}

function readFlat(reader: Reader, parts: Parts, hasRange: boolean): Column {
  const { type, length, nullCount, validity, width, dataBytes } = parts
  const isWidthKnown = width === defaultWidth(type) || (type.kind === 'decimal' && (width === 8 || width === 16))
  if (!isWidthKnown) throw corrupt(`width ${width} in a column of type ${type.kind}`)
  const hasOffsets = ['utf8', 'binary', 'list', 'map'].includes(type.kind)
  const isText = type.kind === 'utf8' || type.kind === 'binary'
  const expected = type.kind === 'boolean' ? bitmapBytes(length) : length * width
  if (!isText && dataBytes !== expected) throw corrupt(`${dataBytes} bytes of values instead of ${expected}`)
  const offsets = hasOffsets ? readPiece(reader, (length + 1) * 4) : 0
  const values = readPiece(reader, dataBytes)
  const total = hasOffsets && !isText ? views().u32[offsets / 4 + length] : dataBytes
  if (hasOffsets && !kernels<FrameKernels>().frameOffsetsValid(offsets, length + 1, total))
    throw corrupt('offsets out of order')
  const children: Column[] = []
  try {
    for (const child of childTypes(type)) children.push(readColumn(reader, child, hasOffsets ? total : length))
  } catch (error) {
    children.forEach(releaseColumn)
    throw error
  }
  retain(reader.block)
  const layout = { values: dataBytes === 0 && !isText ? 0 : values, offsets, width, children }
  const column = makeColumn({ type, length, nullCount, validity, ...layout, blocks: [reader.block] })
  return hasRange ? withOwnRange(column) : column
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
    const { frameWiden, frameCodesValid } = kernels<FrameKernels>()
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
