/** region, nation, supplier, customer, part and partsupp, any range of their rows. */
import { TextBuilder, type GeneratedColumn } from './columns.js'
import { COLORS, CONTAINERS, MARKET_SEGMENTS, NATIONS, PART_TYPES, REGIONS } from './distributions.js'
import {
  addressColumn,
  commentColumn,
  drawColumn,
  numberedColumn,
  phoneColumn,
  rowNumbers,
  wordColumn,
  type UnitRange,
} from './draws.js'
import { multiply, power, stateBefore, step, STREAMS, uniform } from './random.js'
import type { Scale } from './schema.js'

const ints = (values: Int32Array): GeneratedColumn => ({ kind: 'int', values })
const cents = (values: Int32Array): GeneratedColumn => ({ kind: 'decimal', values })

export function region(pool: Uint8Array, range: UnitRange): GeneratedColumn[] {
  const keys = rowNumbers(range).map(number => number - 1)
  return [
    ints(keys),
    { kind: 'word', codes: Uint8Array.from(keys), words: REGIONS },
    commentColumn(pool, STREAMS.r_comment, range, { minLength: 28, maxLength: 115 }),
  ]
}

export function nation(pool: Uint8Array, range: UnitRange): GeneratedColumn[] {
  const keys = rowNumbers(range).map(number => number - 1)
  return [
    ints(keys),
    { kind: 'word', codes: Uint8Array.from(keys), words: NATIONS.map(({ name }) => name) },
    ints(keys.map(key => NATIONS[key].region)),
    commentColumn(pool, STREAMS.n_comment, range, { minLength: 28, maxLength: 115 }),
  ]
}

export function supplier(pool: Uint8Array, range: UnitRange): GeneratedColumn[] {
  const keys = rowNumbers(range)
  const nations = drawColumn(STREAMS.s_nationkey, range, 0, NATIONS.length - 1)
  return [
    ints(keys),
    numberedColumn('Supplier#', keys),
    addressColumn(STREAMS.s_address, range),
    ints(nations),
    phoneColumn(STREAMS.s_phone, range, nations),
    cents(drawColumn(STREAMS.s_acctbal, range, -99_999, 999_999)),
    supplierComments(pool, range),
  ]
}

/** About one comment in a thousand gets `Customer … Complaints` or `Customer … Recommends` written over it. */
function supplierComments(pool: Uint8Array, range: UnitRange): GeneratedColumn {
  const column = commentColumn(pool, STREAMS.s_comment, range, { minLength: 25, maxLength: 100 })
  if (column.kind !== 'text') return column
  const select = drawColumn(STREAMS.junkSelect, range, 1, 10_000)
  const type = drawColumn(STREAMS.junkType, range, 0, 100)
  let junkState = stateBefore(STREAMS.junk, range.first)
  let offsetState = stateBefore(STREAMS.junkOffset, range.first)
  for (let row = 0; row < select.length; row++) {
    junkState = step(junkState)
    offsetState = step(offsetState)
    if (select[row] > 10) continue
    const length = column.offsets[row + 1] - column.offsets[row]
    const junk = uniform(0, length - 19)(junkState)
    const at = column.offsets[row] + uniform(0, length - (19 + junk))(offsetState)
    column.bytes.set(Buffer.from('Customer ', 'latin1'), at)
    column.bytes.set(Buffer.from(type[row] < 50 ? 'Complaints' : 'Recommends', 'latin1'), at + 9 + junk)
  }
  return column
}

export function customer(pool: Uint8Array, range: UnitRange): GeneratedColumn[] {
  const keys = rowNumbers(range)
  const nations = drawColumn(STREAMS.c_nationkey, range, 0, NATIONS.length - 1)
  return [
    ints(keys),
    numberedColumn('Customer#', keys),
    addressColumn(STREAMS.c_address, range),
    ints(nations),
    phoneColumn(STREAMS.c_phone, range, nations),
    cents(drawColumn(STREAMS.c_acctbal, range, -99_999, 999_999)),
    wordColumn(STREAMS.c_mktsegment, range, MARKET_SEGMENTS),
    commentColumn(pool, STREAMS.c_comment, range, { minLength: 29, maxLength: 116 }),
  ]
}

