/** A sort of any size: in memory while that is granted, else as sorted runs in temporary files that are merged at the end. */
import type { Batch } from '../../arrow/batch.js'
import { releaseBatch } from '../../arrow/column.js'
import type { Schema } from '../../arrow/schema.js'
import { sliceBatch } from '../../arrow/take.js'
import type { SortKey } from '../../expr/expr.js'
import type { Budget } from '../../runtime/budget.js'
import { afterwards, type Output } from '../../runtime/operator.js'
import { batchSize } from '../../runtime/options.js'
import { SpillFile } from '../../runtime/spill-file.js'
import { SpillRun } from '../../runtime/spill-run.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { inTurns } from '../../runtime/time-slice.js'
import { RowOrder } from './row-order.js'
import { RunMerge, type SortedRun } from './run-merge.js'
import { SortRows } from './sort-rows.js'

/** Rows that are sorted at once: the blocks of their key words have 64 MiB. */
export const MAX_SORT_ROWS = 2 ** 23
/** Runs that are merged at once. */
const FAN_IN = 32
/** A frame of a run takes this share of the memory limit, within bounds. */
const FRAME_SHARE = 1 / 512
const MIN_FRAME_BYTES = 16 * 1024
const MAX_FRAME_BYTES = 256 * 1024
/** The share of the granted memory that frames take in a merge; sorting them takes the rest. */
const QUOTA_SHARE = 1 / 3

export interface SortParts {
  readonly keys: readonly SortKey[]
  readonly schema: Schema
  readonly ctx: TaskContext
  readonly budget: Budget
}

export class ExternalSort {
  readonly #parts: SortParts
  readonly #order: RowOrder
  readonly #batchRows: number
  #rows: SortRows
  #file: SpillFile | undefined
  #runs: SortedRun[] = []
  /** Bytes that the last batch took. */
  #growth = 0

  /** `rows`: what is held already; belongs to the sort from now on. */
  constructor(parts: SortParts, rows?: SortRows) {
    this.#parts = parts
    this.#order = new RowOrder(parts.keys, parts.schema)
    this.#batchRows = parts.ctx.config.get(batchSize)
    this.#rows = rows ?? this.#empty()
  }

  /** Borrows the batch. */
  push(batch: Batch): Output {
    if (!this.#hasRoom(batch.rowCount)) return afterwards(() => this.#spillAndAdd(batch))
    this.#add(batch)
    return undefined
  }

  /** As `push`. */
  async add(batch: Batch): Promise<void> {
    if (this.#hasRoom(batch.rowCount)) this.#add(batch)
    else await this.#spillAndAdd(batch)
  }

  /** The first `fetch` rows in order. */
  finish(fetch: number): Output {
    return this.#runs.length > 0 ? this.#merged(fetch) : this.#sorted(fetch)
  }

  close(): void {
    this.#rows.close()
    this.#file?.close()
  }

  #hasRoom(rowCount: number): boolean {
    const fits = this.#parts.budget.fits(this.#growth + this.#rows.sortBytes(rowCount))
    return this.#rows.rowCount === 0 || (fits && this.#rows.rowCount + rowCount <= MAX_SORT_ROWS)
  }

  async #spillAndAdd(batch: Batch): Promise<void> {
    await this.#spill()
    this.#add(batch)
  }

