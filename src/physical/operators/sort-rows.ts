/** Rows held to be sorted: batches, their keys, and the sorted rows as batches. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseBatch, releaseColumn } from '../../arrow/column.js'
import { kernels, views, withScratch } from '../../arrow/memory.js'
import type { Schema } from '../../arrow/schema.js'
import type { Charge } from '../../arrow/segments.js'
import { concatBatches, takeBatch } from '../../arrow/take.js'
import { compileExprs } from '../../expr/compile.js'
import type { SortKey } from '../../expr/expr.js'
import { BuildRows } from './join-rows.js'
import { SortKeys } from './sort-keys.js'

const SORT_BYTES_A_ROW = 32
const MAX_JOIN_BYTES = 64 * 1024 * 1024

export class SortRows {
  readonly #schema: Schema
  readonly #rows: BuildRows
  readonly #keys: SortKeys
  readonly #evaluate: (batch: Batch) => Column[]
  #rowCount = 0
  #index = 0

  constructor(keys: readonly SortKey[], schema: Schema, charge: Charge) {
    this.#schema = schema
    this.#rows = new BuildRows(schema, charge)
    this.#keys = new SortKeys(keys, charge)
    const compiled = compileExprs(
      keys.map(({ expr }) => expr),
      schema,
    )
    this.#evaluate = batch => compiled.evaluate(batch)
  }

  get rowCount(): number {
    return this.#rowCount
  }

  /** Bytes that `sort` takes beyond what is held: key words, row numbers, and rows being joined to segments. */
  sortBytes(nextRows: number): number {
    return (this.#rowCount + nextRows) * SORT_BYTES_A_ROW + Math.min(MAX_JOIN_BYTES, this.#rows.heldBytes)
  }

  /** Bytes of an average row. */
  get rowBytes(): number {
    return this.#rows.heldBytes / Math.max(1, this.#rowCount)
  }

  /** Borrows the batch, keeps a reference. */
  add(batch: Batch): void {
    const columns = this.#evaluate(batch)
    try {
      this.#keys.add(columns, batch.rowCount)
    } finally {
      columns.forEach(releaseColumn)
    }
    this.#rows.add(batch)
    this.#rowCount += batch.rowCount
  }

  /** Sorts all rows; `take` works afterwards. Yields between steps. */
  *sort(): Generator<void> {
    this.#rows.join()
    this.#index = yield* this.#keys.sort()
  }

  /** Sorted rows from..from+count, owned by the caller. */
  take(from: number, count: number): Batch {
    const { segments } = this.#rows
    const index = this.#index + from * 4
    return segments.length === 1 ? takeBatch(segments[0].batch, index, count) : this.#takeApart(index, count)
  }

  close(): void {
    this.#rows.close()
    this.#keys.close()
  }

  /** Rows of several segments: gathered one segment after the other, then put in order. */
  #takeApart(index: number, count: number): Batch {
    return withScratch(scratch => {
      const places = scratch(count * 4)
      const some = scratch(count * 4)
      const order = scratch(count * 4)
      const everyRow = scratch(count * 4)
      kernels().sortIndex(0, count, everyRow)
      const parts: Batch[] = []
      let joined: Batch | undefined
      try {
        let at = 0
        for (const { batch, start } of this.#rows.segments) {
          const n = kernels().joinSplit(everyRow, index, count, start, start + batch.rowCount, places, some)
          if (n === 0) continue
          parts.push(takeBatch(batch, some, n))
          const { u32 } = views()
          for (let i = 0; i < n; i++) u32[order / 4 + u32[places / 4 + i]] = at++
        }
        joined = concatBatches(this.#schema, parts)
        return takeBatch(joined, order, count)
      } finally {
        parts.forEach(releaseBatch)
        if (joined !== undefined) releaseBatch(joined)
      }
    })
  }
}
