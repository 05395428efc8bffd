/** Filters that a scan learns of, against plain loops over the values. */
import test from 'ava'
import { columnFromValues, columnValues, releaseColumn } from '../../src/arrow/column.js'
import { bytesInUse, views, withScratch } from '../../src/arrow/memory.js'
import { Segments, Slots } from '../../src/arrow/segments.js'
import { INT16, INT32, INT64, INT8, type DataType, type Value } from '../../src/arrow/types.js'
import { seededRng } from '../../src/common/clock.js'
import { joinSieve } from '../../src/physical/operators/join-sieve.js'
import { rangeFilter, type DynamicFilter } from '../../src/runtime/dynamic-filter.js'

const SEED = Number(process.env['SEED'] ?? 1)
const TYPES: readonly DataType[] = [INT8, INT16, INT32, INT64]
const noCharge = (): void => undefined

/** The rows that pass, of all rows or of every second one. */
function passed(filter: DynamicFilter, type: DataType, values: readonly Value[], everySecond: boolean): number[] {
  const column = columnFromValues(type, values)
  try {
    return withScratch(scratch => {
      const rows = scratch(Math.max(1, values.length) * 4)
      const { u32 } = views()
      const count = everySecond ? Math.ceil(values.length / 2) : values.length
      for (let i = 0; i < count; i++) u32[rows / 4 + i] = 2 * i
      const found = filter.select(column, everySecond ? rows : 0, count, rows)
      return [...u32.subarray(rows / 4, rows / 4 + (found ?? -1))]
    })
  } finally {
    releaseColumn(column)
  }
}

function randomValues(type: DataType, spread: number, rng: { next(): number }): Value[] {
  const isWide = type.kind === 'int' && type.bits === 64
  const hasNulls = rng.next() < 0.5
  return Array.from({ length: Math.floor(rng.next() * 200) }, () => {
    if (hasNulls && rng.next() < 0.2) return null
    const number = Math.floor(rng.next() * spread) - Math.floor(spread / 2)
    return isWide ? BigInt(number) : number
  })
}

test.serial(`a range keeps what lies in it (SEED=${SEED})`, t => {
  const rng = seededRng(SEED)
  for (let round = 0; round < 400; round++) {
    const type = TYPES[round % TYPES.length]
    const values = randomValues(type, 100, rng)
    const [low, high] = [Math.floor(rng.next() * 80) - 40, Math.floor(rng.next() * 80) - 40]
    const [keepsNulls, everySecond] = [rng.next() < 0.5, rng.next() < 0.5]
    const filter = rangeFilter(BigInt(low), BigInt(high), keepsNulls)
    const expected = [...values.keys()].filter(row => {
      const value = values[row]
      const fits = value === null ? keepsNulls : Number(value) >= low && Number(value) <= high
      return fits && (!everySecond || row % 2 === 0)
    })
    t.deepEqual(passed(filter, type, values, everySecond), expected, `round ${round}: ${String(values)}`)
  }
  t.is(bytesInUse(), 0)
})

test.serial(`a sieve keeps the values of its table (SEED=${SEED})`, t => {
  const rng = seededRng(SEED)
  for (let round = 0; round < 200; round++) {
    const type = TYPES[round % TYPES.length]
    const [values, everySecond] = [randomValues(type, 120, rng), rng.next() < 0.5]
    const [base, range] = [-50, 90]
    const known = new Set(Array.from({ length: 30 }, () => base + Math.floor(rng.next() * range)))
    const [slots, ranks] = [new Slots(noCharge), new Segments(16, noCharge)]
    slots.reset(range)
    ranks.reserve(Math.ceil(range / 64))
    const { u32, i64 } = views()
    for (const value of known) {
      const place = value - base
      u32[u32[slots.directory / 4] / 4 + place] = 1
      i64[ranks.at(place >> 6) / 8] |= BigInt.asIntN(64, 1n << BigInt(place & 63))
    }
    const expected = [...values.keys()].filter(
      row => values[row] !== null && known.has(Number(values[row])) && (!everySecond || row % 2 === 0),
    )
    for (const directory of [0, ranks.directory]) {
      const filter = joinSieve({ slots: slots.directory, ranks: directory, base: BigInt(base), range })
      t.deepEqual(passed(filter, type, values, everySecond), expected, `round ${round}: ${String(values)}`)
    }
    slots.close()
    ranks.close()
  }
  t.is(bytesInUse(), 0)
})

test('a column of codes is not tested', t => {
  const column = columnFromValues(INT64, [1n])
  t.is(rangeFilter(0n, 1n, false).select({ ...column, dictionary: column }, 0, 1, 0), undefined)
  t.deepEqual(columnValues(column), [1n])
  releaseColumn(column)
})
