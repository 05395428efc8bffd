/** Random columns of every type and encoding, from a seed, and their rows as plain values: the reference of property tests. */
import type { Batch, Column } from '../../src/arrow/batch.js'
import {
  bitmapBytes,
  buildColumn,
  childTypes,
  codeAt,
  columnFromValues,
  isValid,
  releaseColumn,
  valueAt,
} from '../../src/arrow/column.js'
import { views } from '../../src/arrow/memory.js'
import { field } from '../../src/arrow/schema.js'
import { sliceColumn } from '../../src/arrow/take.js'
import * as types from '../../src/arrow/types.js'
import type { DataType, Value } from '../../src/arrow/types.js'
import { seededRng, type Rng } from '../../src/common/clock.js'

/** Every kind of type; nested ones inside each other. */
export const ALL_TYPES: readonly DataType[] = [
  types.NULL,
  types.BOOLEAN,
  types.INT8,
  types.INT16,
  types.INT32,
  types.INT64,
  types.UINT8,
  types.UINT16,
  types.UINT32,
  types.UINT64,
  types.FLOAT32,
  types.FLOAT64,
  types.decimal(15, 2),
  types.decimal(38, 4),
  types.UTF8,
  types.BINARY,
  types.DATE,
  types.timestamp('us'),
  types.timestamp('ns', 'UTC'),
  types.INTERVAL,
  { kind: 'list', element: field('item', types.UTF8) },
  { kind: 'list', element: field('item', { kind: 'list', element: field('item', types.INT32) }) },
  { kind: 'struct', fields: [field('a', types.INT64), field('b', types.UTF8), field('c', types.BOOLEAN)] },
  { kind: 'map', key: field('key', types.UTF8, false), value: field('value', types.decimal(38, 2)) },
]

/** Announces the seed of a random test; BALLISTA_TEST_SEED replays one. */
export function testRng(log: (message: string) => void): Rng {
  const seed = Number(process.env.BALLISTA_TEST_SEED ?? Date.now() % 1e9)
  log(`BALLISTA_TEST_SEED=${seed}`)
  return seededRng(seed)
}

export const below = (rng: Rng, bound: number): number => Math.floor(rng.next() * bound)

/** A column of `length` rows, owned by the caller: with or without NULLs, flat or coded, whole or a slice of a longer one. */
export function randomColumn(rng: Rng, type: DataType, length: number): Column {
  const before = below(rng, 3) === 0 ? below(rng, 150) : 0
  const whole = wholeColumn(rng, type, before + length + (before === 0 ? 0 : below(rng, 9)))
  try {
    return sliceColumn(whole, before, before + length)
  } finally {
    releaseColumn(whole)
  }
}

function wholeColumn(rng: Rng, type: DataType, length: number): Column {
  if (type.kind === 'list' || type.kind === 'map') return listColumn(rng, type, length)
  if (type.kind === 'struct') return structColumn(rng, type, length)
  if ((type.kind === 'utf8' || type.kind === 'binary') && below(rng, 2) === 0) return codedColumn(rng, type, length)
  if (type.kind === 'decimal' && type.precision > 18 && below(rng, 2) === 0) {
    const narrow = wholeColumn(rng, types.decimal(18, 2), length)
    return { ...narrow, type }
  }
  return columnFromValues(type, randomValues(rng, type, length))
}

/** NULLs in none, some or all of the rows. */
function nullShare(rng: Rng): number {
  return [0, 0, 0.2, 0.7, 1][below(rng, 5)]
}

export function randomValues(rng: Rng, type: DataType, length: number): Value[] {
  const share = nullShare(rng)
  return Array.from({ length }, () => (rng.next() < share ? null : randomValue(rng, type)))
}

