/** One chosen row a group, of any types: what first_value, last_value, any_value, arg_min and arg_max keep. */
import type { Column } from '../../../arrow/batch.js'
import { batchBytes, releaseColumn } from '../../../arrow/column.js'
import { views, withScratch } from '../../../arrow/memory.js'
import { Segments, type Charge } from '../../../arrow/segments.js'
import { concatColumns, takeColumn } from '../../../arrow/take.js'
import type { DataType } from '../../../arrow/types.js'
import { statesOf } from './accumulator.js'

/** Rows that are no group's choice any more are dropped when there are more of them than this and than of the others. */
const MAX_GARBAGE = 16_384

/** Groups hold the number of their row in the store plus one; 0 is none. */
export class ChosenRows {
  readonly #types: readonly DataType[]
  readonly #charge: Charge
  readonly #places: Segments
  /** Columns of the store, in pieces. */
  #chunks: (readonly Column[])[] = []
  #rowCount = 0
  #charged = 0
  #groupCount = 0

  constructor(types: readonly DataType[], charge: Charge) {
    this.#types = types
    this.#charge = charge
    this.#places = new Segments(4, charge)
  }

  reserve(groupCount: number): void {
    this.#groupCount = Math.max(this.#groupCount, groupCount)
    this.#places.reserve(groupCount)
  }

  has(group: number): boolean {
    return views().u32[this.#places.at(group) / 4] !== 0
  }

  /** Makes row `rows[i]` of the columns the choice of group `groups[i]`; groups differ. */
  choose(groups: readonly number[], rows: readonly number[], columns: readonly Column[]): void {
    if (rows.length === 0) return
    const taken = withScratch(scratch => {
      const indices = scratch(rows.length * 4 + 4)
      views().i32.set(rows, indices / 4)
      return statesOf(columns, column => takeColumn(column, indices, rows.length))
    })
    this.#keep(taken, rows.length)
    groups.forEach((group, i) => this.#place(group, this.#rowCount + i + 1))
    this.#rowCount += rows.length
    if (this.#rowCount > 2 * this.#groupCount + MAX_GARBAGE) this.#compact()
  }

  /** The choices of groups from..from+n, one column a type; NULL where there is none. */
  columns(from: number, n: number): Column[] {
    this.#places.reserve(from + n)
    return withScratch(scratch => {
      const indices = scratch(n * 4 + 4)
      const { i32, u32 } = views()
      for (let i = 0; i < n; i++) i32[indices / 4 + i] = u32[this.#places.at(from + i) / 4] - 1
      const whole = this.#joined()
      try {
        return statesOf(whole, column => takeColumn(column, indices, n))
      } finally {
        whole.forEach(releaseColumn)
      }
    })
  }

  close(): void {
    this.#chunks.forEach(chunk => chunk.forEach(releaseColumn))
    this.#chunks = []
    this.#charge(-this.#charged)
    this.#charged = 0
    this.#places.close()
  }

  #place(group: number, place: number): void {
    views().u32[this.#places.at(group) / 4] = place
  }

  #keep(columns: readonly Column[], rowCount: number): void {
    const bytes = batchBytes({ schema: { fields: [] }, rowCount, columns })
    try {
      this.#charge(bytes)
    } catch (error) {
      columns.forEach(releaseColumn)
      throw error
    }
    this.#charged += bytes
    this.#chunks.push(columns)
  }

  #joined(): Column[] {
    const chunks = this.#chunks
    return statesOf(
      this.#types.map((type, i) => ({ type, parts: chunks.map(chunk => chunk[i]) })),
      ({ type, parts }) => concatColumns(type, parts),
    )
  }

  #compact(): void {
    const columns = this.columns(0, this.#groupCount)
    this.#chunks.forEach(chunk => chunk.forEach(releaseColumn))
    this.#chunks = []
    this.#charge(-this.#charged)
    this.#charged = 0
    this.#keep(columns, this.#groupCount)
    for (let group = 0; group < this.#groupCount; group++) if (this.has(group)) this.#place(group, group + 1)
    this.#rowCount = this.#groupCount
  }
}
