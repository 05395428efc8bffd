/** Filters that become known while a task runs: the keys of a join's build side, for the scan that feeds its probe side. */
import type { Column } from '../arrow/batch.js'

/** Which values of one integer-like column can still matter. A value that passes may be useless; one that fails is. */
export interface DynamicFilter {
  /** Bounds of the values that can pass, as of `Column.range`; none can if `min > max`. */
  readonly min: bigint
  readonly max: bigint
  /**
   * The rows of `column` that pass into u32 `out`, ascending, and how many: of the first `count` rows, or of the `count` rows
   * that u32 `rows` names (`rows` may be `out`). NULL does not pass. Undefined for a column that it cannot test: all pass.
   */
  select(column: Column, rows: number, count: number, out: number): number | undefined
}

/** The filters of one task by the number that the plan gave them. Who publishes one retracts it before its memory goes. */
export class DynamicFilters {
  readonly #filters = new Map<number, DynamicFilter>()

  publish(id: number, filter: DynamicFilter): void {
    this.#filters.set(id, filter)
  }

  retract(id: number): void {
    this.#filters.delete(id)
  }

  /** Undefined: not known yet, or never. */
  get(id: number): DynamicFilter | undefined {
    return this.#filters.get(id)
  }
}
