/** Packed columns in frames: what goes in comes out, in fewer bytes, and nothing that a frame says is believed. */
import test from 'ava'
import type { Batch, Column } from '../../src/arrow/batch.js'
import { columnFromValues, columnValues, defaultWidth, releaseBatch, releaseColumn } from '../../src/arrow/column.js'
import { decodeBatch, decodeBlock, encodeBatch, encodeBlock } from '../../src/arrow/frame.js'
import { bytesInUse, failAllocation, release } from '../../src/arrow/memory.js'
import { computeRange } from '../../src/arrow/range.js'
import { field } from '../../src/arrow/schema.js'
import { sliceColumn } from '../../src/arrow/take.js'
import * as types from '../../src/arrow/types.js'
import { typeName, type DataType, type Value } from '../../src/arrow/types.js'
import { BallistaError } from '../../src/common/errors.js'
import type { Rng } from '../../src/common/clock.js'
import { below, batchRows, testRng } from './random-columns.js'

// Before the arena is made: allocations are to fail.
process.env['BALLISTA_ARENA_DEBUG'] = '1'

const PACKABLE: readonly DataType[] = [
  types.INT32,
  types.UINT32,
  types.INT64,
  types.UINT64,
  types.decimal(15, 2),
  types.DATE,
  types.timestamp('us'),
]

const batchOf = (column: Column): Batch => ({
  schema: { fields: [field('c', column.type)] },
  rowCount: column.length,
  columns: [column],
})

const lowest = (type: DataType): bigint =>
  type.kind === 'int' && !type.signed ? 0n : -(1n << BigInt(defaultWidth(type) * 8 - 1))

const highest = (type: DataType): bigint => lowest(type) + (1n << BigInt(defaultWidth(type) * 8)) - 1n

const valuesOf = (type: DataType, integers: readonly (bigint | null)[]): Value[] =>
  integers.map(integer => (integer === null || defaultWidth(type) === 8 ? integer : Number(integer)))

/** `length` integers from `base` on, both ends of the span among them; with NULLs between them, or not. */
function spread(rng: Rng, base: bigint, span: bigint, length: number, hasNulls: boolean): (bigint | null)[] {
  return Array.from({ length }, (_, row) => {
    if (row < 2) return base + (row === 0 ? span : 0n)
    if (hasNulls && below(rng, 3) === 0) return null
    return base + (span === 0n ? 0n : BigInt(Math.floor(rng.next() * Number(span))))
  })
}

test.serial('integers come back from every span, base and length', t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  for (const type of PACKABLE) {
    const width = defaultWidth(type)
    for (const [span, bytes] of [
      [0n, 1],
      [255n, 1],
      [256n, 2],
      [65_535n, 2],
      [65_536n, 3],
      [(1n << 24n) - 1n, 3],
      [1n << 24n, 4],
      [(1n << 32n) - 1n, 4],
      [1n << 32n, width],
    ] as const) {
      if (span > highest(type) - lowest(type)) continue
      for (const base of [lowest(type), 0n, highest(type) - span]) {
        if (base + span > highest(type)) continue
        for (const length of [127, 128, 129, 1000]) {
          for (const hasNulls of [false, true]) {
            const whole = columnFromValues(type, valuesOf(type, spread(rng, base, span, length, hasNulls)))
            const { range: _, ...flat } = whole
            const range = below(rng, 2) === 0 ? undefined : computeRange(whole)
            const batch = batchOf(range === undefined ? flat : { ...flat, range })
            const frame = encodeBatch(batch)
            // Equal integers are steps of nothing, the first one apart.
            const packed = (length - (span === 0n && !hasNulls ? 1 : 0)) * bytes
            const expected = length < 128 ? length * width : packed
            t.is(new Uint32Array(frame.buffer)[7], expected, `${typeName(type)}: ${span} from ${base}, ${length} rows`)
            const decoded = decodeBatch(frame, batch.schema)
            t.deepEqual(batchRows(decoded), batchRows(batch))
            t.is(decoded.columns[0].nullCount, flat.nullCount)
            t.deepEqual(decoded.columns[0].range, range)
            ;[batch, decoded].forEach(releaseBatch)
          }
        }
      }
    }
  }
  t.is(bytesInUse(), before)
})

test.serial('ascending integers travel as steps', t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  for (const type of PACKABLE) {
    for (const [step, bytes] of [
      [1, 1],
      [255, 1],
      [65_535, 2],
    ]) {
      const end = highest(type)
      let at = end - BigInt(step) * 999n
      const integers = [
        at,
        ...Array.from({ length: 999 }, (_, i) => (at += BigInt(i === 5 ? step : below(rng, step + 1)))),
      ]
      // Down again at the end: no more steps.
      for (const values of [integers, [...integers.slice(0, 999), integers[0]]]) {
        const flat = columnFromValues(type, valuesOf(type, values))
        const range = computeRange(flat)
        const batch = batchOf({ ...flat, ...(range ? { range } : {}) })
        const frame = encodeBatch(batch)
        if (values === integers) t.is(new Uint32Array(frame.buffer)[7], 999 * bytes, typeName(type))
        const decoded = decodeBatch(frame, batch.schema)
        t.deepEqual(batchRows(decoded), batchRows(batch))
        t.deepEqual(decoded.columns[0].range, range)
        ;[batch, decoded].forEach(releaseBatch)
      }
    }
  }
  t.is(bytesInUse(), before)
})

