/** The generator against the published vectors and against itself: any range of rows is the same part of the whole. */
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { columnValues, releaseBatch } from '../../src/arrow/column.js'
import { BallistaError } from '../../src/common/errors.js'
import { valueText } from '../../src/expr/value-text.js'
import { encodeText } from '../../tpch/encode-text.js'
import { generateTable } from '../../tpch/generate-table.js'
import { addressBits, power, stateBefore, step, STREAMS, uniform } from '../../tpch/random.js'
import { scaleOf, SCHEMAS, TABLES, unitCount, type TableName } from '../../tpch/schema.js'
import { CHUNK_BYTES } from '../../tpch/text-pool-checkpoints.js'
import { fillTextPool, POOL_BYTES, POOL_CHUNKS } from '../../tpch/text-pool.js'
import { toBatch } from '../../tpch/to-batch.js'

const pool = new Uint8Array(POOL_BYTES)
fillTextPool(pool, 0, POOL_CHUNKS)

test('the random source gives the published sequence', t => {
  const states: number[] = []
  let state = 1
  for (let draw = 0; draw < 10_000; draw++) states.push((state = step(state)))
  t.deepEqual(states.slice(0, 5), [16_807, 282_475_249, 1_622_650_073, 984_943_658, 1_144_108_930])
  t.is(states[9_999], 1_043_618_065)
})

test('powers of the multiplier, and states far into a stream', t => {
  t.deepEqual([7, 14, 92, 1_000_000].map(power), [101_027_544, 74_243_042, 657_821_123, 1_227_283_347])
  const before = [STREAMS.l_comment, STREAMS.l_returnflag, STREAMS.o_comment].map(stream =>
    stateBefore(stream, 1_000_000),
  )
  t.deepEqual(before, [1_024_906_337, 1_956_240_871, 706_178_559])
})

test('skipping ahead is stepping', t => {
  for (const stream of Object.values(STREAMS)) {
    let state = stream.start
    for (let draw = 0; draw < 137 * stream.drawsPerRow; draw++) state = step(state)
    t.is(stateBefore(stream, 137), state)
  }
})

/** Longest comment, state, offset: cases where two roundings of the draw differ. */
const ROUNDING: readonly (readonly [number, number, number])[] = [
  [22, 222_250_579, 32_556_234],
  [22, 666_751_737, 97_668_705],
  [43, 89_591_226, 13_123_712],
  [43, 29_863_742, 4_374_571],
  [78, 39_457_945, 5_779_971],
  [100, 541_612_407, 79_337_729],
  [100, 180_537_469, 26_445_910],
  [115, 532_919_878, 78_064_407],
  [116, 90_968_145, 13_325_407],
  [198, 155_752_170, 22_815_245],
]

test('text offsets round as the reference does', t => {
  for (const [longest, state, offset] of ROUNDING) t.is(uniform(0, POOL_BYTES - longest)(state), offset)
  const bits = [2_147_483_391, 2_147_483_392, 2_147_483_646].map(addressBits)
  t.deepEqual(bits, [-2_147_483_391, -2_147_483_393, -2_147_483_647])
})

test('row counts of a scale factor, and what is none', t => {
  t.deepEqual(scaleOf(0.01), { factor: 1, suppliers: 100, customers: 1500, parts: 2000, orders: 15_000 })
  t.deepEqual(scaleOf(2.9), { factor: 2, suppliers: 20_000, customers: 300_000, parts: 400_000, orders: 3_000_000 })
  for (const wrong of [0, -1, 358, NaN]) {
    const error = t.throws(() => scaleOf(wrong), { instanceOf: BallistaError })
    t.is(error?.message, `scale factor must be above 0 and at most 357, got ${wrong}`)
  }
})

test('a piece of the text pool made on its own is that part of the whole, and touches no other', t => {
  for (const [first, last] of [
    [0, 1],
    [141, 142],
    [158, 160],
    [297, POOL_CHUNKS],
  ] as const) {
    // oxfmt-ignore
    const piece = new Uint8Array(POOL_BYTES)
    fillTextPool(piece, first, last)
    const from = first * CHUNK_BYTES
    const start = from + piece.subarray(from).findIndex(byte => byte !== 0)
    const end = last === POOL_CHUNKS ? POOL_BYTES : piece.indexOf(0, start)
    t.is(Buffer.compare(piece.subarray(0, from), new Uint8Array(from)), 0)
    t.true(start >= first * CHUNK_BYTES && start < first * CHUNK_BYTES + 148, `${first} starts at ${start}`)
    t.true(Buffer.compare(piece.subarray(start, end), pool.subarray(start, end)) === 0)
    t.true(piece.subarray(end, end + 4096).every(byte => byte === 0))
  }
})

const SCALE = scaleOf(0.01)
const UNITS = 1000

function text(table: TableName, first: number, last: number): string {
  return Buffer.from(encodeText(generateTable(table, pool, { first, last }, SCALE), 'tbl')).toString('latin1')
}

for (const table of TABLES) {
  test(`${table}: ranges put together are the whole`, t => {
    const units = Math.min(UNITS, unitCount(table, SCALE))
    const cuts = [0, 1, Math.floor(units / 3), Math.floor(units / 3) + 1, units - 1, units]
    const parts = cuts.slice(1).map((cut, i) => text(table, cuts[i], cut))
    t.is(parts.join(''), text(table, 0, units))
  })

  test(`${table}: the batch has the values of the text`, t => {
    const before = bytesInUse()
    const columns = generateTable(table, pool, { first: 0, last: Math.min(50, unitCount(table, SCALE)) }, SCALE)
    const batch = toBatch(SCHEMAS[table], columns)
    const cells = batch.columns.map((column, i) => {
      const { type } = SCHEMAS[table].fields[i]
      t.deepEqual(column.type, type)
      return columnValues(column).map(value => valueText(value, type))
    })
    const rows = Array.from({ length: batch.rowCount }, (_, row) => cells.map(column => column[row]))
    releaseBatch(batch)
    const unquoted = Buffer.from(encodeText(columns, 'csv')).toString('latin1').slice(0, -1).split('\n').map(fields)
    t.deepEqual(rows, unquoted)
    t.is(bytesInUse(), before)
  })
}

/** Fields of a CSV line whose quoted fields hold no quotes. */
const fields = (line: string): string[] =>
  [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(([, quoted, bare]) => quoted ?? bare)
