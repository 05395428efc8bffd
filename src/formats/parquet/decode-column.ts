/** Copies one Arrow array out of the decoder's memory into an arena column of the type that the file's footer promises. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes, childTypes, makeColumn } from '../../arrow/column.js'
import { kernels, views, withScratch, writeText } from '../../arrow/memory.js'
import { withRange } from '../../arrow/range.js'
import type { DataType } from '../../arrow/types.js'
import type { BlockScope } from '../block-scope.js'
import type { FfiArray, FfiMemory } from './arrow-ffi.js'
import { fixedText, half } from './leaf-text.js'
import type { LeafMeaning, ParquetColumn } from './parquet-schema.js'

interface CopyContext {
  readonly memory: FfiMemory
  readonly scope: BlockScope
}

/** The column, its blocks owned by the scope; undefined if the array is not of a format that `column` can have. */
export function decodeColumn(context: CopyContext, array: FfiArray, column: ParquetColumn): Column | undefined {
  return copyArray(context, array, column.field.type, column.meaning)
}

interface ScanKernels {
  scanWidenI32(values: number, count: number, out: number): void
  scanNarrowI128(values: number, count: number, out: number): number
}

interface Parts {
  readonly type: DataType
  readonly length: number
  readonly nullCount: number
  readonly validity: number
  readonly blocks: number[]
}

function copyArray(context: CopyContext, array: FfiArray, type: DataType, meaning: LeafMeaning): Column | undefined {
  if (type.kind === 'null') return makeColumn({ type, length: array.length, nullCount: array.length })
  const parts = partsOf(context, array, type)
  switch (type.kind) {
    case 'boolean':
      return array.format === 'b' ? makeColumn({ ...parts, values: copyBits(context, parts, array, 1) }) : undefined
    case 'int':
    case 'date':
    case 'timestamp':
      return copyInteger(context, array, parts)
    case 'decimal':
      return copyDecimal(context, array, parts)
    case 'float':
      return copyFloat(context, array, parts, meaning)
    case 'utf8':
    case 'binary':
      if (array.format === 'u' || array.format === 'z') return copyBytes(context, array, parts)
      return type.kind === 'utf8' ? copyText(context, array, parts, meaning) : copyFixedBytes(context, array, parts)
    case 'interval':
      return array.format === 'w:12' ? copyInterval(context, array, parts) : undefined
    case 'list':
    case 'map':
    case 'struct':
      return copyNested(context, array, parts)
  }
}

/** Length, NULLs and the copied bitmap. */
function partsOf(context: CopyContext, array: FfiArray, type: DataType): Parts {
  const blocks: number[] = []
  const parts = { type, length: array.length, nullCount: 0, validity: 0, blocks }
  if (array.buffers.length === 0 || array.buffers[0] === 0 || array.nullCount === 0) return parts
  const validity = copyBits(context, parts, array, 0)
  const nullCount = array.nullCount >= 0 ? array.nullCount : array.length - countBits(validity, array.length)
  return { ...parts, validity, nullCount }
}

const own = (context: CopyContext, parts: Parts, byteLength: number): number => {
  const block = context.scope.alloc(byteLength)
  parts.blocks.push(block)
  return block
}

/** Buffer number `buffer` as a bitmap that starts at bit 0; bits past the end are 0. */
function copyBits(context: CopyContext, parts: Parts, array: FfiArray, buffer: number): number {
  const byteLength = bitmapBytes(array.length)
  const target = own(context, parts, byteLength)
  const { u8 } = views()
  const { bytes } = context.memory
  const source = array.buffers[buffer] + (array.offset >>> 3)
  const shift = array.offset & 7
  const used = Math.ceil(array.length / 8)
  u8.fill(0, target + used, target + byteLength)
  if (shift === 0) u8.set(bytes.subarray(source, source + used), target)
  else for (let i = 0; i < used; i++) u8[target + i] = (bytes[source + i] | (bytes[source + i + 1] << 8)) >>> shift
  if ((array.length & 7) !== 0) u8[target + used - 1] &= (1 << (array.length & 7)) - 1
  return target
}

