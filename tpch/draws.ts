/** Draws that several tables share: uniform columns, comments, addresses, phones, numbered names. */
import { TextBuilder, type GeneratedColumn } from './columns.js'
import { ADDRESS_LETTERS } from './distributions.js'
import { addressBits, stateBefore, step, uniform, type Stream } from './random.js'
import { POOL_BYTES } from './text-pool.js'

/** Rows (or other units) [first, last), numbered from 0. */
export interface UnitRange {
  readonly first: number
  readonly last: number
}

const LETTERS = new Uint8Array(Buffer.from(ADDRESS_LETTERS, 'latin1'))
const COMMENT_BYTES = 64

/** One value of [low, high] a row, from a stream with one draw a row. */
export function drawColumn(stream: Stream, range: UnitRange, low: number, high: number): Int32Array {
  const values = new Int32Array(range.last - range.first)
  const value = uniform(low, high)
  let state = stateBefore(stream, range.first)
  for (let row = 0; row < values.length; row++) {
    state = step(state)
    values[row] = value(state)
  }
  return values
}

/** A word of a uniform set a row. */
export function wordColumn(stream: Stream, range: UnitRange, words: readonly string[]): GeneratedColumn {
  return { kind: 'word', codes: Uint8Array.from(drawColumn(stream, range, 0, words.length - 1)), words }
}

/** The slice of the text pool of one comment: state after the two draws goes back through the return value. */
export interface CommentDraw {
  readonly minLength: number
  readonly maxLength: number
}

/** `perRow` comments a row, each of minLength .. maxLength bytes. */
export function commentColumn(
  pool: Uint8Array,
  stream: Stream,
  range: UnitRange,
  { minLength, maxLength }: CommentDraw,
  perRow = 1,
): GeneratedColumn {
  const count = (range.last - range.first) * perRow
  const text = new TextBuilder(count, Math.min(maxLength, COMMENT_BYTES * 2))
  const offset = uniform(0, POOL_BYTES - maxLength)
  const length = uniform(minLength, maxLength)
  let state = stateBefore(stream, range.first)
  for (let row = 0; row < count; row++) {
    state = step(state)
    const start = offset(state)
    state = step(state)
    text.slice(pool, start, length(state))
  }
  return text.finish()
}

/** Addresses: 10 to 40 letters, five from each draw. */
export function addressColumn(stream: Stream, range: UnitRange): GeneratedColumn {
  const text = new TextBuilder(range.last - range.first, 40)
  const lengthOf = uniform(10, 40)
  let state = stateBefore(stream, range.first)
  for (let row = range.first; row < range.last; row++) {
    state = step(state)
    const length = lengthOf(state)
    let draws = 1
    let bits = 0
    const { bytes, at } = text.reserve(length)
    for (let i = 0; i < length; i++) {
      if (i % 5 === 0) {
        state = step(state)
        draws++
        bits = addressBits(state)
      }
      bytes[at + i] = LETTERS[bits & 63]
      bits >>= 6
    }
    text.commit(length)
    for (; draws < stream.drawsPerRow; draws++) state = step(state)
  }
  return text.finish()
}

/** `CC-aaa-bbb-cccc`, the country code 10 + nation key. */
export function phoneColumn(stream: Stream, range: UnitRange, nations: Int32Array): GeneratedColumn {
  const text = new TextBuilder(nations.length, 15)
  const three = uniform(100, 999)
  const four = uniform(1000, 9999)
  let state = stateBefore(stream, range.first)
  for (const nation of nations) {
    state = step(state)
    const a = three(state)
    state = step(state)
    const b = three(state)
    state = step(state)
    text.string(`${10 + nation}-${a}-${b}-${four(state)}`)
  }
  return text.finish()
}

/** A prefix and the number, padded with zeros to nine digits. */
export function numberedColumn(prefix: string, numbers: Int32Array): GeneratedColumn {
  const text = new TextBuilder(numbers.length, prefix.length + 9)
  for (const number of numbers) text.string(prefix + String(number).padStart(9, '0'))
  return text.finish()
}

/** range.first + 1 .. range.last: row numbers from 1. */
export const rowNumbers = (range: UnitRange): Int32Array =>
  Int32Array.from({ length: range.last - range.first }, (_, i) => range.first + i + 1)
