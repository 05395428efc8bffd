/** orders and lineitem, any range of orders; either table can be made without the other. */
import { TextBuilder, type GeneratedColumn } from './columns.js'
import { ORDER_PRIORITIES, RETURN_FLAGS, SHIP_INSTRUCTIONS, SHIP_MODES } from './distributions.js'
import { commentColumn, drawColumn, numberedColumn, wordColumn, type UnitRange } from './draws.js'
import { stateBefore, step, STREAMS, uniform, type Stream } from './random.js'
import type { Scale } from './schema.js'
import { retailPrice, supplierOf } from './small-tables.js'
import { POOL_BYTES } from './text-pool.js'

/** 1995-06-17, the day the data is as of. */
const CURRENT_DAY = 1263
const LAST_ORDER_DAY = 2405
const NOT_RECEIVED = RETURN_FLAGS.indexOf('N')
const STATUSES = ['F', 'O', 'P']
const LINE_STATUSES = ['F', 'O']

/** Order keys are sparse: 8 of every 32 are used. */
const orderKey = (order: number): number => 32 * Math.floor(order / 8) + (order % 8)

/** What orders and lineitem both depend on: lines in order, `counts[i]` for the i-th order. */
class Lines {
  readonly range: UnitRange
  readonly counts: Int32Array
  readonly total: number
  readonly orderDays: Int32Array

  constructor(range: UnitRange) {
    this.range = range
    this.counts = drawColumn(STREAMS.lineCount, range, 1, 7)
    this.total = this.counts.reduce((sum, count) => sum + count, 0)
    this.orderDays = drawColumn(STREAMS.o_orderdate, range, 0, LAST_ORDER_DAY)
  }

  /** One draw of [low, high] a line. */
  draw(stream: Stream, low: number, high: number): Int32Array {
    const values = new Int32Array(this.total)
    const value = uniform(low, high)
    let state = stateBefore(stream, this.range.first)
    let line = 0
    for (const count of this.counts) {
      for (let i = 0; i < count; i++) {
        state = step(state)
        values[line++] = value(state)
      }
      for (let i = count; i < stream.drawsPerRow; i++) state = step(state)
    }
    return values
  }

  /** The value of the order for each of its lines. */
  spread(values: Int32Array): Int32Array {
    const spread = new Int32Array(this.total)
    let line = 0
    this.counts.forEach((count, order) => {
      spread.fill(values[order], line, line + count)
      line += count
    })
    return spread
  }

  shipDays(): Int32Array {
    const days = this.spread(this.orderDays)
    return this.draw(STREAMS.l_shipdate, 1, 121).map((delay, line) => days[line] + delay)
  }

  /** Cents: quantity times the retail price of the part. */
  prices(quantities: Int32Array, parts: Int32Array): Int32Array {
    return quantities.map((quantity, line) => quantity * retailPrice(parts[line]))
  }
}

export function lineitem(pool: Uint8Array, range: UnitRange, scale: Scale): GeneratedColumn[] {
  const lines = new Lines(range)
  const orderDays = lines.spread(lines.orderDays)
  const parts = lines.draw(STREAMS.l_partkey, 1, scale.parts)
  const quantities = lines.draw(STREAMS.l_quantity, 1, 50)
  const shipDays = lines.shipDays()
  const receiptDays = lines.draw(STREAMS.l_receiptdate, 1, 30).map((delay, line) => shipDays[line] + delay)
  const keys = Int32Array.from(lines.counts, (_, i) => orderKey(range.first + i + 1))
  const word = (stream: Stream, words: readonly string[]): GeneratedColumn => ({
    kind: 'word',
    codes: Uint8Array.from(lines.draw(stream, 0, words.length - 1)),
    words,
  })
  return [
    { kind: 'int', values: lines.spread(keys) },
    { kind: 'int', values: parts },
    {
      kind: 'int',
      values: lines.draw(STREAMS.l_suppkey, 0, 3).map((i, line) => supplierOf(parts[line], i, scale.suppliers)),
    },
    { kind: 'int', values: lineNumbers(lines) },
    { kind: 'decimal', values: quantities.map(quantity => quantity * 100), whole: true },
    { kind: 'decimal', values: lines.prices(quantities, parts) },
    { kind: 'decimal', values: lines.draw(STREAMS.l_discount, 0, 10) },
    { kind: 'decimal', values: lines.draw(STREAMS.l_tax, 0, 8) },
    { kind: 'word', codes: returnFlags(lines, receiptDays), words: RETURN_FLAGS },
    { kind: 'word', codes: Uint8Array.from(shipDays, day => (day <= CURRENT_DAY ? 0 : 1)), words: LINE_STATUSES },
    { kind: 'date', values: shipDays },
    { kind: 'date', values: lines.draw(STREAMS.l_commitdate, 30, 90).map((delay, line) => orderDays[line] + delay) },
    { kind: 'date', values: receiptDays },
    word(STREAMS.l_shipinstruct, SHIP_INSTRUCTIONS),
    word(STREAMS.l_shipmode, SHIP_MODES),
    lineComments(pool, lines),
  ]
}

