/** ValuesExec: rows written out in the query. */
import type { Batch } from '../../arrow/batch.js'
import { batchFromValues } from '../../arrow/column.js'
import { displayExpr } from '../../expr/display.js'
import { evaluateRow } from '../../expr/interpret.js'
import { schemaOf, toArrowSchema } from '../../logical/schema-of.js'
import { batchSize } from '../../runtime/options.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator } from '../plan.js'
import { SINGLE } from '../properties.js'
import { numbersSample, type ValuesExec } from '../samples.js'

/** How many rows EXPLAIN writes out. */
const SHOWN_ROWS = 3

/** Evaluates constant rows, in order, in batches of at most the batch size. One partition. */
export const valuesOperator = defineOperator<ValuesExec>({
  kind: 'ValuesExec',
  properties: plan => ({ partitioning: SINGLE, ordering: [], rowCount: plan.rows.length }),
  details(plan) {
    const shown = plan.rows.slice(0, SHOWN_ROWS).map(row => `(${row.map(displayExpr).join(', ')})`)
    const more = plan.rows.length > SHOWN_ROWS ? [`${plan.rows.length - SHOWN_ROWS} more`] : []
    return [...shown, ...more].join(', ')
  },
  lower(plan, _inputs, context) {
    if (plan.kind !== 'values') return undefined
    const rows = plan.rows.map(row => row.map(expr => context.resolve(expr, plan)))
    return { kind: 'ValuesExec', rows, schema: toArrowSchema(schemaOf(plan)), children: [] }
  },
  source: (plan, ctx) => evaluate(plan, ctx),
  samples: () => [numbersSample()],
})

async function* evaluate(plan: ValuesExec, ctx: TaskContext): AsyncGenerator<Batch> {
  const { schema, rows } = plan
  const size = ctx.config.get(batchSize)
  for (let start = 0; start < rows.length; start += size) {
    const values = rows.slice(start, start + size).map(row => row.map(expr => evaluateRow(expr, [])))
    const columns = schema.fields.map((_, column) => values.map(row => row[column]))
    yield { ...batchFromValues(schema, columns), rowCount: values.length }
  }
}
