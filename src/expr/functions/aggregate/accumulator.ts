/** The running form of an aggregate: one state a group, kept in the arena, fed a batch at a time. */
import type { Column } from '../../../arrow/batch.js'
import { releaseColumn } from '../../../arrow/column.js'
import { alloc, kernels, release, views } from '../../../arrow/memory.js'
import { Segments, zeroBitmap, type Charge } from '../../../arrow/segments.js'
import type { DataType, Value } from '../../../arrow/types.js'
import type { AggregateFunction } from '../function.js'

/** The rows of one call. */
export interface GroupRows {
  /** Position of u32[count] group numbers; 0: every row is of group 0. */
  readonly groups: number
  readonly count: number
  /** Groups there are after this batch. */
  readonly groupCount: number
  /** Not all rows of the batch are here: a new group may have none. */
  readonly isPartial: boolean
}

/** Columns given to it are flat (no dictionaries) and borrowed; columns it gives belong to the caller. */
export interface Accumulator {
  /** Adds rows: one column an argument, `rows.count` long. */
  update(rows: GroupRows, args: readonly Column[]): void
  /** Adds partial states: one column a state. */
  merge(rows: GroupRows, states: readonly Column[]): void
  /** The states of groups from..from+n, one column each. */
  states(from: number, n: number): Column[]
  /** The results of groups from..from+n. */
  finish(from: number, n: number): Column
  close(): void
}

export interface AccumulatorOptions {
  /** Types of the arguments, coerced. */
  readonly args: readonly DataType[]
  /** The values of the arguments that are literals, undefined elsewhere. */
  readonly constants: readonly (Value | undefined)[]
  /** The groups that exist before the first row: 1 without GROUP BY, else 0. */
  readonly groupCount: 0 | 1
  readonly charge: Charge
  /** The same object for all accumulators that are given the same rows and the same argument; absent: none shares. */
  readonly siblings?: Siblings
}

/** What accumulators of one argument keep once for all of them, such as the sums of sum(x) and avg(x). */
export interface Siblings {
  total?: { join(): Total }
}

/** Sums by group; `width` bytes each (the low 8 of 16 are the value while it fits). */
export interface Total {
  readonly stateType: DataType
  readonly width: 8 | 16
  readonly entries: Segments
  add(rows: GroupRows, column: Column): void
  values(from: number, n: number, width: number): number
  /** Throws NUMERIC_OVERFLOW if a sum does not fit. */
  check(from: number, n: number, type: DataType): void
  close(): void
}

/** An aggregate function of this project: its declaration and how it runs. */
export interface AggregateDefinition extends AggregateFunction {
  accumulator(options: AccumulatorOptions): Accumulator
}

/** Validity of a result column. */
export interface Nulls {
  readonly nullCount: number
  readonly validity: number
  readonly blocks: readonly number[]
}

/** Runs `make`, which takes the NULLs over; gives them back when it fails. */
export function withNulls(nulls: Nulls, make: () => Column): Column {
  try {
    return make()
  } catch (error) {
    nulls.blocks.forEach(release)
    throw error
  }
}

/** One column an item; gives up those already made when one fails. */
export function statesOf<T>(items: readonly T[], make: (item: T) => Column): Column[] {
  const made: Column[] = []
  try {
    for (const item of items) made.push(make(item))
    return made
  } catch (error) {
    made.forEach(releaseColumn)
    throw error
  }
}

export const NO_NULLS: Nulls = { nullCount: 0, validity: 0, blocks: [] }

/** Which groups have had a value. Costs nothing as long as every new group gets one in the batch that makes it. */
export class Seen {
  readonly #charge: Charge
  /** The one group is there before it has a value. */
  readonly #isGlobal: boolean
  #marks: Segments | undefined
  /** Groups before the current batch: without marks, all of them have a value. */
  #groups = 0

  constructor(options: AccumulatorOptions) {
    this.#charge = options.charge
    this.#isGlobal = options.groupCount > 0
  }

  update(rows: GroupRows, validity: number): void {
    if (validity !== 0 || rows.isPartial || this.#isGlobal) this.#open()
    if (this.#marks !== undefined) {
      this.#marks.reserve(rows.groupCount)
      kernels().aggregateSeen(rows.groups, validity, rows.count, this.#marks.directory)
    }
    this.#groups = rows.groupCount
  }

  nulls(from: number, n: number): Nulls {
    if (this.#isGlobal) this.#open()
    if (this.#marks === undefined) return NO_NULLS
    this.#marks.reserve(from + n)
    const validity = zeroBitmap(n)
    const valid = kernels().groupDecodeBits(this.#marks.directory, from, n, 1, 0, 0, 0, validity)
    if (valid < n) return { nullCount: n - valid, validity, blocks: [validity] }
    release(validity)
    return NO_NULLS
  }

  close(): void {
    this.#marks?.close()
  }

  #open(): void {
    if (this.#marks !== undefined) return
    const marks = new Segments(1, this.#charge)
    this.#marks = marks
    marks.reserve(Math.max(1, this.#groups))
    const { u8 } = views()
    for (let group = 0; group < this.#groups; group++) u8[marks.at(group)] = 1
  }
}

/** Room a group of the loops for few groups. */
export const LANE_BYTES = 32
/** Up to this many groups the lanes of a loop stay in the first-level cache. */
const FEW_GROUPS = 256

/** Whether the loops for few groups pay. */
export const isFew = (rows: GroupRows): boolean =>
  rows.groups !== 0 && rows.groupCount <= FEW_GROUPS && rows.count >= 8 * rows.groupCount

/** `width` bytes of the entries from..from+n as a block of values. */
export function entryValues(entries: Segments, from: number, n: number, width: number, offset = 0): number {
  entries.reserve(from + n)
  const values = alloc(n * width)
  kernels().groupDecode(entries.directory, from, n, entries.entryBytes, offset, 0, width, values)
  return values
}
