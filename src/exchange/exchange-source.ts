/** ExchangeSourceExec: the leaf that reads this task's partition of an edge. */
import { displayOrdering } from '../physical/operators/exchange.js'
import { defineOperator } from '../physical/plan.js'
import { spread, withRowCount } from '../physical/properties.js'
import { orderedMerge } from './ordered-merge.js'
import type { ExchangeSourceExec } from './stage.js'

export const exchangeSourceOperator = defineOperator<ExchangeSourceExec>({
  kind: 'ExchangeSourceExec',
  properties: ({ partitionCount, ordering = [], rowCount }) =>
    withRowCount({ partitioning: spread(partitionCount), ordering }, rowCount),
  details({ edge, partitionCount, ordering }) {
    const order = ordering === undefined ? '' : `, ordering=${displayOrdering(ordering)}`
    return `edge=${edge}, partitions=${partitionCount}${order}`
  },
  waits: true,
  source({ edge, schema, ordering, producerCount }, ctx) {
    if (ordering === undefined || producerCount === 1) return ctx.exchange.openReader({ edge, schema }).batches()
    const inputs = Array.from({ length: producerCount }, (_, producer) =>
      ctx.exchange.openReader({ edge, schema, producer }).batches(),
    )
    return orderedMerge(inputs, { keys: ordering, schema, ctx })
  },
  // It has no meaning outside a stage; test/exchange/ runs it.
  samples: () => [],
})
