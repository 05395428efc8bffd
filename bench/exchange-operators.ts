/** The two operators that `bench exchange` runs: one gives the same batch many times, the other counts what comes. */
import type { Batch } from '../src/arrow/batch.js'
import { batchFromValues, releaseBatch, retainBatch } from '../src/arrow/column.js'
import { field, schemaOf } from '../src/arrow/schema.js'
import { DATE, INT64, UTF8 } from '../src/arrow/types.js'
import { seededRng } from '../src/common/clock.js'
import { EXCHANGE_OPERATORS } from '../src/exchange/operators.js'
import { defineOperator, type OperatorDefinition, type PhysicalPlan } from '../src/physical/plan.js'
import { operatorTable, type OperatorTable } from '../src/runtime/run-pipelines.js'

export const ITEMS = schemaOf(
  field('order', INT64, false),
  field('part', INT64, false),
  field('price', INT64, false),
  field('day', DATE, false),
  field('comment', UTF8, false),
)
const COUNTS = schemaOf(field('rows', INT64, false))

const WORDS = ['carefully', 'final', 'deposits', 'sleep', 'furiously', 'among', 'the', 'ironic', 'packages', 'quick']
const WORDS_PER_COMMENT = 4

/** Rows like those of an order's lines. */
export function itemsBatch(rows: number): Batch {
  const rng = seededRng(1)
  const number = (limit: number): number => Math.floor(rng.next() * limit)
  const column = <T>(value: () => T): T[] => Array.from({ length: rows }, value)
  const comment = (): string => Array.from({ length: WORDS_PER_COMMENT }, () => WORDS[number(WORDS.length)]).join(' ')
  return batchFromValues(ITEMS, [
    column(() => BigInt(number(6e6))),
    column(() => BigInt(number(2e5))),
    column(() => BigInt(number(1e7))),
    column(() => number(10_000)),
    column(comment),
  ])
}

/** `batches` times the same `rows` rows. */
export interface ItemsExec extends PhysicalPlan {
  readonly kind: 'ItemsExec'
  readonly rows: number
  readonly batches: number
}

export const items = (shape: { rows: number; batches: number }): ItemsExec => ({
  kind: 'ItemsExec',
  schema: ITEMS,
  children: [],
  ...shape,
})

const itemsOperator = defineOperator<ItemsExec>({
  kind: 'ItemsExec',
  properties: () => ({ partitioning: { kind: 'single' }, ordering: [] }),
  details: plan => `${plan.batches} x ${plan.rows} rows`,
  async *source(plan) {
    const batch = itemsBatch(plan.rows)
    try {
      for (let given = 0; given < plan.batches; given++) {
        retainBatch(batch)
        yield batch
      }
    } finally {
      releaseBatch(batch)
    }
  },
  samples: () => [],
})

export const countOf = (child: PhysicalPlan): PhysicalPlan => ({
  kind: 'CountExec',
  schema: COUNTS,
  children: [child],
})

const countOperator = defineOperator<PhysicalPlan>({
  kind: 'CountExec',
  properties: (_plan, [input]) => input,
  details: () => '',
  open() {
    let rows = 0
    return {
      push(batch) {
        rows += batch.rowCount
        return undefined
      },
      *finish() {
        yield batchFromValues(COUNTS, [[BigInt(rows)]])
      },
    }
  },
  samples: () => [],
})

export const benchOperators = (): OperatorTable =>
  operatorTable(
    [itemsOperator as unknown as OperatorDefinition, countOperator as unknown as OperatorDefinition],
    EXCHANGE_OPERATORS,
  )
