/** Gathering, slicing and joining rows of columns: results belong to the caller, inputs are borrowed. */
import { fail } from '../common/errors.js'
import { invariant } from '../common/invariant.js'
import type { Batch, Column, Range } from './batch.js'
import {
  bitmapBytes,
  buildColumn,
  childTypes,
  columnFromValues,
  makeColumn,
  releaseColumn,
  retainColumn,
  type ColumnScope,
} from './column.js'
import { bytesInUse, kernels, views, withScratch } from './memory.js'
import type { Schema } from './schema.js'
import type { DataType } from './types.js'

/** The calls of the `take` and `bitmap` kernels; arguments as in src/kernels. */
interface TakeKernels {
  takeHasNegative(indices: number, count: number): number
  takeFixed(values: number, width: number, indices: number, count: number, target: number): void
  takeFixedDense(values: number, width: number, indices: number, count: number, target: number): void
  takeBits(bitmap: number, indices: number, count: number, target: number): number
  takeBitsDense(bitmap: number, indices: number, count: number, target: number): number
  takeBitsShort(bitmap: number, indices: number, count: number, target: number): number
  takeOffsets(offsets: number, indices: number, count: number, target: number): number
  takeBytes(values: number, offsets: number, indices: number, count: number, toOffsets: number, target: number): void
  takeElements(offsets: number, indices: number, count: number, target: number): void
  takeCodes(codes: number, validity: number, count: number, target: number): void
  takeCopy(source: number, byteLength: number, target: number): void
  takeRebase(offsets: number, count: number, first: number, target: number): void
  takeWiden(source: number, count: number, target: number): void
  bitmapAppend(source: number, start: number, length: number, target: number, index: number): void
  bitmapCount(bitmap: number, length: number): number
}

/** Kernels copy strings in pieces of 16 bytes and may write that much behind the last one. */
export const COPY_SLOP = 16

/** Offsets are i32. */
const MAX_OFFSET = 2 ** 31 - 1

/** The bytes or elements that a kernel has added up; ARENA_EXHAUSTED for its -1, which says that offsets cannot hold them. */
export function checkedTotal(total: number): number {
  if (total < 0) throw fail('ARENA_EXHAUSTED', [`more than ${MAX_OFFSET}`, bytesInUse()])
  return total
}

/** Row `i` of the result is row `indices[i]` of the column, NULL for -1. `indices` is the position of `count` i32. */
export function takeColumn(column: Column, indices: number, count: number): Column {
  return take(column, indices, count, kernels<TakeKernels>().takeHasNegative(indices, count) === 0)
}

/** As takeColumn, for every column. */
export function takeBatch(batch: Batch, indices: number, count: number): Batch {
  const isDense = kernels<TakeKernels>().takeHasNegative(indices, count) === 0
  const columns = collectColumns(batch.columns, column => take(column, indices, count, isDense))
  return { schema: batch.schema, rowCount: count, columns }
}

function take(column: Column, indices: number, count: number, isDense: boolean): Column {
  const { type } = column
  if (type.kind === 'null') return makeColumn({ type, length: count, nullCount: count })
  // Row -1 takes code 0, which an empty dictionary does not have.
  if (column.length === 0)
    return columnFromValues(
      type,
      Array.from({ length: count }, () => null),
    )
  return buildColumn(scope => ({
    ...column,
    ...takeValidity(column, indices, count, isDense, scope.own),
    ...takeData(column, indices, count, isDense, scope),
    length: count,
  }))
}

type Own = ColumnScope['own']

function takeValidity(column: Column, indices: number, count: number, isDense: boolean, own: Own): Partial<Column> {
  if (column.nullCount === 0 && isDense) return { nullCount: 0, validity: 0 }
  const validity = own(bitmapBytes(count))
  const valid = bitGather(column, isDense)(column.validity, indices, count, validity)
  return { nullCount: count - valid, validity }
}

/** The kernel for bitmaps of the column. */
function bitGather({ length }: Column, isDense: boolean): TakeKernels['takeBits'] {
  const { takeBits, takeBitsDense, takeBitsShort } = kernels<TakeKernels>()
  if (!isDense) return takeBits
  return length <= 64 ? takeBitsShort : takeBitsDense
}

function takeData(
  column: Column,
  indices: number,
  count: number,
  isDense: boolean,
  scope: ColumnScope,
): Partial<Column> {
  const { own, keep } = scope
  const { takeFixed, takeFixedDense, takeOffsets, takeBytes } = kernels<TakeKernels>()
  const { kind } = column.type
  if (column.width > 0) {
    const values = own(count * column.width)
    const gather = isDense ? takeFixedDense : takeFixed
    gather(column.values, column.width, indices, count, values)
    if (column.dictionary !== undefined) retainColumn(column.dictionary)
    return { values }
  }
  if (kind === 'boolean') {
    const values = own(bitmapBytes(count))
    bitGather(column, isDense)(column.values, indices, count, values)
    return { values }
  }
  if (kind === 'struct') return { children: column.children.map(child => keep(take(child, indices, count, isDense))) }
  const offsets = own((count + 1) * 4)
  const total = checkedTotal(takeOffsets(column.offsets, indices, count, offsets))
  if (kind === 'list' || kind === 'map')
    return { offsets, children: [keep(takeElements(column, indices, count, total))] }
  const values = own(total + COPY_SLOP)
  takeBytes(column.values, column.offsets, indices, count, offsets, values)
  return { offsets, values }
}

