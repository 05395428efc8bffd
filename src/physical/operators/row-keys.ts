/** Rows of key columns as rows of 64-bit words, such that equal words mean equal keys, and back. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes, defaultWidth, makeColumn, releaseColumn } from '../../arrow/column.js'
import { alloc, kernels, release, views } from '../../arrow/memory.js'
import { Room, zeroBitmap, zeroFill, type Charge } from '../../arrow/segments.js'
import { decodeDictionary } from '../../arrow/take.js'
import { typeName, type DataType } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { invariant, unreachable } from '../../common/invariant.js'
import { StringIds } from './string-ids.js'

/** Dense words by group: the directory of Segments. */
interface DenseWords {
  readonly directory: number
}

export interface KeyType {
  readonly type: DataType
  readonly nullable: boolean
}

/** Where a key column lies in the words of a row. */
interface Place {
  readonly type: DataType
  /** Bits of the value; 128 takes two words. */
  readonly bits: number
  word: number
  shift: number
  /** The word and bit that say NULL; -1: none. */
  nullWord: number
  nullShift: number
  readonly strings: StringIds | undefined
}

/** Words of the rows of a batch, `RowKeys.words` of them a row; valid until the next `encode`. */
export interface EncodedKeys {
  readonly words: number
  /** Bitmap of the rows with a key, 0 if all have one. For groups: only with a single key column, and NULL is a key of its own. */
  readonly validity: number
}

/**
 * Packs key columns. `nulls: 'group'`: NULL equals NULL; `nulls: 'reject'` (joins): a row with any NULL has no key.
 * Holds the distinct strings of string columns.
 */
export class RowKeys {
  /** 64-bit words a row. */
  readonly words: number
  /** One integer-like column, its value as i64 in the one word: keys have an order and a range. */
  readonly isInteger: boolean
  /** The key column whose value as a 64-bit integer is the first word; -1 if there is none. */
  readonly leadingInteger: number
  readonly #places: readonly Place[]
  readonly #nulls: 'group' | 'reject'
  readonly #rows = new Room()
  readonly #ids = new Room()
  readonly #validity = new Room()

