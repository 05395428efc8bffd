/**
 * apache-arrow record batches into the arena. They may be slices and may come from files that lie: every size, offset and
 * code is checked, FILE_INVALID says which was wrong.
 */
import type * as Arrow from 'apache-arrow'
import { fail, type BallistaError } from '../common/errors.js'
import { unreachable } from '../common/invariant.js'
import { arrow } from './arrow-module.js'
import { fromArrowSchema, fromArrowType } from './arrow-types.js'
import type { Batch, Column } from './batch.js'
import {
  bitmapBytes,
  buildColumn,
  childTypes,
  columnFromValues,
  makeColumn,
  releaseColumn,
  type ColumnScope,
} from './column.js'
import { kernels, views, withScratch } from './memory.js'
import { withOwnRange } from './range.js'
import type { Schema } from './schema.js'
import { concatColumns, decodeDictionary } from './take.js'
import type { DataType } from './types.js'

interface ArrowKernels {
  bitmapAppend(source: number, start: number, length: number, target: number, index: number): void
  bitmapCount(bitmap: number, length: number): number
  frameCodesValid(codes: number, count: number, length: number): number
  frameNarrowDecimals(source: number, validity: number, count: number, target: number): number
  frameOffsetsValid(offsets: number, count: number, total: number): number
}

type Own = ColumnScope['own']

const MAX_OFFSET = 2 ** 31 - 1
const MS_PER_DAY = 86_400_000n

/** A copy of the batch, owned by the caller. `schema` (made from the batch if left out) lets batches share one object. */
export function fromArrowBatch(batch: Arrow.RecordBatch, schema: Schema = fromArrowSchema(batch.schema)): Batch {
  const columns: Column[] = []
  try {
    schema.fields.forEach((field, i) => columns.push(fromArrowData(batch.data.children[i], field.type, batch.numRows)))
    return { schema, rowCount: batch.numRows, columns }
  } catch (error) {
    columns.forEach(releaseColumn)
    throw error
  }
}

const invalid = (what: string): BallistaError => fail('FILE_INVALID', ['Arrow data', what])

/** The first `length` rows of the data of one column; owned by the caller. */
export function fromArrowData(data: Arrow.Data | undefined, type: DataType, length: number): Column {
  if (data === undefined) throw invalid('a column is missing')
  if (data.length < length) throw invalid(`a column of ${data.length} rows instead of ${length}`)
  if (type.kind === 'null') return makeColumn({ type, length, nullCount: length })
  if (arrow().DataType.isDictionary(data.type)) return fromDictionary(data, type, length)
  const column = buildColumn(scope => {
    const nulls = readValidity(data, length, scope.own)
    return { type, length, ...nulls, ...readParts(data, type, length, nulls.validity, scope) }
  })
  return withOwnRange(column)
}

function readValidity(data: Arrow.Data, length: number, own: Own): { nullCount: number; validity: number } {
  const bitmap = data.nullBitmap as Uint8Array | undefined
  if (data.nullCount === 0 || bitmap === undefined || bitmap.length === 0) return { nullCount: 0, validity: 0 }
  const validity = readBits(bitmap, data.offset, length, own)
  return { nullCount: length - kernels<ArrowKernels>().bitmapCount(validity, length), validity }
}

/** Bitmaps are not re-based when data is sliced: row r is bit `offset` + r. */
function readBits(bitmap: Uint8Array, offset: number, length: number, own: Own): number {
  const end = Math.ceil((offset + length) / 8)
  if (bitmap.length < end) throw invalid(`a bitmap of ${bitmap.length} bytes instead of ${end}`)
  const first = Math.floor(offset / 8)
  const target = own(bitmapBytes(length))
  const { u8 } = views()
  u8.fill(0, target, target + bitmapBytes(length))
  withScratch(scratch => {
    const source = scratch(end - first + 8)
    u8.set(bitmap.subarray(first, end), source)
    kernels<ArrowKernels>().bitmapAppend(source, offset % 8, length, target, 0)
  })
  return target
}

