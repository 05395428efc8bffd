/** The build side of a HashJoinExec: one table while memory is granted, else partitions in a temporary file. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn, retainColumn } from '../../arrow/column.js'
import { compileExprs } from '../../expr/compile.js'
import { Budget } from '../../runtime/budget.js'
import type { TaskContext } from '../../runtime/task-context.js'
import type { BuildState } from '../plan.js'
import type { HashJoinExec } from './hash-join.js'
import { HashJoinTable } from './hash-join-build.js'
import { HashJoinSpill, keySchema, spillBuild, TableFiller, type HashJoinParts } from './hash-join-spill.js'

/** Bytes a build row takes in a table beyond its values: key words, chain, slots, and the rows being joined to segments. */
const TABLE_BYTES_A_ROW = 32
/** Of the memory that is granted when the build side has ended, so much goes to partitions that stay in memory. */
const RESIDENT_SHARE = 1 / 2

export class HashJoinState implements BuildState {
  readonly parts: HashJoinParts
  readonly #keysOf: (batch: Batch) => Column[]
  #filler: TableFiller
  #spill: HashJoinSpill | undefined
  /** Partitions whose build rows are in the table. */
  #resident: ReadonlySet<number> = new Set()

  constructor(plan: HashJoinExec, ctx: TaskContext) {
    const budget = new Budget(ctx, plan.kind)
    const compiled = compileExprs(
      plan.on.map(({ left }) => left),
      plan.children[0].schema,
    )
    this.#keysOf = batch => compiled.evaluate(batch)
    const keepsRows = HashJoinTable.keepsRows(plan)
    const buildSchema = keepsRows ? plan.children[0].schema : keySchema(plan)
    this.parts = { plan, ctx, budget, buildSchema, keepsRows }
    this.#filler = new TableFiller(this.parts, true)
  }

  /** All build rows, or those of the resident partitions. */
  get table(): HashJoinTable {
    return this.#filler.table
  }

  get spill(): HashJoinSpill | undefined {
    return this.#spill
  }

  isResident(partition: number): boolean {
    return this.#resident.has(partition)
  }

  /** Borrows the batch. */
  push(batch: Batch): Promise<void> | undefined {
    if (this.#spill === undefined && this.#filler.hasRoom(batch.rowCount)) {
      this.#filler.add(batch)
      return undefined
    }
    return this.#pushSpilled(batch)
  }

  async finish(): Promise<void> {
    if (this.#spill === undefined && !this.#filler.hasRoom(0)) await this.#spillTable()
    if (this.#spill !== undefined) await this.#loadResident(this.#spill)
    await this.table.build()
  }

  /** When no more probe rows come. */
  closeTable(): void {
    const full = this.#filler
    this.#filler = new TableFiller(this.parts, false)
    full.table.close()
    this.parts.budget.settle()
  }

  /** The keys of a batch of build rows of a file. */
  spilledKeys(batch: Batch): Column[] {
    if (this.parts.keepsRows) return this.#keysOf(batch)
    batch.columns.forEach(retainColumn)
    return [...batch.columns]
  }

  close(): void {
    this.table.close()
    this.#spill?.close()
    this.parts.budget.release()
  }

  async #pushSpilled(batch: Batch): Promise<void> {
    const spill = this.#spill ?? (await this.#spillTable())
    const keys = this.#keysOf(batch)
    try {
      await spillBuild(this.parts, spill, batch, keys)
    } finally {
      keys.forEach(releaseColumn)
    }
    await spill.settle()
  }

  /** Moves the rows of the table to a file. */
  async #spillTable(): Promise<HashJoinSpill> {
    const { ctx, buildSchema } = this.parts
    ctx.counters().spillCount++
    const spill = await HashJoinSpill.open(this.parts, 0)
    this.#spill = spill
    for (const batch of this.table.held(buildSchema)) {
      const keys = this.spilledKeys(batch)
      try {
        await spill.build.add(batch, keys)
      } finally {
        keys.forEach(releaseColumn)
      }
    }
    await spill.settle()
    this.closeTable()
    return spill
  }

  /** Reads the partitions that fit, the smallest first. */
  async #loadResident({ build }: HashJoinSpill): Promise<void> {
    const { budget, ctx } = this.parts
    let granted = ctx.memory.limit * RESIDENT_SHARE
    while (granted > 1 && !budget.fits(granted)) granted /= 2
    let left = granted * RESIDENT_SHARE
    const resident = new Set<number>()
    const sizes = build.runs.map((run, partition) => ({ partition, run, bytes: residentBytes(run) }))
    for (const { partition, run, bytes } of sizes.sort((a, b) => a.bytes - b.bytes)) {
      if (bytes > left) break
      left -= bytes
      resident.add(partition)
      for await (const batch of run.batches()) this.#filler.addSpilled(batch)
    }
    this.#resident = resident
  }
}

const residentBytes = (run: HashJoinSpill['build']['runs'][number]): number =>
  run.frames.reduce((sum, { byteLength }) => sum + 2 * byteLength, run.rowCount * TABLE_BYTES_A_ROW)
