/** CoalesceExec: merges the small batches that selective filters leave, so that what follows works on full ones. */
import type { Batch } from '../../arrow/batch.js'
import { releaseBatch, retainBatch } from '../../arrow/column.js'
import type { Schema } from '../../arrow/schema.js'
import { concatBatches } from '../../arrow/take.js'
import type { Operator } from '../../runtime/operator.js'
import { batchSize } from '../../runtime/options.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { numbersSample } from '../samples.js'

export interface CoalesceExec extends PhysicalPlan {
  readonly kind: 'CoalesceExec'
}

export const coalesceExec = (input: PhysicalPlan): CoalesceExec => ({
  kind: 'CoalesceExec',
  schema: input.schema,
  children: [input],
})

/** Batches of a quarter of the batch size are good enough: merging them costs more than it saves. */
const GOOD_SHARE = 1 / 4

/** Rows and order unchanged. Holds less than a quarter of a batch; a batch of a quarter or more passes untouched. */
export const coalesceOperator = defineOperator<CoalesceExec>({
  kind: 'CoalesceExec',
  properties: (_plan, [input]) => input,
  details: () => '',
  open: (plan, ctx) => openCoalesce(plan.schema, Math.ceil(ctx.config.get(batchSize) * GOOD_SHARE)),
  samples: () => [coalesceExec(numbersSample())],
})

function openCoalesce(schema: Schema, goodRows: number): Operator {
  let held: Batch[] = []
  let heldRows = 0

  function* flush(): Generator<Batch> {
    if (held.length === 0) return
    const batches = held
    held = []
    heldRows = 0
    try {
      yield batches.length === 1 ? retained(batches[0]) : concatBatches(schema, batches)
    } finally {
      batches.forEach(releaseBatch)
    }
  }

  return {
    *push(batch) {
      if (batch.rowCount >= goodRows) {
        yield* flush()
        yield retained(batch)
        return
      }
      held.push(retained(batch))
      heldRows += batch.rowCount
      if (heldRows >= goodRows) yield* flush()
    },
    finish: flush,
    close: () => held.forEach(releaseBatch),
  }
}

function retained(batch: Batch): Batch {
  retainBatch(batch)
  return batch
}
