/** ExchangeExec: the place where rows change tasks; fragmenting cuts the plan here, so it never runs itself. */
import { unreachable } from '../../common/invariant.js'
import { displayExpr, displaySortKey } from '../../expr/display.js'
import type { Expr, SortKey } from '../../expr/expr.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { spread, withRowCount } from '../properties.js'

export type ExchangePartitioning =
  | { readonly kind: 'single' }
  /** `exprs` over the child's columns. */
  | { readonly kind: 'hash'; readonly exprs: readonly Expr[]; readonly count: number }
  /** All rows to each of `count` partitions: only for the build side of a join. */
  | { readonly kind: 'broadcast'; readonly count: number }
  /** Batches in turn. */
  | { readonly kind: 'roundRobin'; readonly count: number }

export interface ExchangeExec extends PhysicalPlan {
  readonly kind: 'ExchangeExec'
  readonly partitioning: ExchangePartitioning
  /** Columns of the child that are sent, with `broadcast` only; absent: all. */
  readonly columns?: readonly number[]
  /** The order of each partition of the child, which is kept; absent: none. */
  readonly ordering?: readonly SortKey[]
  /** Exchanges with the same number have equal children, of which one runs. */
  readonly shared?: number
}

/** `ordering`: as in ExchangeExec. */
export const exchangeExec = (
  input: PhysicalPlan,
  partitioning: ExchangePartitioning,
  ordering?: readonly SortKey[],
): ExchangeExec => ({
  kind: 'ExchangeExec',
  partitioning,
  ...(ordering === undefined ? {} : { ordering }),
  schema: input.schema,
  children: [input],
})

/** `single`, `broadcast to 8`, `round robin into 8`, or `hash(a@0, b@1) into 8`. */
export function displayPartitioning(partitioning: ExchangePartitioning): string {
  switch (partitioning.kind) {
    case 'single':
      return 'single'
    case 'broadcast':
      return `broadcast to ${partitioning.count}`
    case 'roundRobin':
      return `round robin into ${partitioning.count}`
    case 'hash':
      return `hash(${partitioning.exprs.map(displayExpr).join(', ')}) into ${partitioning.count}`
  }
  return unreachable(partitioning)
}

/** `[a@0 ASC NULLS LAST]`. */
export const displayOrdering = (keys: readonly SortKey[]): string => `[${keys.map(displaySortKey).join(', ')}]`

/** A marker without behaviour: rows of all partitions of the child, each in one partition (with broadcast in every one). */
export const exchangeOperator = defineOperator<ExchangeExec>({
  kind: 'ExchangeExec',
  properties: ({ partitioning, ordering = [] }, [input]) =>
    withRowCount(
      { partitioning: partitioning.kind === 'roundRobin' ? spread(partitioning.count) : partitioning, ordering },
      input.rowCount,
    ),
  details({ partitioning, ordering, shared, columns, schema }) {
    const sent = columns === undefined ? '' : `, columns=[${schema.fields.map(({ name }) => name).join(', ')}]`
    const order = ordering === undefined ? '' : `, ordering=${displayOrdering(ordering)}`
    const number = shared === undefined ? '' : `, shared=#${shared}`
    return `partitioning=${displayPartitioning(partitioning)}${sent}${order}${number}`
  },
  samples: () => [],
})