  constructor(types: readonly KeyType[], nulls: 'group' | 'reject', charge: Charge) {
    this.#nulls = nulls
    this.#places = types.map(({ type }) => placeOf(type, charge))
    const single = types.length === 1 && this.#places[0].bits <= 64
    this.words = single ? 1 : layOut(this.#places, types, nulls === 'group')
    this.isInteger = single && types[0].type.kind !== 'float'
    this.leadingInteger = this.isInteger
      ? 0
      : this.#places.findIndex(({ word, bits, type }) => word === 0 && bits === 64 && type.kind !== 'float')
  }

  /** `add` false: strings that no earlier call added have no key (joins only). */
  encode(columns: readonly Column[], rowCount: number, add = true): EncodedKeys {
    const direct = this.#direct(columns)
    if (direct !== undefined) return direct
    const byteLength = rowCount * this.words * 8
    const words = this.#rows.take(byteLength)
    zeroFill(words, byteLength)
    const validity = this.#startValidity(columns, rowCount)
    columns.forEach((column, i) => this.#encodeColumn(this.#places[i], column, words, validity, add))
    return { words, validity }
  }

  /** Key column `index` of groups from..from+n out of dense words; `nullGroup` is the number of the NULL group, or -1. */
  decode(index: number, dense: DenseWords, from: number, n: number, nullGroup: number): Column {
    const place = this.#places[index]
    const own = kernels()
    const size = this.words * 8
    if (place.strings !== undefined) {
      const ids = this.#ids.take(n * 4)
      own.groupDecode(dense.directory, from, n, size, place.word * 8, place.shift, 4, ids)
      return place.strings.toColumn(place.type, ids, n)
    }
    const { type } = place
    if (type.kind === 'null') return makeColumn({ type, length: n, nullCount: n })
    const nulls = this.#decodeNulls(place, dense, from, n, nullGroup)
    try {
      const { values, width } = this.#decodeValues(place, dense, from, n)
      return makeColumn({ type, length: n, width, values, ...nulls, blocks: [values, ...nulls.blocks] })
    } catch (error) {
      nulls.blocks.forEach(release)
      throw error
    }
  }

  close(): void {
    this.#rows.close()
    this.#ids.close()
    this.#validity.close()
    for (const place of this.#places) place.strings?.close()
  }

  /** A single 64-bit column of integers is its own key. */
  #direct(columns: readonly Column[]): EncodedKeys | undefined {
    const [column] = columns
    if (
      !this.isInteger ||
      column.width !== 8 ||
      column.dictionary !== undefined ||
      this.#places[0].strings !== undefined
    )
      return undefined
    return { words: column.values, validity: column.validity }
  }

  #startValidity(columns: readonly Column[], rowCount: number): number {
    const single = columns.length === 1 && this.words === 1
    if (this.#nulls === 'group') return single && this.#places[0].strings === undefined ? columns[0].validity : 0
    if (columns.every(column => column.nullCount === 0) && this.#places.every(place => place.strings === undefined))
      return 0
    const byteLength = bitmapBytes(rowCount)
    const validity = this.#validity.take(byteLength)
    const isNull = columns.some(column => column.type.kind === 'null')
    views().u8.fill(isNull ? 0 : 0xff, validity, validity + byteLength)
    for (const { validity: own } of columns) if (own !== 0) kernels().groupAndBitmap(own, rowCount, validity)
    return validity
  }

  #encodeColumn(place: Place, column: Column, words: number, validity: number, add: boolean): void {
    const { length } = column
    const word = words + place.word * 8
    const nullWord = place.nullWord < 0 ? 0 : words + place.nullWord * 8
    const hasNullBit = nullWord !== 0 || (this.words === 1 && this.#places.length === 1)
    invariant(
      this.#nulls === 'reject' || place.strings !== undefined || hasNullBit || column.nullCount === 0,
      'a key that cannot be NULL is not',
    )
    const stride = this.words * 8
    const rest = [length, word, stride, place.shift, nullWord, Math.max(0, place.nullShift)] as const
    const own = kernels()
    if (place.strings !== undefined) {
      const ids = this.#ids.take(length * 4)
      if (add) place.strings.intern(column, ids)
      else place.strings.lookup(column, ids)
      own.groupEncode(ids, 4, 0, 0, length, word, stride, place.shift, 0, 0)
      if (this.#nulls === 'reject') own.groupValidIds(ids, length, validity)
      return
    }
    if (column.dictionary !== undefined) {
      const flat = decodeDictionary(column)
      this.#encodeFlat(place, flat, rest)
      return releaseColumn(flat)
    }
    this.#encodeFlat(place, column, rest)
  }

  #encodeFlat(place: Place, column: Column, rest: readonly [number, number, number, number, number, number]): void {
    const own = kernels()
    const { values, width, validity, length, type } = column
    const [n, word, stride, , nullWord, nullShift] = rest
    if (type.kind === 'null') return
    if (type.kind === 'boolean') return void own.groupEncodeBits(values, validity, ...rest)
    if (type.kind === 'float') return void own.groupEncodeFloat(values, width, validity, ...rest)
    if (place.bits === 128)
      return void own.groupEncodeWide(values, width, validity, n, word, stride, nullWord, nullShift)
    const isSigned = this.words === 1 && this.#places.length === 1 && (type.kind !== 'int' || type.signed)
    if (width === 16) {
      const narrow = this.#ids.take(length * 8)
      if (own.groupNarrow(values, validity, length, narrow) === 0) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
      return void own.groupEncode(narrow, 8, 1, validity, ...rest)
    }
    own.groupEncode(values, width, isSigned ? 1 : 0, validity, ...rest)
  }

  #decodeValues(place: Place, dense: DenseWords, from: number, n: number): { values: number; width: number } {
    const own = kernels()
    const entry = [dense.directory, from, n, this.words * 8, place.word * 8, place.shift] as const
    if (place.type.kind === 'boolean') {
      const values = zeroBitmap(n)
      own.groupDecodeBits(...entry, 0, values)
      return { values, width: 0 }
    }
    const width = place.bits / 8
    const values = alloc(n * width)
    own.groupDecode(...entry, width, values)
    return { values, width }
  }

  #decodeNulls(
    place: Place,
    dense: DenseWords,
    from: number,
    n: number,
    nullGroup: number,
  ): Pick<Column, 'nullCount' | 'validity' | 'blocks'> {
    if (place.nullWord >= 0) {
      const validity = zeroBitmap(n)
      const valid = kernels().groupDecodeBits(
        dense.directory,
        from,
        n,
        this.words * 8,
        place.nullWord * 8,
        place.nullShift,
        1,
        validity,
      )
      if (valid < n) return { nullCount: n - valid, validity, blocks: [validity] }
      release(validity)
    } else if (nullGroup >= from && nullGroup < from + n) {
      const validity = alloc(bitmapBytes(n))
      const { u8 } = views()
      u8.fill(0xff, validity, validity + bitmapBytes(n))
      u8[validity + ((nullGroup - from) >>> 3)] &= ~(1 << ((nullGroup - from) & 7))
      return { nullCount: 1, validity, blocks: [validity] }
    }
    return { nullCount: 0, validity: 0, blocks: [] }
  }
}

function placeOf(type: DataType, charge: Charge): Place {
  const isText = type.kind === 'utf8' || type.kind === 'binary'
  const strings = isText ? new StringIds(charge) : undefined
  return { type, bits: bitsOf(type), word: 0, shift: 0, nullWord: -1, nullShift: -1, strings }
}

function bitsOf(type: DataType): number {
  switch (type.kind) {
    case 'null':
      return 0
    case 'boolean':
      return 1
    case 'utf8':
    case 'binary':
      return 32
    case 'int':
    case 'float':
    case 'decimal':
    case 'date':
    case 'timestamp':
    case 'interval':
      return defaultWidth(type) * 8
    case 'list':
    case 'struct':
    case 'map':
      throw fail('NOT_SUPPORTED', [`a key of type ${typeName(type)}`])
  }
  return unreachable(type)
}

/** First fit of the values, then of the NULL bits, into words of 64 bits; the number of words (at least 1). */
function layOut(places: readonly Place[], types: readonly KeyType[], withNulls: boolean): number {
  const used: number[] = []
  const fit = (bits: number): { word: number; shift: number } => {
    let word = used.findIndex(taken => taken + bits <= 64)
    if (word < 0) word = used.push(0) - 1
    used[word] += bits
    return { word, shift: used[word] - bits }
  }
  for (const place of places) {
    if (place.bits === 128) {
      place.word = used.length
      used.push(64, 64)
    } else if (place.bits > 0) Object.assign(place, fit(place.bits))
  }
  places.forEach((place, i) => {
    if (!withNulls || !types[i].nullable || place.strings !== undefined || place.bits === 0) return
    const { word, shift } = fit(1)
    place.nullWord = word
    place.nullShift = shift
  })
  return Math.max(1, used.length)
}
