/** Small operators for exchange and cluster tests: rows by formula, counters of what was pulled, failures on demand. */
import { existsSync, writeFileSync } from 'node:fs'
import { batchFromValues, columnValues } from '../../src/arrow/column.js'
import { field, schemaOf } from '../../src/arrow/schema.js'
import { INT64, UTF8 } from '../../src/arrow/types.js'
import type { Batch } from '../../src/arrow/batch.js'
import { fail } from '../../src/common/errors.js'
import type { StagePlan } from '../../src/exchange/stage.js'
import { exchangeExec, exchangeOperator, type ExchangeExec } from '../../src/physical/operators/exchange.js'
import { fragment } from '../../src/exchange/fragment.js'
import type { Expr } from '../../src/expr/expr.js'
import { defineOperator, type OperatorDefinition, type PhysicalPlan } from '../../src/physical/plan.js'

export const ROWS = schemaOf(field('id', INT64, false), field('name', UTF8))
export const TAGGED = schemaOf(...ROWS.fields, field('task', INT64, false))

/** `batches` batches of `rows` rows from each of `partitions` partitions; ids are global and unique. */
export interface NumbersExec extends PhysicalPlan {
  readonly kind: 'NumbersExec'
  readonly partitions: number
  readonly batches: number
  readonly rows: number
  /** Throws DIVIDE_BY_ZERO instead of this batch of partition 0. */
  readonly failAt?: number
  /** Ends the whole thread with this exit code instead of batch `failAt`. */
  readonly exit?: number
  /** As `exit`, but only if this file is not there; it makes it. */
  readonly exitOnce?: string
  /** Never ends batch `failAt`, and hears nothing. */
  readonly spin?: boolean
}

export const numbers = (shape: {
  partitions: number
  batches: number
  rows: number
  failAt?: number
  exit?: number
  exitOnce?: string
  spin?: boolean
}): NumbersExec => ({
  kind: 'NumbersExec',
  schema: ROWS,
  children: [],
  ...shape,
})

/** What the sources of this thread have given, by partition: tests on one thread read it. */
export const pulled = new Map<number, number>()
/** Sources of this thread that are open. */
export const openSources = { count: 0 }

export const nameOf = (id: number): string | null => (id % 7 === 0 ? null : `name of row ${id}`)

export function numbersBatch(first: number, rows: number): Batch {
  const ids = Array.from({ length: rows }, (_, i) => first + i)
  return batchFromValues(ROWS, [ids.map(BigInt), ids.map(nameOf)])
}

const numbersOperator = defineOperator<NumbersExec>({
  kind: 'NumbersExec',
  properties: plan => ({
    partitioning: { kind: 'unknown', count: plan.partitions },
    ordering: [],
    rowCount: plan.partitions * plan.batches * plan.rows,
  }),
  details: plan => `${plan.partitions} partitions`,
  async *source(plan, ctx) {
    openSources.count++
    try {
      for (let batch = 0; batch < plan.batches; batch++) {
        if (ctx.partition === 0 && plan.failAt === batch) {
          if (plan.exit !== undefined) process.exit(plan.exit)
          if (plan.exitOnce !== undefined && existsSync(plan.exitOnce)) continue
          if (plan.exitOnce !== undefined) {
            writeFileSync(plan.exitOnce, '')
            process.exit(1)
          }
          while (plan.spin === true) continue
          throw fail('DIVIDE_BY_ZERO')
        }
        pulled.set(ctx.partition, (pulled.get(ctx.partition) ?? 0) + 1)
        yield numbersBatch((ctx.partition * plan.batches + batch) * plan.rows, plan.rows)
      }
    } finally {
      openSources.count--
    }
  },
  samples: () => [],
})

/** Adds the number of the task that saw the row. */
export interface TagExec extends PhysicalPlan {
  readonly kind: 'TagExec'
}

export const tag = (child: PhysicalPlan): TagExec => ({ kind: 'TagExec', schema: TAGGED, children: [child] })

const tagOperator = defineOperator<TagExec>({
  kind: 'TagExec',
  properties: (_plan, [input]) => input,
  details: () => '',
  open: (_plan, ctx) => ({
    *push(batch) {
      const [ids, names] = batch.columns.map(columnValues)
      yield batchFromValues(TAGGED, [ids, names, ids.map(() => BigInt(ctx.partition))])
    },
  }),
  samples: () => [],
})

/** Reads its first input and never opens the second one. */
export interface FirstExec extends PhysicalPlan {
  readonly kind: 'FirstExec'
}

export const first = (...children: PhysicalPlan[]): FirstExec => ({
  kind: 'FirstExec',
  schema: children[0].schema,
  children,
})

const firstOperator = defineOperator<FirstExec>({
  kind: 'FirstExec',
  properties: (_plan, [input]) => input,
  details: () => '',
  source: (_plan, _ctx, [input]) => input,
  samples: () => [],
})

export const FAKE_OPERATORS: readonly OperatorDefinition[] = [
  firstOperator as unknown as OperatorDefinition,
  numbersOperator as unknown as OperatorDefinition,
  tagOperator as unknown as OperatorDefinition,
]

const id: Expr = { kind: 'input', index: 0, name: 'id', type: INT64, nullable: false }

export const gather = (child: PhysicalPlan): ExchangeExec => exchangeExec(child, { kind: 'single' })

export const hashById = (child: PhysicalPlan, count: number): ExchangeExec =>
  exchangeExec(child, { kind: 'hash', exprs: [id], count })

export const stagesOf = (plan: PhysicalPlan): StagePlan[] =>
  fragment(plan, [...FAKE_OPERATORS, exchangeOperator as unknown as OperatorDefinition])
