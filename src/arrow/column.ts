/** Making, reading and owning columns and batches: the conversions between arena and single values, for edges and tests. */
import { fail } from '../common/errors.js'
import { invariant, unreachable } from '../common/invariant.js'
import type { Batch, Column } from './batch.js'
import { alloc, blockBytes, kernels, readText, release, retain, views } from './memory.js'
import type { Schema } from './schema.js'
import { typeName, type DataType, type Value } from './types.js'
import { writeBitmap, writeBytes, writeFixed, writeOffsets } from './write-values.js'

/** A column from its parts; what is left out is 0, empty, or the width that `defaultWidth` gives. Takes over the references. */
export function makeColumn(parts: Partial<Column> & { readonly type: DataType; readonly length: number }): Column {
  const { type, length, nullCount = 0, values = 0, offsets = 0, dictionary, children = [], blocks = [], range } = parts
  const width = parts.width ?? (dictionary === undefined ? defaultWidth(type) : 4)
  const validity = nullCount === 0 ? 0 : (parts.validity ?? 0)
  const base = { type, length, nullCount, validity, values, offsets, width, children, blocks }
  // One shape for columns with and one for columns without the rare parts keeps property reads fast.
  if (dictionary === undefined && range === undefined) return base
  return { ...base, ...(dictionary ? { dictionary } : {}), ...(range ? { range } : {}) }
}

/** What a column under construction owns; all of it is given back if the construction fails. */
export interface ColumnScope {
  /** A new block of the column, as of `alloc`. */
  own(byteLength: number): number
  /** Makes a block of another column one of this column too, with a reference of its own. */
  share(block: number): void
  /** Adds a child or dictionary, whose references the column takes over. */
  keep(part: Column): Column
}

type ColumnParts = Omit<Parameters<typeof makeColumn>[0], 'blocks'>

/** A column from the parts that `make` gives, with the blocks that it owned on the way. */
export function buildColumn(make: (scope: ColumnScope) => ColumnParts): Column {
  const blocks: number[] = []
  const kept: Column[] = []
  try {
    const parts = make({
      own(byteLength) {
        const block = alloc(byteLength)
        blocks.push(block)
        return block
      },
      share(block) {
        retain(block)
        blocks.push(block)
      },
      keep(part) {
        kept.push(part)
        return part
      },
    })
    return makeColumn({ ...parts, blocks })
  } catch (error) {
    blocks.forEach(release)
    kept.forEach(releaseColumn)
    throw error
  }
}

/** Bytes a row in `values`: a decimal of up to 18 digits takes 8, any other 16; 0 for bitmaps, strings and nested types. */
export function defaultWidth(type: DataType): number {
  switch (type.kind) {
    case 'int':
    case 'float':
      return type.bits / 8
    case 'decimal':
      return type.precision <= 18 ? 8 : 16
    case 'date':
      return 4
    case 'timestamp':
      return 8
    case 'interval':
      return 16
    case 'null':
    case 'boolean':
    case 'utf8':
    case 'binary':
    case 'list':
    case 'struct':
    case 'map':
      return 0
  }
  return unreachable(type)
}

/** Bytes of a bitmap of `length` bits that may be read and written in words of 8 bytes. */
export const bitmapBytes = (length: number): number => Math.ceil(length / 64) * 8

/** The types of the children of a nested type, in order. A map has one child, a struct of key and value. */
export function childTypes(type: DataType): readonly DataType[] {
  switch (type.kind) {
    case 'list':
      return [type.element.type]
    case 'map':
      return [{ kind: 'struct', fields: [type.key, type.value] }]
    case 'struct':
      return type.fields.map(field => field.type)
    default:
      return []
  }
}

/** One more reference on every block of the column, its children and its dictionary. */
export function retainColumn(column: Column): void {
  for (const block of column.blocks) retain(block)
  for (const child of column.children) retainColumn(child)
  if (column.dictionary !== undefined) retainColumn(column.dictionary)
}

