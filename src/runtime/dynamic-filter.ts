/** Filters that become known while a task runs: keys of a join's build side, the bound of a top-k, for the scans below. */
import type { Column } from '../arrow/batch.js'
import { kernels } from '../arrow/memory.js'
import type { DataType } from '../arrow/types.js'

/** Which values of one integer-like column can still matter. A value that passes may be useless; one that fails is. */
export interface DynamicFilter {
  /** Bounds of the values that can pass, as of `Column.range`; none can if `min > max`. */
  readonly min: bigint
  readonly max: bigint
  readonly keepsNulls: boolean
  /**
   * The rows of `column` that pass into u32 `out`, ascending, and how many: of the first `count` rows, or of the `count` rows
   * that u32 `rows` names (`rows` may be `out`). Undefined for a column that it cannot test: all pass.
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

/** Types whose values are i64, or narrower integers, in a column: dynamic filters can test them. */
export const hasIntegerValues = (type: DataType): boolean =>
  (type.kind === 'int' && (type.signed || type.bits < 64)) ||
  type.kind === 'date' ||
  type.kind === 'timestamp' ||
  (type.kind === 'decimal' && type.precision <= 18)

/** How kernels read the integers of a column; undefined for one that they cannot. */
export function integersOf({ type, values, width, validity, dictionary }: Column): Integers | undefined {
  if (dictionary !== undefined || !hasIntegerValues(type) || width > 8) return undefined
  return { values, width, signed: type.kind !== 'int' || type.signed ? 1 : 0, validity }
}

export interface Integers {
  readonly values: number
  readonly width: number
  readonly signed: 0 | 1
  readonly validity: number
}

/** Values from `min` to `max`. */
export const rangeFilter = (min: bigint, max: bigint, keepsNulls: boolean): DynamicFilter => ({
  min,
  max,
  keepsNulls,
  select(column, rows, count, out) {
    const integers = integersOf(column)
    if (integers === undefined) return undefined
    const { values, width, signed, validity } = integers
    return kernels().filterRange(values, width, signed, validity, keepsNulls ? 1 : 0, rows, count, min, max, out)
  },
})
