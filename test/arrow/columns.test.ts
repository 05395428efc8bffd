/** Taking, slicing, joining, hashing, partitioning and framing of columns, against plain arrays of values. */
import test from 'ava'
import type { Batch, Column } from '../../src/arrow/batch.js'
import {
  columnFromValues,
  columnValues,
  constantColumn,
  releaseBatch,
  releaseColumn,
  retainColumn,
} from '../../src/arrow/column.js'
import { decodeBatch, encodeBatch } from '../../src/arrow/frame.js'
import { hashColumns, partitionBatch } from '../../src/arrow/hash.js'
import { alloc, bytesInUse, release, views } from '../../src/arrow/memory.js'
import { computeRange } from '../../src/arrow/range.js'
import { field } from '../../src/arrow/schema.js'
import {
  concatBatches,
  concatColumns,
  decodeDictionary,
  sliceBatch,
  sliceColumn,
  takeBatch,
  takeColumn,
} from '../../src/arrow/take.js'
import { INT32, INT64, INTERVAL, UINT8, UTF8, decimal, typeName, type DataType } from '../../src/arrow/types.js'
import type { Rng } from '../../src/common/clock.js'
import { ALL_TYPES, batchRows, below, randomColumn, randomValues, rowsOf, testRng } from './random-columns.js'

const LENGTHS = [0, 1, 7, 63, 64, 65, 200, 1000]

/** Runs a property over random columns of every type and several lengths; nothing may be left in the arena. */
function property(
  title: string,
  check: (t: import('ava').ExecutionContext, rng: Rng, type: DataType, length: number) => void,
): void {
  test.serial(title, t => {
    const rng = testRng(message => t.log(message))
    for (const type of ALL_TYPES) {
      for (const length of LENGTHS) {
        const before = bytesInUse()
        check(t, rng, type, length)
        t.is(bytesInUse(), before, `${typeName(type)} of ${length} rows leaves blocks behind`)
      }
    }
  })
}

function withColumns<T>(columns: readonly Column[], use: () => T): T {
  try {
    return use()
  } finally {
    columns.forEach(releaseColumn)
  }
}

function writeIndices(indices: readonly number[]): number {
  const block = alloc(indices.length * 4)
  views().i32.set(indices, block / 4)
  return block
}

const batchOf = (columns: readonly Column[], rowCount: number): Batch => ({
  schema: { fields: columns.map((column, i) => field(`c${i}`, column.type)) },
  rowCount,
  columns,
})

property('a column gives back the values it was made of', (t, rng, type, length) => {
  if (['list', 'struct', 'map'].includes(type.kind)) return
  const values = randomValues(rng, type, length)
  const column = columnFromValues(type, values)
  withColumns([column], () => {
    t.deepEqual(columnValues(column), values)
    t.is(column.nullCount, values.filter(value => value === null).length)
  })
})

property('take gives the rows in the order of the indices and NULL for -1', (t, rng, type, length) => {
  const column = randomColumn(rng, type, length)
  const rows = rowsOf(column)
  for (const lowest of length === 0 ? [] : [0, -1]) {
    const wanted = Array.from({ length: below(rng, 300) }, () => below(rng, length - lowest) + lowest)
    const indices = writeIndices(wanted)
    const taken = takeColumn(column, indices, wanted.length)
    const expected = wanted.map(row => (row < 0 ? null : rows[row]))
    t.deepEqual(rowsOf(taken), expected)
    t.is(taken.nullCount, expected.filter(row => row === null).length)
    releaseColumn(taken)
    release(indices)
  }
  releaseColumn(column)
})

property('a column without rows gives NULLs for -1', (t, rng, type) => {
  const column = randomColumn(rng, type, 0)
  const indices = writeIndices([-1, -1])
  const taken = takeColumn(column, indices, 2)
  t.deepEqual(rowsOf(taken), [null, null])
  ;[column, taken].forEach(releaseColumn)
  release(indices)
})

property('a slice has the rows of its part, and so has a slice of it', (t, rng, type, length) => {
  const column = randomColumn(rng, type, length)
  const start = below(rng, length + 1)
  const end = start + below(rng, length - start + 1)
  const slice = sliceColumn(column, start, end)
  const again = sliceColumn(slice, Math.min(1, slice.length), slice.length)
  const expected = rowsOf(column).slice(start, end)
  releaseColumn(column)
  t.deepEqual(rowsOf(slice), expected)
  t.is(slice.nullCount, expected.filter(row => row === null).length)
  t.deepEqual(rowsOf(again), expected.slice(1))
  ;[slice, again].forEach(releaseColumn)
})