/** In cents; depends on the key alone. */
export const retailPrice = (part: number): number => 90_000 + (Math.floor(part / 10) % 20_001) + 100 * (part % 1000)

/** The i-th (0 .. 3) supplier of a part. */
export const supplierOf = (part: number, i: number, suppliers: number): number =>
  ((part + i * (Math.floor(suppliers / 4) + Math.floor((part - 1) / suppliers))) % suppliers) + 1

const MANUFACTURERS = [1, 2, 3, 4, 5].map(number => `Manufacturer#${number}`)
const BRANDS = [1, 2, 3, 4, 5].flatMap(maker => [1, 2, 3, 4, 5].map(number => `Brand#${maker}${number}`))

export function part(pool: Uint8Array, range: UnitRange): GeneratedColumn[] {
  const keys = rowNumbers(range)
  const makers = drawColumn(STREAMS.p_mfgr, range, 0, 4)
  const brands = drawColumn(STREAMS.p_brand, range, 0, 4)
  return [
    ints(keys),
    partNames(range),
    { kind: 'word', codes: Uint8Array.from(makers), words: MANUFACTURERS },
    { kind: 'word', codes: Uint8Array.from(makers, (maker, row) => maker * 5 + brands[row]), words: BRANDS },
    wordColumn(STREAMS.p_type, range, PART_TYPES),
    ints(drawColumn(STREAMS.p_size, range, 1, 50)),
    wordColumn(STREAMS.p_container, range, CONTAINERS),
    cents(keys.map(retailPrice)),
    commentColumn(pool, STREAMS.p_comment, range, { minLength: 5, maxLength: 22 }),
  ]
}

/** Five different colours: the start of a shuffle whose other draws are only skipped. */
function partNames(range: UnitRange): GeneratedColumn {
  const WORDS = 5
  const text = new TextBuilder(range.last - range.first, 40)
  const draws = Array.from({ length: WORDS }, (_, i) => uniform(i, COLORS.length - 1))
  const skip = power(STREAMS.p_name.drawsPerRow - WORDS)
  let state = stateBefore(STREAMS.p_name, range.first)
  for (let row = range.first; row < range.last; row++) {
    const moved = new Map<number, number>()
    const words: string[] = []
    for (let i = 0; i < WORDS; i++) {
      state = step(state)
      const j = draws[i](state)
      words.push(COLORS[moved.get(j) ?? j])
      moved.set(j, moved.get(i) ?? i)
    }
    state = multiply(state, skip)
    text.string(words.join(' '))
  }
  return text.finish()
}

/** Four rows a part. */
export function partsupp(pool: Uint8Array, range: UnitRange, scale: Scale): GeneratedColumn[] {
  const PER_PART = 4
  const rows = { first: range.first * PER_PART, last: range.last * PER_PART }
  const count = rows.last - rows.first
  const parts = new Int32Array(count)
  const suppliers = new Int32Array(count)
  for (let row = 0; row < count; row++) {
    parts[row] = range.first + Math.floor(row / PER_PART) + 1
    suppliers[row] = supplierOf(parts[row], row % PER_PART, scale.suppliers)
  }
  // Four draws a part are one draw a row.
  const perRow = { drawsPerRow: 1 }
  return [
    ints(parts),
    ints(suppliers),
    ints(drawColumn({ ...STREAMS.ps_availqty, ...perRow }, rows, 1, 9999)),
    cents(drawColumn({ ...STREAMS.ps_supplycost, ...perRow }, rows, 100, 100_000)),
    commentColumn(pool, STREAMS.ps_comment, range, { minLength: 49, maxLength: 198 }, PER_PART),
  ]
}
