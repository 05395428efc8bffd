/** Conversions to and from apache-arrow and the IPC formats, slices and foreign layouts included. */
import * as arrow from 'apache-arrow'
import test from 'ava'
import {
  fromArrowBatch,
  fromArrowSchema,
  ipcFileWriter,
  ipcStreamWriter,
  loadArrow,
  openIpcFile,
  readIpcStream,
  toArrowBatch,
  toArrowSchema,
  type RandomAccess,
} from '../../src/arrow/arrow-js.js'
import type { Batch } from '../../src/arrow/batch.js'
import { batchFromValues, releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, type Schema } from '../../src/arrow/schema.js'
import { sliceBatch } from '../../src/arrow/take.js'
import { decimal, INT32, INTERVAL, typeName, UTF8, type DataType } from '../../src/arrow/types.js'
import { BallistaError } from '../../src/common/errors.js'
import type { Rng } from '../../src/common/clock.js'
import { ALL_TYPES, batchRows, below, randomColumn, testRng } from './random-columns.js'

test.before(async () => {
  await loadArrow()
})

const SCHEMA: Schema = { fields: ALL_TYPES.map((type, i) => field(`c${i}`, type)) }

function randomBatch(rng: Rng, rowCount: number): Batch {
  return { schema: SCHEMA, rowCount, columns: ALL_TYPES.map(type => randomColumn(rng, type, rowCount)) }
}

test.serial('schemas come back from apache-arrow', t => {
  const back = fromArrowSchema(toArrowSchema(SCHEMA))
  t.deepEqual(
    back.fields.map(({ name, type, nullable }) => [name, typeName(type), nullable]),
    SCHEMA.fields.map(({ name, type, nullable }) => [name, typeName(type), nullable]),
  )
})

test.serial('batches come back from apache-arrow, whole and sliced there', t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  for (const rowCount of [0, 1, 8, 65, 300]) {
    const batch = randomBatch(rng, rowCount)
    const recordBatch = toArrowBatch(batch)
    const start = below(rng, rowCount + 1)
    const end = start + below(rng, rowCount - start + 1)
    const slice = sliceBatch(batch, start, end)
    const backs = [fromArrowBatch(recordBatch), fromArrowBatch(recordBatch.slice(start, end), SCHEMA)]
    t.deepEqual(backs.map(batchRows), [batchRows(batch), batchRows(slice)])
    ;[batch, slice, ...backs].forEach(releaseBatch)
  }
  t.is(bytesInUse(), before)
})

test.serial('apache-arrow shows the values of a batch', t => {
  const before = bytesInUse()
  const fields = [field('i', INT32), field('s', UTF8), field('d', decimal(12, 2)), field('b', { kind: 'boolean' })]
  const batch = batchFromValues({ fields }, [
    [1, null, -3],
    ['a', 'ß', null],
    [125n, null, -1n],
    [true, false, null],
  ])
  const recordBatch = toArrowBatch(batch)
  releaseBatch(batch)
  const column = (i: number): unknown[] => [...(recordBatch.getChildAt(i) ?? [])]
  t.deepEqual(column(0), [1, null, -3])
  t.deepEqual(column(1), ['a', 'ß', null])
  t.deepEqual(
    column(2).map(value => (value === null ? null : String(value))),
    ['125', null, '-1'],
  )
  t.deepEqual(column(3), [true, false, null])
  t.false(recordBatch.data.children[0].values.buffer instanceof SharedArrayBuffer)
  t.is(bytesInUse(), before)
})

async function collect(batches: AsyncIterable<Batch>): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const batch of batches) {
    rows.push(batchRows(batch))
    releaseBatch(batch)
  }
  return rows
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const inMemory = (bytes: Uint8Array): RandomAccess => ({
  byteLength: bytes.length,
  read: async (position, byteLength) => bytes.slice(position, position + byteLength),
})

