/** Numbers for strings: equal strings have equal ids, 1, 2, 3 … in order of first appearance; 0 is NULL. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes, buildColumn, releaseColumn, retainColumn } from '../../arrow/column.js'
import { alloc, kernels, release, views } from '../../arrow/memory.js'
import { Room, Segments, Slots, zeroFill, type Charge } from '../../arrow/segments.js'
import { checkedTotal, COPY_SLOP, decodeDictionary } from '../../arrow/take.js'
import type { DataType } from '../../arrow/types.js'

const ENTRY_BYTES = 16
const FIRST_BITS = 10
const FIRST_CHUNK = 16 * 1024
/** Chunks of text double up to this; a longer string has a chunk of its own. */
const MAX_CHUNK = 4 * 1024 * 1024

/** Holds each distinct string once, in the arena. Columns are utf8 or binary, flat or dictionary. */
export class StringIds {
  readonly #charge: Charge
  readonly #entries: Segments
  readonly #slots: Slots
  /** u32 { next id, chunk position, chunk end }, as the kernel reads it. */
  #state = 0
  readonly #chunks: number[] = []
  readonly #map = new Room()
  #chunkBytes = 0
  #bits = FIRST_BITS
  /** The dictionary that #map is of (one reference held), and whether unknown strings were added for it. */
  #mapped: { readonly dictionary: Column; readonly added: boolean } | undefined

  constructor(charge: Charge) {
    this.#charge = charge
    this.#entries = new Segments(ENTRY_BYTES, charge)
    this.#slots = new Slots(charge)
  }

  /** By id: u32 position, u32 length, u64 hash. */
  get entries(): Segments {
    return this.#entries
  }

  /** The greatest id given. */
  get count(): number {
    return this.#state === 0 ? 0 : views().u32[this.#state / 4] - 1
  }

  /** Ids of all rows into u32 out; new strings are added. */
  intern(column: Column, out: number): void {
    this.#rows(column, out, true)
  }

  /** Ids of all rows into u32 out; unknown strings have 0. */
  lookup(column: Column, out: number): void {
    this.#rows(column, out, false)
  }

  /** The strings of n ids as a flat column, owned by the caller. */
  toColumn(type: DataType, ids: number, n: number): Column {
    const calls = kernels()
    const { directory } = this.#entries
    return buildColumn(({ own }) => {
      const offsets = own((n + 1) * 4)
      const values = own(checkedTotal(calls.textOffsets(ids, n, directory, offsets)) + COPY_SLOP)
      calls.textCopy(ids, n, directory, values)
      const validity = own(bitmapBytes(n))
      zeroFill(validity, bitmapBytes(n))
      const nullCount = n - calls.groupIdBits(ids, n, validity)
      return { type, length: n, nullCount, validity, offsets, values }
    })
  }

  close(): void {
    this.#forget()
    this.#map.close()
    this.#entries.close()
    this.#slots.close()
    this.#chunks.forEach(release)
    this.#charge(-this.#chunkBytes)
    if (this.#state !== 0) release(this.#state)
  }

  /** On first use, so that an operator that cannot be made leaves nothing behind. */
  #open(): void {
    this.#entries.reserve(2)
    this.#slots.reset(2 ** this.#bits)
    this.#state = alloc(16)
    views().u32.set([1, 0, 0, 0], this.#state / 4)
  }

  #rows(column: Column, out: number, add: boolean): void {
    if (this.#state === 0) this.#open()
    const { dictionary } = column
    if (dictionary === undefined) return this.#flat(column, out, add)
    if (!this.#isMapped(dictionary, add)) {
      // A dictionary that dwarfs its rows costs more than the rows themselves.
      if (dictionary.length > 4 * column.length + 1024) {
        const flat = decodeDictionary(column)
        this.#flat(flat, out, add)
        return releaseColumn(flat)
      }
      this.#forget()
      this.#flat(dictionary, this.#map.take(dictionary.length * 4), add)
      retainColumn(dictionary)
      this.#mapped = { dictionary, added: add }
    }
    const map = this.#map.take(dictionary.length * 4)
    kernels().groupMapCodes(column.values, column.validity, column.length, map, out)
  }

  #isMapped(dictionary: Column, add: boolean): boolean {
    if (this.#mapped === undefined || this.#mapped.added !== add) return false
    const known = this.#mapped.dictionary
    return (
      known.values === dictionary.values && known.offsets === dictionary.offsets && known.length === dictionary.length
    )
  }

  #forget(): void {
    if (this.#mapped !== undefined) releaseColumn(this.#mapped.dictionary)
    this.#mapped = undefined
  }

  #flat(column: Column, out: number, add: boolean): void {
    const own = kernels()
    const { values, offsets, validity, length } = column
    if (!add) {
      own.textLookup(values, offsets, validity, length, this.#slots.directory, this.#bits, this.#entries.directory, out)
      return
    }
    for (let row = 0; ;) {
      const { directory } = this.#entries
      const limit = Math.min(this.#entries.capacity, 2 ** (this.#bits - 1))
      row = own.textIntern(
        values,
        offsets,
        validity,
        row,
        length,
        this.#slots.directory,
        this.#bits,
        directory,
        this.#state,
        limit,
        out,
      )
      if (row === length) return
      if (this.count + 1 >= limit) this.#grow()
      else this.#addChunk(views().i32[offsets / 4 + row + 1] - views().i32[offsets / 4 + row])
    }
  }

  #grow(): void {
    const next = this.count + 1
    this.#entries.reserve(next + 1)
    if (next < 2 ** (this.#bits - 1)) return
    this.#bits += this.#bits < 16 ? 2 : 1
    this.#slots.reset(2 ** this.#bits)
    kernels().textRehash(this.#slots.directory, this.#bits, this.#entries.directory, next)
  }

  #addChunk(stringBytes: number): void {
    const doubled = Math.min(MAX_CHUNK, FIRST_CHUNK * 2 ** this.#chunks.length)
    const byteLength = Math.max(doubled, stringBytes + 8)
    this.#charge(byteLength)
    this.#chunkBytes += byteLength
    const chunk = alloc(byteLength)
    this.#chunks.push(chunk)
    views().u32.set([chunk, chunk + byteLength], this.#state / 4 + 1)
  }
}
