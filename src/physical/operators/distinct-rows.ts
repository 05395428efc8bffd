/** The values that each group has had, for DISTINCT. */
import type { Column } from '../../arrow/batch.js'
import { makeColumn, releaseColumn } from '../../arrow/column.js'
import { kernels } from '../../arrow/memory.js'
import { Room, type Charge } from '../../arrow/segments.js'
import { UINT32, type DataType } from '../../arrow/types.js'
import type { GroupRows } from '../../expr/functions/aggregate/accumulator.js'
import { GroupTable } from './group-table.js'
import { RowKeys } from './row-keys.js'

export class DistinctRows {
  readonly #keys: RowKeys
  readonly #table: GroupTable
  /** The group number is part of the key. */
  readonly #isGrouped: boolean
  readonly #columnCount: number
  readonly #ids = new Room()
  readonly #firsts = new Room()

  constructor(args: readonly DataType[], isGrouped: boolean, charge: Charge) {
    const types = isGrouped ? [UINT32, ...args] : args
    this.#isGrouped = isGrouped
    this.#columnCount = types.length
    this.#keys = new RowKeys(
      types.map(type => ({ type, nullable: true })),
      'group',
      charge,
    )
    this.#table = new GroupTable(this.#keys.words, this.#keys.isInteger, charge)
  }

  /** Pairs of a group and values. */
  get count(): number {
    return this.#table.count
  }

  /** The rows whose group has not had their values before: u32 row numbers, valid until the next call. */
  firsts(args: readonly Column[], { groups, count }: GroupRows): { readonly indices: number; readonly count: number } {
    const group = makeColumn({ type: UINT32, length: count, values: groups })
    const known = this.#table.count
    const ids = this.#ids.take(count * 4)
    this.#table.assign(this.#keys.encode(this.#isGrouped ? [group, ...args] : args, count), count, ids)
    const indices = this.#firsts.take(count * 4 + 4)
    return { indices, count: kernels().groupFirsts(ids, count, known, indices) }
  }

  /** Pairs from..from+n in order of first appearance: the column of group numbers, if there are groups, and the values. */
  pairs(from: number, n: number): { readonly group: Column | undefined; readonly args: Column[] } {
    const columns: Column[] = []
    try {
      for (let index = 0; index < this.#columnCount; index++)
        columns.push(this.#keys.decode(index, this.#table.keys, from, n, this.#table.nullGroup))
    } catch (error) {
      columns.forEach(releaseColumn)
      throw error
    }
    return { group: this.#isGrouped ? columns[0] : undefined, args: this.#isGrouped ? columns.slice(1) : columns }
  }

  close(): void {
    this.#keys.close()
    this.#table.close()
    this.#ids.close()
    this.#firsts.close()
  }
}