function readParts(
  data: Arrow.Data,
  type: DataType,
  length: number,
  validity: number,
  scope: ColumnScope,
): Partial<Column> {
  const { own, keep } = scope
  switch (type.kind) {
    case 'boolean':
      return { values: readBits(data.values as Uint8Array, data.offset, length, own) }
    case 'float':
      return {
        values:
          arrow().DataType.isFloat(data.type) && data.type.precision === 0
            ? readHalves(data, length, own)
            : readFixed(data, type.bits / 8, length, own),
      }
    case 'int':
      return { values: readFixed(data, type.bits / 8, length, own) }
    case 'timestamp':
      return { values: readFixed(data, 8, length, own) }
    case 'date':
      return {
        values:
          arrow().DataType.isDate(data.type) && data.type.unit === 1
            ? readMilliseconds(data, length, own)
            : readFixed(data, 4, length, own),
      }
    case 'interval':
      return { values: readIntervals(data, length, own) }
    case 'decimal':
      return readDecimals(data, length, validity, own)
    case 'utf8':
    case 'binary':
      return readStrings(data, length, own)
    case 'list':
    case 'map': {
      const { offsets, first, last } = readListOffsets(data, length, own)
      const elements: Arrow.Data | undefined = data.children[0]
      if (elements === undefined || elements.length < last) throw invalid(`fewer than ${last} list elements`)
      return {
        offsets,
        children: [keep(fromArrowData(elements.slice(first, last - first), childTypes(type)[0], last - first))],
      }
    }
    case 'struct':
      return { children: type.fields.map((field, i) => keep(fromArrowData(data.children[i], field.type, length))) }
    case 'null':
      return {}
  }
  return unreachable(type)
}

/** The values buffer as bytes, of which there must be `byteLength`. */
function bytesOf(data: Arrow.Data, byteLength: number): Uint8Array {
  const values = data.values as ArrayBufferView | undefined
  const available = values?.byteLength ?? 0
  if (available < byteLength) throw invalid(`${available} bytes of values instead of ${byteLength}`)
  return values === undefined ? new Uint8Array(0) : new Uint8Array(values.buffer, values.byteOffset, byteLength)
}

function readFixed(data: Arrow.Data, width: number, length: number, own: Own): number {
  const bytes = bytesOf(data, width * length)
  const target = own(bytes.length)
  views().u8.set(bytes, target)
  return target
}

