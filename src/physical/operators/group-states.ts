/** Groups and the states of their aggregates, in memory. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes, releaseColumn } from '../../arrow/column.js'
import { alloc, kernels, views, withScratch } from '../../arrow/memory.js'
import { Room, type Charge } from '../../arrow/segments.js'
import { decodeDictionary, takeColumn } from '../../arrow/take.js'
import type { DataType } from '../../arrow/types.js'
import type { Accumulator, GroupRows, Siblings } from '../../expr/functions/aggregate/accumulator.js'
import { openAccumulator } from '../../expr/functions/aggregate/open.js'
import type { AggregateSpec } from './aggregate-program.js'
import { CodeGroups } from './code-groups.js'
import { DistinctRows } from './distinct-rows.js'
import { GroupTable } from './group-table.js'
import { RowKeys } from './row-keys.js'

export class GroupStates {
  readonly #groupTypes: readonly DataType[]
  readonly #specs: readonly AggregateSpec[]
  readonly #keys: RowKeys | undefined
  readonly #table: GroupTable | undefined
  readonly #accumulators: readonly Accumulator[]
  readonly #distinct: readonly (DistinctRows | undefined)[]
  readonly #ids = new Room()
  readonly #codes = new CodeGroups()
  #rows: GroupRows = { groups: 0, count: 0, groupCount: 0, isPartial: false }

  /** `watchesDistinct` false: whoever feeds an aggregate with DISTINCT drops repeated values itself. */
  constructor(
    groupTypes: readonly DataType[],
    specs: readonly AggregateSpec[],
    options: { readonly charge: Charge; readonly watchesDistinct: boolean },
  ) {
    const { charge } = options
    this.#groupTypes = groupTypes
    this.#specs = specs
    if (groupTypes.length > 0) {
      const keys = groupTypes.map(type => ({ type, nullable: true }))
      this.#keys = new RowKeys(keys, 'group', charge)
      this.#table = new GroupTable(this.#keys.words, this.#keys.isInteger, charge)
    }
    const siblings = new Map<number, Siblings>()
    this.#accumulators = specs.map(spec => accumulatorOf(spec, groupTypes.length > 0, charge, siblings))
    this.#distinct = specs.map(({ inputs, isDistinct }) =>
      isDistinct && options.watchesDistinct ? new DistinctRows(inputs, groupTypes.length > 0, charge) : undefined,
    )
  }

  /** Groups; 1 without GROUP BY. */
  get count(): number {
    return this.#table === undefined ? 1 : this.#table.count
  }

  /** The rows of the last `assign`. */
  get rows(): GroupRows {
    return this.#rows
  }

  /** Finds the groups of rows; new keys become new groups. */
  assign(columns: readonly Column[], count: number): void {
    const keys = this.#keys
    const table = this.#table
    let groups = 0
    if (keys !== undefined && table !== undefined) {
      groups = this.#ids.take(count * 4)
      this.#codes.assign(columns, count, groups, (some, someCount, out) =>
        table.assign(keys.encode(some, someCount), someCount, out),
      )
    }
    this.#rows = { groups, count, groupCount: this.count, isPartial: false }
  }

  /** Every row is a group of its own; for groups that have none yet, and whose keys nobody asks for. */
  assignEach(count: number): void {
    const groups = this.#ids.take(count * 4)
    kernels().sortIndex(0, count, groups)
    this.#rows = { groups, count, groupCount: count, isPartial: false }
  }

  /** Adds rows to aggregate `index`: one column an argument, borrowed. */
  update(index: number, args: readonly Column[], rows: GroupRows): void {
    this.#flattened(index, args, flat => {
      const accumulator = this.#accumulators[index]
      const distinct = this.#distinct[index]
      if (distinct === undefined) return accumulator.update(rows, flat)
      const firsts = distinct.firsts(flat, rows)
      takeRows(flat, rows, firsts.indices, firsts.count, (some, picked) => accumulator.update(picked, some))
    })
  }

  /** Adds partial states to aggregate `index`: one column a state, borrowed. */
  merge(index: number, states: readonly Column[], rows: GroupRows): void {
    this.#flattened(index, states, flat => this.#accumulators[index].merge(rows, flat))
  }

  /** The group columns of groups from..from+n. */
  keys(from: number, n: number): Column[] {
    const keys = this.#keys
    const table = this.#table
    if (keys === undefined || table === undefined) return []
    return collect(this.#groupTypes, (_, index) => keys.decode(index, table.keys, from, n, table.nullGroup))
  }

  /** The group columns of n groups: their numbers are u32 at `groups`. */
  keysOf(groups: number, n: number): Column[] {
    const keys = this.#keys
    const table = this.#table
    if (keys === undefined || table === undefined) return []
    return withScratch(scratch => {
      const directory = scratch(64)
      const gathered = scratch(n * keys.words * 8)
      views().u32[directory / 4] = gathered
      kernels().groupGatherKeys(table.keys.directory, keys.words, groups, n, gathered)
      const columns = collect(this.#groupTypes, (_, index) => keys.decode(index, { directory }, 0, n, -1))
      return table.nullGroup < 0 ? columns : nullWhere(columns, groups, n, table.nullGroup)
    })
  }

  /** The states of aggregate `index` of groups from..from+n. */
  states(index: number, from: number, n: number): Column[] {
    return this.#accumulators[index].states(from, n)
  }

  /** The results of aggregate `index` of groups from..from+n. */
  finish(index: number, from: number, n: number): Column {
    return this.#accumulators[index].finish(from, n)
  }

  /** The values that the groups of aggregate `index` have had; undefined without DISTINCT. */
  distinct(index: number): DistinctRows | undefined {
    return this.#distinct[index]
  }

  close(): void {
    this.#accumulators.forEach(accumulator => accumulator.close())
    this.#distinct.forEach(distinct => distinct?.close())
    this.#keys?.close()
    this.#table?.close()
    this.#ids.close()
    this.#codes.close()
  }

  #flattened(index: number, columns: readonly Column[], use: (flat: readonly Column[]) => void): void {
    const { isCount, isDistinct } = this.#specs[index]
    const flat = collect(columns, column => flatten(column, isCount && !isDistinct))
    try {
      use(flat)
    } finally {
      flat.forEach((column, i) => column !== columns[i] && releaseColumn(column))
    }
  }
}

