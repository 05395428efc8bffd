/** The table of a hash join as a filter for the scan that its probe side comes from. */
import { kernels } from '../../arrow/memory.js'
import { integersOf, type DynamicFilter } from '../../runtime/dynamic-filter.js'

/** Which values from `base` on, `range` of them, have a build row: those whose slot, or whose bit, is not 0. */
export interface SieveTable {
  /** Directory of direct slots; not read if there are ranks. */
  readonly slots: number
  /** Directory of ranks; 0: the slots say it. */
  readonly ranks: number
  readonly base: bigint
  readonly range: number
}

/** Nothing passes. */
export const EMPTY_SIEVE: DynamicFilter = { min: 1n, max: 0n, keepsNulls: false, select: () => 0 }

/** Valid while the table is. */
export function joinSieve({ slots, ranks, base, range }: SieveTable): DynamicFilter {
  return {
    min: base,
    max: base + BigInt(range) - 1n,
    keepsNulls: false,
    select(column, rows, count, out) {
      const integers = integersOf(column)
      if (integers === undefined) return undefined
      const { values, width, signed, validity } = integers
      return kernels().filterSieve(values, width, signed, validity, rows, count, slots, ranks, base, range, out)
    },
  }
}
