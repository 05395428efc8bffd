/** Turns the fields of one CSV column into an arena column: one loop per type over bytes, no object per row. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes, columnFromValues, makeColumn } from '../../arrow/column.js'
import { views, type Views } from '../../arrow/memory.js'
import { withRange } from '../../arrow/range.js'
import type { DataType, Value } from '../../arrow/types.js'
import { daysFromCivil, daysInMonth } from '../../expr/calendar.js'
import { parseValue } from '../../expr/value-text.js'
import type { BlockScope } from '../block-scope.js'
import { fieldText, type FieldTable } from './tokenize.js'

/** The records of a table from number `from` to before `to`, and how NULL and quotes are written. */
export interface Fields {
  readonly bytes: Uint8Array
  readonly table: FieldTable
  readonly from: number
  readonly to: number
  readonly quote: string
  /** UTF-8; empty: only the empty field is NULL. */
  readonly nullValue: Uint8Array
}

/** A field that is not of its column's type. */
export class FieldError extends Error {
  override readonly name = 'FieldError'
  readonly record: number
  readonly text: string

  constructor(record: number, text: string) {
    super(`record ${record}`)
    this.record = record
    this.text = text
  }
}

/**
 * Field number `field` of all records as a column of `type`; unquoted empty fields are NULL, `""` is the empty string. Blocks
 * belong to the scope. Throws FieldError for a field that is no value of the type.
 */
export function parseColumn(fields: Fields, field: number, type: DataType, scope: BlockScope): Column {
  const cells: Cells = { ...fields, field, stride: fields.table.fieldCount, length: fields.to - fields.from }
  const blocks: number[] = []
  const own = (byteLength: number): number => {
    const block = scope.alloc(byteLength)
    blocks.push(block)
    return block
  }
  const nulls = readNulls(cells, own)
  const parts = { type, length: cells.length, ...nulls, blocks }
  switch (type.kind) {
    case 'utf8':
      return makeColumn({ ...parts, ...readBytes(cells, nulls.nullCount > 0, own) })
    case 'int':
    case 'float':
    case 'date':
    case 'decimal':
      return withRange(makeColumn({ ...parts, ...readFixed(cells, type, nulls.validity, own) }))
    default: {
      // The values are few or rare; the bitmap was only for the fast types.
      blocks.forEach(block => scope.drop(block))
      const column = columnFromValues(type, readValues(cells, type))
      column.blocks.forEach(block => scope.adopt(block))
      return column
    }
  }
}

interface Cells extends Fields {
  readonly field: number
  readonly stride: number
  readonly length: number
}

type Own = (byteLength: number) => number

const cellOf = (cells: Cells, row: number): number => (cells.from + row) * cells.stride + cells.field

function isNull({ bytes, table, nullValue }: Cells, cell: number): boolean {
  if (table.quoting[cell] !== 0) return false
  const start = table.starts[cell]
  const length = table.ends[cell] - start
  if (length === 0) return true
  if (length !== nullValue.length) return false
  for (let i = 0; i < length; i++) if (bytes[start + i] !== nullValue[i]) return false
  return true
}

function readNulls(cells: Cells, own: Own): { readonly nullCount: number; readonly validity: number } {
  let nullCount = 0
  let validity = 0
  const { u8 } = views()
  const { starts, ends } = cells.table
  const hasText = cells.nullValue.length > 0
  for (let row = 0, cell = cellOf(cells, 0); row < cells.length; row++, cell += cells.stride) {
    if ((!hasText && starts[cell] !== ends[cell]) || !isNull(cells, cell)) continue
    if (validity === 0) {
      const byteLength = bitmapBytes(cells.length)
      validity = own(byteLength)
      u8.fill(255, validity, validity + byteLength)
    }
    u8[validity + (row >>> 3)] &= ~(1 << (row & 7))
    nullCount++
  }
  return { nullCount, validity }
}

/** Longer fields are copied by the runtime's memcpy. */
const SHORT_BYTES = 32

function readBytes(cells: Cells, hasNulls: boolean, own: Own): { readonly offsets: number; readonly values: number } {
  const { bytes, table, length } = cells
  const { starts, ends, quoting } = table
  let room = 0
  for (let row = 0; row < length; row++) {
    const cell = cellOf(cells, row)
    room += ends[cell] - starts[cell]
  }
  const offsets = own((length + 1) * 4)
  const values = own(room)
  const { u8, i32 } = views()
  const quote = cells.quote.charCodeAt(0)
  let to = values
  i32[offsets / 4] = 0
  for (let row = 0; row < length; row++) {
    const cell = cellOf(cells, row)
    const end = ends[cell]
    let at = starts[cell]
    if (quoting[cell] === 2) {
      for (; at < end; at++) {
        u8[to++] = bytes[at]
        if (bytes[at] === quote) at++
      }
    } else if (!hasNulls || !isNull(cells, cell)) {
      if (end - at > SHORT_BYTES) {
        u8.set(bytes.subarray(at, end), to)
        to += end - at
      } else while (at < end) u8[to++] = bytes[at++]
    }
    i32[offsets / 4 + row + 1] = to - values
  }
  return { offsets, values }
}

type FixedType = Extract<DataType, { kind: 'int' | 'float' | 'date' | 'decimal' }>

/** Digits that a double surely holds. */
const SAFE_DIGITS = 15

/** Sign, digits without the point, and digits after the point of a plain decimal number; reused for every field. */
const number = { value: 0, scale: 0 }

