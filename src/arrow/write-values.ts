/** Writing single values into new blocks: the parts of columns that are made of values. */
import { fail } from '../common/errors.js'
import type { Column, Range } from './batch.js'
import { bytesInUse, views, writeText } from './memory.js'
import type { DataType, Value } from './types.js'

/** Makes a block of the column under construction. */
type Own = (byteLength: number) => number

/** Offsets are i32. */
const MAX_OFFSET = 2 ** 31 - 1

/** A bitmap of `byteLength` bytes with a one for every value that is true. */
export function writeBitmap(own: Own, byteLength: number, bits: readonly Value[]): number {
  const position = own(byteLength)
  const { u8 } = views()
  u8.fill(0, position, position + byteLength)
  bits.forEach((bit, i) => {
    if (bit === true) u8[position + (i >>> 3)] |= 1 << (i & 7)
  })
  return position
}

/** Offsets and bytes of strings or byte strings; NULL takes none. */
export function writeBytes(own: Own, values: readonly Value[]): { readonly offsets: number; readonly values: number } {
  const { i32, u8 } = views()
  const offsets = own((values.length + 1) * 4)
  const room = values.reduce<number>((sum, value) => sum + roomOf(value), 0)
  if (room > MAX_OFFSET) throw fail('ARENA_EXHAUSTED', [room, bytesInUse()])
  const data = own(room)
  let end = 0
  i32[offsets / 4] = 0
  values.forEach((value, row) => {
    if (typeof value === 'string') end += writeText(data + end, value)
    else if (value instanceof Uint8Array) {
      u8.set(value, data + end)
      end += value.length
    }
    i32[offsets / 4 + row + 1] = end
  })
  return { offsets, values: data }
}

const roomOf = (value: Value): number =>
  typeof value === 'string' ? Buffer.byteLength(value) : value instanceof Uint8Array ? value.length : 0

/** Values of `width` bytes with their range; NULL is written as 0. */
export function writeFixed(own: Own, type: DataType, width: number, values: readonly Value[]): Partial<Column> {
  const position = own(values.length * width)
  values.forEach((value, row) => writeFixedValue(type, width, position + row * width, value))
  const range = rangeOf(type, values)
  return { width, values: position, ...(range ? { range } : {}) }
}

function writeFixedValue(type: DataType, width: number, position: number, value: Value): void {
  const { i8, i16, i32, i64, f32, f64, u64 } = views()
  if (type.kind === 'interval') {
    const { months, days, nanos } =
      value !== null && typeof value === 'object' && 'months' in value ? value : ZERO_INTERVAL
    i32[position / 4] = months
    i32[position / 4 + 1] = days
    i64[position / 8 + 1] = nanos
  } else if (type.kind === 'float') {
    if (width === 4) f32[position / 4] = Number(value ?? 0)
    else f64[position / 8] = Number(value ?? 0)
  } else if (width >= 8) {
    const integer = BigInt((value as bigint | number | null) ?? 0)
    u64[position / 8] = BigInt.asUintN(64, integer)
    if (width === 16) i64[position / 8 + 1] = integer >> 64n
  } else if (width === 4) i32[position / 4] = Number(value ?? 0)
  else if (width === 2) i16[position / 2] = Number(value ?? 0)
  else i8[position] = Number(value ?? 0)
}

const ZERO_INTERVAL = { months: 0, days: 0, nanos: 0n }

function rangeOf(type: DataType, values: readonly Value[]): Range | undefined {
  if (type.kind === 'float' || type.kind === 'interval') return undefined
  let range: { min: bigint; max: bigint } | undefined
  for (const value of values) {
    if (typeof value !== 'number' && typeof value !== 'bigint') continue
    const integer = BigInt(value)
    range ??= { min: integer, max: integer }
    if (integer < range.min) range.min = integer
    if (integer > range.max) range.max = integer
  }
  return range
}

/** Offsets of lists over their elements, all in a row. */
export function writeOffsets(own: Own, lists: readonly (readonly Value[])[]): number {
  const offsets = own((lists.length + 1) * 4)
  const { i32 } = views()
  let end = 0
  i32[offsets / 4] = 0
  lists.forEach((list, row) => (i32[offsets / 4 + row + 1] = end += list.length))
  return offsets
}
