/** SortExec: all rows of its input in order. */
import { inputExpr } from '../../expr/build.js'
import { displaySortKey } from '../../expr/display.js'
import type { SortKey } from '../../expr/expr.js'
import type { LogicalPlan } from '../../logical/plan.js'
import { Budget } from '../../runtime/budget.js'
import type { Operator } from '../../runtime/operator.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator, type LowerContext, type PhysicalPlan } from '../plan.js'
import { numbersSample } from '../samples.js'
import { ExternalSort } from './external-sort.js'

export interface SortExec extends PhysicalPlan {
  readonly kind: 'SortExec'
  /** `local`: every partition by itself; `global`: all rows, which must be in one partition. */
  readonly scope: 'local' | 'global'
  /** Over the columns of the only child; most significant first. */
  readonly keys: readonly SortKey[]
}

/**
 * Sorts by strings bytewise, NaN as the greatest number, NULLs where the key says. Stable. Holds all rows, in temporary files
 * if they do not fit, gives batches at the end.
 */
export const sortOperator = defineOperator<SortExec>({
  kind: 'SortExec',
  properties: (plan, [input]) => ({ ...input, ordering: plan.keys }),
  requiredDistribution: plan => [{ kind: plan.scope === 'global' ? 'single' : 'any' }],
  details: plan => `${plan.scope === 'local' ? 'local, ' : ''}expr=[${plan.keys.map(displaySortKey).join(', ')}]`,
  lower(plan, [input], context) {
    if (plan.kind !== 'sort' || plan.fetch !== undefined) return undefined
    return {
      kind: 'SortExec',
      scope: 'global',
      keys: resolveKeys(plan, context),
      schema: input.schema,
      children: [input],
    }
  },
  open: (plan, ctx) => openSort(plan, ctx),
  samples() {
    const input = numbersSample()
    const [id, name] = input.schema.fields.map((column, index) => inputExpr(index, column.name, column.type))
    const base = { kind: 'SortExec', scope: 'global', schema: input.schema, children: [input] } as const
    return [
      { ...base, keys: [{ expr: id, descending: false, nullsFirst: false }] },
      { ...base, scope: 'local', keys: [{ expr: id, descending: true, nullsFirst: false }] },
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
  const budget = new Budget(ctx, plan.kind)
  const sort = new ExternalSort({ keys: plan.keys, schema: plan.schema, ctx, budget })
  return {
    push: batch => sort.push(batch),
    finish: () => sort.finish(Infinity),
    close() {
      sort.close()
      budget.release()
    },
  }
}
