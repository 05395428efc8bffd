/** Drops rows of a scan that the dynamic filters of its task exclude. */
import type { Batch, Range } from '../arrow/batch.js'
import { releaseBatch, retainBatch } from '../arrow/column.js'
import { withScratch } from '../arrow/memory.js'
import { takeBatch } from '../arrow/take.js'
import type { DynamicFilter, DynamicFilters } from '../runtime/dynamic-filter.js'

/** A filter of the task on one column of the batches. */
export interface RowFilter {
  readonly id: number
  readonly column: number
}

/** A filter as of now, on an output column of the scan. */
export interface ActiveFilter {
  readonly column: number
  readonly select: DynamicFilter['select']
}

/** Bounds of the values of a column that can pass, and whether NULL can. */
export interface FilterBounds extends Range {
  readonly column: number
  readonly keepsNulls: boolean
}

/** Rows after which a filter is judged. */
const TRIAL_ROWS = 131_072
/** Below this share of rows dropped, testing them costs more than the join behind would spend on them. */
const MIN_DROPPED = 0.2

/** One filter and what it has done so far in one scan. */
interface Trial extends RowFilter {
  tested: number
  passed: number
}

/** Gives the rows of each batch that can matter, or undefined for none; for one scan. Filters that drop little are given up. */
export class RowSieve {
  readonly #trials: Trial[]
  readonly #filters: DynamicFilters

  constructor(filters: readonly RowFilter[], known: DynamicFilters) {
    this.#trials = filters.map(filter => ({ ...filter, tested: 0, passed: 0 }))
    this.#filters = known
  }

  /** Takes the batch over; gives one away. */
  apply(batch: Batch): Batch | undefined {
    if (this.#trials.length === 0 || batch.rowCount === 0) return batch
    try {
      return withScratch(scratch => {
        const rows = scratch(batch.rowCount * 4)
        const count = this.#select(batch, rows)
        if (count === batch.rowCount) retainBatch(batch)
        return count === batch.rowCount ? batch : count === 0 ? undefined : takeBatch(batch, rows, count)
      })
    } finally {
      releaseBatch(batch)
    }
  }

  #select(batch: Batch, rows: number): number {
    let count = batch.rowCount
    for (const { column, select } of this.active()) {
      if (count === 0) break
      count = select(batch.columns[column], count === batch.rowCount ? 0 : rows, count, rows) ?? count
    }
    return count
  }

  /** The filters that are known by now and worth testing, to be run one after the other. */
  active(): readonly ActiveFilter[] {
    return this.#trials.flatMap(trial => {
      const filter = isIdle(trial) ? undefined : this.#filters.get(trial.id)
      if (filter === undefined) return []
      const select: DynamicFilter['select'] = (column, rows, count, out) => {
        const passed = filter.select(column, rows, count, out)
        trial.tested += passed === undefined ? 0 : count
        trial.passed += passed ?? 0
        return passed
      }
      return [{ column: trial.column, select }]
    })
  }

  /**
   * Two sieves that together do what this one does: one of the filters on columns that `place` knows elsewhere, there, and one of the
   * others.
   */
  divided(place: (column: number) => number | undefined): readonly [RowSieve, RowSieve] {
    const moved = this.#trials.flatMap(({ id, column }) => {
      const to = place(column)
      return to === undefined ? [] : [{ id, column: to }]
    })
    const others = this.#trials.filter(({ column }) => place(column) === undefined)
    return [new RowSieve(moved, this.#filters), new RowSieve(others, this.#filters)]
  }

  /** What is known of the values that can pass, by output column. */
  bounds(): readonly FilterBounds[] {
    return this.#trials.flatMap(({ id, column }) => {
      const filter = this.#filters.get(id)
      return filter === undefined ? [] : [{ column, min: filter.min, max: filter.max, keepsNulls: filter.keepsNulls }]
    })
  }
}

const isIdle = ({ tested, passed }: Trial): boolean => tested >= TRIAL_ROWS && passed > tested * (1 - MIN_DROPPED)
