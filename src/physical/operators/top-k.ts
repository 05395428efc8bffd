/** TopKExec: the first rows of its input in an order, without sorting the rest. */
import type { Batch, Column } from '../../arrow/batch.js'
import { defaultWidth, releaseBatch, releaseColumn, retainBatch } from '../../arrow/column.js'
import { kernels, views, withScratch } from '../../arrow/memory.js'
import { decodeDictionary, takeBatch } from '../../arrow/take.js'
import { inputExpr } from '../../expr/build.js'
import { compileExprs } from '../../expr/compile.js'
import { displaySortKey } from '../../expr/display.js'
import type { SortKey } from '../../expr/expr.js'
import { rangeFilter } from '../../runtime/dynamic-filter.js'
import { Budget } from '../../runtime/budget.js'
import { afterwards, FINISHED, type Operator, type Output } from '../../runtime/operator.js'
import { batchSize } from '../../runtime/options.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { atMost, partitionCount, withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'
import { ExternalSort, MAX_SORT_ROWS } from './external-sort.js'
import { isText, orderedWords } from './sort-keys.js'
import { SortRows } from './sort-rows.js'
import { MIN_SPILL_BYTES } from './spill-partitions.js'
import { resolveKeys } from './sort.js'

export interface TopKExec extends PhysicalPlan {
  readonly kind: 'TopKExec'
  readonly keys: readonly SortKey[]
  readonly fetch: number
  /** Number of the filter that says which values of the first key can still come in. */
  readonly boundFilter?: number
}

/**
 * The first `fetch` rows in the order of SortExec, sorted. Holds about twice as many; rows behind the worst one held are dropped
 * by their first key. Over an input that is a TopKExec itself it gathers the partitions' first rows, otherwise it works in each.
 */
export const topKOperator = defineOperator<TopKExec>({
  kind: 'TopKExec',
  properties(plan, [input]) {
    const { partitioning, rowCount } = input
    return withRowCount(
      { partitioning, ordering: plan.keys },
      atMost(plan.fetch * partitionCount(partitioning), rowCount),
    )
  },
  requiredDistribution: plan => [{ kind: plan.children[0].kind === 'TopKExec' ? 'single' : 'any' }],
  details: plan => `fetch=${plan.fetch}, expr=[${plan.keys.map(displaySortKey).join(', ')}]`,
  lower(plan, [input], context) {
    if (plan.kind !== 'sort' || plan.fetch === undefined) return undefined
    return {
      kind: 'TopKExec',
      keys: resolveKeys(plan, context),
      fetch: plan.fetch,
      schema: input.schema,
      children: [input],
    }
  },
  open: (plan, ctx) => openTopK(plan, ctx),
  samples() {
    const input = numbersSample()
    const [id, name] = input.schema.fields.map((column, index) => inputExpr(index, column.name, column.type))
    const base = { kind: 'TopKExec', schema: input.schema, children: [input] } as const
    return [
      { ...base, fetch: 3, keys: [{ expr: id, descending: true, nullsFirst: false }] },
      {
        ...base,
        fetch: 4,
        keys: [
          { expr: name, descending: false, nullsFirst: true },
          { expr: id, descending: false, nullsFirst: true },
        ],
      },
    ]
  },
})

function openTopK(plan: TopKExec, ctx: TaskContext): Operator {
  const budget = new Budget(ctx, plan.kind)
  const top = new TopRows(plan, ctx, budget)
  return {
    push: batch => (plan.fetch === 0 ? [FINISHED] : top.push(batch)),
    finish: () => top.finish(),
    close() {
      if (plan.boundFilter !== undefined) ctx.filters.retract(plan.boundFilter)
      top.close()
      budget.release()
    },
  }
}

/** Sorting fewer rows than this at a time costs more than it saves. */
const MIN_HELD_ROWS = 4096
const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n

class TopRows {
  readonly #plan: TopKExec
  readonly #ctx: TaskContext
  readonly #budget: Budget
  readonly #evaluate: (batch: Batch) => Column[]
  #rows: SortRows
  /** Takes over when so many rows are wanted that they do not fit; then #rows is its own. */
  #sort: ExternalSort | undefined
  /** Leading word of the last of `fetch` rows: rows with a greater one are not among the first. */
  #bound: bigint | undefined

  constructor(plan: TopKExec, ctx: TaskContext, budget: Budget) {
    this.#plan = plan
    this.#ctx = ctx
    this.#budget = budget
    this.#rows = new SortRows(plan.keys, plan.schema, budget.charge)
    const compiled = compileExprs([plan.keys[0].expr], plan.schema)
    this.#evaluate = batch => compiled.evaluate(batch)
  }