function countBits(bitmap: number, length: number): number {
  const { u8 } = views()
  let count = 0
  for (let row = 0; row < length; row++) count += (u8[bitmap + (row >>> 3)] >>> (row & 7)) & 1
  return count
}

/** The values of buffer 1, `width` bytes a row, into a new block of the column. */
function copyValues(context: CopyContext, parts: Parts, array: FfiArray, width: number): number {
  const target = own(context, parts, array.length * width)
  copyRaw(context.memory, array, width, target)
  return target
}

function copyRaw({ bytes }: FfiMemory, array: FfiArray, width: number, target: number): void {
  const source = array.buffers[1] + array.offset * width
  views().u8.set(bytes.subarray(source, source + array.length * width), target)
}

/** Bytes a value of the fixed-width Arrow formats. */
function formatWidth(format: string): number {
  if (format.startsWith('d:')) return format.split(',')[2] === '256' ? 32 : 16
  if (format.startsWith('ts')) return 8
  return { c: 1, C: 1, s: 2, S: 2, i: 4, I: 4, l: 8, L: 8, f: 4, g: 8, tdD: 4 }[format] ?? 0
}

function copyInteger(context: CopyContext, array: FfiArray, parts: Parts): Column | undefined {
  const width = formatWidth(array.format)
  const wanted = makeColumn(parts).width
  if (width === wanted) return withRange(makeColumn({ ...parts, values: copyValues(context, parts, array, width) }))
  if (width !== 4 || wanted > 2) return undefined
  // Parquet stores 8- and 16-bit integers in 32 bits.
  return withScratch(alloc => {
    const wide = alloc(array.length * 4)
    copyRaw(context.memory, array, 4, wide)
    const { i32, i8, i16 } = views()
    const target = own(context, parts, array.length * wanted)
    const source = i32.subarray(wide / 4, wide / 4 + array.length)
    if (wanted === 1) i8.set(source, target)
    else i16.set(source, target / 2)
    return withRange(makeColumn({ ...parts, values: target }))
  })
}

/** Width 8 where the values fit, whatever the precision. */
function copyDecimal(context: CopyContext, array: FfiArray, parts: Parts): Column | undefined {
  const width = formatWidth(array.format)
  if (width === 8) return withRange(makeColumn({ ...parts, width, values: copyValues(context, parts, array, 8) }))
  if (width === 4) {
    const values = own(context, parts, array.length * 8)
    withScratch(alloc => {
      const narrow = alloc(array.length * 4)
      copyRaw(context.memory, array, 4, narrow)
      kernels<ScanKernels>().scanWidenI32(narrow, array.length, values)
    })
    return withRange(makeColumn({ ...parts, width: 8, values }))
  }
  if (width !== 16) return undefined
  return withScratch(alloc => {
    const wide = alloc(array.length * 16)
    copyRaw(context.memory, array, 16, wide)
    const values = own(context, parts, array.length * 16)
    if (kernels<ScanKernels>().scanNarrowI128(wide, array.length, values) === 1)
      return withRange(makeColumn({ ...parts, width: 8, values }))
    views().u8.copyWithin(values, wide, wide + array.length * 16)
    return makeColumn({ ...parts, width: 16, values })
  })
}

function copyFloat(context: CopyContext, array: FfiArray, parts: Parts, meaning: LeafMeaning): Column | undefined {
  const wanted = makeColumn(parts).width
  if (formatWidth(array.format) === wanted)
    return makeColumn({ ...parts, values: copyValues(context, parts, array, wanted) })
  if (meaning !== 'float16' && array.format !== 'e') return undefined
  const values = own(context, parts, array.length * 4)
  const { f32 } = views()
  const source = array.buffers[1] + array.offset * 2
  for (let row = 0; row < array.length; row++)
    f32[values / 4 + row] = half(context.memory.view.getUint16(source + 2 * row, true))
  return makeColumn({ ...parts, values })
}

