/** Sort keys as numbers: every key column becomes i64 values of the same order, all of them together few 64-bit words. */
import type { Column } from '../../arrow/batch.js'
import { defaultWidth, releaseColumn } from '../../arrow/column.js'
import { alloc, kernels, release, views, withScratch } from '../../arrow/memory.js'
import { Segments, zeroFill, type Charge } from '../../arrow/segments.js'
import { decodeDictionary } from '../../arrow/take.js'
import { typeName, type DataType } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { typeOf, type SortKey } from '../../expr/expr.js'
import { RadixSort, ROWS_A_CALL } from './sort-radix.js'
import { rankTexts } from './sort-text.js'
import { StringIds } from './string-ids.js'

/** i64 values of one key by row; a 128-bit key has two, the more significant first. */
interface Part {
  readonly key: SortKey
  readonly values: Segments
  readonly half: 'whole' | 'high' | 'low'
  readonly strings: StringIds | undefined
  nulls: Segments | undefined
}

/** A field of a packed word: codes in `bits` bits. */
interface Code {
  readonly bits: number
  readonly pack: (from: number, to: number, shift: number, words: number) => void
}

/** The type's values as i64 of the same order, at `out`; strings and 128-bit values have their own ways. */
export function orderedWords(column: Column, out: number): void {
  const { type, values, width, length, validity } = column
  const own = kernels()
  const kind = type.kind === 'boolean' ? 3 : type.kind === 'float' ? 2 : type.kind === 'int' && !type.signed ? 0 : 1
  if (width !== 16) own.aggregateOrder(values, kind, width, length, out)
  else if (own.groupNarrow(values, validity, length, out) === 0) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
}

export const isText = (type: DataType): boolean => type.kind === 'utf8' || type.kind === 'binary'

export class SortKeys {
  readonly #charge: Charge
  readonly #parts: readonly Part[]
  #rowCount = 0
  #radix: RadixSort | undefined

  /** Throws NOT_SUPPORTED for a key without an order. */
  constructor(keys: readonly SortKey[], charge: Charge) {
    this.#charge = charge
    keys.forEach(({ expr }) => checkOrdered(typeOf(expr)))
    this.#parts = keys.flatMap(key => partsOf(key, charge))
  }

  /** Appends rows: one column a sort key, borrowed. */
  add(columns: readonly Column[], rowCount: number): void {
    let column = -1
    for (const part of this.#parts) {
      if (part.half !== 'low') column++
      const flat = part.strings === undefined ? flatten(columns[column]) : columns[column]
      try {
        this.#append(part, flat, rowCount)
      } finally {
        if (flat !== columns[column]) releaseColumn(flat)
      }
    }
    this.#rowCount += rowCount
  }

