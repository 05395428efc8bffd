/**
 * Batches as bytes, between executors and in spill files: a header of u32 words, then the buffers in Arrow's layout, each
 * padded to 8 bytes. Names and types are not in it; both ends have the schema.
 *
 * | words                                                  | what                                                     |
 * |--------------------------------------------------------|----------------------------------------------------------|
 * | MAGIC, header length in words, row count, column count | once                                                     |
 * | shape, length, null count, data bytes                  | a column; its dictionary or children follow, depth first |
 * | base, low and high word                                | only behind those of packed values                       |
 *
 * A shape is flags + width << 8 + packed bytes << 16. Buffers have the same order: validity (if there are NULLs), offsets, values.
 * Offsets start at 0; packed, they are the lengths of the rows. Dictionary codes take 1, 2 or 4 bytes.
 */
import type { Batch, Column } from './batch.js'
import { bitmapBytes, releaseColumn } from './column.js'
import {
  corrupt,
  FIRST_WORDS,
  HAS_DICTIONARY,
  HAS_RANGE,
  IS_STEPPED,
  MAGIC,
  padded,
  readColumn,
  readHeader,
  type Reader,
} from './frame-reader.js'
import { alloc, kernels, release, views, withScratch } from './memory.js'
import * as packing from './packing.js'
import type { Schema } from './schema.js'
import { decodeDictionary, sliceColumn } from './take.js'

interface FrameKernels {
  frameCopy(source: number, byteLength: number, target: number): void
  frameNarrow(codes: number, count: number, width: number, target: number): void
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
  const packed = packing.valuePacking(column)
  if (packed !== undefined) return outlinePacked(outline, column, packed)
  const { type, length, width } = column
  const [first, last] = column.offsets === 0 ? [0, 0] : usedElements(column)
  const isText = type.kind === 'utf8' || type.kind === 'binary'
  const dataBytes = type.kind === 'boolean' ? bitmapBytes(length) : isText ? last - first : length * width
  const lengthBytes = column.offsets === 0 ? 0 : packing.lengthBytes(column)
  outline.words.push(rangeFlag(column) | (width << 8) | (lengthBytes << 16), length, column.nullCount, dataBytes)
  outlineValidity(outline, column)
  if (lengthBytes > 0)
    outlineMade(outline, length * lengthBytes, target => packing.packOffsets(column, lengthBytes, target))
  else if (column.offsets !== 0) outlineOffsets(outline, column, first)
  if (dataBytes > 0) outline.pieces.push({ position: column.values + (isText ? first : 0), byteLength: dataBytes })
  for (const child of column.children) {
    const part = column.offsets === 0 ? sliceColumn(child, 0, length) : sliceColumn(child, first, last)
    outline.made.push(part)
    outlineColumn(outline, part)
  }
}

const rangeFlag = ({ range, width }: Column): number => (range !== undefined && width <= 8 ? HAS_RANGE : 0)

function outlinePacked(outline: Outline, column: Column, packed: packing.Packing): void {
  const { length, width, nullCount } = column
  const flags = rangeFlag(column) | (packed.isStepped ? IS_STEPPED : 0)
  const byteLength = packing.packedBytes(packed, length)
  outline.words.push(flags | (width << 8) | (packed.bytes << 16), length, nullCount, byteLength)
  outline.words.push(...packing.baseWords(packed))
  outlineValidity(outline, column)
  outlineMade(outline, byteLength, target => packing.packValues(column, packed, target))
}

/** A buffer that is written for the frame. */
function outlineMade({ pieces, scratch }: Outline, byteLength: number, write: (target: number) => void): void {
  const position = scratch(byteLength)
  write(position)
  pieces.push({ position, byteLength })
}

function outlineValidity({ pieces }: Outline, column: Column): void {
  if (column.validity !== 0) pieces.push({ position: column.validity, byteLength: bitmapBytes(column.length) })
}

function outlineOffsets(outline: Outline, { offsets, length }: Column, first: number): void {
  const byteLength = (length + 1) * 4
  if (first === 0) outline.pieces.push({ position: offsets, byteLength })
  else outlineMade(outline, byteLength, target => kernels<FrameKernels>().takeRebase(offsets, length + 1, 0, target))
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
  const { frameNarrow } = kernels<FrameKernels>()
  outlineMade(outline, length * width, target => frameNarrow(column.values, length, width, target))
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
