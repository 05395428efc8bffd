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
 * Holds a few batches of each input. Rows of equal keys come in the order of their inputs as far as what is in hand reaches. `return()` leaves
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

/** Gives the batches away; releases what is not taken. */
function* inTurn(batches: Batch[]): Generator<Batch> {
  try {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) yield batch
  } finally {
    batches.forEach(releaseBatch)
  }
}

/** Rows in hand of all inputs together: what is sorted at once should be worth its calls. */
const ROWS_IN_HAND = 32_768
/** Of one input at least: small inputs are read to their end, after which they hold nobody up. */
const MIN_ROWS = 1024

/** Batches of an input that are in hand. */
interface Input {
  readonly iterator: AsyncIterator<Batch>
  readonly held: { readonly batch: Batch; readonly last: RowKey }[]
  /** Rows of the first batch that have been given. */
  from: number
  /** Of the first row that has not. */
  first: RowKey
  /** Without the rows before `from`. */
  rowCount: number
  isEnded: boolean
}

/**
 * Whatever comes not after the last row in hand of any input that goes on is complete: those rows, a part of each input, are sorted
 * and given.
 */
class OrderedMerge {
  readonly #parts: MergeParts
  readonly #order: RowOrder
  readonly #budget: Budget
  readonly #wantedRows: number
  #inputs: readonly Input[]

  constructor(iterators: readonly AsyncIterator<Batch>[], parts: MergeParts) {
    this.#parts = parts
    this.#order = new RowOrder(parts.keys, parts.schema)
    this.#budget = new Budget(parts.ctx, 'ExchangeSourceExec')
    this.#wantedRows = Math.max(MIN_ROWS, ROWS_IN_HAND / iterators.length)
    this.#inputs = iterators.map(iterator => ({
      iterator,
      held: [],
      from: 0,
      first: [],
      rowCount: 0,
      isEnded: false,
    }))
  }

  async *batches(): AsyncGenerator<Batch, undefined> {
    try {
      for (;;) {
        await this.#fillAll()
        this.#inputs = this.#inputs.filter(({ held }) => held.length > 0)
        if (this.#inputs.length === 0) return undefined
        const isAlone = this.#inputs.length === 1
        const complete = this.#takeComplete()
        yield* isAlone ? inTurn(complete) : this.#sorted(complete)
      }
    } finally {
      for (const { held } of this.#inputs) for (const { batch } of held) releaseBatch(batch)
      this.#budget.release()
    }
  }

  /** When one fails, the others have been left, and ask for no more, before this throws. */
  async #fillAll(): Promise<void> {
    const filling = this.#inputs.map(input => this.#fill(input))
    try {
      await Promise.all(filling)
    } catch (error) {
      await Promise.allSettled(this.#inputs.map(async ({ iterator }) => iterator.return?.()))
      await Promise.allSettled(filling)
      throw error
    }
  }

  async #fill(input: Input): Promise<void> {
    while (!input.isEnded && input.rowCount < this.#wantedRows) {
      const step = await input.iterator.next()
      if (step.done === true) {
        input.isEnded = true
        return
      }
      const batch = step.value
      if (input.held.length === 0) input.first = this.#order.key(batch, 0)
      input.held.push({ batch, last: this.#order.key(batch, batch.rowCount - 1) })
      input.rowCount += batch.rowCount
    }
  }

  /** Of each input the rows that no row to come precedes, owned by the caller; at least one batch is used up. */
  #takeComplete(): Batch[] {
    const open = this.#inputs.filter(({ isEnded }) => !isEnded)
    const ends = open.flatMap(({ held }) => held.slice(-1).map(({ last }) => last))
    const bound = ends.reduce<RowKey | undefined>(
      (least, last) => (least === undefined || this.#order.compare(last, least) < 0 ? last : least),
      undefined,
    )
    return this.#inputs.flatMap(input => this.#takeUpTo(bound, input))
  }

  /** The rows not behind `bound`; undefined: all. */
  #takeUpTo(bound: RowKey | undefined, input: Input): Batch[] {
    const taken: Batch[] = []
    while (input.held.length > 0 && (bound === undefined || this.#order.compare(input.first, bound) <= 0)) {
      const [{ batch, last }] = input.held
      const isWhole = bound === undefined || this.#order.compare(last, bound) <= 0
      const end = isWhole ? batch.rowCount : this.#order.countBefore(batch, bound, true)
      taken.push(sliceBatch(batch, input.from, end))
      input.rowCount -= end - input.from
      input.from = isWhole ? 0 : end
      if (isWhole) {
        input.held.shift()
        releaseBatch(batch)
      }
      if (input.held.length > 0) input.first = this.#order.key(input.held[0].batch, input.from)
    }
    return taken
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