test.serial('streams and files give back the batches that were written', async t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  const batches = [randomBatch(rng, 20), randomBatch(rng, 0), randomBatch(rng, 100)]
  const expected = batches.map(batchRows)
  const [stream, file] = await Promise.all(
    [ipcStreamWriter, ipcFileWriter].map(async open => {
      const writer = await open(SCHEMA)
      return Buffer.concat([...batches.flatMap(batch => writer.write(batch)), ...writer.finish()])
    }),
  )
  batches.forEach(releaseBatch)
  for (const source of [stream, inPieces(stream, 1000)]) {
    const { schema, batches: given } = await readIpcStream(source)
    t.deepEqual(
      schema.fields.map(({ name }) => name),
      SCHEMA.fields.map(({ name }) => name),
    )
    t.deepEqual(await collect(given()), [expected[0], expected[2]])
  }
  const opened = await openIpcFile(inMemory(file))
  t.is(opened.batchBytes.length, 3)
  t.deepEqual(await collect(opened.batches([2, 0, 1])), [expected[2], expected[0]])
  t.is(bytesInUse(), before)
})

test.serial('a writer without batches writes the schema', async t => {
  const writer = await ipcStreamWriter(SCHEMA)
  const { schema, batches } = await readIpcStream(Buffer.concat(writer.finish()))
  t.is(schema.fields.length, SCHEMA.fields.length)
  t.deepEqual(await collect(batches()), [])
  const file = await ipcFileWriter(SCHEMA)
  t.deepEqual((await openIpcFile(inMemory(Buffer.concat(file.finish())))).batchBytes, [])
})

const int32s = (...values: number[]): Int32Array => Int32Array.from(values)
const int64s = (...values: bigint[]): BigInt64Array => BigInt64Array.from(values)
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const item: arrow.Field = new arrow.Field('item', new arrow.Int32(), true)
const threeInts = (): arrow.Data => arrow.makeData({ type: new arrow.Int32(), data: int32s(1, 2, 3, 4, 5, 6) })
const words = (): arrow.Vector => arrow.vectorFromArray(['x', 'yy'], new arrow.Utf8())

/** 16 bytes: length, then the string itself or prefix, buffer number and start. */
function viewOf(length: number, rest: Uint8Array): Uint8Array {
  const view = new Uint8Array(16)
  view[0] = length
  view.set(rest, 4)
  return view
}

const LONG = 'longer than twelve'
const VIEWS = Uint8Array.from([
  ...viewOf(2, text('ab')),
  ...viewOf(LONG.length, Uint8Array.of(...text(LONG.slice(0, 4)), 0, 0, 0, 0, 1)),
])

