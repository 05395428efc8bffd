/** Groups of dictionary columns: a table from combinations of codes to group numbers, one look per row. */
import type { Column } from '../../arrow/batch.js'
import { releaseColumn, retainColumn } from '../../arrow/column.js'
import { kernels } from '../../arrow/memory.js'
import { Room, zeroFill } from '../../arrow/segments.js'
import { takeColumn } from '../../arrow/take.js'

/** Combinations of codes that have a place in the table; it is cleared for every new dictionary. */
const MAX_COMBINATIONS = 16_384

/** Writes the group of each of `count` rows of key columns to u32 `groups`. */
type Assign = (columns: readonly Column[], count: number, groups: number) => void

interface CodeKernels {
  groupCombineCodes(codes: number, validity: number, n: number, length: number, isFirst: number, out: number): void
  groupLookCodes(combinations: number, n: number, table: number, out: number, unknown: number): number
  groupNameCodes(combinations: number, rows: number, groups: number, n: number, table: number): void
}

/** Remembers the groups of combinations while the dictionaries stay the same; holds one reference on each of those. */
export class CodeGroups {
  readonly #table = new Room()
  readonly #rows = new Room()
  #dictionaries: readonly Column[] = []
  #tablePosition = 0

  /**
   * The group of each of n rows into u32 out. `assign` is asked for all rows if a column has no dictionary or the dictionaries
   * have too many combinations, else only for one row of each new combination.
   */
  assign(columns: readonly Column[], n: number, out: number, assign: Assign): void {
    const dictionaries = columns.map(column => column.dictionary).filter(dictionary => dictionary !== undefined)
    const combinations = dictionaries.reduce((product, { length }) => product * (length + 1), 1)
    if (dictionaries.length < columns.length || combinations > Math.min(MAX_COMBINATIONS, n))
      return assign(columns, n, out)
    this.#know(dictionaries, combinations)
    const own = kernels<CodeKernels>()
    const codes = this.#rows.take(n * 8 + combinations * 8)
    const unknown = codes + n * 4
    const table = this.#tablePosition
    columns.forEach(({ values, validity }, i) =>
      own.groupCombineCodes(values, validity, n, dictionaries[i].length, i === 0 ? 1 : 0, codes),
    )
    const count = own.groupLookCodes(codes, n, table, out, unknown)
    if (count === 0) return
    const groups = unknown + combinations * 4
    this.#assignSome(columns, unknown, count, groups, assign)
    own.groupNameCodes(codes, unknown, groups, count, table)
    own.groupLookCodes(codes, n, table, out, unknown)
  }

  close(): void {
    this.#forget()
    this.#table.close()
    this.#rows.close()
  }

  /** Starts an empty table unless it is one of these dictionaries. */
  #know(dictionaries: readonly Column[], combinations: number): void {
    const known = this.#dictionaries
    if (known.length === dictionaries.length && known.every((one, i) => isSame(one, dictionaries[i]))) return
    this.#forget()
    this.#tablePosition = this.#table.take(combinations * 4)
    zeroFill(this.#tablePosition, combinations * 4)
    dictionaries.forEach(retainColumn)
    this.#dictionaries = dictionaries
  }

  #forget(): void {
    this.#dictionaries.forEach(releaseColumn)
    this.#dictionaries = []
  }

  #assignSome(columns: readonly Column[], rows: number, count: number, groups: number, assign: Assign): void {
    const taken: Column[] = []
    try {
      for (const column of columns) taken.push(takeColumn(column, rows, count))
      assign(taken, count, groups)
    } catch (error) {
      // The table has marks of rows that have no group.
      this.#forget()
      throw error
    } finally {
      taken.forEach(releaseColumn)
    }
  }
}

/** The same blocks: while a reference is held, no other dictionary can lie there. */
const isSame = (left: Column, right: Column): boolean =>
  left.values === right.values && left.offsets === right.offsets && left.length === right.length
