/** Runs a physical plan with exchanges without any exchange: what lies below each is run to its end and repartitioned in memory. */
import type { Batch } from '../../src/arrow/batch.js'
import { columnValues, releaseBatch, releaseColumn } from '../../src/arrow/column.js'
import { encodeBatch } from '../../src/arrow/frame.js'
import { partitionBatch } from '../../src/arrow/hash.js'
import type { Value } from '../../src/arrow/types.js'
import { compileExprs } from '../../src/expr/compile.js'
import { orderedMerge } from '../../src/exchange/ordered-merge.js'
import type { SortKey } from '../../src/expr/expr.js'
import type { ExchangeExec } from '../../src/physical/operators/exchange.js'
import type { DataSourceExec } from '../../src/physical/operators/data-source.js'
import { OPERATORS } from '../../src/physical/operators/index.js'
import type { PhysicalPlan } from '../../src/physical/plan.js'
import { partitionCount, planEnvironment } from '../../src/physical/properties.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'
import { openStream, operatorTable } from '../../src/runtime/run-pipelines.js'

const TABLE = operatorTable(OPERATORS)
const ENVIRONMENT = planEnvironment(OPERATORS)

/** The rows of a plan with one partition at its root, in the order in which they came. */
export async function runStaged(plan: PhysicalPlan): Promise<Value[][]> {
  const rows: Value[][] = []
  await runPartitions(await withoutExchanges(plan), undefined, batch => {
    const columns = batch.columns.map(columnValues)
    for (let row = 0; row < batch.rowCount; row++) rows.push(columns.map(values => values[row]))
  })
  return rows
}

/** Each partition in turn, or all of them merged in order; batches are borrowed by `onBatch`. */
async function runPartitions(
  plan: PhysicalPlan,
  ordering: readonly SortKey[] | undefined,
  onBatch: (batch: Batch) => unknown,
): Promise<void> {
  const count = partitionCount(ENVIRONMENT.properties(plan).partitioning)
  const streams = Array.from({ length: count }, (_, partition) =>
    openStream(plan, localTaskContext({ partition, partitionCount: count }), TABLE),
  )
  const parts = { keys: ordering ?? [], schema: plan.schema, ctx: localTaskContext() }
  for (const stream of ordering === undefined ? streams : [orderedMerge(streams, parts)]) {
    for await (const batch of stream) {
      onBatch(batch)
      releaseBatch(batch)
    }
  }
}

async function withoutExchanges(plan: PhysicalPlan): Promise<PhysicalPlan> {
  const children: PhysicalPlan[] = []
  for (const child of plan.children) children.push(await withoutExchanges(child))
  const node = { ...plan, children }
  return isExchange(node) ? repartitioned(node) : node
}

const isExchange = (plan: PhysicalPlan): plan is ExchangeExec => plan.kind === 'ExchangeExec'

async function repartitioned({
  schema,
  children: [child],
  partitioning,
  ordering,
}: ExchangeExec): Promise<DataSourceExec> {
  const count = partitioning.kind === 'single' ? 1 : partitioning.count
  const partitions = Array.from({ length: count }, (): Uint8Array[] => [])
  const keys = compileExprs(partitioning.kind === 'hash' ? partitioning.exprs : [], schema)
  let turn = 0
  await runPartitions(child, ordering, batch => {
    if (partitioning.kind === 'broadcast') return partitions.forEach(list => list.push(encodeBatch(batch)))
    if (partitioning.kind === 'roundRobin') return partitions[turn++ % count].push(encodeBatch(batch))
    const columns = keys.evaluate(batch)
    const parts = partitionBatch(batch, columns, count)
    columns.forEach(releaseColumn)
    parts.forEach((part, partition) => {
      if (part === undefined) return
      partitions[partition].push(encodeBatch(part))
      releaseBatch(part)
    })
  })
  const projection = schema.fields.map((_, column) => column)
  return { kind: 'DataSourceExec', source: { kind: 'memory', partitions, schema }, projection, schema, children: [] }
}
