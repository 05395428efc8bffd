/** Sorted runs in temporary files become one order, with a few frames of each in memory. */
import type { Batch } from '../../arrow/batch.js'
import { releaseBatch } from '../../arrow/column.js'
import type { Schema } from '../../arrow/schema.js'
import { sliceBatch } from '../../arrow/take.js'
import type { SortKey } from '../../expr/expr.js'
import type { Budget } from '../../runtime/budget.js'
import type { SpillRun } from '../../runtime/spill-run.js'
import { inTurns } from '../../runtime/time-slice.js'
import type { RowKey, RowOrder } from './row-order.js'
import { SortRows } from './sort-rows.js'

/** Rows in order, in frames, and the key of the first row of each frame. */
export interface SortedRun {
  readonly rows: SpillRun
  readonly heads: RowKey[]
}

export interface MergeParts {
  readonly keys: readonly SortKey[]
  readonly schema: Schema
  readonly order: RowOrder
  readonly budget: Budget
  /** Bytes of frames in memory at once; one frame of each run and one more are held in any case. */
  readonly quota: number
}

/** A run being merged. */
interface Input extends SortedRun {
  /** Number of the run: rows of equal keys come in the order of their runs. */
  readonly number: number
  /** The frame to be read next. */
  next: number
  /** Frames in memory that are not given yet; `from` rows of the first one are. */
  readonly held: Batch[]
  from: number
}

/**
 * Frames are read in the order of their first rows. Whatever comes before the first row of every frame that has not been read is
 * complete: those rows, a part of each run, are sorted at once as any rows are, and given. So every row is sorted once more,
 * however many runs there are, and stays behind rows of equal key of an earlier run.
 */
export class RunMerge {
  readonly #parts: MergeParts
  readonly #inputs: readonly Input[]
  #heldBytes = 0

  constructor(runs: readonly SortedRun[], parts: MergeParts) {
    this.#parts = parts
    this.#inputs = runs.map((run, number) => ({ ...run, number, next: 0, held: [], from: 0 }))
  }

  /** The rows in order, at most `batchRows` a batch, each batch given away. */
  async *batches(batchRows: number): AsyncGenerator<Batch> {
    try {
      for (;;) {
        await this.#load()
        const sorted = new SortRows(this.#parts.keys, this.#parts.schema, this.#parts.budget.charge)
        try {
          this.#move(sorted)
          if (sorted.rowCount === 0) return
          await inTurns(sorted.sort())
          for (let from = 0; from < sorted.rowCount; from += batchRows)
            yield sorted.take(from, Math.min(batchRows, sorted.rowCount - from))
        } finally {
          sorted.close()
        }
      }
    } finally {
      for (const { held } of this.#inputs) held.forEach(releaseBatch)
      this.#charge(-this.#heldBytes)
    }
  }

  /** The unread frame that starts with the least row; undefined: all are read. */
  #least(): { readonly input: Input; readonly head: RowKey } | undefined {
    let least: { readonly input: Input; readonly head: RowKey } | undefined
    for (const input of this.#inputs) {
      if (input.next === input.heads.length) continue
      const head = input.heads[input.next]
      if (least === undefined || this.#parts.order.compare(head, least.head) < 0) least = { input, head }
    }
    return least
  }

  /** Reads frames up to the quota, and at least one. */
  async #load(): Promise<void> {
    const reads: Promise<void>[] = []
    for (let least = this.#least(); least !== undefined; least = this.#least()) {
      const { input } = least
      const { byteLength } = input.rows.frames[input.next]
      if (reads.length > 0 && this.#heldBytes + byteLength > this.#parts.quota) break
      this.#charge(byteLength)
      const frame = input.next++
      // Frames of one run may arrive in any order.
      const place = input.held.push(EMPTY) - 1
      reads.push(input.rows.read(frame).then(batch => void (input.held[place] = batch)))
    }
    const outcomes = await Promise.allSettled(reads)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** Moves the rows that are complete. */
  #move(sorted: SortRows): void {
    const bound = this.#least()
    for (const input of this.#inputs) {
      while (input.held.length > 0) {
        const [batch] = input.held
        const end = bound === undefined ? batch.rowCount : this.#completeRows(input, batch, bound)
        if (end > input.from) {
          const rows = sliceBatch(batch, input.from, end)
          try {
            sorted.add(rows)
          } finally {
            releaseBatch(rows)
          }
          input.from = end
        }
        if (end < batch.rowCount) break
        this.#drop(input)
      }
    }
  }

  #completeRows(input: Input, batch: Batch, bound: { readonly input: Input; readonly head: RowKey }): number {
    return this.#parts.order.countBefore(batch, bound.head, input.number <= bound.input.number)
  }

  /** Lets the first held frame go. */
  #drop(input: Input): void {
    const frame = input.rows.frames[input.next - input.held.length]
    const batch = input.held.shift()
    if (batch !== undefined) releaseBatch(batch)
    input.from = 0
    this.#charge(-frame.byteLength)
  }

  #charge(delta: number): void {
    this.#parts.budget.charge(delta)
    this.#heldBytes += delta
  }
}

const EMPTY: Batch = { schema: { fields: [] }, rowCount: 0, columns: [] }