/** Maps columns to new ones; gives back those already made when one fails. */
function collectColumns<T>(items: readonly T[], make: (item: T, i: number) => Column): Column[] {
  const made: Column[] = []
  try {
    items.forEach((item, i) => made.push(make(item, i)))
    return made
  } catch (error) {
    made.forEach(releaseColumn)
    throw error
  }
}

function takeElements(column: Column, indices: number, count: number, total: number): Column {
  return withScratch(scratch => {
    const rows = scratch(total * 4)
    kernels<TakeKernels>().takeElements(column.offsets, indices, count, rows)
    return take(column.children[0], rows, total, true)
  })
}

/** Rows `start` (inclusive) to `end` (exclusive); shares the blocks of the batch, bitmaps excepted. */
export function sliceBatch(batch: Batch, start: number, end: number): Batch {
  if (start === 0 && end === batch.rowCount) {
    batch.columns.forEach(retainColumn)
    return batch
  }
  const columns = collectColumns(batch.columns, column => sliceColumn(column, start, end))
  return { schema: batch.schema, rowCount: end - start, columns }
}

/** Rows `start` (inclusive) to `end` (exclusive) of a column; shares its blocks, bitmaps excepted. */
export function sliceColumn(column: Column, start: number, end: number): Column {
  invariant(0 <= start && start <= end && end <= column.length, `rows ${start} to ${end} of ${column.length}`)
  const length = end - start
  const { type } = column
  if (type.kind === 'null') return makeColumn({ type, length, nullCount: length })
  if (start === 0 && end === column.length) {
    retainColumn(column)
    return column
  }
  return buildColumn(({ own, keep, share }) => {
    column.blocks.forEach(share)
    const bits = (bitmap: number): number =>
      start % 64 === 0 ? bitmap + start / 8 : copyBits(own, bitmap, start, length)
    const isBitmap = type.kind === 'boolean' && column.dictionary === undefined
    if (column.dictionary !== undefined) keep(retained(column.dictionary))
    return {
      ...column,
      ...sliceValidity(column, length, bits),
      length,
      values: isBitmap ? bits(column.values) : column.values + start * column.width,
      offsets: column.offsets === 0 ? 0 : column.offsets + start * 4,
      children: column.children.map(child =>
        keep(type.kind === 'struct' ? sliceColumn(child, start, end) : retained(child)),
      ),
    }
  })
}

function retained(column: Column): Column {
  retainColumn(column)
  return column
}

function copyBits(own: Own, bitmap: number, start: number, length: number): number {
  const copy = own(bitmapBytes(length))
  views().u8.fill(0, copy, copy + bitmapBytes(length))
  kernels<TakeKernels>().bitmapAppend(bitmap, start, length, copy, 0)
  return copy
}

function sliceValidity(column: Column, length: number, bits: (bitmap: number) => number): Partial<Column> {
  if (column.nullCount === 0) return { nullCount: 0, validity: 0 }
  const validity = bits(column.validity)
  return { nullCount: length - kernels<TakeKernels>().bitmapCount(validity, length), validity }
}

/**
 * The rows of all batches, in order, in one batch of this schema. Columns that share one dictionary keep their codes, other
 * dictionary columns become flat. Throws ARENA_EXHAUSTED if there is no room or a column would hold over 2 GiB of text.
 */
export function concatBatches(schema: Schema, batches: readonly Batch[]): Batch {
  if (batches.length === 1) return sliceBatch(batches[0], 0, batches[0].rowCount)
  const rowCount = batches.reduce((sum, batch) => sum + batch.rowCount, 0)
  const columns = collectColumns(schema.fields, (field, i) =>
    concatColumns(
      field.type,
      batches.map(batch => batch.columns[i]),
    ),
  )
  return { schema, rowCount, columns }
}

/** The rows of all columns, in order, in one column. */
export function concatColumns(type: DataType, columns: readonly Column[]): Column {
  const filled = columns.filter(column => column.length > 0)
  if (filled.length === 0) return columnFromValues(type, [])
  const length = filled.reduce((sum, column) => sum + column.length, 0)
  if (type.kind === 'null') return makeColumn({ type, length, nullCount: length })
  const isShared = filled.every(column => sameDictionary(column, filled[0]))
  if (isShared) return concatAlike(type, filled, length)
  const flat: Column[] = []
  try {
    for (const column of filled) flat.push(decodeDictionary(column))
    return concatAlike(type, flat, length)
  } finally {
    flat.forEach(releaseColumn)
  }
}

const sameDictionary = (left: Column, right: Column): boolean =>
  left.dictionary === right.dictionary ||
  (left.dictionary !== undefined &&
    right.dictionary !== undefined &&
    left.dictionary.values === right.dictionary.values &&
    left.dictionary.offsets === right.dictionary.offsets &&
    left.dictionary.length === right.dictionary.length)