/** Gives up one reference on every block of the column, its children and its dictionary. */
export function releaseColumn(column: Column): void {
  for (const block of column.blocks) release(block)
  for (const child of column.children) releaseColumn(child)
  if (column.dictionary !== undefined) releaseColumn(column.dictionary)
}

export function retainBatch(batch: Batch): void {
  for (const column of batch.columns) retainColumn(column)
}

export function releaseBatch(batch: Batch): void {
  for (const column of batch.columns) releaseColumn(column)
}

/** Bytes of the arena that the batch keeps in use; a block that several columns share counts once. */
export function batchBytes(batch: Batch): number {
  const blocks = new Set<number>()
  batch.columns.forEach(column => collectBlocks(column, blocks))
  let total = 0
  for (const block of blocks) total += blockBytes(block)
  return total
}

function collectBlocks(column: Column, into: Set<number>): void {
  for (const block of column.blocks) into.add(block)
  for (const child of column.children) collectBlocks(child, into)
  if (column.dictionary !== undefined) collectBlocks(column.dictionary, into)
}

/** Is the row not NULL? (A column of type null has no valid row.) */
export function isValid(column: Column, row: number): boolean {
  if (column.type.kind === 'null') return false
  return column.validity === 0 || bitAt(column.validity, row)
}

const bitAt = (bitmap: number, index: number): boolean =>
  ((views().u8[bitmap + (index >>> 3)] >>> (index & 7)) & 1) === 1

/** The dictionary row of a row, or the row itself. */
export const codeAt = (column: Column, row: number): number => views().i32[column.values / 4 + row]

/**
 * One value, copied out of the arena; null for NULL. A struct or a map is not a `Value`: NOT_SUPPORTED.
 */
export function valueAt(column: Column, row: number): Value {
  if (!isValid(column, row)) return null
  if (column.dictionary !== undefined) return valueAt(column.dictionary, codeAt(column, row))
  return plainValueAt(column, row)
}

function plainValueAt(column: Column, row: number): Value {
  const { type, values, width } = column
  const memory = views()
  switch (type.kind) {
    case 'null':
      return null
    case 'boolean':
      return bitAt(values, row)
    case 'int':
      return type.signed ? signedAt(values, width, row) : unsignedAt(values, width, row)
    case 'float':
      return type.bits === 32 ? memory.f32[values / 4 + row] : memory.f64[values / 8 + row]
    case 'decimal':
      return width === 8 ? memory.i64[values / 8 + row] : int128At(values + 16 * row)
    case 'date':
      return memory.i32[values / 4 + row]
    case 'timestamp':
      return memory.i64[values / 8 + row]
    case 'interval': {
      const at = values + 16 * row
      return { months: memory.i32[at / 4], days: memory.i32[at / 4 + 1], nanos: memory.i64[at / 8 + 1] }
    }
    case 'utf8':
    case 'binary': {
      const start = memory.i32[column.offsets / 4 + row]
      const byteLength = memory.i32[column.offsets / 4 + row + 1] - start
      if (type.kind === 'utf8') return readText(values + start, byteLength)
      return memory.u8.slice(values + start, values + start + byteLength)
    }
    case 'list': {
      const start = memory.i32[column.offsets / 4 + row]
      const elementCount = memory.i32[column.offsets / 4 + row + 1] - start
      return Array.from({ length: elementCount }, (_, i) => valueAt(column.children[0], start + i))
    }
    case 'struct':
    case 'map':
      throw fail('NOT_SUPPORTED', [`a single value of type ${typeName(type)}`])
  }
  return unreachable(type)
}

function signedAt(values: number, width: number, row: number): number | bigint {
  const memory = views()
  if (width === 8) return memory.i64[values / 8 + row]
  if (width === 4) return memory.i32[values / 4 + row]
  return width === 2 ? memory.i16[values / 2 + row] : memory.i8[values + row]
}

function unsignedAt(values: number, width: number, row: number): number | bigint {
  const memory = views()
  if (width === 8) return memory.u64[values / 8 + row]
  if (width === 4) return memory.u32[values / 4 + row]
  return width === 2 ? memory.u16[values / 2 + row] : memory.u8[values + row]
}