property('joined columns have the rows of all, whatever their encodings', (t, rng, type, length) => {
  const parts = Array.from({ length: 1 + below(rng, 4) }, () => randomColumn(rng, type, below(rng, length + 1)))
  // Two parts with one dictionary keep their codes; with the others they become flat.
  retainColumn(parts[0])
  parts.push(parts[0])
  const joined = concatColumns(type, parts)
  const expected = parts.flatMap(rowsOf)
  parts.forEach(releaseColumn)
  t.deepEqual(rowsOf(joined), expected)
  t.is(joined.nullCount, expected.filter(row => row === null).length)
  releaseColumn(joined)
})

property('a range holds every value', (t, rng, type, length) => {
  const column = randomColumn(rng, type, length)
  const range = computeRange(column)
  const values = range === undefined ? [] : columnValues(column).filter(value => value !== null)
  if (range !== undefined) {
    const integers = values.map(value => BigInt(value as number))
    t.true(integers.every(value => range.min <= value && value <= range.max))
    t.true(integers.includes(range.min) && integers.includes(range.max))
  }
  releaseColumn(column)
})

function hashesOf(columns: readonly Column[], rowCount: number): number[] {
  const out = alloc(rowCount * 4)
  hashColumns(columns, rowCount, out)
  const hashes = Array.from(views().u32.subarray(out / 4, out / 4 + rowCount))
  release(out)
  return hashes
}

property('equal rows have equal hashes in every encoding', (t, rng, type, length) => {
  const column = randomColumn(rng, type, length)
  const flat = decodeDictionary(column)
  const copy = concatColumns(type, [flat, column])
  const hashes = hashesOf([column], length)
  t.deepEqual(hashesOf([flat], length), hashes)
  t.deepEqual(hashesOf([copy], 2 * length), [...hashes, ...hashes])
  const second = randomColumn(rng, INT64, length)
  const pairs = hashesOf([column, second], length)
  t.deepEqual(hashesOf([flat, second], length), pairs)
  ;[column, flat, copy, second].forEach(releaseColumn)
})

test.serial('hashes agree across widths, zeros and NaNs, and differ for different values', t => {
  const before = bytesInUse()
  const cases: [type: DataType, values: Parameters<typeof columnFromValues>[1]][] = [
    [INT32, [1, -7, null]],
    [INT64, [1n, -7n, null]],
    [decimal(10, 0), [1n, -7n, null]],
    [decimal(38, 0), [1n, -7n, null]],
  ]
  const hashes = cases.map(([type, values]) => {
    const column = columnFromValues(type, values)
    const result = hashesOf([column], 3)
    releaseColumn(column)
    return result
  })
  for (const other of hashes.slice(1)) t.deepEqual(other, hashes[0])
  t.is(new Set(hashes[0]).size, 3)
  const floats = columnFromValues({ kind: 'float', bits: 64 }, [0, -0, NaN, -NaN, 1.5])
  const singles = columnFromValues({ kind: 'float', bits: 32 }, [0, -0, NaN, -NaN, 1.5])
  const [zero, minusZero, nan, minusNan, other] = hashesOf([floats], 5)
  t.deepEqual([minusZero, minusNan], [zero, nan])
  t.is(new Set([zero, nan, other]).size, 3)
  t.deepEqual(hashesOf([singles], 5), [zero, minusZero, nan, minusNan, other])
  ;[floats, singles].forEach(releaseColumn)
  t.is(bytesInUse(), before)
})

property('partitions hold each row once, in order, equal keys together', (t, rng, type, length) => {
  const count = 1 + below(rng, 7)
  const columns = [
    randomColumn(rng, type, length),
    columnFromValues(
      INT32,
      Array.from({ length }, (_, row) => row),
    ),
  ]
  const batch = batchOf(columns, length)
  const rows = rowsOf(columns[0])
  const hashes = hashesOf([columns[0]], length)
  const parts = partitionBatch(batch, [columns[0]], count)
  t.is(parts.length, count)
  const home = new Map<number, number>()
  const seen: number[] = []
  parts.forEach((part, partition) => {
    if (part === undefined) return
    const numbers = rowsOf(part.columns[1]) as number[]
    t.true(numbers.length > 0)
    t.deepEqual(
      numbers,
      numbers.toSorted((left, right) => left - right),
    )
    t.deepEqual(
      rowsOf(part.columns[0]),
      numbers.map(row => rows[row]),
    )
    for (const row of numbers) t.is(home.get(hashes[row]) ?? partition, partition)
    for (const row of numbers) home.set(hashes[row], partition)
    seen.push(...numbers)
    releaseBatch(part)
  })
  t.is(new Set(seen).size, length)
  t.is(seen.length, length)
  releaseBatch(batch)
})

