/** Several sorted inputs become one in the same order (DataFusion's SortPreservingMerge). */
import type { Batch } from '../arrow/batch.js'
import { releaseBatch } from '../arrow/column.js'
import type { Schema } from '../arrow/schema.js'
import { sliceBatch } from '../arrow/take.js'
import type { SortKey } from '../expr/expr.js'
import { RowOrder, type RowKey } from '../physical/operators/row-order.js'
import { SortRows } from '../physical/operators/sort-rows.js'
import { Budget } from '../runtime/budget.js'
import type { Source } from '../runtime/operator.js'
import { batchSize } from '../runtime/options.js'
import type { TaskContext } from '../runtime/task-context.js'

interface MergeParts {
  readonly keys: readonly SortKey[]
  readonly schema: Schema
  readonly ctx: TaskContext
}

/**
 * Holds one batch of each input. Rows of equal keys come in the order of their inputs as far as one batch reaches. `return()` leaves
 * all inputs at once, even while their next batches are awaited.
 */
export function orderedMerge(inputs: readonly Source[], parts: MergeParts): Source {
  return {
    [Symbol.asyncIterator]() {
      const iterators = inputs.map(input => input[Symbol.asyncIterator]())
      const merged = new OrderedMerge(iterators, parts).batches()
      return {
        next: () => merged.next(),
        async return() {
          await Promise.all(iterators.map(async input => input.return?.()))
          await merged.return(undefined)
          return { done: true, value: undefined }
        },
      }
    },
  }
}

/** The batch of an input that is in hand; `from` of its rows have been given. */
interface Input {
  readonly iterator: AsyncIterator<Batch>
  batch: Batch | undefined
  last: RowKey
  from: number
}

/** Whatever comes not after the least last row in hand is complete: those rows, a part of each batch, are sorted and given. */
class OrderedMerge {
  readonly #parts: MergeParts
  readonly #order: RowOrder
  readonly #budget: Budget
  #inputs: readonly Input[]

  constructor(iterators: readonly AsyncIterator<Batch>[], parts: MergeParts) {
    this.#parts = parts
    this.#order = new RowOrder(parts.keys, parts.schema)
    this.#budget = new Budget(parts.ctx, 'ExchangeSourceExec')
    this.#inputs = iterators.map(iterator => ({ iterator, batch: undefined, last: [], from: 0 }))
  }

  async *batches(): AsyncGenerator<Batch, undefined> {
    try {
      for (;;) {
        await Promise.all(this.#inputs.map(input => this.#fill(input)))
        this.#inputs = this.#inputs.filter(({ batch }) => batch !== undefined)
        if (this.#inputs.length === 0) return undefined
        const complete = this.#takeComplete()
        if (complete.length === 1) yield complete[0]
        else yield* this.#sorted(complete)
      }
    } finally {
      for (const { batch } of this.#inputs) if (batch !== undefined) releaseBatch(batch)
      this.#budget.release()
    }
  }

  async #fill(input: Input): Promise<void> {
    if (input.batch !== undefined) return
    const step = await input.iterator.next()
    if (step.done === true) return
    input.batch = step.value
    input.last = this.#order.key(step.value, step.value.rowCount - 1)
    input.from = 0
  }

  /** Of each batch the rows that no row to come precedes, owned by the caller; at least one batch is used up. */
  #takeComplete(): Batch[] {
    const [first, ...others] = this.#inputs
    const bound = others.reduce((least, { last }) => (this.#order.compare(last, least) < 0 ? last : least), first.last)
    const complete: Batch[] = []
    for (const input of this.#inputs) {
      const { batch, from } = input
      if (batch === undefined) continue
      const end = input.last === bound ? batch.rowCount : this.#order.countBefore(batch, bound, true)
      if (end > from) complete.push(sliceBatch(batch, from, end))
      input.from = end
      if (end < batch.rowCount) continue
      input.batch = undefined
      releaseBatch(batch)
    }
    return complete
  }

  *#sorted(parts: readonly Batch[]): Generator<Batch> {
    const { keys, schema, ctx } = this.#parts
    const rows = new SortRows(keys, schema, this.#budget.charge)
    try {
      for (const part of parts) rows.add(part)
      // A few batches: no need to let others have a turn.
      for (const _ of rows.sort()) continue
      const batchRows = ctx.config.get(batchSize)
      for (let from = 0; from < rows.rowCount; from += batchRows)
        yield rows.take(from, Math.min(batchRows, rows.rowCount - from))
    } finally {
      rows.close()
      parts.forEach(releaseBatch)
    }
  }
}