  /** u32 row numbers in sort order, equal keys in order of the rows; valid until `close`. Yields between steps. */
  *sort(): Generator<void, number> {
    const codes: Code[] = []
    for (const part of this.#parts) {
      if (part.strings !== undefined) yield* this.#rank(part, part.strings)
      codes.push(...this.#codesOf(part))
    }
    const radix = new RadixSort(this.#rowCount, this.#charge)
    this.#radix = radix
    for (const fields of wordsOf(codes)) yield* this.#sortByWord(radix, fields)
    return radix.index
  }

  close(): void {
    for (const part of this.#parts) {
      part.values.close()
      part.strings?.close()
      part.nulls?.close()
    }
    this.#radix?.close()
  }

  #append(part: Part, column: Column, rowCount: number): void {
    const total = this.#rowCount + rowCount
    part.values.reserve(total)
    if (part.nulls === undefined && column.nullCount > 0) part.nulls = new Segments(1, this.#charge)
    part.nulls?.reserve(total)
    withScratch(scratch => {
      const words = scratch(rowCount * 8)
      if (part.strings !== undefined) {
        const ids = scratch(rowCount * 4)
        part.strings.intern(column, ids)
        kernels().aggregateOrder(ids, 0, 4, rowCount, words)
      } else if (part.half !== 'whole')
        kernels().sortHalves(column.values, column.width, part.half === 'high' ? 1 : 0, rowCount, words)
      else if (column.type.kind === 'null') zeroFill(words, rowCount * 8)
      else orderedWords(column, words)
      const nulls = part.nulls?.directory ?? 0
      // A column of type null has no bitmap.
      const validity = column.type.kind === 'null' ? noBits(scratch, rowCount) : column.validity
      kernels().sortAppend(words, validity, rowCount, part.values.directory, nulls, this.#rowCount)
    })
  }

  *#rank(part: Part, strings: StringIds): Generator<void> {
    const ranks = yield* rankTexts(strings.entries, strings.count, this.#charge)
    try {
      views().u32[ranks / 4] = 0
      for (let from = 0; from < this.#rowCount; from += ROWS_A_CALL) {
        kernels().sortRank(part.values.directory, from, Math.min(this.#rowCount, from + ROWS_A_CALL), ranks)
      }
    } finally {
      release(ranks)
    }
  }

  #codesOf(part: Part): Code[] {
    const { descending, nullsFirst } = part.key
    const { low, high, nullCount } = this.#bounds(part)
    if (nullCount === this.#rowCount) return []
    const own = kernels()
    const nulls = part.nulls?.directory ?? 0
    const base = descending ? high : low
    const range = high - low
    const hasNulls = nullCount > 0 && part.half !== 'low'
    const { directory } = part.values
    const code = (bits: number, offset: number, nullCode: bigint): Code => ({
      bits,
      pack: (from, to, shift, words) =>
        void own.sortPack(directory, nulls, from, to, base, descending ? 1 : 0, offset, nullCode, shift, words),
    })
    if (!hasNulls) return [code(bitLength(range), 0, 0n)]
    const bits = bitLength(range + 1n)
    if (bits <= 64) return [nullsFirst ? code(bits, 1, 0n) : code(bits, 0, range + 1n)]
    const first = nullsFirst ? 1 : 0
    return [
      { bits: 1, pack: (from, to, shift, words) => void own.sortPackNulls(nulls, from, to, first, shift, words) },
      code(64, 0, 0n),
    ]
  }

  #bounds(part: Part): { low: bigint; high: bigint; nullCount: number } {
    return withScratch(scratch => {
      const bounds = scratch(24)
      const { i64, u32 } = views()
      i64[bounds / 8] = 2n ** 63n - 1n
      i64[bounds / 8 + 1] = -(2n ** 63n)
      u32[bounds / 4 + 4] = 0
      for (let from = 0; from < this.#rowCount; from += ROWS_A_CALL) {
        const to = Math.min(this.#rowCount, from + ROWS_A_CALL)
        kernels().sortBounds(part.values.directory, part.nulls?.directory ?? 0, from, to, bounds)
      }
      return { low: i64[bounds / 8], high: i64[bounds / 8 + 1], nullCount: u32[bounds / 4 + 4] }
    })
  }

  *#sortByWord(radix: RadixSort, fields: readonly { readonly code: Code; readonly shift: number }[]): Generator<void> {
    const byteLength = this.#rowCount * 8
    this.#charge(byteLength)
    const words = alloc(byteLength)
    try {
      for (let from = 0; from < this.#rowCount; from += ROWS_A_CALL) {
        const to = Math.min(this.#rowCount, from + ROWS_A_CALL)
        zeroFill(words + from * 8, (to - from) * 8)
        for (const { code, shift } of fields) code.pack(from, to, shift, words)
        yield
      }
      yield* radix.by((index, from, to, out) => void kernels().sortGather(words, index, from, to, out))
    } finally {
      release(words)
      this.#charge(-byteLength)
    }
  }
}

function partsOf(key: SortKey, charge: Charge): Part[] {
  const type = typeOf(key.expr)
  const part = (half: Part['half'], strings?: StringIds): Part => ({
    key,
    values: new Segments(8, charge),
    half,
    strings,
    nulls: undefined,
  })
  if (isText(type)) return [part('whole', new StringIds(charge))]
  return defaultWidth(type) === 16 ? [part('high'), part('low')] : [part('whole')]
}

function checkOrdered(type: DataType): void {
  const isNested = type.kind === 'list' || type.kind === 'struct' || type.kind === 'map'
  if (isNested || type.kind === 'interval') throw fail('NOT_SUPPORTED', [`ORDER BY a value of type ${typeName(type)}`])
}

const flatten = (column: Column): Column => (column.dictionary === undefined ? column : decodeDictionary(column))

function noBits(scratch: (byteLength: number) => number, rowCount: number): number {
  const byteLength = Math.ceil(rowCount / 8)
  const bits = scratch(byteLength)
  views().u8.fill(0, bits, bits + byteLength)
  return bits
}

const bitLength = (value: bigint): number => (value === 0n ? 0 : value.toString(2).length)

/** Codes, most significant first, into words of 64 bits, least significant first. */
function wordsOf(codes: readonly Code[]): { code: Code; shift: number }[][] {
  const words: { code: Code; shift: number }[][] = []
  let used = 64
  for (const code of [...codes].reverse()) {
    if (code.bits === 0) continue
    if (used + code.bits > 64) {
      words.push([])
      used = 0
    }
    words[words.length - 1].push({ code, shift: used })
    used += code.bits
  }
  return words
}
