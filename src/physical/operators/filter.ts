/** FilterExec: keeps the rows whose predicate is true. */
import { retainBatch } from '../../arrow/column.js'
import { takeBatch } from '../../arrow/take.js'
import { INT64 } from '../../arrow/types.js'
import { binaryExpr, inputExpr } from '../../expr/build.js'
import { compilePredicate } from '../../expr/compile.js'
import { displayExpr } from '../../expr/display.js'
import { literal, type Expr } from '../../expr/expr.js'
import type { Operator } from '../../runtime/operator.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { DEFAULT_SELECTIVITY, withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'

export interface FilterExec extends PhysicalPlan {
  readonly kind: 'FilterExec'
  /** BOOLEAN, over the columns of the only child. */
  readonly predicate: Expr
}

export const filterExec = (input: PhysicalPlan, predicate: Expr): FilterExec => ({
  kind: 'FilterExec',
  predicate,
  schema: input.schema,
  children: [input],
})

/** Keeps rows whose predicate is true (not false, not NULL). Streams; holds no rows; keeps order and partitioning. */
export const filterOperator = defineOperator<FilterExec>({
  kind: 'FilterExec',
  properties(_plan, [input]) {
    return withRowCount(
      input,
      input.rowCount === undefined ? undefined : Math.ceil(input.rowCount * DEFAULT_SELECTIVITY),
    )
  },
  details: plan => displayExpr(plan.predicate),
  lower(plan, [input], context) {
    if (plan.kind !== 'filter') return undefined
    return filterExec(input, context.resolve(plan.predicate, plan.input))
  },
  open: plan => openFilter(plan),
  samples: () => [filterExec(numbersSample(), binaryExpr('>', inputExpr(0, 'id', INT64), literal(3n, INT64)))],
})

function openFilter(plan: FilterExec): Operator {
  const predicate = compilePredicate(plan.predicate, plan.children[0].schema)
  return {
    *push(batch) {
      const selection = predicate.select(batch)
      let kept
      try {
        if (selection.count === 0) return
        kept = selection.indices === 0 ? batch : takeBatch(batch, selection.indices, selection.count)
        if (kept === batch) retainBatch(batch)
      } finally {
        selection.release()
      }
      yield kept
    },
  }
}
