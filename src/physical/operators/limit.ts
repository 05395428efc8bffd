/** LimitExec: passes a range of the rows and stops its input after them. */
import { retainBatch } from '../../arrow/column.js'
import { sliceBatch } from '../../arrow/take.js'
import { FINISHED, type Operator } from '../../runtime/operator.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { atMost, partitionCount, withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'
import { emptyExec } from './empty.js'

export interface LimitExec extends PhysicalPlan {
  readonly kind: 'LimitExec'
  /** `local`: in every partition by itself, skip is 0; `global`: over all rows, which must be in one partition. */
  readonly scope: 'local' | 'global'
  readonly skip: number
  /** At least 1; absent: all rows after `skip`. */
  readonly fetch?: number
}

/**
 * Passes rows [skip, skip + fetch) of its input. Streams; holds no rows; keeps order. The input is stopped with the batch that
 * holds the last row. Limit 0 is lowered to EmptyExec.
 */
export const limitOperator = defineOperator<LimitExec>({
  kind: 'LimitExec',
  properties(plan, [input]) {
    if (plan.fetch === undefined) return input
    return withRowCount(input, atMost(plan.fetch * partitionCount(input.partitioning), input.rowCount))
  },
  requiredDistribution: plan => [{ kind: plan.scope === 'global' ? 'single' : 'any' }],
  details(plan) {
    const fetch = plan.fetch === undefined ? [] : [`fetch=${plan.fetch}`]
    return [plan.scope === 'local' ? 'local' : `skip=${plan.skip}`, ...fetch].join(', ')
  },
  lower(plan, [input]) {
    if (plan.kind !== 'limit') return undefined
    const { schema } = input
    if (plan.fetch === 0) return emptyExec(schema)
    const node: LimitExec = { kind: 'LimitExec', scope: 'global', skip: plan.skip, schema, children: [input] }
    return plan.fetch === undefined ? node : { ...node, fetch: plan.fetch }
  },
  open: plan => openLimit(plan),
  samples() {
    const input = numbersSample()
    const base = { kind: 'LimitExec', scope: 'global', schema: input.schema, children: [input] } as const
    return [
      { ...base, skip: 2, fetch: 4 },
      { ...base, skip: 5 },
      { ...base, scope: 'local', skip: 0, fetch: 3 },
    ]
  },
})

function openLimit({ skip, fetch = Infinity }: LimitExec): Operator {
  let toSkip = skip
  let toFetch = fetch
  return {
    *push(batch) {
      const start = Math.min(toSkip, batch.rowCount)
      const end = Math.min(start + toFetch, batch.rowCount)
      toSkip -= start
      toFetch -= end - start
      if (end - start === batch.rowCount) {
        retainBatch(batch)
        yield batch
      } else if (end > start) {
        yield sliceBatch(batch, start, end)
      }
      if (toFetch === 0) yield FINISHED
    },
  }
}
