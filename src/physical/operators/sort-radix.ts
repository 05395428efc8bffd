/** A stable radix sort of row numbers by 64-bit words, one word after the other, least significant word first. */
import { alloc, kernels, release } from '../../arrow/memory.js'
import { zeroFill, type Charge } from '../../arrow/segments.js'

/** Rows of one kernel call: a millisecond at most. */
export const ROWS_A_CALL = 65_536
const DIGITS = 6
const COUNTS_BYTES = 2048 * 4
/** Two key words and two row numbers. */
const BYTES_A_ROW = 24

/** Writes the words of rows index[from..to] to out[from..to]. */
export type WordsOf = (index: number, from: number, to: number, out: number) => void

export class RadixSort {
  readonly #count: number
  readonly #charge: Charge
  readonly #blocks: number[] = []
  readonly #counts: number
  #isClosed = false
  #keys: number
  #otherKeys: number
  #index: number
  #otherIndex: number

  constructor(count: number, charge: Charge) {
    this.#count = count
    this.#charge = charge
    charge(count * BYTES_A_ROW)
    try {
      for (const byteLength of [DIGITS * COUNTS_BYTES, count * 8, count * 8, count * 4, count * 4])
        this.#blocks.push(alloc(byteLength))
    } catch (error) {
      this.close()
      throw error
    }
    ;[this.#counts, this.#keys, this.#otherKeys, this.#index, this.#otherIndex] = this.#blocks
    kernels().sortIndex(0, count, this.#index)
  }

  /** u32[count] row numbers in the order so far. */
  get index(): number {
    return this.#index
  }

  /** Sorts by one more word, more significant than those before. Yields between steps. */
  *by(words: WordsOf): Generator<void> {
    const own = kernels()
    zeroFill(this.#counts, DIGITS * COUNTS_BYTES)
    for (let from = 0; from < this.#count; from += ROWS_A_CALL) {
      const to = Math.min(this.#count, from + ROWS_A_CALL)
      words(this.#index, from, to, this.#keys)
      own.sortCount(this.#keys, from, to, this.#counts)
      yield
    }
    for (let digit = 0; digit < DIGITS; digit++) {
      const starts = this.#counts + digit * COUNTS_BYTES
      if (own.sortStarts(starts, this.#count) === 1) continue
      for (let from = 0; from < this.#count; from += ROWS_A_CALL) {
        const to = Math.min(this.#count, from + ROWS_A_CALL)
        own.sortScatter(this.#keys, this.#index, from, to, digit, starts, this.#otherKeys, this.#otherIndex)
        yield
      }
      ;[this.#keys, this.#otherKeys] = [this.#otherKeys, this.#keys]
      ;[this.#index, this.#otherIndex] = [this.#otherIndex, this.#index]
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#blocks.forEach(release)
    this.#charge(-this.#count * BYTES_A_ROW)
  }
}
