/** Turns the cells of one CSV field into an arena column: a kernel a type, and the general parser for what it leaves. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes, columnFromValues, makeColumn } from '../../arrow/column.js'
import { kernels, views } from '../../arrow/memory.js'
import { withRange } from '../../arrow/range.js'
import { COPY_SLOP, checkedTotal } from '../../arrow/take.js'
import type { DataType, Value } from '../../arrow/types.js'
import type { BlockScope } from '../block-scope.js'
import type { CellTable } from './cells.js'
import { formatOf, parseCell } from './date-format.js'

interface ValueKernels {
  bitmapFill(target: number, length: number): void
  csvBooleans(cells: number, from: number, n: number, validity: number, out: number): number
  csvDates(cells: number, from: number, n: number, validity: number, out: number): number
  csvDecimals(
    cells: number,
    from: number,
    n: number,
    validity: number,
    width: number,
    scale: number,
    limit: bigint,
    out: number,
  ): number
  csvFloats(cells: number, from: number, n: number, validity: number, width: number, out: number): number
  csvIntegers(
    cells: number,
    from: number,
    n: number,
    validity: number,
    width: number,
    low: bigint,
    high: bigint,
    out: number,
  ): number
  csvNulls(cells: number, n: number, nullText: number, nullLength: number, validity: number): number
  csvTextBytes(cells: number, n: number): number
  csvTexts(
    cells: number,
    n: number,
    validity: number,
    quote: number,
    escape: number,
    offsets: number,
    out: number,
  ): void
  csvTimestamps(cells: number, from: number, n: number, validity: number, perSecond: bigint, out: number): number
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
 * belong to the scope. `onBad` is asked about a field that is no value of the type: NULL is put there if it returns.
 */
export function parseColumn(
  table: CellTable,
  field: number,
  type: DataType,
  { scope, onBad }: { readonly scope: BlockScope; readonly onBad: (record: number, text: string) => void },
): Column {
  const blocks: number[] = []
  const own = (byteLength: number): number => {
    const block = scope.alloc(byteLength)
    blocks.push(block)
    return block
  }
  const length = table.count
  const cells: Cells = { table, field, type, own, onBad }
  const fill = fillOf(cells)
  if (fill === undefined) {
    const column = columnFromValues(type, readValues(cells))
    column.blocks.forEach(block => scope.adopt(block))
    return column
  }
  const nulls = readNulls(cells)
  if (nulls.nullCount === 0 && nulls.block !== 0) {
    blocks.splice(blocks.indexOf(nulls.block), 1)
    scope.drop(nulls.block)
  }
  const { nullCount } = nulls
  const validity = nullCount === 0 ? 0 : nulls.block
  return withRange(makeColumn({ type, length, nullCount, validity, ...fill(validity), blocks }))
}

interface Cells {
  readonly table: CellTable
  readonly field: number
  readonly type: DataType
  readonly own: (byteLength: number) => number
  readonly onBad: (record: number, text: string) => void
}

function readNulls({ table, field, own }: Cells): { readonly nullCount: number; readonly block: number } {
  const { count, nullText } = table
  if (count === 0) return { nullCount: 0, block: 0 }
  const { bitmapFill, csvNulls } = kernels<ValueKernels>()
  const block = own(bitmapBytes(count))
  bitmapFill(block, count)
  return { nullCount: csvNulls(table.cells(field), count, nullText.position, nullText.byteLength, block), block }
}

/** Fills a new block with the values of the rows that `validity` says are not NULL. */
type Fill = (validity: number) => Partial<Column>

const UNITS_A_SECOND = { s: 1n, ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n } as const
const MAX_INT64 = 2n ** 63n - 1n

