/** SortExec: all rows of its input in order. */
import type { Batch } from '../../arrow/batch.js'
import { inputExpr } from '../../expr/build.js'
import { displaySortKey } from '../../expr/display.js'
import type { SortKey } from '../../expr/expr.js'
import type { LogicalPlan } from '../../logical/plan.js'
import type { Operator } from '../../runtime/operator.js'
import { batchSize } from '../../runtime/options.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator, type LowerContext, type PhysicalPlan } from '../plan.js'
import { withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'
import { chargeTo } from './aggregate-run.js'
import { SortRows } from './sort-rows.js'

export interface SortExec extends PhysicalPlan {
  readonly kind: 'SortExec'
  /** Over the columns of the only child; most significant first. */
  readonly keys: readonly SortKey[]
}

/**
 * Sorts by strings bytewise, NaN as the greatest number, NULLs where the key says. Stable. Holds all rows, gives batches at the
 * end; needs all rows in one partition.
 */
export const sortOperator = defineOperator<SortExec>({
  kind: 'SortExec',
  properties: (plan, [input]) =>
    withRowCount({ partitioning: { kind: 'single' }, ordering: plan.keys }, input.rowCount),
  requiredDistribution: () => [{ kind: 'single' }],
  details: plan => `expr=[${plan.keys.map(displaySortKey).join(', ')}]`,
  lower(plan, [input], context) {
    if (plan.kind !== 'sort' || plan.fetch !== undefined) return undefined
    return { kind: 'SortExec', keys: resolveKeys(plan, context), schema: input.schema, children: [input] }
  },
  open: (plan, ctx) => openSort(plan, ctx),
  samples() {
    const input = numbersSample()
    const [id, name] = input.schema.fields.map((column, index) => inputExpr(index, column.name, column.type))
    const base = { kind: 'SortExec', schema: input.schema, children: [input] } as const
    return [
      { ...base, keys: [{ expr: id, descending: false, nullsFirst: false }] },
      {
        ...base,
        keys: [
          { expr: name, descending: true, nullsFirst: true },
          { expr: id, descending: false, nullsFirst: true },
        ],
      },
    ]
  },
})

export const resolveKeys = (plan: Extract<LogicalPlan, { kind: 'sort' }>, context: LowerContext): SortKey[] =>
  plan.keys.map(key => ({ ...key, expr: context.resolve(key.expr, plan.input) }))

function openSort(plan: SortExec, ctx: TaskContext): Operator {
  const budget = chargeTo(ctx, plan.kind)
  const rows = new SortRows(plan.keys, plan.schema, budget.charge)
  const size = ctx.config.get(batchSize)
  return {
    push(batch) {
      rows.add(batch)
      return undefined
    },
    *finish() {
      if (rows.rowCount === 0) return
      yield* turns(rows.sort(), plan)
      for (let from = 0; from < rows.rowCount; from += size) yield rows.take(from, Math.min(size, rows.rowCount - from))
    },
    close() {
      rows.close()
      budget.release()
    },
  }
}

/** A batch without rows for every step: it goes nowhere, but lets other tasks have their turn. */
function* turns(steps: Generator<void>, plan: SortExec): Generator<Batch> {
  for (const _ of steps) yield { schema: plan.schema, rowCount: 0, columns: [] }
}