/** Layouts that other tools write and this one does not. */
const FOREIGN: { name: string; data: () => arrow.Data; type: DataType; rows: unknown[] }[] = [
  {
    name: 'LargeUtf8',
    data: () => arrow.makeData({ type: new arrow.LargeUtf8(), valueOffsets: int64s(1n, 2n, 4n), data: text('?abb') }),
    type: UTF8,
    rows: ['a', 'bb'],
  },
  {
    name: 'Utf8View',
    data: () => arrow.makeData({ type: new arrow.Utf8View(), views: VIEWS, variadicBuffers: [text(`-${LONG}`)] }),
    type: UTF8,
    rows: ['ab', LONG],
  },
  {
    name: 'FixedSizeBinary',
    data: () => arrow.makeData({ type: new arrow.FixedSizeBinary(2), data: text('aabb') as never }),
    type: { kind: 'binary' },
    rows: [text('aa'), text('bb')],
  },
  {
    name: 'FixedSizeList',
    data: () => arrow.makeData({ type: new arrow.FixedSizeList(3, item), child: threeInts() } as never),
    type: { kind: 'list', element: field('item', INT32) },
    rows: [
      [1, 2, 3],
      [4, 5, 6],
    ],
  },
  {
    name: 'LargeList',
    data: () =>
      arrow.makeData({
        type: new arrow.LargeList(item),
        valueOffsets: int64s(1n, 1n, 3n),
        child: threeInts(),
      } as never),
    type: { kind: 'list', element: field('item', INT32) },
    rows: [[], [2, 3]],
  },
  {
    name: 'Float16',
    data: () => arrow.makeData({ type: new arrow.Float16(), data: Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00) }),
    type: { kind: 'float', bits: 32 },
    rows: [1, -2, 2 ** -24, Infinity],
  },
  {
    name: 'Date64',
    data: () => arrow.makeData({ type: new arrow.DateMillisecond(), data: int64s(0n, -1n, 86_400_000n) }),
    type: { kind: 'date' },
    rows: [0, -1, 1],
  },
  {
    name: 'Decimal32',
    data: () => arrow.makeData({ type: new arrow.Decimal(2, 9, 32), data: int32s(5, -5) as never }),
    type: decimal(9, 2),
    rows: [5n, -5n],
  },
  {
    name: 'Decimal64',
    data: () => arrow.makeData({ type: new arrow.Decimal(2, 18, 64), data: int32s(5, 0, -5, -1) as never }),
    type: decimal(18, 2),
    rows: [5n, -5n],
  },
  {
    name: 'Decimal256',
    data: () =>
      arrow.makeData({ type: new arrow.Decimal(0, 38, 256), data: Uint32Array.from([5, 0, 7, 0, 0, 0, 0, 0]) }),
    type: decimal(38, 0),
    rows: [(7n << 64n) + 5n],
  },
  {
    name: 'Interval(year-month)',
    data: () => arrow.makeData({ type: new arrow.IntervalYearMonth(), data: int32s(14) }),
    type: INTERVAL,
    rows: [{ months: 14, days: 0, nanos: 0n }],
  },
  {
    name: 'Interval(day-time)',
    data: () => arrow.makeData({ type: new arrow.IntervalDayTime(), data: int32s(2, -3) }),
    type: INTERVAL,
    rows: [{ months: 0, days: 2, nanos: -3_000_000n }],
  },
  {
    name: 'Dictionary of strings',
    data: () =>
      arrow.makeData({
        type: new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8()),
        data: Int8Array.of(1, 99, 0),
        nullBitmap: Uint8Array.of(0b101),
        dictionary: words(),
      }),
    type: UTF8,
    rows: ['yy', null, 'x'],
  },
  {
    name: 'Dictionary of strings, one of them NULL',
    data: () =>
      arrow.makeData({
        type: new arrow.Dictionary(new arrow.Utf8(), new arrow.Uint16()),
        data: Uint16Array.of(0, 1, 1),
        dictionary: arrow.vectorFromArray([null, 'z'], new arrow.Utf8()),
      }),
    type: UTF8,
    rows: [null, 'z', 'z'],
  },
  {
    name: 'Dictionary of integers',
    data: () =>
      arrow.makeData({
        type: new arrow.Dictionary(new arrow.Int32(), new arrow.Int32()),
        data: int32s(2, 0),
        dictionary: new arrow.Vector([arrow.makeData({ type: new arrow.Int32(), data: int32s(7, 8, 9) })]),
      }),
    type: INT32,
    rows: [9, 7],
  },
]

function recordBatchOf(data: arrow.Data): arrow.RecordBatch {
  const schema = new arrow.Schema([new arrow.Field('c', data.type, true)])
  return new arrow.RecordBatch(schema, new arrow.Data(new arrow.Struct(schema.fields), 0, data.length, 0, {}, [data]))
}

for (const { name, data, type, rows } of FOREIGN) {
  test.serial(`${name} is read, also from the second row on`, t => {
    const before = bytesInUse()
    const recordBatch = recordBatchOf(data())
    for (const start of [0, 1]) {
      const batch = fromArrowBatch(recordBatch.slice(start, rows.length))
      t.is(typeName(batch.schema.fields[0].type), typeName(type))
      t.deepEqual(batchRows(batch), [rows.slice(start)])
      releaseBatch(batch)
    }
    t.is(bytesInUse(), before)
  })
}