test.serial('integers whose steps wrap around have no range that lies', t => {
  const before = bytesInUse()
  const values = Array.from({ length: 200 }, (_, row) => BigInt.asIntN(64, (1n << 63n) - 100n + BigInt(row)))
  const flat = columnFromValues(types.INT64, values)
  const range = computeRange(flat)
  const batch = batchOf({ ...flat, ...(range ? { range } : {}) })
  const decoded = decodeBatch(encodeBatch(batch), batch.schema)
  t.deepEqual(columnValues(decoded.columns[0]), values)
  t.deepEqual(decoded.columns[0].range, { min: -(1n << 63n), max: (1n << 63n) - 1n })
  ;[batch, decoded].forEach(releaseBatch)
  t.is(bytesInUse(), before)
})

test.serial('what lies in NULLs does not widen anything', t => {
  const before = bytesInUse()
  const whole = columnFromValues(types.INT64, [...Array.from({ length: 300 }, (_, row) => BigInt(row % 7)), 1n << 60n])
  const nulls = columnFromValues(types.INT64, [...Array.from({ length: 300 }, () => 1n), null])
  const column = { ...whole, nullCount: 1, validity: nulls.validity, range: { min: 0n, max: 6n } }
  const batch = batchOf(column)
  const frame = encodeBatch(batch)
  t.is(new Uint32Array(frame.buffer)[7], 301)
  const decoded = decodeBatch(frame, batch.schema)
  t.deepEqual(batchRows(decoded), batchRows(batch))
  t.deepEqual(decoded.columns[0].range, { min: 0n, max: 6n })
  ;[whole, nulls].forEach(releaseColumn)
  releaseBatch(decoded)
  t.is(bytesInUse(), before)
})

test.serial('offsets travel as lengths, of whole columns and slices', t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  const texts = (longest: number): Value[] =>
    Array.from({ length: 400 }, (_, row) =>
      row === 150 ? 'x'.repeat(longest) : below(rng, 5) === 0 ? null : 'y'.repeat(below(rng, 20)),
    )
  for (const [longest, bytes] of [
    [255, 1],
    [256, 2],
    [65_535, 2],
    [65_536, 0],
  ]) {
    for (const type of [types.UTF8, types.BINARY]) {
      const values = texts(longest).map(text =>
        type.kind === 'utf8' || text === null ? text : new Uint8Array(Buffer.from(text as string)),
      )
      const whole = columnFromValues(type, values)
      const column = sliceColumn(whole, 70, 330)
      const batch = batchOf(column)
      const frame = encodeBatch(batch)
      t.is(new Uint32Array(frame.buffer)[4] >>> 16, bytes)
      const decoded = decodeBatch(frame, batch.schema)
      t.deepEqual(batchRows(decoded), batchRows(batch))
      ;[whole, column].forEach(releaseColumn)
      releaseBatch(decoded)
    }
  }
  const list: DataType = { kind: 'list', element: field('item', types.INT32) }
  const lists = columnFromValues(
    list,
    Array.from({ length: 300 }, (_, row) => Array.from({ length: row % 5 }, (_unused, i) => row + i)),
  )
  const batch = batchOf(lists)
  const decoded = decodeBatch(encodeBatch(batch), batch.schema)
  t.deepEqual(batchRows(decoded), batchRows(batch))
  ;[batch, decoded].forEach(releaseBatch)
  t.is(bytesInUse(), before)
})

/** Packed columns of every kind, with and without NULLs. */
function packedBatches(): Batch[] {
  const rows = Array.from({ length: 200 }, (_, row) => row)
  const list: DataType = { kind: 'list', element: field('item', types.INT64) }
  return [
    columnFromValues(
      types.INT64,
      rows.map(row => BigInt((row * 7919) % 1000)),
    ),
    columnFromValues(
      types.INT64,
      rows.map(row => (row % 3 === 0 ? null : BigInt((row * 7919) % 1000))),
    ),
    columnFromValues(
      types.INT64,
      rows.map(row => BigInt(row * 3)),
    ),
    columnFromValues(
      types.DATE,
      rows.map(row => (row * 31) % 200),
    ),
    columnFromValues(
      types.UTF8,
      rows.map(row => 'text'.repeat(row % 4)),
    ),
    columnFromValues(
      list,
      rows.map(row => [BigInt(row), BigInt((row * 31) % 200)]),
    ),
  ].map(batchOf)
}

function attempt(bytes: Uint8Array, schema: Batch['schema']): string {
  let batch: Batch | undefined
  try {
    batch = decodeBatch(bytes, schema)
    batchRows(batch)
    return 'batch'
  } catch (error) {
    if (error instanceof BallistaError && error.code === 'DATA_CORRUPTION') return error.message
    throw error
  } finally {
    if (batch !== undefined) releaseBatch(batch)
  }
}

