/** Group numbers for key words: equal keys have equal numbers, 0, 1, 2 … in order of first appearance. */
import { alloc, kernels, release, views } from '../../arrow/memory.js'
import { Segments, Slots, type Charge } from '../../arrow/segments.js'
import type { EncodedKeys } from './row-keys.js'

const FIRST_BITS = 10
/** Integer keys are looked up by position while their range is at most this many slots, or this many slots a row. */
const DIRECT_SLOTS = 65_536
const DIRECT_SLOTS_A_ROW = 8

/** A hash table, or a table by position as long as the keys are integers of a small range. Keys stay for `RowKeys.decode`. */
export class GroupTable {
  /** Key words by group. */
  readonly keys: Segments
  readonly #words: number
  readonly #slots: Slots
  /** u32 { groups, NULL group + 1 } and two i64 for bounds, as the kernels write them. */
  #state = 0
  /** Slots by position: key `#base` has slot 0. */
  #isDirect: boolean
  #base = 0n
  #bits = 0

  constructor(words: number, isInteger: boolean, charge: Charge) {
    this.#words = words
    this.#isDirect = isInteger && words === 1
    this.keys = new Segments(words * 8, charge)
    this.#slots = new Slots(charge)
  }

  get count(): number {
    return this.#state === 0 ? 0 : views().u32[this.#state / 4]
  }

  /** The group of rows whose only key is NULL; -1: none. */
  get nullGroup(): number {
    return this.#state === 0 ? -1 : views().u32[this.#state / 4 + 1] - 1
  }

  /** The group of each of n rows into u32 out; new keys become new groups. */
  assign(rows: EncodedKeys, n: number, out: number): void {
    if (this.#state === 0) this.#open()
    if (this.#isDirect && this.#fitDirect(rows, n)) {
      kernels().groupIdsDirect(
        rows.words,
        rows.validity,
        n,
        this.#slots.directory,
        this.#base,
        this.keys.directory,
        this.#state,
        out,
      )
      return
    }
    if (this.#bits === 0) this.#rehash(Math.max(FIRST_BITS, Math.ceil(Math.log2(this.count + 1)) + 2))
    for (let row = 0; ; this.#grow()) {
      row = this.#assignFrom(rows, row, n, out)
      if (row === n) return
    }
  }

  close(): void {
    this.keys.close()
    this.#slots.close()
    if (this.#state !== 0) release(this.#state)
  }

  /** On first use, so that an operator that cannot be made leaves nothing behind. */
  #open(): void {
    this.keys.reserve(1)
    this.#state = alloc(32)
    views().u32.fill(0, this.#state / 4, this.#state / 4 + 2)
  }

  #assignFrom(rows: EncodedKeys, row: number, n: number, out: number): number {
    const own = kernels()
    const limit = Math.min(this.keys.capacity, 2 ** (this.#bits - 1))
    const table = [row, n, this.#slots.directory, this.#bits, this.keys.directory, this.#state, limit, out] as const
    if (this.#words === 1) return own.groupIds(rows.words, rows.validity, ...table)
    return own.groupIdsWide(rows.words, this.#words, ...table)
  }

  #grow(): void {
    this.keys.reserve(this.count + 1)
    if (this.count >= 2 ** (this.#bits - 1)) this.#rehash(this.#bits + (this.#bits < 18 ? 2 : 1))
  }

  #rehash(bits: number): void {
    this.#isDirect = false
    this.#bits = bits
    this.#slots.reset(2 ** bits)
    kernels().groupRehash(this.#slots.directory, bits, this.keys.directory, this.#words, this.count, this.nullGroup + 1)
  }

  /** Widens the table by position to the keys of these rows; false if the range is too wide: hash from now on. */
  #fitDirect(rows: EncodedKeys, n: number): boolean {
    const { i64 } = views()
    const bounds = this.#state + 16
    if (kernels().groupBounds(rows.words, rows.validity, n, bounds) > 0) {
      const low = i64[bounds / 8]
      const high = i64[bounds / 8 + 1]
      const end = this.#base + BigInt(this.#slots.count)
      if ((low < this.#base || high >= end) && !this.#widen(low, high, n)) return false
    }
    this.keys.reserve(Math.min(this.count + n, this.#slots.count) + 1)
    return true
  }

  #widen(low: bigint, high: bigint, n: number): boolean {
    const isFirst = this.#slots.count === 0
    const from = isFirst || low < this.#base ? low : this.#base
    const top = this.#base + BigInt(this.#slots.count) - 1n
    const to = isFirst || high > top ? high : top
    const range = to - from + 1n
    if (range > BigInt(Math.max(DIRECT_SLOTS, DIRECT_SLOTS_A_ROW * (this.count + n)))) return false
    const slots = 2 ** Math.ceil(Math.log2(Number(range) * 1.25 + 64))
    // Spare room lies on the side on which the keys have moved.
    this.#base = isFirst || low >= this.#base ? from : to - BigInt(slots) + 1n
    if (this.#base < MIN_INT64) this.#base = MIN_INT64
    this.#slots.reset(slots)
    kernels().groupRehashDirect(this.#slots.directory, this.#base, this.keys.directory, this.count, this.nullGroup + 1)
    return true
  }
}

const MIN_INT64 = -(2n ** 63n)