/** A view for element-wise conversion, wherever the bytes start. */
function viewOf(data: Arrow.Data, byteLength: number): DataView {
  const bytes = bytesOf(data, byteLength)
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function readHalves(data: Arrow.Data, length: number, own: Own): number {
  const view = viewOf(data, length * 2)
  const target = own(length * 4)
  for (let row = 0; row < length; row++) views().f32[target / 4 + row] = halfToNumber(view.getUint16(row * 2, true))
  return target
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Date64 to days; the part below a day is dropped downwards. */
function readMilliseconds(data: Arrow.Data, length: number, own: Own): number {
  const view = viewOf(data, length * 8)
  const target = own(length * 4)
  for (let row = 0; row < length; row++) {
    const ms = view.getBigInt64(row * 8, true)
    views().i32[target / 4 + row] = Number((ms - (((ms % MS_PER_DAY) + MS_PER_DAY) % MS_PER_DAY)) / MS_PER_DAY)
  }
  return target
}

function readIntervals(data: Arrow.Data, length: number, own: Own): number {
  const { unit } = data.type as Arrow.Interval
  if (unit === 2) return readFixed(data, 16, length, own)
  const view = viewOf(data, length * (unit === 0 ? 4 : 8))
  const target = own(length * 16)
  const { i32, i64 } = views()
  for (let row = 0; row < length; row++) {
    const at = target + row * 16
    // Unit 0 counts months, unit 1 days and milliseconds.
    i32[at / 4] = unit === 0 ? view.getInt32(row * 4, true) : 0
    i32[at / 4 + 1] = unit === 0 ? 0 : view.getInt32(row * 8, true)
    i64[at / 8 + 1] = unit === 0 ? 0n : BigInt(view.getInt32(row * 8 + 4, true)) * 1_000_000n
  }
  return target
}

/** Decimals of 32 to 256 bits; 8 bytes a row where all values fit. */
function readDecimals(data: Arrow.Data, length: number, validity: number, own: Own): Partial<Column> {
  const { bitWidth } = data.type as Arrow.Decimal
  if (bitWidth === 64) return { width: 8, values: readFixed(data, 8, length, own) }
  if (bitWidth === 32) {
    const view = viewOf(data, length * 4)
    const target = own(length * 8)
    for (let row = 0; row < length; row++) views().i64[target / 8 + row] = BigInt(view.getInt32(row * 4, true))
    return { width: 8, values: target }
  }
  const bytes = lowHalves(bytesOf(data, (length * bitWidth) / 8), bitWidth)
  return withScratch(scratch => {
    const wide = scratch(length * 16)
    views().u8.set(bytes, wide)
    const narrow = own(length * 8)
    if (kernels<ArrowKernels>().frameNarrowDecimals(wide, validity, length, narrow) !== 0)
      return { width: 8, values: narrow }
    const values = own(length * 16)
    views().u8.set(bytes, values)
    return { width: 16, values }
  })
}

/** The low 16 bytes of decimals of 256 bits: those of up to 38 digits have nothing else above. */
function lowHalves(bytes: Uint8Array, bitWidth: number): Uint8Array {
  if (bitWidth === 128) return bytes
  const low = new Uint8Array(bytes.length / 2)
  for (let row = 0; row * 16 < low.length; row++) low.set(bytes.subarray(row * 32, row * 32 + 16), row * 16)
  return low
}

function readStrings(data: Arrow.Data, length: number, own: Own): Partial<Column> {
  const { DataType: Is } = arrow()
  if (Is.isUtf8View(data.type) || Is.isBinaryView(data.type)) return readViews(data, length, own)
  const { offsets, first, last } = Is.isFixedSizeBinary(data.type)
    ? fixedOffsets(data.type.byteWidth, length, own)
    : readOffsets(data.valueOffsets as Int32Array | BigInt64Array | undefined, length, own)
  const bytes = bytesOf(data, last).subarray(first, last)
  const values = own(bytes.length)
  views().u8.set(bytes, values)
  return { offsets, values }
}

interface Offsets {
  /** Position of length + 1 offsets from 0 on. */
  readonly offsets: number
  readonly first: number
  readonly last: number
}

function readListOffsets(data: Arrow.Data, length: number, own: Own): Offsets {
  const { type } = data
  if (arrow().DataType.isFixedSizeList(type)) return fixedOffsets(type.listSize, length, own)
  return readOffsets(data.valueOffsets as Int32Array | BigInt64Array | undefined, length, own)
}

function fixedOffsets(size: number, length: number, own: Own): Offsets {
  if (!(size >= 0 && size * length <= MAX_OFFSET)) throw invalid(`${length} values of ${size} elements`)
  const offsets = own((length + 1) * 4)
  for (let row = 0; row <= length; row++) views().i32[offsets / 4 + row] = row * size
  return { offsets, first: 0, last: size * length }
}

/** 32-bit or 64-bit offsets, made to start at 0. */
function readOffsets(source: Int32Array | BigInt64Array | undefined, length: number, own: Own): Offsets {
  const offsets = own((length + 1) * 4)
  const { i32 } = views()
  if (length === 0) {
    i32[offsets / 4] = 0
    return { offsets, first: 0, last: 0 }
  }
  if (source === undefined || source.length <= length)
    throw invalid(`${source?.length ?? 0} offsets instead of ${length + 1}`)
  const first = Number(source[0])
  const last = Number(source[length])
  if (first < 0 || last - first > MAX_OFFSET) throw invalid(`offsets from ${first} to ${last}`)
  if (source instanceof Int32Array && first === 0) i32.set(source.subarray(0, length + 1), offsets / 4)
  else for (let row = 0; row <= length; row++) i32[offsets / 4 + row] = Number(source[row]) - first
  if (!kernels<ArrowKernels>().frameOffsetsValid(offsets, length + 1, last - first))
    throw invalid('offsets out of order')
  return { offsets, first, last }
}

/** Views: 16 bytes a row, either the string itself (up to 12 bytes) or its prefix, buffer and start. */
function readViews(data: Arrow.Data, length: number, own: Own): Partial<Column> {
  const view = viewOf(data, length * 16)
  const { u8, i32 } = views()
  const offsets = own((length + 1) * 4)
  i32[offsets / 4] = 0
  let total = 0
  for (let row = 0; row < length; row++) {
    total += view.getUint32(row * 16, true)
    i32[offsets / 4 + row + 1] = total
  }
  // Positions below come from offsets, which is where a sum above 2^31 would show.
  if (total > MAX_OFFSET) throw invalid(`${total} bytes of strings in one batch`)
  const values = own(total)
  for (let row = 0; row < length; row++) u8.set(viewBytes(data, view, row), values + i32[offsets / 4 + row])
  return { offsets, values }
}

function viewBytes(data: Arrow.Data, view: DataView, row: number): Uint8Array {
  const at = row * 16
  const byteLength = view.getUint32(at, true)
  if (byteLength <= 12) return new Uint8Array(view.buffer, view.byteOffset + at + 4, byteLength)
  const buffer: Uint8Array | undefined = data.variadicBuffers[view.getUint32(at + 8, true)]
  const start = view.getUint32(at + 12, true)
  if (buffer === undefined || start + byteLength > buffer.length) throw invalid('a view outside of its buffer')
  return buffer.subarray(start, start + byteLength)
}

/** Strings keep their codes, other types become flat: a dictionary of numbers saves nothing. */
function fromDictionary(data: Arrow.Data, type: DataType, length: number): Column {
  const dictionary = dictionaryColumn(data, type)
  if (dictionary.length === 0) {
    releaseColumn(dictionary)
    return columnFromValues(
      type,
      Array.from({ length }, () => null),
    )
  }
  const coded = buildColumn(scope => {
    scope.keep(dictionary)
    const nulls = readValidity(data, length, scope.own)
    const values = readCodes(data, length, nulls.validity, dictionary.length, scope.own)
    return { type, length, ...nulls, values, width: 4, dictionary }
  })
  if ((type.kind === 'utf8' || type.kind === 'binary') && dictionary.nullCount === 0) return coded
  try {
    return withOwnRange(decodeDictionary(coded))
  } finally {
    releaseColumn(coded)
  }
}

/** The dictionary in one column; deltas make it come in several chunks. */
function dictionaryColumn(data: Arrow.Data, type: DataType): Column {
  const chunks = data.dictionary?.data ?? []
  const columns: Column[] = []
  try {
    for (const chunk of chunks)
      columns.push(fromArrowData(chunk, fromArrowType(chunk.type, 'dictionary'), chunk.length))
    return concatColumns(type, columns)
  } finally {
    columns.forEach(releaseColumn)
  }
}

function readCodes(data: Arrow.Data, length: number, validity: number, dictionaryLength: number, own: Own): number {
  const codes = data.values as ArrayLike<number>
  if (codes.length < length) throw invalid(`${codes.length} dictionary codes instead of ${length}`)
  const { i32, u8 } = views()
  const values = own(length * 4)
  for (let row = 0; row < length; row++) {
    const isValid = validity === 0 || ((u8[validity + (row >>> 3)] >>> (row & 7)) & 1) === 1
    i32[values / 4 + row] = isValid ? codes[row] : 0
  }
  const inRange = kernels<ArrowKernels>().frameCodesValid(values, length, dictionaryLength) !== 0
  if (!inRange) throw invalid(`a dictionary code outside of 0 to ${dictionaryLength - 1}`)
  return values
}
