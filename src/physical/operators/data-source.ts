/** DataSourceExec: the leaf that reads a table. */
import type { Batch } from '../../arrow/batch.js'
import type { ScanSource } from '../../catalog/table-provider.js'
import { batchFromValues, releaseBatch } from '../../arrow/column.js'
import { encodeBatch } from '../../arrow/frame.js'
import { field, type Schema } from '../../arrow/schema.js'
import { INT64, UTF8 } from '../../arrow/types.js'
import { displayExpr, literalText } from '../../expr/display.js'
import { displayedName } from '../../expr/functions/internal-name.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { StreamScan } from './stream-scan.js'
import { defineOperator, type Partitioning, type PhysicalPlan } from '../plan.js'
import { withRowCount } from '../properties.js'

/** A filter of the task (TaskContext.filters) on an output column of a scan. */
export interface ColumnFilter {
  readonly id: number
  readonly column: number
}

export interface DataSourceExec extends PhysicalPlan {
  readonly kind: 'DataSourceExec'
  readonly source: ScanSource
  /** Column numbers of the table's schema, in the order of `schema`. */
  readonly projection: readonly number[]
  /** Estimated, over all partitions; absent: unknown. */
  readonly rowCount?: number
  /** Rows that each partition needs to give at most. */
  readonly fetch?: number
  /** Filters that joins above publish while the task runs, on columns of `schema`. */
  readonly dynamicFilters?: readonly ColumnFilter[]
}

/** Reads partition `ctx.partition` of its source; one partition of the plan for each of the source. Holds a batch at a time. */
export const dataSourceOperator = defineOperator<DataSourceExec>({
  kind: 'DataSourceExec',
  properties: plan => withRowCount({ partitioning: partitioningOf(plan.source), ordering: [] }, plan.rowCount),
  details(plan) {
    const columns = plan.schema.fields.map(({ name }) => name).join(', ')
    const predicate = plan.source.kind === 'files' ? plan.source.predicate : undefined
    const pruning = plan.source.kind === 'files' ? plan.source.pruning.map(displayExpr).join(' AND ') : ''
    const parts = [describeSource(plan.source), `projection=[${columns}]`]
    if (predicate !== undefined) parts.push(`predicate=${displayExpr(predicate)}`)
    else if (pruning !== '') parts.push(`pruning=${pruning}`)
    if (plan.fetch !== undefined) parts.push(`fetch=${plan.fetch}`)
    if (plan.dynamicFilters !== undefined) {
      const filtered = plan.dynamicFilters.map(({ column }) => plan.schema.fields[column].name)
      parts.push(`dynamic_filters=[${filtered.join(', ')}]`)
    }
    return parts.join(', ')
  },
  source: (plan, ctx) =>
    plan.source.kind === 'stream' ? { [Symbol.asyncIterator]: () => new StreamScan(plan, ctx) } : scan(plan, ctx),
  samples: () => [memorySample()],
})

/** The file formats are loaded by the first scan: queries without a table start sooner. */
async function* scan(plan: DataSourceExec, ctx: TaskContext): AsyncGenerator<Batch> {
  const { openScan } = await import('../../formats/open-scan.js')
  const { source, ...output } = plan
  yield* openScan(source, ctx.partition, output, ctx)
}

function partitioningOf(source: ScanSource): Partitioning {
  const count = 'partitions' in source ? source.partitions.length : 1
  return count <= 1 ? { kind: 'single' } : { kind: 'unknown', count }
}

function describeSource(source: ScanSource): string {
  switch (source.kind) {
    case 'files': {
      const fileCount = new Set(source.partitions.flatMap(splits => splits.map(split => split.path))).size
      return `file_type=${displayedName(source.format)}, files=${fileCount}, partitions=${source.partitions.length}`
    }
    case 'memory':
      return `memory, partitions=${source.partitions.length}`
    case 'series':
      return `series=[${literalText(source.start, source.type)}, ${literalText(source.stop, source.type)}${source.isInclusive ? ']' : ')'}`
    case 'rows':
      return `rows=${displayedName(source.table)}, partitions=${source.partitions.length}`
    case 'stream':
      return `stream=${source.name}`
  }
}

/** Three rows of two columns, of which one is read. */
function memorySample(): DataSourceExec {
  const table: Schema = { fields: [field('n', INT64), field('s', UTF8)] }
  const batch = batchFromValues(table, [
    [1n, 2n, null],
    ['one', null, 'three'],
  ])
  try {
    const source = { kind: 'memory', partitions: [[encodeBatch(batch)]], schema: table } as const
    return { kind: 'DataSourceExec', source, projection: [1], schema: { fields: [table.fields[1]] }, children: [] }
  } finally {
    releaseBatch(batch)
  }
}
