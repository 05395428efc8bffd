/** Cells of a column as text, written straight from the arena, for the JSON writer. */
import type { Column } from '../arrow/batch.js'
import { codeAt, isValid, valueAt } from '../arrow/column.js'
import { views } from '../arrow/memory.js'
import { civilFromDays } from '../expr/calendar.js'
import { valueText } from '../expr/value-text.js'
import type { TextBuffer } from './text-buffer.js'

/** Appends the text of one row that is not NULL. */
export type CellWriter = (out: TextBuffer, row: number) => void

/** Writes text as it stands in the arena: bytes [start, end) of `bytes`. */
export type BytesWriter = (out: TextBuffer, bytes: Uint8Array, start: number, end: number) => void

/**
 * The writer of a column's cells. `writeBytes` gets VARCHAR cells, `writeText` the text of types without a fast path
 * (floats, timestamps, intervals, BYTEA as hexadecimal).
 */
export function cellWriter(
  column: Column,
  writeBytes: BytesWriter,
  writeText: (out: TextBuffer, text: string) => void,
): CellWriter {
  const { dictionary, type, values, width } = column
  if (dictionary !== undefined) {
    const write = cellWriter(dictionary, writeBytes, writeText)
    return (out, row) => write(out, codeAt(column, row))
  }
  const { u8, i8, u16, i16, i32, u32 } = views()
  switch (type.kind) {
    case 'utf8': {
      const offsets = column.offsets / 4
      return (out, row) => writeBytes(out, u8, values + i32[offsets + row], values + i32[offsets + row + 1])
    }
    case 'int':
      if (width === 8) return type.signed ? integer64Writer(column, 0) : textWriter(column, writeText)
      if (width === 4) return type.signed ? numbers(i32, values / 4) : numbers(u32, values / 4)
      if (width === 2) return type.signed ? numbers(i16, values / 2) : numbers(u16, values / 2)
      return type.signed ? numbers(i8, values) : numbers(u8, values)
    case 'decimal':
      return width === 8 ? integer64Writer(column, type.scale) : textWriter(column, (out, text) => out.text(text))
    case 'date':
      return (out, row) => writeDate(out, i32[values / 4 + row], type)
    default:
      return textWriter(column, writeText)
  }
}

/** Whether row `row` holds a value, NULLs of the dictionary included. */
export const hasValue = (column: Column, row: number): boolean =>
  column.type.kind !== 'null' &&
  isValid(column, row) &&
  (column.dictionary === undefined ||
    column.dictionary.nullCount === 0 ||
    isValid(column.dictionary, codeAt(column, row)))

const numbers =
  (array: { readonly [index: number]: number }, first: number): CellWriter =>
  (out, row) =>
    out.integer(array[first + row])

const textWriter =
  (column: Column, writeText: (out: TextBuffer, text: string) => void): CellWriter =>
  (out, row) =>
    writeText(out, valueText(valueAt(column, row), column.type))

/** Values below 2^53 without BigInt. */
function integer64Writer(column: Column, scale: number): CellWriter {
  const { i32 } = views()
  const first = column.values / 4
  return (out, row) => {
    const value = i32[first + 2 * row + 1] * 2 ** 32 + (i32[first + 2 * row] >>> 0)
    if (Number.isSafeInteger(value)) out.decimal(value, scale)
    else out.text(valueText(valueAt(column, row), column.type))
  }
}

function writeDate(out: TextBuffer, days: number, type: Column['type']): void {
  const { year, month, day } = civilFromDays(days)
  if (year < 0 || year > 9999) return out.text(valueText(days, type))
  out.integer(year, 4)
  out.byte(45)
  out.integer(month, 2)
  out.byte(45)
  out.integer(day, 2)
}
