/** The columns of one range of rows, read one by one while filters drop rows of it. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn, retainColumn } from '../../arrow/column.js'
import { alloc, kernels, release } from '../../arrow/memory.js'
import type { Schema } from '../../arrow/schema.js'
import { takeColumn } from '../../arrow/take.js'
import type { Rows } from './run.js'

/** Reads a column of the table in the current range: all rows, or those that `chosen` names. */
export type ReadColumn = (column: number, rowCount: number, chosen: Rows | undefined) => Column

interface TakeKernels {
  takeCopy(source: number, byteLength: number, target: number): void
  takeFixedDense(values: number, width: number, rows: number, count: number, target: number): void
}

export class RangeColumns {
  /** Rows that are left. */
  rowCount: number
  private readonly read: ReadColumn
  private readonly columns = new Map<number, Column>()
  /** Undefined while no row was dropped. */
  private chosen: Rows | undefined

  /** All `rowCount` rows of a range, before any column is read; the caller closes it. */
  constructor(read: ReadColumn, rowCount: number) {
    this.read = read
    this.rowCount = rowCount
  }

  /** The rows that are left of a column of the table; borrowed until `keep` or `close`. */
  column(column: number): Column {
    const known = this.columns.get(column)
    if (known !== undefined) return known
    const read = this.read(column, this.rowCount, this.chosen)
    this.columns.set(column, read)
    return read
  }

  /** Leaves `count` of the rows, whose numbers among those that are left lie at `rows`, and forgets columns not `needed` any more. */
  keep(rows: number, count: number, needed: ReadonlySet<number>): void {
    this.rowCount = count
    if (needed.size === 0) return this.forget()
    const { takeCopy, takeFixedDense } = kernels<TakeKernels>()
    const position = alloc(count * 4)
    if (this.chosen === undefined) takeCopy(rows, count * 4, position)
    else {
      takeFixedDense(this.chosen.position, 4, rows, count, position)
      release(this.chosen.position)
    }
    this.chosen = { position, count }
    for (const [number, column] of this.columns) {
      if (needed.has(number)) this.columns.set(number, takeColumn(column, rows, count))
      else this.columns.delete(number)
      releaseColumn(column)
    }
  }

  private forget(): void {
    this.columns.forEach(releaseColumn)
    this.columns.clear()
  }

  /** The rows that are left as a batch of these columns of the table; owned by the caller. */
  batch(projection: readonly number[], schema: Schema): Batch {
    const columns = projection.map(column => this.column(column))
    columns.forEach(retainColumn)
    return { schema, rowCount: this.rowCount, columns }
  }

  close(): void {
    this.forget()
    if (this.chosen !== undefined) release(this.chosen.position)
  }
}
