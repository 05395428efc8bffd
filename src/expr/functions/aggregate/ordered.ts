/** ORDER BY inside an aggregate: the rows of a group are kept, sorted at the end, and given to the aggregate in order. */
import type { Column } from '../../../arrow/batch.js'
import { columnValues, releaseColumn } from '../../../arrow/column.js'
import { views, withScratch } from '../../../arrow/memory.js'
import type { Charge } from '../../../arrow/segments.js'
import { takeColumn } from '../../../arrow/take.js'
import type { DataType, Value } from '../../../arrow/types.js'
import type { KeyOrder } from '../../expr.js'
import { compareValues } from '../../value-compare.js'
import { statesOf, type Accumulator, type GroupRows } from './accumulator.js'
import { Collected, type GroupedRows } from './collected.js'

export interface OrderedOptions {
  /** The arguments of the aggregate, then the keys. */
  readonly types: readonly DataType[]
  readonly orders: readonly KeyOrder[]
  readonly charge: Charge
  /** A fresh accumulator of the aggregate, over groups that may have no rows. */
  readonly open: () => Accumulator
}

/** Rows of equal keys keep their order. The states are the rows. */
export class Ordered implements Accumulator {
  readonly #options: OrderedOptions
  readonly #rows: Collected

  constructor(options: OrderedOptions) {
    this.#options = options
    this.#rows = new Collected(options.types, options.charge)
  }

  update(rows: GroupRows, columns: readonly Column[]): void {
    this.#rows.add(rows, columns)
  }

  merge(rows: GroupRows, states: readonly Column[]): void {
    this.#rows.addLists(rows, states)
  }

  states(from: number, n: number): Column[] {
    return this.#rows.lists(from, n)
  }

  finish(from: number, n: number): Column {
    const grouped = this.#rows.grouped(from, n)
    const aggregate = this.#options.open()
    try {
      this.#feed(aggregate, grouped, n)
      return aggregate.finish(0, n)
    } finally {
      aggregate.close()
      grouped.columns.forEach(releaseColumn)
    }
  }

  close(): void {
    this.#rows.close()
  }

  #feed(aggregate: Accumulator, { columns, starts }: GroupedRows, n: number): void {
    const count = starts[n]
    const { types, orders } = this.#options
    const argumentCount = types.length - orders.length
    const keys = orders.map((order, i) => {
      const column = columns[argumentCount + i]
      return { order, type: column.type, values: columnValues(column) }
    })
    withScratch(scratch => {
      const positions = scratch(count * 4 + 4)
      const groups = scratch(count * 4 + 4)
      const { u32 } = views()
      for (let group = 0; group < n; group++) {
        const [start, end] = [starts[group], starts[group + 1]]
        u32.set(sortedRows(keys, start, end), positions / 4 + start)
        u32.fill(group, groups / 4 + start, groups / 4 + end)
      }
      const sorted = statesOf(columns.slice(0, argumentCount), column => takeColumn(column, positions, count))
      try {
        aggregate.update({ groups, count, groupCount: n, isPartial: true }, sorted)
      } finally {
        sorted.forEach(releaseColumn)
      }
    })
  }
}

interface Key {
  readonly order: KeyOrder
  readonly type: DataType
  readonly values: readonly Value[]
}

/** The rows start..end by their keys. */
const sortedRows = (keys: readonly Key[], start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i).sort((left, right) => {
    for (const key of keys) {
      const found = compareKey(key, left, right)
      if (found !== 0) return found
    }
    return left - right
  })

function compareKey({ order, type, values }: Key, left: number, right: number): number {
  const [a, b] = [values[left], values[right]]
  if (a === null || b === null) {
    const found = Number(a === null) - Number(b === null)
    return order.nullsFirst ? -found : found
  }
  const found = compareValues(a, b, type)
  return order.descending ? -found : found
}
