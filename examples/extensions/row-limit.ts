/**
 * An extension with an operator and two rules. A guard: no scan may give more than a million rows to one task; and queries with
 * `WHERE true OR …` do not filter at all.
 */
import type { Extension, LogicalPlan, OperatorDefinition, PhysicalPlan } from '../../src/index.js'

const MAX_ROWS = 1_000_000

interface RowLimitExec extends PhysicalPlan {
  readonly kind: 'RowLimitExec'
  readonly maxRows: number
}

const rowLimit: OperatorDefinition<RowLimitExec> = {
  kind: 'RowLimitExec',
  properties: (_plan, [input]) => input,
  details: ({ maxRows }) => `max_rows=${maxRows}`,
  async *source({ maxRows }, _context, [input]) {
    let rows = 0
    for await (const batch of input) {
      rows += batch.rowCount
      // What it gives on, it does not release.
      yield batch
      if (rows > maxRows) throw new Error(`a task read more than ${maxRows} rows`)
    }
  },
  samples: () => [],
}

const isTrue = (plan: LogicalPlan): boolean =>
  plan.kind === 'filter' && plan.predicate.kind === 'literal' && plan.predicate.value === true

const extension: Extension = {
  name: 'row-limit',
  operators: [rowLimit as unknown as OperatorDefinition],
  physicalRules: [
    {
      name: 'limit_scanned_rows',
      apply: plan =>
        plan.kind === 'DataSourceExec'
          ? ({ kind: 'RowLimitExec', schema: plan.schema, children: [plan], maxRows: MAX_ROWS } as PhysicalPlan)
          : plan,
    },
  ],
  logicalRules: [
    { name: 'drop_true_filter', apply: plan => (plan.kind === 'filter' && isTrue(plan) ? plan.input : plan) },
  ],
}

export default extension