test.serial('packed frames with wrong bytes do no harm', t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  for (const batch of packedBatches()) {
    const bytes = encodeBatch(batch)
    for (let length = 0; length < bytes.length; length++)
      t.not(attempt(bytes.subarray(0, length), batch.schema), 'batch')
    const seen = { batch: 0, corrupt: 0 }
    const tell = (broken: Uint8Array): void => {
      seen[attempt(broken, batch.schema) === 'batch' ? 'batch' : 'corrupt']++
    }
    for (let bit = 0; bit < Math.min(bytes.length * 8, 3000); bit++) {
      const broken = bytes.slice()
      broken[bit >>> 3] ^= 1 << (bit & 7)
      tell(broken)
    }
    for (let round = 0; round < 200; round++) {
      const broken = bytes.slice()
      const words = new Uint32Array(broken.buffer)
      words[below(rng, round % 2 === 0 ? words.length : words[1])] = [
        0,
        1,
        0x7fffffff,
        0xffffffff,
        below(rng, 2 ** 32),
      ][below(rng, 5)]
      tell(broken)
    }
    t.true(seen.batch > 0 && seen.corrupt > 0, 'both ends were met')
    releaseBatch(batch)
  }
  t.is(bytesInUse(), before)
})

test.serial('errors say what was wrong', t => {
  const before = bytesInUse()
  const batches = packedBatches()
  const [integers, , steps, dates, texts] = batches
  const shape = (bytes: number, width: number, flags = 0): number => flags | (width << 8) | (bytes << 16)
  const cases: [Batch, [word: number, value: number][], string][] = [
    [integers, [[4, shape(5, 8)]], 'packing 5, flags 0 in 200 values of width 8'],
    [integers, [[4, shape(8, 8)]], 'packing 8, flags 0 in 200 values of width 8'],
    [integers, [[4, shape(1, 8)]], '400 bytes of packed values instead of 200'],
    [integers, [[4, shape(2, 4)]], 'width 4 in a column of type int'],
    [integers, [[4, shape(2, 8, 1)]], 'flags 1'],
    [integers, [[4, shape(2, 8, 8)]], 'flags 8'],
    [integers, [[4, shape(0, 8, 4)]], 'flags 4'],
    [steps, [[4, shape(3, 8, 4)]], 'packing 3, flags 4 in 200 values of width 8'],
    [dates, [[4, shape(4, 4)]], 'packing 4, flags 0 in 200 values of width 4'],
    [dates, [[9, 1]], 'a base that is no value of its column'],
    [texts, [[4, shape(3, 0)]], 'packing 3, flags 0 in a column of type utf8'],
    [texts, [[4, shape(1, 0, 4)]], 'packing 1, flags 4 in a column of type utf8'],
    [texts, [[7, 1192]], 'offsets out of order'],
    [
      integers,
      [
        [2, 0],
        [5, 0],
      ],
      'in 0 values of width 8',
    ],
  ]
  for (const [batch, changes, message] of cases) {
    const bytes = encodeBatch(batch)
    for (const [word, value] of changes) new Uint32Array(bytes.buffer)[word] = value
    t.true(attempt(bytes, batch.schema).includes(message), `${attempt(bytes, batch.schema)} instead of ${message}`)
  }
  batches.forEach(releaseBatch)
  t.is(bytesInUse(), before)
})

test.serial('lengths that lead beyond 2 GiB are no offsets', t => {
  const before = bytesInUse()
  const length = 40_000
  const list: DataType = { kind: 'list', element: field('item', types.NULL) }
  const header = [0x32464c42, 12, length, 1, 2 << 16, length, 0, 0, 0, 0xffffffff, 0xffffffff, 0]
  const bytes = new Uint8Array(header.length * 4 + length * 2).fill(255, header.length * 4)
  new Uint32Array(bytes.buffer, 0, header.length).set(header)
  t.regex(attempt(bytes, { fields: [field('c', list)] }), /lengths of 2621400000 in all/)
  t.is(bytesInUse(), before)
})

test.serial('decoding that finds no room leaves nothing behind', t => {
  const before = bytesInUse()
  for (const batch of packedBatches()) {
    const withRange = { ...batch, columns: batch.columns.map(column => ({ ...column, range: computeRange(column) })) }
    const frame = encodeBlock(withRange as Batch)
    const held = bytesInUse()
    let failures = 0
    for (let count = 1; ; count++) {
      failAllocation(count)
      let decoded: Batch | undefined
      try {
        decoded = decodeBlock(frame, batch.schema)
      } catch (error) {
        t.is((error as BallistaError).code, 'ARENA_EXHAUSTED')
        failures++
      }
      failAllocation(0)
      if (decoded !== undefined) {
        t.deepEqual(batchRows(decoded), batchRows(batch))
        releaseBatch(decoded)
        break
      }
      t.is(bytesInUse(), held)
    }
    t.true(failures > 0, 'packed columns need room')
    release(frame.block)
    releaseBatch(batch)
  }
  t.is(bytesInUse(), before)
})
