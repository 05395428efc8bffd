/** Groups that did not fit: their states in temporary files by partition, and how the partitions are put together again. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseBatch, releaseColumn, retainColumn } from '../../arrow/column.js'
import type { Budget } from '../../runtime/budget.js'
import { SpillFile } from '../../runtime/spill-file.js'
import type { SpillRun } from '../../runtime/spill-run.js'
import type { TaskContext } from '../../runtime/task-context.js'
import type { AggregateSpec, StateLayout } from './aggregate-program.js'
import { DistinctMerge, pairsOf } from './distinct-spill.js'
import { GroupStates } from './group-states.js'
import { MAX_SPILL_LEVEL, MIN_SPILL_BYTES, SpillPartitions } from './spill-partitions.js'
import type { DataType } from '../../arrow/types.js'

/** What spilling needs to know of an aggregate. */
export interface SpillParts {
  readonly ctx: TaskContext
  readonly budget: Budget
  readonly groupTypes: readonly DataType[]
  readonly specs: readonly AggregateSpec[]
  readonly layout: StateLayout
  /** Rows of one batch. */
  readonly batchRows: number
  /** The results of groups from..from+n. */
  readonly output: (states: GroupStates, from: number, n: number) => Batch
}

/** Bytes of states that are read out at once. */
const DUMP_BYTES = 4 * 1024 * 1024

/** One level of partitions, in one file. */
export class GroupSpill {
  readonly #parts: SpillParts
  readonly #level: number
  readonly #file: SpillFile
  readonly #states: SpillPartitions
  /** By aggregate; undefined without DISTINCT. */
  readonly #pairs: readonly (SpillPartitions | undefined)[]

  private constructor(parts: SpillParts, level: number, file: SpillFile) {
    this.#parts = parts
    this.#level = level
    this.#file = file
    this.#states = new SpillPartitions(file, parts.layout.states, level)
    this.#pairs = parts.layout.aggregates.map(({ pairs }) =>
      pairs === undefined ? undefined : new SpillPartitions(file, pairs, level),
    )
  }

  static async open(parts: SpillParts, level: number): Promise<GroupSpill> {
    return new GroupSpill(parts, level, await SpillFile.open(parts.ctx))
  }

  /** Writes all groups; the caller closes them. */
  async add(states: GroupStates): Promise<void> {
    const { budget, layout, batchRows, ctx } = this.#parts
    ctx.counters().spillCount++
    const groupBytes = Math.max(1, Math.floor(budget.held / states.count))
    const rows = Math.max(1, Math.min(batchRows, Math.floor(DUMP_BYTES / groupBytes)))
    for (let from = 0; from < states.count; from += rows) {
      await this.addStates(stateBatch(states, layout, from, Math.min(rows, states.count - from)))
    }
    for (let index = 0; index < layout.aggregates.length; index++) {
      for (const batch of pairsOf(states, index, layout, batchRows)) await this.addPairs(index, batch)
    }
    await this.#file.settle()
  }

  /** Takes the batch over. */
  async addStates(batch: Batch): Promise<void> {
    await this.#partition(this.#states, batch)
  }

  /** Takes the batch over: pairs of aggregate `index`. */
  async addPairs(index: number, batch: Batch): Promise<void> {
    const pairs = this.#pairs[index]
    if (pairs === undefined) return releaseBatch(batch)
    await this.#partition(pairs, batch)
  }

  /** The results of all groups written; nothing more is added. */
  async *output(): AsyncGenerator<Batch> {
    for (let partition = 0; partition < this.#states.runs.length; partition++) {
      const pairs = this.#pairs.map(partitions => partitions?.runs[partition])
      yield* this.#mergePartition(this.#states.runs[partition], pairs)
    }
  }

  close(): void {
    this.#file.close()
  }

  async #partition(partitions: SpillPartitions, batch: Batch): Promise<void> {
    try {
      await partitions.add(batch, batch.columns.slice(0, this.#parts.layout.groupCount))
    } finally {
      releaseBatch(batch)
    }
  }

  async *#mergePartition(states: SpillRun, pairs: readonly (SpillRun | undefined)[]): AsyncGenerator<Batch> {
    if (states.rowCount === 0) return
    const merge = new PartitionMerge(this.#parts, this.#level + 1)
    try {
      for await (const batch of states.batches()) await merge.addStates(batch)
      for (let index = 0; index < pairs.length; index++) {
        const run = pairs[index]
        if (run !== undefined) await merge.addPairs(index, run)
      }
      yield* merge.output()
    } finally {
      merge.close()
    }
  }
}

/** The groups of one partition; what does not fit is partitioned once more. */
class PartitionMerge {
  readonly #parts: SpillParts
  readonly #level: number
  #groups: GroupStates
  #spill: GroupSpill | undefined
  /** Bytes that the last batch took. */
  #growth = 0

  constructor(parts: SpillParts, level: number) {
    this.#parts = parts
    this.#level = level
    this.#groups = emptyGroups(parts)
  }

  async addStates(batch: Batch): Promise<void> {
    const { budget, layout } = this.#parts
    const isSplit = budget.held > MIN_SPILL_BYTES && this.#groups.count > 1 && this.#level < MAX_SPILL_LEVEL
    if (!budget.fits(this.#growth) && isSplit) await this.#spillGroups()
    const before = budget.held
    this.#groups.assign(batch.columns.slice(0, layout.groupCount), batch.rowCount)
    layout.aggregates.forEach(({ first, columnCount, pairs }, index) => {
      if (pairs === undefined)
        this.#groups.merge(index, batch.columns.slice(first, first + columnCount), this.#groups.rows)
    })
    this.#growth = Math.max(0, budget.held - before)
  }

  /** After all states: the values of an aggregate with DISTINCT. */
  async addPairs(index: number, run: SpillRun): Promise<void> {
    const spill = this.#spill
    if (spill !== undefined) {
      for await (const batch of run.batches()) await spill.addPairs(index, shared(batch))
      return
    }
    await new DistinctMerge(this.#parts, this.#groups, index).add(run)
  }

  async *output(): AsyncGenerator<Batch> {
    const { batchRows, output } = this.#parts
    if (this.#spill === undefined) {
      for (let from = 0; from < this.#groups.count; from += batchRows)
        yield output(this.#groups, from, Math.min(batchRows, this.#groups.count - from))
      return
    }
    await this.#spillGroups()
    yield* this.#spill.output()
  }

  close(): void {
    this.#groups.close()
    this.#spill?.close()
  }

  async #spillGroups(): Promise<void> {
    this.#spill ??= await GroupSpill.open(this.#parts, this.#level)
    await this.#spill.add(this.#groups)
    const full = this.#groups
    this.#groups = emptyGroups(this.#parts)
    full.close()
    this.#parts.budget.settle()
  }
}

const emptyGroups = ({ groupTypes, specs, budget }: SpillParts): GroupStates =>
  new GroupStates(groupTypes, specs, { charge: budget.charge, watchesDistinct: false })

/** Groups from..from+n with the states of the aggregates without DISTINCT. */
function stateBatch(states: GroupStates, layout: StateLayout, from: number, n: number): Batch {
  const columns: Column[] = []
  try {
    columns.push(...states.keys(from, n))
    layout.aggregates.forEach(({ pairs }, index) => {
      if (pairs === undefined) columns.push(...states.states(index, from, n))
    })
    return { schema: layout.states, rowCount: n, columns }
  } catch (error) {
    columns.forEach(releaseColumn)
    throw error
  }
}

/** The same rows with references of their own. */
function shared(batch: Batch): Batch {
  batch.columns.forEach(retainColumn)
  return batch
}
