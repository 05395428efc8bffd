/** Distinct values of groups in temporary files: read out of memory, and put together again although they do not fit. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseBatch, releaseColumn } from '../../arrow/column.js'
import { SpillFile } from '../../runtime/spill-file.js'
import type { SpillRun } from '../../runtime/spill-run.js'
import type { StateLayout } from './aggregate-program.js'
import type { SpillParts } from './aggregate-spill.js'
import { DistinctRows } from './distinct-rows.js'
import { takeRows, type GroupStates } from './group-states.js'
import { MAX_SPILL_LEVEL, MIN_SPILL_BYTES, SpillPartitions } from './spill-partitions.js'

/** The values that the groups of aggregate `index` have had, with the groups' keys; each batch belongs to the caller. */
export function* pairsOf(states: GroupStates, index: number, layout: StateLayout, batchRows: number): Generator<Batch> {
  const distinct = states.distinct(index)
  if (distinct !== undefined) yield* pairBatches(distinct, states, index, layout, batchRows)
}

function* pairBatches(
  distinct: DistinctRows,
  states: GroupStates,
  index: number,
  layout: StateLayout,
  batchRows: number,
): Generator<Batch> {
  const schema = layout.aggregates[index].pairs ?? { fields: [] }
  for (let from = 0; from < distinct.count; from += batchRows) {
    const rowCount = Math.min(batchRows, distinct.count - from)
    const { group, args } = distinct.pairs(from, rowCount)
    const columns: Column[] = []
    try {
      if (group !== undefined) columns.push(...states.keysOf(group.values, rowCount))
      columns.push(...args)
    } catch (error) {
      for (const column of new Set([...columns, ...args])) releaseColumn(column)
      throw error
    } finally {
      if (group !== undefined) releaseColumn(group)
    }
    yield { schema, rowCount, columns }
  }
}

/** Feeds one aggregate with DISTINCT the values of groups that are all in memory. */
export class DistinctMerge {
  readonly #parts: SpillParts
  readonly #groups: GroupStates
  readonly #index: number

  constructor(parts: SpillParts, groups: GroupStates, index: number) {
    this.#parts = parts
    this.#groups = groups
    this.#index = index
  }

  add(run: SpillRun): Promise<void> {
    return this.#merge([{ run, isCounted: false }], 0)
  }

  /**
   * Values of `isCounted` runs are known and already in the aggregate. When the values do not fit, those known so far and all that
   * follow are partitioned by value; a value then is in one partition only.
   */
  async #merge(
    inputs: readonly { readonly run: SpillRun; readonly isCounted: boolean }[],
    level: number,
  ): Promise<void> {
    const { budget, groupTypes, specs } = this.#parts
    const empty = budget.held
    let known: DistinctRows | undefined = new DistinctRows(
      specs[this.#index].inputs,
      groupTypes.length > 0,
      budget.charge,
    )
    let spill: ValueSpill | undefined
    let growth = 0
    try {
      for (const { run, isCounted } of inputs) {
        for await (const batch of run.batches()) {
          const before = budget.held
          if (
            known !== undefined &&
            !budget.fits(growth) &&
            before - empty > MIN_SPILL_BYTES &&
            level < MAX_SPILL_LEVEL
          ) {
            spill = await ValueSpill.open(this.#parts, this.#index, level)
            await spill.addKnown(known, this.#groups)
            known.close()
            known = undefined
            budget.settle()
          }
          if (known === undefined) await spill?.add(batch, isCounted)
          else {
            this.#feed(known, batch, isCounted)
            growth = Math.max(0, budget.held - before)
          }
        }
      }
      for (const partition of spill?.partitions() ?? []) await this.#merge(partition, level + 1)
    } finally {
      known?.close()
      spill?.close()
    }
  }

  #feed(known: DistinctRows, batch: Batch, isCounted: boolean): void {
    const { groupCount } = this.#parts.layout
    this.#groups.assign(batch.columns.slice(0, groupCount), batch.rowCount)
    const { rows } = this.#groups
    const args = batch.columns.slice(groupCount)
    const firsts = known.firsts(args, rows)
    if (isCounted) return
    takeRows(args, rows, firsts.indices, firsts.count, (some, picked) => this.#groups.update(this.#index, some, picked))
  }
}

/** Pairs of groups and values by value. */
class ValueSpill {
  readonly #parts: SpillParts
  readonly #index: number
  readonly #file: SpillFile
  readonly #counted: SpillPartitions
  readonly #others: SpillPartitions

  private constructor(parts: SpillParts, index: number, level: number, file: SpillFile) {
    const schema = parts.layout.aggregates[index].pairs ?? { fields: [] }
    this.#parts = parts
    this.#index = index
    this.#file = file
    this.#counted = new SpillPartitions(file, schema, level)
    this.#others = new SpillPartitions(file, schema, level)
  }

  static async open(parts: SpillParts, index: number, level: number): Promise<ValueSpill> {
    return new ValueSpill(parts, index, level, await SpillFile.open(parts.ctx))
  }

  async addKnown(known: DistinctRows, groups: GroupStates): Promise<void> {
    const { layout, batchRows, ctx } = this.#parts
    ctx.counters().spillCount++
    for (const batch of pairBatches(known, groups, this.#index, layout, batchRows)) {
      try {
        await this.add(batch, true)
      } finally {
        releaseBatch(batch)
      }
    }
  }

  /** Borrows the batch. */
  async add(batch: Batch, isCounted: boolean): Promise<void> {
    const partitions = isCounted ? this.#counted : this.#others
    await partitions.add(batch, batch.columns.slice(this.#parts.layout.groupCount))
    await this.#file.settle()
  }

  partitions(): { readonly run: SpillRun; readonly isCounted: boolean }[][] {
    return this.#counted.runs.map((run, partition) => [
      { run, isCounted: true },
      { run: this.#others.runs[partition], isCounted: false },
    ])
  }

  close(): void {
    this.#file.close()
  }
}
