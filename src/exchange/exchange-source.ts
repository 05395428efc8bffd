/** ExchangeSourceExec: the leaf that reads this task's partition of an edge. */
import { defineOperator } from '../physical/plan.js'
import type { ExchangeSourceExec } from './stage.js'

export const exchangeSourceOperator = defineOperator<ExchangeSourceExec>({
  kind: 'ExchangeSourceExec',
  properties: plan => ({
    partitioning: plan.partitionCount === 1 ? { kind: 'single' } : { kind: 'unknown', count: plan.partitionCount },
    ordering: [],
    ...(plan.rowCount === undefined ? {} : { rowCount: plan.rowCount }),
  }),
  details: plan => `edge=${plan.edge}, partitions=${plan.partitionCount}`,
  waits: true,
  source: (plan, ctx) => ctx.exchange.openReader(plan.edge, plan.schema).batches(),
  // It has no meaning outside a stage; test/exchange/ runs it.
  samples: () => [],
})