function lineNumbers(lines: Lines): Int32Array {
  const numbers = new Int32Array(lines.total)
  let line = 0
  for (const count of lines.counts) for (let i = 1; i <= count; i++) numbers[line++] = i
  return numbers
}

/** Only lines already received draw a flag: the k-th such line of an order takes the k-th draw. */
function returnFlags(lines: Lines, receiptDays: Int32Array): Uint8Array {
  const stream = STREAMS.l_returnflag
  const codes = new Uint8Array(lines.total)
  const flag = uniform(0, 1)
  let state = stateBefore(stream, lines.range.first)
  let line = 0
  for (const count of lines.counts) {
    let draws = 0
    for (let i = 0; i < count; i++, line++) {
      if (receiptDays[line] > CURRENT_DAY) {
        codes[line] = NOT_RECEIVED
      } else {
        state = step(state)
        draws++
        codes[line] = flag(state)
      }
    }
    for (; draws < stream.drawsPerRow; draws++) state = step(state)
  }
  return codes
}

function lineComments(pool: Uint8Array, lines: Lines): GeneratedColumn {
  const MIN_LENGTH = 10
  const MAX_LENGTH = 43
  const stream = STREAMS.l_comment
  const text = new TextBuilder(lines.total, 28)
  const offset = uniform(0, POOL_BYTES - MAX_LENGTH)
  const length = uniform(MIN_LENGTH, MAX_LENGTH)
  let state = stateBefore(stream, lines.range.first)
  for (const count of lines.counts) {
    for (let i = 0; i < count; i++) {
      state = step(state)
      const start = offset(state)
      state = step(state)
      text.slice(pool, start, length(state))
    }
    for (let i = 2 * count; i < stream.drawsPerRow; i++) state = step(state)
  }
  return text.finish()
}

export function orders(pool: Uint8Array, range: UnitRange, scale: Scale): GeneratedColumn[] {
  const lines = new Lines(range)
  const { prices, statuses } = totals(lines, scale)
  return [
    { kind: 'int', values: Int32Array.from(lines.counts, (_, i) => orderKey(range.first + i + 1)) },
    { kind: 'int', values: customerKeys(range, scale) },
    { kind: 'word', codes: statuses, words: STATUSES },
    { kind: 'decimal', values: prices },
    { kind: 'date', values: lines.orderDays },
    wordColumn(STREAMS.o_orderpriority, range, ORDER_PRIORITIES),
    numberedColumn('Clerk#', drawColumn(STREAMS.o_clerk, range, 1, 1000 * scale.factor)),
    { kind: 'int', values: new Int32Array(range.last - range.first) },
    commentColumn(pool, STREAMS.o_comment, range, { minLength: 19, maxLength: 78 }),
  ]
}

/** A third of the customers never order: their draws go to a neighbour. */
const customerKeys = (range: UnitRange, scale: Scale): Int32Array =>
  drawColumn(STREAMS.o_custkey, range, 1, scale.customers).map(key => {
    if (key % 3 !== 0) return key
    return key === scale.customers ? key - 1 : key + 1
  })

/** Total price (each line's discount and tax truncated to cents, in that order) and status of each order. */
function totals(lines: Lines, scale: Scale): { prices: Int32Array; statuses: Uint8Array } {
  const parts = lines.draw(STREAMS.l_partkey, 1, scale.parts)
  const prices = lines.prices(lines.draw(STREAMS.l_quantity, 1, 50), parts)
  const discounts = lines.draw(STREAMS.l_discount, 0, 10)
  const taxes = lines.draw(STREAMS.l_tax, 0, 8)
  const shipDays = lines.shipDays()
  const sums = new Int32Array(lines.counts.length)
  const statuses = new Uint8Array(lines.counts.length)
  let line = 0
  lines.counts.forEach((count, order) => {
    let shipped = 0
    for (let i = 0; i < count; i++, line++) {
      const discounted = Math.floor((prices[line] * (100 - discounts[line])) / 100)
      sums[order] += Math.floor((discounted * (100 + taxes[line])) / 100)
      if (shipDays[line] <= CURRENT_DAY) shipped++
    }
    statuses[order] = STATUSES.indexOf(shipped === count ? 'F' : shipped === 0 ? 'O' : 'P')
  })
  return { prices: sums, statuses }
}
