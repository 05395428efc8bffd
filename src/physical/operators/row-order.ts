/** The order of sort keys over single rows: for the few comparisons that merging sorted runs needs. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn, valueAt } from '../../arrow/column.js'
import { sliceBatch } from '../../arrow/take.js'
import { releaseBatch } from '../../arrow/column.js'
import type { Schema } from '../../arrow/schema.js'
import type { Value } from '../../arrow/types.js'
import { compileExprs } from '../../expr/compile.js'
import { typeOf, type SortKey } from '../../expr/expr.js'
import { compareValues } from '../../expr/value-compare.js'

/** The values of a row's keys. */
export type RowKey = readonly Value[]

export class RowOrder {
  readonly #keys: readonly SortKey[]
  readonly #evaluate: (batch: Batch) => Column[]

  constructor(keys: readonly SortKey[], schema: Schema) {
    const compiled = compileExprs(
      keys.map(({ expr }) => expr),
      schema,
    )
    this.#keys = keys
    this.#evaluate = batch => compiled.evaluate(batch)
  }

  /** The key of a row. */
  key(batch: Batch, at: number): RowKey {
    const row = sliceBatch(batch, at, at + 1)
    try {
      return this.#withKeys(row, keyOf => keyOf(0))
    } finally {
      releaseBatch(row)
    }
  }

  /** How many rows of a sorted batch come before `bound`, or, with `orEqual`, are equal to it. */
  countBefore(batch: Batch, bound: RowKey, orEqual: boolean): number {
    return this.#withKeys(batch, keyOf => {
      let low = 0
      let high = batch.rowCount
      while (low < high) {
        const middle = (low + high) >>> 1
        const order = this.compare(keyOf(middle), bound)
        if (order < 0 || (order === 0 && orEqual)) low = middle + 1
        else high = middle
      }
      return low
    })
  }

  /** Negative, 0 or positive, with NULLs where each key says. */
  compare(left: RowKey, right: RowKey): number {
    for (let i = 0; i < this.#keys.length; i++) {
      const { expr, descending, nullsFirst } = this.#keys[i]
      const [a, b] = [left[i], right[i]]
      if (a === null && b === null) continue
      if (a === null || b === null) return (a === null) === nullsFirst ? -1 : 1
      const order = compareValues(a, b, typeOf(expr))
      if (order !== 0) return descending ? -order : order
    }
    return 0
  }

  #withKeys<T>(batch: Batch, use: (keyOf: (row: number) => RowKey) => T): T {
    const columns = this.#evaluate(batch)
    try {
      return use(row => columns.map(column => valueAt(column, row)))
    } finally {
      columns.forEach(releaseColumn)
    }
  }
}