/** A flat copy of a dictionary column; a flat column itself, with one more reference. */
export function decodeDictionary(column: Column): Column {
  const { dictionary } = column
  if (dictionary === undefined) {
    retainColumn(column)
    return column
  }
  if (column.nullCount === 0) return take(dictionary, column.values, column.length, true)
  return withScratch(scratch => {
    const rows = scratch(column.length * 4)
    kernels<TakeKernels>().takeCodes(column.values, column.validity, column.length, rows)
    return take(dictionary, rows, column.length, false)
  })
}

function concatAlike(type: DataType, columns: readonly Column[], length: number): Column {
  return buildColumn(scope => {
    const nullCount = columns.reduce((sum, column) => sum + column.nullCount, 0)
    const validity = nullCount === 0 ? 0 : concatBits(columns, length, column => column.validity, scope.own)
    const dictionary = columns[0].dictionary
    if (dictionary !== undefined) scope.keep(retained(dictionary))
    const range = joinRanges(columns)
    const parts = { type, length, nullCount, validity, ...concatData(type, columns, length, scope) }
    return { ...parts, ...(dictionary ? { dictionary } : {}), ...(range ? { range } : {}) }
  })
}

function concatData(type: DataType, columns: readonly Column[], length: number, scope: ColumnScope): Partial<Column> {
  const { own, keep } = scope
  const width = Math.max(...columns.map(column => column.width))
  if (width > 0) return { width, values: concatFixed(columns, length, width, own) }
  switch (type.kind) {
    case 'boolean':
      return { values: concatBits(columns, length, column => column.values, own) }
    case 'utf8':
    case 'binary': {
      const offsets = concatOffsets(columns, length, own)
      return { offsets, values: concatBytes(columns, offsets, length, own) }
    }
    case 'list':
    case 'map': {
      const offsets = concatOffsets(columns, length, own)
      return { offsets, children: [keep(concatElements(childTypes(type)[0], columns))] }
    }
    case 'struct':
      return { children: childTypes(type).map((child, i) => keep(concatColumns(child, columns.map(nthChild(i))))) }
    default:
      throw fail('INTERNAL', [`a ${type.kind} column without a width`])
  }
}

const nthChild =
  (i: number) =>
  (column: Column): Column =>
    column.children[i]

/** Bitmaps one behind the other; position 0 stands for all ones. */
function concatBits(
  columns: readonly Column[],
  length: number,
  bitmapOf: (column: Column) => number,
  own: Own,
): number {
  const target = own(bitmapBytes(length))
  views().u8.fill(0, target, target + bitmapBytes(length))
  let row = 0
  for (const column of columns) {
    kernels<TakeKernels>().bitmapAppend(bitmapOf(column), 0, column.length, target, row)
    row += column.length
  }
  return target
}

function concatFixed(columns: readonly Column[], length: number, width: number, own: Own): number {
  const { takeCopy, takeWiden } = kernels<TakeKernels>()
  const target = own(length * width)
  let row = 0
  for (const column of columns) {
    // Only decimals come in two widths.
    if (column.width === width) takeCopy(column.values, column.length * width, target + row * width)
    else takeWiden(column.values, column.length, target + row * width)
    row += column.length
  }
  return target
}

/** Offsets from 0 on over the elements that the columns use. */
function concatOffsets(columns: readonly Column[], length: number, own: Own): number {
  const target = own((length + 1) * 4)
  let row = 0
  let total = 0
  for (const column of columns) {
    kernels<TakeKernels>().takeRebase(column.offsets, column.length + 1, total, target + row * 4)
    const [start, end] = usedElements(column)
    row += column.length
    total += end - start
    if (total > MAX_OFFSET) throw fail('ARENA_EXHAUSTED', [total, bytesInUse()])
  }
  return target
}

function concatBytes(columns: readonly Column[], offsets: number, length: number, own: Own): number {
  const { i32 } = views()
  const target = own(i32[offsets / 4 + length] + COPY_SLOP)
  let byte = 0
  for (const column of columns) {
    const [start, end] = usedElements(column)
    kernels<TakeKernels>().takeCopy(column.values + start, end - start, target + byte)
    byte += end - start
  }
  return target
}

function concatElements(type: DataType, columns: readonly Column[]): Column {
  const parts: Column[] = []
  try {
    for (const column of columns) parts.push(sliceColumn(column.children[0], ...usedElements(column)))
    return concatColumns(type, parts)
  } finally {
    parts.forEach(releaseColumn)
  }
}

/** First and last offset of a string or list column. */
function usedElements(column: Column): [start: number, end: number] {
  const { i32 } = views()
  return [i32[column.offsets / 4], i32[column.offsets / 4 + column.length]]
}

function joinRanges(columns: readonly Column[]): Range | undefined {
  let joined: Range | undefined
  for (const { range, nullCount, length } of columns) {
    if (nullCount === length) continue
    if (range === undefined) return undefined
    const { min, max } = joined ?? range
    joined = { min: range.min < min ? range.min : min, max: range.max > max ? range.max : max }
  }
  return joined
}
