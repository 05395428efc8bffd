/** ExchangeExec: the place where rows change tasks; fragmenting cuts the plan here, so it never runs itself. */
import { unreachable } from '../../common/invariant.js'
import { displayExpr } from '../../expr/display.js'
import type { Expr } from '../../expr/expr.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { withRowCount } from '../properties.js'

export type ExchangePartitioning =
  | { readonly kind: 'single' }
  /** `exprs` over the child's columns. */
  | { readonly kind: 'hash'; readonly exprs: readonly Expr[]; readonly count: number }
  /** All rows to each of `count` partitions: only for the build side of a join. */
  | { readonly kind: 'broadcast'; readonly count: number }

export interface ExchangeExec extends PhysicalPlan {
  readonly kind: 'ExchangeExec'
  readonly partitioning: ExchangePartitioning
}

export const exchangeExec = (input: PhysicalPlan, partitioning: ExchangePartitioning): ExchangeExec => ({
  kind: 'ExchangeExec',
  partitioning,
  schema: input.schema,
  children: [input],
})

/** A marker without behaviour: rows of all partitions of the child, each in one partition (with broadcast in every one), in no order. */
export const exchangeOperator = defineOperator<ExchangeExec>({
  kind: 'ExchangeExec',
  properties: (plan, [input]) => withRowCount({ partitioning: plan.partitioning, ordering: [] }, input.rowCount),
  details({ partitioning }) {
    switch (partitioning.kind) {
      case 'single':
        return 'partitioning=single'
      case 'broadcast':
        return `partitioning=broadcast to ${partitioning.count}`
      case 'hash':
        return `partitioning=hash(${partitioning.exprs.map(displayExpr).join(', ')}) into ${partitioning.count}`
    }
    return unreachable(partitioning)
  },
  samples: () => [],
})
