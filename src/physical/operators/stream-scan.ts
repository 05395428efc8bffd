/** The scan of a stream of this process. */
import type { Batch } from '../../arrow/batch.js'
import { releaseBatch, retainColumn } from '../../arrow/column.js'
import type { Schema } from '../../arrow/schema.js'
import { sliceBatch } from '../../arrow/take.js'
import type { ScanSource } from '../../catalog/table-provider.js'
import { invariant } from '../../common/invariant.js'
import { batchSize } from '../../runtime/options.js'
import type { TaskContext } from '../../runtime/task-context.js'

export interface StreamScanPlan {
  readonly source: ScanSource
  /** Column numbers of the stream's schema, in the order of `schema`. */
  readonly projection: readonly number[]
  readonly schema: Schema
  /** Rows that are needed at most. */
  readonly fetch?: number
}

/** Opens the stream with the first `next()`, asks it for no more than is needed, and leaves it with the last row or `return()`. */
export class StreamScan implements AsyncIterator<Batch, undefined> {
  readonly #plan: StreamScanPlan
  readonly #batches: AsyncIterator<Batch, undefined>
  #wanted: number

  constructor(plan: StreamScanPlan, ctx: TaskContext) {
    const stream = plan.source.kind === 'stream' ? ctx.streams.get(plan.source.name) : undefined
    invariant(stream !== undefined, 'a stream is scanned where it is')
    this.#plan = plan
    this.#wanted = plan.fetch ?? Infinity
    this.#batches = stream.open(Math.max(1, Math.min(ctx.config.get(batchSize), this.#wanted)))
  }

  async next(): Promise<IteratorResult<Batch, undefined>> {
    if (this.#wanted <= 0) return this.return()
    const step = await this.#batches.next()
    if (step.done === true) return step
    const value = this.#projected(step.value)
    this.#wanted -= value.rowCount
    return { done: false, value }
  }

  async return(): Promise<IteratorResult<Batch, undefined>> {
    return (await this.#batches.return?.()) ?? { done: true, value: undefined }
  }

  /** The wanted rows and columns; takes the batch over. */
  #projected(batch: Batch): Batch {
    const { projection, schema } = this.#plan
    const columns = projection.map(column => batch.columns[column])
    columns.forEach(retainColumn)
    releaseBatch(batch)
    const projected = { schema, rowCount: batch.rowCount, columns }
    if (batch.rowCount <= this.#wanted) return projected
    try {
      return sliceBatch(projected, 0, this.#wanted)
    } finally {
      releaseBatch(projected)
    }
  }
}