test.serial('a type without a counterpart is refused by name', t => {
  const cases: [arrow.DataType, string][] = [
    [new arrow.TimeMicrosecond(), 'Time64<MICROSECOND>'],
    [new arrow.DurationSecond(), 'Duration<SECOND>'],
    [new arrow.Decimal(2, 60, 256), 'Decimal[60e+2]'],
  ]
  for (const [type, name] of cases) {
    const message = `column 'c' of Arrow type ${name} is not supported`
    t.throws(() => fromArrowSchema(new arrow.Schema([new arrow.Field('c', type)])), { message })
  }
})

test.serial('buffers that are too short or out of order are refused', t => {
  const before = bytesInUse()
  const utf8 = (valueOffsets: Int32Array): arrow.Data =>
    arrow.makeData({ type: new arrow.Utf8(), length: 2, valueOffsets, data: text('abc') })
  const cases: [arrow.Data, string][] = [
    [arrow.makeData({ type: new arrow.Int32(), length: 9, data: int32s(1) }), '4 bytes of values instead of 36'],
    [utf8(int32s(0, 1)), '2 offsets instead of 3'],
    [utf8(int32s(0, 3, 2)), 'offsets out of order'],
    [utf8(int32s(0, 3, 9)), '3 bytes of values instead of 9'],
    [utf8(int32s(-1, 0, 3)), 'offsets from -1 to 3'],
    [arrow.makeData({ type: new arrow.Utf8View(), views: VIEWS }), 'a view outside of its buffer'],
    [
      arrow.makeData({
        type: new arrow.Bool(),
        length: 9,
        nullCount: 1,
        nullBitmap: Uint8Array.of(1),
        data: Uint8Array.of(1, 1),
      }),
      'a bitmap of 1 bytes instead of 2',
    ],
    [
      arrow.makeData({
        type: new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()),
        data: int32s(0, 2),
        dictionary: words(),
      }),
      'a dictionary code outside of 0 to 1',
    ],
  ]
  for (const [data, what] of cases)
    t.throws(() => fromArrowBatch(recordBatchOf(data)), { message: `Arrow data: ${what}` })
  t.is(bytesInUse(), before)
})

/** How reading ends: `batches`, or the code of the error. */
const outcomeOf = (reading: Promise<unknown>): Promise<string> =>
  reading.then(
    () => 'batches',
    (error: unknown) => (error instanceof BallistaError ? error.code : String(error)),
  )

test.serial('flipped bits and truncations give coded errors or batches that can be read', async t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  const batch = randomBatch(rng, 10)
  const outcomes = new Set<string>()
  for (const open of [ipcStreamWriter, ipcFileWriter]) {
    const writer = await open(SCHEMA)
    const bytes = Buffer.concat([...writer.write(batch), ...writer.finish()])
    for (let round = 0; round < 1500; round++) {
      const broken = Uint8Array.from(bytes)
      for (let flips = below(rng, 3); flips >= 0; flips--) broken[below(rng, broken.length)] ^= 1 << below(rng, 8)
      const given = round % 3 !== 0 ? broken : bytes.subarray(0, below(rng, bytes.length))
      const reading =
        open === ipcStreamWriter
          ? readIpcStream(given).then(stream => collect(stream.batches()))
          : openIpcFile(inMemory(given)).then(file => collect(file.batches([...file.batchBytes.keys()])))
      outcomes.add(await outcomeOf(reading))
    }
  }
  releaseBatch(batch)
  t.deepEqual([...outcomes].sort(), ['FILE_INVALID', 'NOT_SUPPORTED', 'batches'])
  t.is(bytesInUse(), before)
})

test.serial('bytes that are no Arrow data are refused', async t => {
  for (const bytes of [new Uint8Array(0), text('this is no Arrow file at all')]) {
    await t.throwsAsync(openIpcFile(inMemory(bytes), 'a.arrow'), { message: /^a\.arrow: / })
  }
  await t.throwsAsync(readIpcStream(text('this is no Arrow stream'), 'a.arrows'), { message: /^a\.arrows: / })
})