test.serial('consecutive keys spread evenly over partitions', t => {
  const before = bytesInUse()
  const rowCount = 10_000
  const column = columnFromValues(
    INT32,
    Array.from({ length: rowCount }, (_, row) => row),
  )
  const parts = partitionBatch(batchOf([column], rowCount), [column], 8)
  for (const part of parts) {
    const share = (part?.rowCount ?? 0) / (rowCount / 8)
    t.true(share > 0.85 && share < 1.15, `a partition has ${share} of its fair share`)
    if (part !== undefined) releaseBatch(part)
  }
  releaseColumn(column)
  t.is(bytesInUse(), before)
})

property('a batch comes back from its frame', (t, rng, type, length) => {
  const batch = batchOf([randomColumn(rng, type, length), randomColumn(rng, UTF8, length)], length)
  const decoded = decodeBatch(encodeBatch(batch), batch.schema)
  t.deepEqual(batchRows(decoded), batchRows(batch))
  t.deepEqual(
    decoded.columns.map(column => column.nullCount),
    batch.columns.map(column => column.nullCount),
  )
  ;[batch, decoded].forEach(releaseBatch)
})

test.serial('batches are taken, sliced and joined column by column', t => {
  const before = bytesInUse()
  const batch = batchOf([columnFromValues(INT32, [1, 2, 3]), columnFromValues(UTF8, ['a', null, 'c'])], 3)
  const indices = writeIndices([2, -1])
  const taken = takeBatch(batch, indices, 2)
  const slice = sliceBatch(batch, 1, 3)
  const joined = concatBatches(batch.schema, [taken, slice])
  t.deepEqual(batchRows(joined), [
    [3, null, 2, 3],
    ['c', null, null, 'c'],
  ])
  t.is(joined.rowCount, 4)
  const none = concatBatches(batch.schema, [])
  t.deepEqual(batchRows(none), [[], []])
  const empty: Batch = { schema: { fields: [] }, rowCount: 5, columns: [] }
  t.is(concatBatches(empty.schema, [empty, empty]).rowCount, 10)
  t.is(decodeBatch(encodeBatch(empty), empty.schema).rowCount, 5)
  ;[batch, taken, slice, joined, none].forEach(releaseBatch)
  release(indices)
  t.is(bytesInUse(), before)
})

test.serial('a constant column repeats its value', t => {
  const before = bytesInUse()
  const cases: [DataType, Parameters<typeof constantColumn>[1]][] = [
    [INT32, 7],
    [UINT8, 255],
    [decimal(38, 2), -(10n ** 30n)],
    [{ kind: 'boolean' }, true],
    [{ kind: 'boolean' }, false],
    [UTF8, 'text'],
    [INTERVAL, { months: 1, days: 2, nanos: 3n }],
    [INT64, null],
    [{ kind: 'null' }, null],
  ]
  for (const [type, value] of cases) {
    for (const length of [0, 1, 100]) {
      const column = constantColumn(type, value, length)
      t.deepEqual(
        columnValues(column),
        Array.from({ length }, () => value),
      )
      releaseColumn(column)
    }
  }
  t.is(bytesInUse(), before)
})

test.serial('a dictionary travels in a frame only where it is smaller', t => {
  const before = bytesInUse()
  const repeated = constantColumn(UTF8, 'a rather long string', 1000)
  const distinct = sliceColumn(repeated, 0, 1)
  const frames = [repeated, distinct].map(column =>
    decodeBatch(encodeBatch(batchOf([column], column.length)), batchOf([column], 0).schema),
  )
  t.deepEqual(
    frames.map(frame => frame.columns[0].dictionary !== undefined),
    [true, false],
  )
  ;[repeated, distinct].forEach(releaseColumn)
  frames.forEach(releaseBatch)
  t.is(bytesInUse(), before)
})