function int128At(position: number): bigint {
  const memory = views()
  return (memory.i64[position / 8 + 1] << 64n) | memory.u64[position / 8]
}

/** All values of a column of a type that is not a struct or a map. */
export function columnValues(column: Column): Value[] {
  return Array.from({ length: column.length }, (_, row) => valueAt(column, row))
}

/** A column of these values; owned by the caller. A struct or a map takes null rows only. */
export function columnFromValues(type: DataType, values: readonly Value[]): Column {
  const nullCount = type.kind === 'null' ? values.length : values.filter(value => value === null).length
  const isNested = type.kind === 'struct' || type.kind === 'map'
  invariant(!isNested || nullCount === values.length, `values of type ${type.kind} cannot be written one by one`)
  return buildColumn(({ own, keep }) => {
    const validity =
      nullCount === 0 || type.kind === 'null'
        ? 0
        : bitmap(
            own,
            values.map(value => value !== null),
          )
    const parts = { type, length: values.length, nullCount, validity }
    switch (type.kind) {
      case 'null':
        return parts
      case 'boolean':
        return { ...parts, values: bitmap(own, values) }
      case 'utf8':
      case 'binary':
        return { ...parts, ...writeBytes(own, values) }
      case 'struct':
        return { ...parts, children: childTypes(type).map(child => keep(columnFromValues(child, values))) }
      case 'list':
      case 'map': {
        const elements = values.map(value => (Array.isArray(value) ? (value as readonly Value[]) : []))
        const children = childTypes(type).map(child => keep(columnFromValues(child, elements.flat())))
        return { ...parts, offsets: writeOffsets(own, elements), children }
      }
      default:
        return { ...parts, ...writeFixed(own, type, defaultWidth(type), values) }
    }
  })
}

const bitmap = (own: Own, bits: readonly Value[]): number => writeBitmap(own, bitmapBytes(bits.length), bits)

type Own = ColumnScope['own']

/** A batch of columns of values; owned by the caller. All columns have one length (none: no rows). */
export function batchFromValues(schema: Schema, columns: readonly (readonly Value[])[]): Batch {
  invariant(columns.length === schema.fields.length, 'one list of values a field')
  const rowCount = columns.length === 0 ? 0 : columns[0].length
  invariant(
    columns.every(values => values.length === rowCount),
    'columns of one length',
  )
  const made: Column[] = []
  try {
    columns.forEach((values, i) => made.push(columnFromValues(schema.fields[i].type, values)))
    return { schema, rowCount, columns: made }
  } catch (error) {
    made.forEach(releaseColumn)
    throw error
  }
}

/** A column of `length` rows of one value; owned by the caller. A string lies there once, as a dictionary. */
export function constantColumn(type: DataType, value: Value, length: number): Column {
  if (value === null || length === 0 || type.kind === 'list')
    return columnFromValues(
      type,
      Array.from({ length }, () => value),
    )
  const one = columnFromValues(type, [value])
  if (type.kind === 'utf8' || type.kind === 'binary') {
    return buildColumn(({ own, keep }) => {
      const dictionary = keep(one)
      const codes = own(length * 4)
      views().i32.fill(0, codes / 4, codes / 4 + length)
      return { type, length, values: codes, dictionary }
    })
  }
  try {
    return buildColumn(({ own }) => ({ ...one, length, values: repeat(own, one, value, length) }))
  } finally {
    releaseColumn(one)
  }
}

function repeat(own: Own, one: Column, value: Value, length: number): number {
  const byteLength = one.width === 0 ? bitmapBytes(length) : length * one.width
  const values = own(byteLength)
  const { takeRepeat } = kernels<{ takeRepeat(value: number, width: number, count: number, target: number): void }>()
  if (one.width === 0) views().u8.fill(value === true ? 0xff : 0, values, values + byteLength)
  else takeRepeat(one.values, one.width, length, values)
  return values
}