/** undefined: the type has no kernel. */
function fillOf(cells: Cells): Fill | undefined {
  const { table, field, type } = cells
  const { count } = table
  const at = table.cells(field)
  const kernel = kernels<ValueKernels>()
  const { width } = makeColumn({ type, length: 0 })
  if (formatOf(type, table.dialect) !== undefined) return fixed(cells, width, generalLoop(width, count))
  switch (type.kind) {
    case 'utf8':
      return validity => readTexts(cells, validity)
    case 'boolean':
      return validity => readBooleans(cells, validity)
    case 'int': {
      const bits = BigInt(type.bits)
      const low = type.signed ? -(2n ** (bits - 1n)) : 0n
      const high = type.signed ? 2n ** (bits - 1n) - 1n : 2n ** bits - 1n
      const top = high > MAX_INT64 ? MAX_INT64 : high
      return fixed(cells, width, (from, validity, out) =>
        kernel.csvIntegers(at, from, count, validity, width, low, top, out),
      )
    }
    case 'decimal': {
      const limit = type.precision > 18 ? MAX_INT64 : 10n ** BigInt(type.precision)
      return fixed(cells, width, (from, validity, out) =>
        kernel.csvDecimals(at, from, count, validity, width, type.scale, limit, out),
      )
    }
    case 'float':
      return fixed(cells, width, (from, validity, out) => kernel.csvFloats(at, from, count, validity, width, out))
    case 'date':
      return fixed(cells, width, (from, validity, out) => kernel.csvDates(at, from, count, validity, out))
    case 'timestamp':
      return fixed(cells, width, (from, validity, out) =>
        kernel.csvTimestamps(at, from, count, validity, UNITS_A_SECOND[type.unit], out),
      )
    default:
      return undefined
  }
}

type Loop = (from: number, validity: number, out: number) => number

/** Leaves every value to the general parser; NULLs are 0. */
const generalLoop =
  (width: number, count: number): Loop =>
  (from, validity, out) => {
    const { u8 } = views()
    let row = from
    for (; row < count && validity !== 0 && ((u8[validity + (row >>> 3)] >>> (row & 7)) & 1) === 0; row++)
      u8.fill(0, out + row * width, out + (row + 1) * width)
    return row
  }

/** Runs a kernel's loop over all rows; those at which it stops go through the general parser. */
const fixed =
  (cells: Cells, width: number, loop: Loop): Fill =>
  validity => {
    const { count } = cells.table
    const values = cells.own(count * width)
    for (let row = loop(0, validity, values); row < count; row = loop(row + 1, validity, values)) {
      writeValue(width, values + row * width, parseField(cells, row) ?? 0, cells.type)
    }
    return { values, width }
  }

function readBooleans(cells: Cells, validity: number): Partial<Column> {
  const { table, field, own } = cells
  const values = own(bitmapBytes(table.count))
  const { u8 } = views()
  u8.fill(0, values, values + bitmapBytes(table.count))
  const loop = (from: number): number =>
    kernels<ValueKernels>().csvBooleans(table.cells(field), from, table.count, validity, values)
  for (let row = loop(0); row < table.count; row = loop(row + 1)) {
    if (parseField(cells, row) === true) u8[values + (row >>> 3)] |= 1 << (row & 7)
  }
  return { values }
}

function readTexts({ table, field, own }: Cells, validity: number): Partial<Column> {
  const { csvTextBytes, csvTexts } = kernels<ValueKernels>()
  const { count, dialect } = table
  const cells = table.cells(field)
  const offsets = own((count + 1) * 4)
  const values = own(checkedTotal(csvTextBytes(cells, count)) + COPY_SLOP)
  csvTexts(cells, count, validity, dialect.quote.charCodeAt(0), dialect.escape.charCodeAt(0), offsets, values)
  return { offsets, values }
}

/** A number of the type, 0 for a BOOLEAN's false. */
function writeValue(width: number, position: number, value: Value, type: DataType): void {
  const { i8, i16, i32, i64, u64, f32, f64 } = views()
  if (type.kind === 'float') {
    if (width === 8) f64[position / 8] = Number(value)
    else f32[position / 4] = Number(value)
  } else if (width >= 8) {
    const wide = BigInt(value as bigint | number)
    u64[position / 8] = BigInt.asUintN(64, wide)
    if (width === 16) i64[position / 8 + 1] = wide >> 64n
  } else if (width === 4) i32[position / 4] = Number(value)
  else if (width === 2) i16[position / 2] = Number(value)
  else i8[position] = Number(value)
}

/** The value of a cell that is not NULL; null where `onBad` accepts that it is none. */
function parseField({ table, field, type, onBad }: Cells, record: number): Value {
  const text = table.text(field, record)
  try {
    if (type.kind !== 'null') return parseCell(text, type, table.dialect)
  } catch {
    // Whatever it was, the text is no value.
  }
  onBad(record, text)
  return null
}

function readValues(cells: Cells): Value[] {
  return Array.from({ length: cells.table.count }, (_, record) =>
    cells.table.value(cells.field, record) === null ? null : parseField(cells, record),
  )
}
