/** UnionExec: the rows of all inputs, one input after the other (UNION ALL). */
import type { Batch } from '../../arrow/batch.js'
import type { Schema } from '../../arrow/schema.js'
import { schemaOf, toArrowSchema } from '../../logical/schema-of.js'
import type { Source } from '../../runtime/operator.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { partitionCount, spread, withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'

export interface UnionExec extends PhysicalPlan {
  readonly kind: 'UnionExec'
  /** Partitions of each input; partition p reads the inputs that have one. Set when distribution is enforced. */
  readonly partitionCounts: readonly number[]
}

/**
 * Concatenates its inputs, partition by partition; the columns take the names of the schema, their types are equal already.
 * Streams; an input is opened when the one before it has ended.
 */
export const unionOperator = defineOperator<UnionExec>({
  kind: 'UnionExec',
  properties(_plan, inputs) {
    const count = Math.max(...inputs.map(input => partitionCount(input.partitioning)))
    const rowCounts = inputs.map(input => input.rowCount)
    const known = rowCounts.filter(rowCount => rowCount !== undefined)
    const total = known.length === rowCounts.length ? known.reduce((sum, rowCount) => sum + rowCount, 0) : undefined
    return withRowCount({ partitioning: spread(count), ordering: [] }, total)
  },
  details: () => '',
  lower(plan, inputs) {
    if (plan.kind !== 'union') return undefined
    const schema = toArrowSchema(schemaOf(plan))
    return { kind: 'UnionExec', schema, children: inputs, partitionCounts: inputs.map(() => 1) }
  },
  waits: true,
  source: (plan, ctx, inputs) => concatenate(plan.schema, inputsOfTask(plan, ctx, inputs)),
  samples() {
    const input = numbersSample()
    return [{ kind: 'UnionExec', schema: input.schema, children: [input, numbersSample()], partitionCounts: [1, 1] }]
  },
})

const inputsOfTask = (plan: UnionExec, ctx: TaskContext, inputs: readonly Source[]): readonly Source[] =>
  inputs.filter((_, i) => ctx.partition < plan.partitionCounts[i])

/** `return()` reaches the input that is open at once, even while its next batch is awaited. */
function concatenate(schema: Schema, inputs: readonly Source[]): Source {
  return {
    [Symbol.asyncIterator]() {
      const waiting = inputs.map(input => input[Symbol.asyncIterator]())
      let open: AsyncIterator<Batch> | undefined = waiting.shift()
      return {
        async next() {
          while (open !== undefined) {
            const step = await open.next()
            if (step.done !== true) return { done: false, value: { ...step.value, schema } }
            open = waiting.shift()
          }
          return { done: true, value: undefined }
        },
        async return() {
          const all = open === undefined ? waiting : [open, ...waiting]
          open = undefined
          waiting.length = 0
          await Promise.all(all.map(async input => input.return?.()))
          return { done: true, value: undefined }
        },
      }
    },
  }
}