function copyOffsets(
  context: CopyContext,
  array: FfiArray,
  parts: Parts,
): { offsets: number; first: number; last: number } {
  const { i32, u8 } = views()
  const offsets = own(context, parts, (array.length + 1) * 4)
  const source = array.buffers[1] + array.offset * 4
  if (array.length === 0) i32[offsets / 4] = 0
  else u8.set(context.memory.bytes.subarray(source, source + (array.length + 1) * 4), offsets)
  const first = i32[offsets / 4]
  if (first !== 0) for (let i = 0; i <= array.length; i++) i32[offsets / 4 + i] -= first
  return { offsets, first, last: first + i32[offsets / 4 + array.length] }
}

function copyBytes(context: CopyContext, array: FfiArray, parts: Parts): Column {
  const { offsets, first, last } = copyOffsets(context, array, parts)
  const values = own(context, parts, last - first)
  const source = array.buffers[2]
  views().u8.set(context.memory.bytes.subarray(source + first, source + last), values)
  return makeColumn({ ...parts, offsets, values })
}

/** Fixed bytes, times and UUIDs as VARCHAR or BYTEA: `write` puts row `row` at a position and gives its length. */
function writeRows(
  context: CopyContext,
  parts: Parts,
  maxBytes: number,
  write: (row: number, position: number) => number,
): Column {
  const { i32 } = views()
  const offsets = own(context, parts, (parts.length + 1) * 4)
  const values = own(context, parts, parts.length * maxBytes)
  let end = 0
  i32[offsets / 4] = 0
  for (let row = 0; row < parts.length; row++) {
    end += write(row, values + end)
    i32[offsets / 4 + row + 1] = end
  }
  return makeColumn({ ...parts, offsets, values })
}

/** Longest text of a TIME or UUID. */
const TEXT_BYTES = 40

function copyText(context: CopyContext, array: FfiArray, parts: Parts, meaning: LeafMeaning): Column | undefined {
  const textAt = fixedText(context.memory, array, meaning)
  if (textAt === undefined) return undefined
  return writeRows(context, parts, TEXT_BYTES, (row, position) => writeText(position, textAt(row)))
}

function copyFixedBytes(context: CopyContext, array: FfiArray, parts: Parts): Column | undefined {
  const match = /^w:(\d+)$/.exec(array.format)
  if (match === null) return undefined
  const width = Number(match[1])
  const source = array.buffers[1] + array.offset * width
  const { u8 } = views()
  return writeRows(context, parts, width, (row, position) => {
    u8.set(context.memory.bytes.subarray(source + row * width, source + (row + 1) * width), position)
    return width
  })
}

/** Parquet's INTERVAL is three u32: months, days, milliseconds. */
function copyInterval(context: CopyContext, array: FfiArray, parts: Parts): Column {
  const values = own(context, parts, array.length * 16)
  const { i32, i64 } = views()
  const source = array.buffers[1] + array.offset * 12
  const { view } = context.memory
  for (let row = 0; row < array.length; row++) {
    const at = source + row * 12
    const target = values + row * 16
    i32[target / 4] = view.getInt32(at, true)
    i32[target / 4 + 1] = view.getInt32(at + 4, true)
    i64[target / 8 + 1] = BigInt(view.getUint32(at + 8, true)) * 1_000_000n
  }
  return makeColumn({ ...parts, values })
}

function copyNested(context: CopyContext, array: FfiArray, parts: Parts): Column | undefined {
  const types = childTypes(parts.type)
  const isStruct = parts.type.kind === 'struct'
  if (array.format !== (isStruct ? '+s' : parts.type.kind === 'map' ? '+m' : '+l')) return undefined
  if (array.children.length !== types.length || array.offset !== 0) return undefined
  let offsets = 0
  if (!isStruct) {
    const copied = copyOffsets(context, array, parts)
    if (copied.first !== 0) return undefined
    offsets = copied.offsets
  }
  const children: Column[] = []
  for (let i = 0; i < types.length; i++) {
    const child = copyArray(context, array.children[i], types[i], 'plain')
    if (child === undefined) return undefined
    children.push(child)
  }
  return makeColumn({ ...parts, offsets, children })
}
