/** EmptyExec: no rows, or the one row without columns of a SELECT without FROM. */
import type { Batch } from '../../arrow/batch.js'
import type { Schema } from '../../arrow/schema.js'
import { schemaOf, toArrowSchema } from '../../logical/schema-of.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { SINGLE } from '../properties.js'
import { NUMBERS } from '../samples.js'

export interface EmptyExec extends PhysicalPlan {
  readonly kind: 'EmptyExec'
  /** Only with a schema without columns. */
  readonly oneRow: boolean
}

/** No rows. */
export const emptyExec = (schema: Schema): EmptyExec => ({ kind: 'EmptyExec', oneRow: false, schema, children: [] })

/** A leaf of one partition; the one row is a batch without columns. */
export const emptyOperator = defineOperator<EmptyExec>({
  kind: 'EmptyExec',
  properties: plan => ({ partitioning: SINGLE, ordering: [], rowCount: plan.oneRow ? 1 : 0 }),
  details: plan => (plan.oneRow ? 'rows=1' : 'rows=0'),
  lower(plan) {
    if (plan.kind !== 'empty') return undefined
    return { kind: 'EmptyExec', oneRow: plan.oneRow, schema: toArrowSchema(schemaOf(plan)), children: [] }
  },
  source: plan => rows(plan),
  samples: () => [
    { kind: 'EmptyExec', oneRow: false, schema: NUMBERS, children: [] },
    { kind: 'EmptyExec', oneRow: true, schema: { fields: [] }, children: [] },
  ],
})

async function* rows(plan: EmptyExec): AsyncGenerator<Batch> {
  if (plan.oneRow) yield { schema: plan.schema, rowCount: 1, columns: [] }
}