  push(batch: Batch): Output {
    const sort = this.#sort ?? (this.#hasRoom(batch.rowCount) ? undefined : this.#startSort())
    if (sort !== undefined) return afterwards(() => this.#addTo(sort, batch))
    const rows = this.#select(batch)
    if (rows === undefined) return undefined
    try {
      this.#rows.add(rows)
    } finally {
      releaseBatch(rows)
    }
    if (this.#rows.rowCount >= Math.max(MIN_HELD_ROWS, 2 * this.#plan.fetch)) this.#shrink()
    return undefined
  }

  finish(): Output {
    return this.#sort === undefined ? this.#first() : this.#sort.finish(this.#plan.fetch)
  }

  close(): void {
    if (this.#sort === undefined) this.#rows.close()
    else this.#sort.close()
  }

  *#first(): Generator<Batch> {
    if (this.#rows.rowCount > 0) finish(this.#rows.sort())
    const count = Math.min(this.#plan.fetch, this.#rows.rowCount)
    const size = this.#ctx.config.get(batchSize)
    for (let from = 0; from < count; from += size) yield this.#rows.take(from, Math.min(size, count - from))
  }

  /** Whether the rows held and some more can be sorted in memory. */
  #hasRoom(rowCount: number): boolean {
    const fits = (): boolean =>
      this.#budget.fits(this.#rows.sortBytes(rowCount)) && this.#rows.rowCount + rowCount <= MAX_SORT_ROWS
    if (fits()) return true
    if (this.#rows.rowCount > this.#plan.fetch) this.#shrink()
    return this.#budget.held < MIN_SPILL_BYTES || fits()
  }

  #startSort(): ExternalSort {
    const { keys, schema } = this.#plan
    this.#sort = new ExternalSort({ keys, schema, ctx: this.#ctx, budget: this.#budget }, this.#rows)
    return this.#sort
  }

  async #addTo(sort: ExternalSort, batch: Batch): Promise<void> {
    const rows = this.#select(batch)
    if (rows === undefined) return
    try {
      await sort.add(rows)
    } finally {
      releaseBatch(rows)
    }
  }

  /** The rows of a batch that can be among the first, owned by the caller; undefined: none. */
  #select(batch: Batch): Batch | undefined {
    const bound = this.#bound
    if (bound === undefined) return retained(batch)
    return withScratch(scratch => {
      const rows = scratch(batch.rowCount * 4)
      const count = this.#withLead(batch, (words, column) => {
        const { descending, nullsFirst } = this.#plan.keys[0]
        // Later rows lose ties, if the leading word is the whole key; at the ends a word may also stand for NULL.
        const isStrict = this.#plan.keys.length === 1 && isExact(column) && bound !== MIN_INT64 && bound !== MAX_INT64
        const nullWord = nullsFirst ? MIN_INT64 : MAX_INT64
        return kernels().sortLead(
          words,
          column.validity,
          column.length,
          descending ? 1 : 0,
          nullWord,
          bound,
          isStrict ? 1 : 0,
          rows,
        )
      })
      if (count === batch.rowCount) return retained(batch)
      return count === 0 ? undefined : takeBatch(batch, rows, count)
    })
  }

  /** Keeps the first `fetch` rows only, and their bound. */
  #shrink(): void {
    const { fetch, keys, schema } = this.#plan
    finish(this.#rows.sort())
    const best = this.#rows.take(0, Math.min(fetch, this.#rows.rowCount))
    try {
      this.#rows.close()
      this.#rows = new SortRows(keys, schema, this.#budget.charge)
      this.#rows.add(best)
      if (best.rowCount === fetch) this.#tighten(this.#lastWord(best))
    } finally {
      releaseBatch(best)
    }
  }

  #tighten(bound: bigint): void {
    this.#bound = bound
    const { boundFilter, keys } = this.#plan
    // At the ends a word may stand for NULL.
    if (boundFilter === undefined || bound === MIN_INT64 || bound === MAX_INT64) return
    const { descending, nullsFirst } = keys[0]
    const filter = descending ? rangeFilter(~bound, MAX_INT64, nullsFirst) : rangeFilter(MIN_INT64, bound, nullsFirst)
    this.#ctx.filters.publish(boundFilter, filter)
  }

  #lastWord(best: Batch): bigint {
    const { descending, nullsFirst } = this.#plan.keys[0]
    return this.#withLead(best, (words, column) => {
      const row = column.length - 1
      const { u8, i64 } = views()
      const isNull =
        column.type.kind === 'null' ||
        (column.validity !== 0 && ((u8[column.validity + (row >>> 3)] >>> (row & 7)) & 1) === 0)
      if (isNull) return nullsFirst ? MIN_INT64 : MAX_INT64
      const word = i64[words / 8 + row]
      return descending ? ~word : word
    })
  }

  /** Leading words of the first key: i64 of the same order, or a coarser one. */
  #withLead<T>(batch: Batch, use: (words: number, column: Column) => T): T {
    const [column] = this.#evaluate(batch)
    try {
      const flat = column.dictionary === undefined ? column : decodeDictionary(column)
      try {
        return withScratch(scratch => {
          const words = scratch(batch.rowCount * 8)
          leadWords(flat, this.#plan.keys[0], words)
          return use(words, flat)
        })
      } finally {
        if (flat !== column) releaseColumn(flat)
      }
    } finally {
      releaseColumn(column)
    }
  }
}

function retained(batch: Batch): Batch {
  retainBatch(batch)
  return batch
}

function leadWords(column: Column, { descending, nullsFirst }: SortKey, out: number): void {
  const { type, values, offsets, width, length } = column
  // A column of type NULL has no bitmap: its words, once complemented, are those of NULL.
  if (type.kind === 'null')
    views().i64.fill(nullsFirst === descending ? MAX_INT64 : MIN_INT64, out / 8, out / 8 + length)
  else if (isText(type)) kernels().sortPrefixes(values, offsets, length, out)
  else if (width === 16) kernels().sortClamp(values, length, out)
  else orderedWords(column, out)
}

const isExact = ({ type }: Column): boolean => !isText(type) && type.kind !== 'null' && defaultWidth(type) !== 16

function finish(steps: Generator<void>): void {
  for (const _ of steps) continue
}