function randomValue(rng: Rng, type: DataType): Value {
  switch (type.kind) {
    case 'boolean':
      return below(rng, 2) === 1
    case 'int': {
      const integer = bigBits(rng, below(rng, type.bits) + 1)
      const wrapped = type.signed ? BigInt.asIntN(type.bits, integer) : BigInt.asUintN(type.bits, integer)
      return type.bits === 64 ? wrapped : Number(wrapped)
    }
    case 'float':
      return type.bits === 32 ? Math.fround(randomFloat(rng)) : randomFloat(rng)
    case 'decimal':
      return BigInt.asIntN(type.precision <= 18 ? 60 : 126, bigBits(rng, type.precision <= 18 ? 60 : 126))
    case 'utf8':
      return randomText(rng)
    case 'binary':
      return new Uint8Array(Buffer.from(randomText(rng)))
    case 'date':
      return below(rng, 40_000) - 20_000
    case 'timestamp':
      return BigInt.asIntN(64, bigBits(rng, 64))
    case 'interval':
      return { months: below(rng, 100) - 50, days: below(rng, 100) - 50, nanos: BigInt.asIntN(64, bigBits(rng, 64)) }
    default:
      return null
  }
}

const bigBits = (rng: Rng, bits: number): bigint => BigInt.asUintN(bits, BigInt(`0x${rng.id()}`))

function randomFloat(rng: Rng): number {
  return [0, -0, NaN, Infinity, -Infinity, rng.next(), -rng.next() * 1e9, below(rng, 100)][below(rng, 8)]
}

const LETTERS = ['a', 'b', 'c', 'ß', '€', '🙂']

/** Short strings often repeat; a few are longer than one SIMD register or two. */
function randomText(rng: Rng): string {
  const length = [0, 1, 2, 8, 16, 17, 33, 60][below(rng, 8)]
  return Array.from({ length }, () => LETTERS[below(rng, length < 3 ? 3 : LETTERS.length)]).join('')
}

/** Writes a bitmap of random NULLs; all valid gives no bitmap. */
function randomValidity(
  rng: Rng,
  own: (byteLength: number) => number,
  length: number,
): Pick<Column, 'nullCount' | 'validity'> {
  const share = nullShare(rng)
  const validity = own(bitmapBytes(length))
  const { u8 } = views()
  u8.fill(0, validity, validity + bitmapBytes(length))
  let nullCount = 0
  for (let row = 0; row < length; row++) {
    if (rng.next() < share) nullCount++
    else u8[validity + (row >>> 3)] |= 1 << (row & 7)
  }
  return { nullCount, validity }
}

function listColumn(rng: Rng, type: DataType, length: number): Column {
  return buildColumn(({ own, keep }) => {
    const offsets = own((length + 1) * 4)
    let end = below(rng, 3)
    for (let row = 0; row <= length; row++) {
      views().i32[offsets / 4 + row] = end
      end += row === length ? 0 : below(rng, 4)
    }
    const children = childTypes(type).map(child => keep(randomColumn(rng, child, end + below(rng, 3))))
    return { type, length, ...randomValidity(rng, own, length), offsets, children }
  })
}

function structColumn(rng: Rng, type: DataType, length: number): Column {
  return buildColumn(({ own, keep }) => {
    const children = childTypes(type).map(child => keep(randomColumn(rng, child, length)))
    return { type, length, ...randomValidity(rng, own, length), children }
  })
}

function codedColumn(rng: Rng, type: DataType, length: number): Column {
  return buildColumn(({ own, keep }) => {
    const distinct = 1 + below(rng, 40)
    const values = Array.from({ length: distinct }, () => randomValue(rng, type))
    const dictionary = keep(columnFromValues(type, values))
    const codes = own(length * 4)
    for (let row = 0; row < length; row++) views().i32[codes / 4 + row] = below(rng, distinct)
    return { type, length, ...randomValidity(rng, own, length), values: codes, dictionary }
  })
}

/** The rows as plain values: a list is an array, a struct an array of its fields, a map a list of pairs. */
export function rowsOf(column: Column): unknown[] {
  return Array.from({ length: column.length }, (_, row) => rowAt(column, row))
}

function rowAt(column: Column, row: number): unknown {
  if (!isValid(column, row)) return null
  if (column.dictionary !== undefined) return rowAt(column.dictionary, codeAt(column, row))
  const { kind } = column.type
  if (kind === 'struct') return column.children.map(child => rowAt(child, row))
  if (kind !== 'list' && kind !== 'map') return valueAt(column, row)
  const { i32 } = views()
  const start = i32[column.offsets / 4 + row]
  const length = i32[column.offsets / 4 + row + 1] - start
  return Array.from({ length }, (_, i) => rowAt(column.children[0], start + i))
}

export const batchRows = (batch: Batch): unknown[][] => batch.columns.map(rowsOf)
