/** ReplicateExec: every partition reads all of a small input by itself, so that the other side of a join need not move. */
import { derivedContext } from '../../runtime/task-context.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'

export interface ReplicateExec extends PhysicalPlan {
  readonly kind: 'ReplicateExec'
  /** Partitions of the plan that it is part of. */
  readonly count: number
}

/** Its only child has one partition and no exchange; it runs once in each task. Streams; order unchanged. */
export const replicateOperator = defineOperator<ReplicateExec>({
  kind: 'ReplicateExec',
  properties({ count }, [{ ordering, rowCount }]) {
    return withRowCount({ partitioning: { kind: 'broadcast', count }, ordering }, rowCount)
  },
  details: plan => `partitions=${plan.count}`,
  inputContext: (_plan, ctx) => derivedContext(ctx, { partition: 0, partitionCount: 1 }),
  waits: true,
  source: (_plan, _ctx, [input]) => input,
  samples() {
    const input = numbersSample()
    return [{ kind: 'ReplicateExec', count: 3, schema: input.schema, children: [input] }]
  },
})