  #add(batch: Batch): void {
    const { budget } = this.#parts
    const before = budget.held
    this.#rows.add(batch)
    this.#growth = Math.max(0, budget.held - before)
  }

  *#sorted(fetch: number): Generator<Batch> {
    if (this.#rows.rowCount === 0) return
    // A batch without rows for every step: it goes nowhere, but lets other tasks have their turn.
    for (const _ of this.#rows.sort()) yield { schema: this.#parts.schema, rowCount: 0, columns: [] }
    const count = Math.min(fetch, this.#rows.rowCount)
    for (let from = 0; from < count; from += this.#batchRows)
      yield this.#rows.take(from, Math.min(this.#batchRows, count - from))
  }

  /** Writes what is held as a sorted run. */
  async #spill(): Promise<void> {
    const { ctx, budget } = this.#parts
    ctx.counters().spillCount++
    this.#file ??= await SpillFile.open(ctx)
    const rows = this.#rows
    await inTurns(rows.sort())
    const frameRows = this.#frameRows(rows.rowBytes)
    const run = this.#newRun(this.#file)
    for (let from = 0; from < rows.rowCount; from += frameRows)
      await this.#append(run, rows.take(from, Math.min(frameRows, rows.rowCount - from)))
    await this.#file.settle()
    this.#runs.push(run)
    this.#rows = this.#empty()
    rows.close()
    budget.settle()
  }

  async *#merged(fetch: number): AsyncGenerator<Batch> {
    if (this.#rows.rowCount > 0) await this.#spill()
    while (this.#runs.length > FAN_IN) await this.#mergeSome()
    let left = fetch
    for await (const batch of this.#merge(this.#runs, this.#batchRows)) {
      yield batch.rowCount <= left ? batch : firstRows(batch, left)
      left -= batch.rowCount
      if (left <= 0) return
    }
  }

  /** Merges neighbouring runs to longer ones in a new file. */
  async #mergeSome(): Promise<void> {
    const old = this.#file
    const file = await SpillFile.open(this.#parts.ctx)
    this.#file = file
    try {
      const merged: SortedRun[] = []
      for (let from = 0; from < this.#runs.length; from += FAN_IN) {
        const some = this.#runs.slice(from, from + FAN_IN)
        const run = this.#newRun(file)
        const rows = some.reduce((sum, { rows: { rowCount } }) => sum + rowCount, 0)
        const bytes = some.reduce(
          (sum, { rows: { frames } }) => sum + frames.reduce((all, f) => all + f.byteLength, 0),
          0,
        )
        for await (const batch of this.#merge(some, this.#frameRows(bytes / rows))) await this.#append(run, batch)
        merged.push(run)
      }
      await file.settle()
      this.#runs = merged
    } finally {
      old?.close()
    }
  }

  #merge(runs: readonly SortedRun[], batchRows: number): AsyncGenerator<Batch> {
    const { keys, schema, budget } = this.#parts
    const quota = this.#grantable() * QUOTA_SHARE
    return new RunMerge(runs, { keys, schema, order: this.#order, budget, quota }).batches(batchRows)
  }

  /** Reserves the largest share of the limit that is free. */
  #grantable(): number {
    const { budget, ctx } = this.#parts
    const least = 4 * MIN_FRAME_BYTES
    for (let bytes = ctx.memory.limit / 2; bytes > least; bytes /= 2) if (budget.fits(bytes)) return bytes
    return least
  }

  #frameRows(rowBytes: number): number {
    const bytes = Math.min(MAX_FRAME_BYTES, Math.max(MIN_FRAME_BYTES, this.#parts.ctx.memory.limit * FRAME_SHARE))
    return Math.max(1, Math.min(this.#batchRows, Math.floor(bytes / Math.max(1, rowBytes))))
  }

  #newRun(file: SpillFile): SortedRun {
    return { rows: new SpillRun(file, this.#parts.schema), heads: [] }
  }

  /** Takes the batch over. */
  async #append(run: SortedRun, batch: Batch): Promise<void> {
    try {
      run.heads.push(this.#order.key(batch, 0))
      await run.rows.append(batch)
    } finally {
      releaseBatch(batch)
    }
  }

  #empty(): SortRows {
    const { keys, schema, budget } = this.#parts
    return new SortRows(keys, schema, budget.charge)
  }
}

/** Takes the batch over. */
function firstRows(batch: Batch, count: number): Batch {
  try {
    return sliceBatch(batch, 0, count)
  } finally {
    releaseBatch(batch)
  }
}