/** Reads `[+-]digits[.digits]` of at most 15 digits into `number`; false for everything else. */
function readNumber(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  const sign = bytes[at]
  if (sign === 45 || sign === 43) at++
  const first = at
  let value = 0
  let point = -1
  for (; at < end; at++) {
    const digit = bytes[at] - 48
    if (digit >= 0 && digit <= 9) value = value * 10 + digit
    else if (digit === -2 && point < 0) point = at
    else return false
  }
  const digits = end - first - (point < 0 ? 0 : 1)
  if (digits === 0 || digits > SAFE_DIGITS) return false
  number.value = sign === 45 ? -value : value
  number.scale = point < 0 ? 0 : end - point - 1
  return true
}

const POWERS = Array.from({ length: SAFE_DIGITS + 1 }, (_, exponent) => 10 ** exponent)

function readFixed(
  cells: Cells,
  type: FixedType,
  validity: number,
  own: Own,
): { readonly values: number; readonly width: number } {
  const { width } = makeColumn({ type, length: 0 })
  const values = own(cells.length * width)
  const { starts, ends } = cells.table
  const { u8 } = views()
  const write = writerOf(type, width)
  for (let row = 0; row < cells.length; row++) {
    const position = values + row * width
    if (validity !== 0 && ((u8[validity + (row >>> 3)] >>> (row & 7)) & 1) === 0) {
      u8.fill(0, position, position + width)
      continue
    }
    const cell = cellOf(cells, row)
    if (write(cells.bytes, starts[cell], ends[cell], position)) continue
    writeValue(width, position, parseField(cells, type, row), type)
  }
  return { values, width }
}

type FieldWriter = (bytes: Uint8Array, start: number, end: number, position: number) => boolean

/** Writes the common spellings of a type; false sends the field to the general parser. */
function writerOf(type: FixedType, width: number): FieldWriter {
  const arena = views()
  switch (type.kind) {
    case 'int': {
      const limit = type.bits >= 53 ? Infinity : 2 ** (type.bits - (type.signed ? 1 : 0))
      const low = type.signed ? -limit : 0
      return (bytes, start, end, position) => {
        if (!readNumber(bytes, start, end) || number.scale !== 0 || bytes[end - 1] === 46) return false
        if (number.value < low || number.value >= limit) return false
        writeInteger(arena, width, position, number.value)
        return true
      }
    }
    case 'decimal': {
      const limit = 10 ** type.precision
      return (bytes, start, end, position) => {
        if (!readNumber(bytes, start, end) || number.scale > type.scale) return false
        const unscaled = number.value * POWERS[Math.min(type.scale - number.scale, SAFE_DIGITS)]
        if (!Number.isSafeInteger(unscaled) || Math.abs(unscaled) >= limit || type.scale - number.scale > SAFE_DIGITS)
          return false
        writeInteger(arena, width, position, unscaled)
        return true
      }
    }
    case 'float':
      return (bytes, start, end, position) => {
        if (!readNumber(bytes, start, end)) return false
        const negativeZero = number.value === 0 && bytes[start] === 45
        // Both are exact doubles, so that one division rounds correctly.
        const value = negativeZero ? -0 : number.value / POWERS[number.scale]
        if (width === 8) arena.f64[position / 8] = value
        else arena.f32[position / 4] = value
        return true
      }
    case 'date':
      return (bytes, start, end, position) => {
        const days = isoDays(bytes, start, end)
        if (days === undefined) return false
        arena.i32[position / 4] = days
        return true
      }
  }
}

/** Days of `YYYY-MM-DD`; undefined for anything else. */
function isoDays(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (end - start !== 10 || bytes[start + 4] !== 45 || bytes[start + 7] !== 45) return undefined
  const year = digitsAt(bytes, start, 4)
  const month = digitsAt(bytes, start + 5, 2)
  const day = digitsAt(bytes, start + 8, 2)
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  return daysFromCivil(year, month, day)
}

/** The number of `count` digits; -1 if one is not a digit. */
function digitsAt(bytes: Uint8Array, start: number, count: number): number {
  let value = 0
  for (let i = start; i < start + count; i++) {
    const digit = bytes[i] - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** A safe integer in two's complement of `width` bytes. */
function writeInteger({ i8, i16, i32 }: Views, width: number, position: number, value: number): void {
  if (width === 1) i8[position] = value
  else if (width === 2) i16[position / 2] = value
  else if (width === 4) i32[position / 4] = value
  else {
    const high = Math.floor(value / 2 ** 32)
    i32[position / 4] = value - high * 2 ** 32
    i32[position / 4 + 1] = high
    if (width === 16) i32.fill(high < 0 ? -1 : 0, position / 4 + 2, position / 4 + 4)
  }
}

function writeValue(width: number, position: number, value: Value, type: FixedType): void {
  const { i64, u64, f32, f64 } = views()
  if (type.kind === 'float') {
    if (width === 8) f64[position / 8] = Number(value)
    else f32[position / 4] = Number(value)
  } else if (typeof value === 'bigint') {
    u64[position / 8] = BigInt.asUintN(64, value)
    if (width === 16) i64[position / 8 + 1] = value >> 64n
  } else writeInteger(views(), width, position, Number(value))
}

function parseField(cells: Cells, type: DataType, row: number): Value {
  const text = fieldText(cells.bytes, cells.table, cellOf(cells, row), cells.quote)
  try {
    return parseValue(text, type)
  } catch {
    throw new FieldError(cells.from + row, text)
  }
}

function readValues(cells: Cells, type: DataType): Value[] {
  return Array.from({ length: cells.length }, (_, row) =>
    isNull(cells, cellOf(cells, row))
      ? null
      : type.kind === 'null'
        ? failNull(cells, row)
        : parseField(cells, type, row),
  )
}

function failNull(cells: Cells, row: number): never {
  throw new FieldError(cells.from + row, fieldText(cells.bytes, cells.table, cellOf(cells, row), cells.quote))
}
