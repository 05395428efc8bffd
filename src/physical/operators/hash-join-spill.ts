/** Both sides of a hash join in a temporary file, by partition of their keys. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn } from '../../arrow/column.js'
import { field, type Schema } from '../../arrow/schema.js'
import { typeOf } from '../../expr/expr.js'
import type { Budget } from '../../runtime/budget.js'
import { SpillFile } from '../../runtime/spill-file.js'
import type { SpillRun } from '../../runtime/spill-run.js'
import type { TaskContext } from '../../runtime/task-context.js'
import type { HashJoinExec } from './hash-join.js'
import { HashJoinTable } from './hash-join-build.js'
import { SpillPartitions } from './spill-partitions.js'

export interface HashJoinParts {
  readonly plan: HashJoinExec
  readonly ctx: TaskContext
  readonly budget: Budget
  /** Of build rows in a file: those of the build side, or only their keys. */
  readonly buildSchema: Schema
  readonly keepsRows: boolean
}

/** The schema of keys alone. */
export const keySchema = ({ on }: HashJoinExec): Schema => ({
  fields: on.map(({ left }, index) => field(`key${index}`, typeOf(left))),
})

/** Rows of both sides with equal keys are in the partitions of one number. */
export class HashJoinSpill {
  readonly build: SpillPartitions
  readonly probe: SpillPartitions
  readonly #file: SpillFile

  private constructor({ plan, buildSchema }: HashJoinParts, level: number, file: SpillFile) {
    this.#file = file
    this.build = new SpillPartitions(file, buildSchema, level)
    this.probe = new SpillPartitions(file, plan.children[1].schema, level)
  }

  static async open(parts: HashJoinParts, level: number): Promise<HashJoinSpill> {
    return new HashJoinSpill(parts, level, await SpillFile.open(parts.ctx))
  }

  settle(): Promise<void> {
    return this.#file.settle()
  }

  close(): void {
    this.#file.close()
  }
}

/** Build rows that come from a file or from memory into a table. */
export class TableFiller {
  readonly table: HashJoinTable
  readonly #parts: HashJoinParts
  /** Bytes that the last batch took. */
  #growth = 0

  constructor(parts: HashJoinParts, isWhole: boolean) {
    this.#parts = parts
    this.table = new HashJoinTable(parts.plan, parts.ctx, parts.budget, isWhole)
  }

  /** Whether so many rows more are granted. */
  hasRoom(rowCount: number): boolean {
    return this.#parts.budget.fits(this.#growth + this.table.buildBytes(rowCount)) || this.table.rowCount === 0
  }

  /** Borrows a batch of the build side. */
  add(batch: Batch): void {
    this.#watch(() => this.table.add(batch))
  }

  /** Borrows a batch of a file. */
  addSpilled(batch: Batch): void {
    if (this.#parts.keepsRows) this.add(batch)
    else this.#watch(() => this.table.addKeys(batch.columns, batch.rowCount))
  }

  #watch(add: () => void): void {
    const { budget } = this.#parts
    const before = budget.held
    add()
    this.#growth = Math.max(0, budget.held - before)
  }
}

/** Appends the build rows of a batch of the build side; it is borrowed, as are its keys. */
export async function spillBuild(
  { keepsRows, buildSchema }: HashJoinParts,
  spill: HashJoinSpill,
  batch: Batch,
  keys: readonly Column[],
): Promise<void> {
  const rows = keepsRows ? batch : { schema: buildSchema, rowCount: batch.rowCount, columns: keys }
  await spill.build.add(rows, keys)
}

/** Splits what a partition holds once more. */
export async function splitAgain(
  spill: HashJoinSpill,
  sides: { readonly build: SpillRun; readonly probe: SpillRun },
  keysOf: { readonly build: (batch: Batch) => Column[]; readonly probe: (batch: Batch) => Column[] },
): Promise<void> {
  for (const side of ['build', 'probe'] as const) {
    for await (const batch of sides[side].batches()) {
      const keys = keysOf[side](batch)
      try {
        await spill[side].add(batch, keys)
      } finally {
        keys.forEach(releaseColumn)
      }
    }
  }
  await spill.settle()
}