function accumulatorOf(
  { expr, family }: AggregateSpec,
  isGrouped: boolean,
  charge: Charge,
  known: Map<number, Siblings>,
): Accumulator {
  const groupCount = isGrouped ? 0 : 1
  if (family < 0) return openAccumulator(expr, { groupCount, charge })
  const siblings = known.get(family) ?? {}
  known.set(family, siblings)
  return openAccumulator(expr, { groupCount, charge, siblings })
}

/** Hands on the rows `indices[0..count]` of columns with their groups. */
export function takeRows(
  columns: readonly Column[],
  rows: GroupRows,
  indices: number,
  count: number,
  use: (taken: readonly Column[], rows: GroupRows) => void,
): void {
  const taken: Column[] = []
  try {
    for (const column of columns) taken.push(takeColumn(column, indices, count))
    withScratch(scratch => {
      const groups = rows.groups === 0 ? 0 : scratch(count * 4)
      if (groups !== 0) kernels().groupGather(rows.groups, indices, count, groups)
      use(taken, { groups, count, groupCount: rows.groupCount, isPartial: true })
    })
  } finally {
    taken.forEach(releaseColumn)
  }
}

function flatten(column: Column, keepsCodes: boolean): Column {
  const { dictionary } = column
  return dictionary === undefined || (keepsCodes && dictionary.nullCount === 0) ? column : decodeDictionary(column)
}

function collect<T>(items: readonly T[], make: (item: T, index: number) => Column): Column[] {
  const made: Column[] = []
  try {
    items.forEach((item, index) => made.push(make(item, index)))
    return made
  } catch (error) {
    made.forEach(releaseColumn)
    throw error
  }
}

/** The only key column with NULL in the rows of one group. */
function nullWhere([column]: readonly Column[], groups: number, n: number, nullGroup: number): Column[] {
  const { u8, u32 } = views()
  let nullCount = 0
  for (let row = 0; row < n; row++) if (u32[groups / 4 + row] === nullGroup) nullCount++
  if (nullCount === 0) return [column]
  let validity: number
  try {
    validity = alloc(bitmapBytes(n))
  } catch (error) {
    releaseColumn(column)
    throw error
  }
  u8.fill(0xff, validity, validity + bitmapBytes(n))
  for (let row = 0; row < n; row++)
    if (u32[groups / 4 + row] === nullGroup) u8[validity + (row >>> 3)] &= ~(1 << (row & 7))
  return [{ ...column, nullCount, validity, blocks: [...column.blocks, validity] }]
}
