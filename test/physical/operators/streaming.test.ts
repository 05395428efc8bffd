import test from 'ava'
import { batchFromValues, columnValues, releaseBatch } from '../../../src/arrow/column.js'
import { bytesInUse } from '../../../src/arrow/memory.js'
import { field, schemaOf } from '../../../src/arrow/schema.js'
import { INT64 } from '../../../src/arrow/types.js'
import { configOf } from '../../../src/common/option.js'
import { binaryExpr, inputExpr } from '../../../src/expr/build.js'
import { literal } from '../../../src/expr/expr.js'
import { coalesceExec } from '../../../src/physical/operators/coalesce.js'
import { filterExec } from '../../../src/physical/operators/filter.js'
import { OPERATORS } from '../../../src/physical/operators/index.js'
import type { LimitExec } from '../../../src/physical/operators/limit.js'
import type { PhysicalPlan } from '../../../src/physical/plan.js'
import { localTaskContext } from '../../../src/runtime/local-task-context.js'
import { openStream, operatorTable, type RunnableOperator } from '../../../src/runtime/run-pipelines.js'

const SCHEMA = schemaOf(field('n', INT64))
const N = inputExpr(0, 'n', INT64)

/** Batches of the given row counts, numbered through from 0; counts what is pulled. */
interface Leaf extends PhysicalPlan {
  readonly rowCounts: readonly number[]
  readonly log: { pulled: number }
}
const leaf = (rowCounts: readonly number[]): Leaf => ({
  kind: 'CountingExec',
  schema: SCHEMA,
  children: [],
  rowCounts,
  log: { pulled: 0 },
})
const countingOperator: RunnableOperator = {
  kind: 'CountingExec',
  async *source(plan) {
    const { rowCounts, log } = plan as Leaf
    let next = 0
    for (const rowCount of rowCounts) {
      log.pulled++
      yield batchFromValues(SCHEMA, [Array.from({ length: rowCount }, () => BigInt(next++))])
    }
  },
}

/** The values of each batch that a plan gives. */
async function batchesOf(plan: PhysicalPlan, settings: Record<string, string> = {}): Promise<number[][]> {
  const batches: number[][] = []
  const ctx = localTaskContext({ config: configOf(settings) })
  for await (const batch of openStream(plan, ctx, operatorTable(OPERATORS, [countingOperator]))) {
    batches.push(columnValues(batch.columns[0]).map(Number))
    releaseBatch(batch)
  }
  return batches
}

const limit = (child: PhysicalPlan, skip: number, fetch?: number): LimitExec => ({
  kind: 'LimitExec',
  scope: 'global',
  skip,
  schema: SCHEMA,
  children: [child],
  ...(fetch === undefined ? {} : { fetch }),
})

for (const { skip, fetch, batches, pulled } of [
  { skip: 0, fetch: 2, batches: [[0, 1]], pulled: 1 },
  { skip: 0, fetch: 3, batches: [[0, 1, 2]], pulled: 1 },
  { skip: 0, fetch: 4, batches: [[0, 1, 2], [3]], pulled: 2 },
  { skip: 2, fetch: 1, batches: [[2]], pulled: 1 },
  { skip: 3, fetch: 4, batches: [[3, 4, 5], [6]], pulled: 3 },
  {
    skip: 4,
    fetch: undefined,
    batches: [
      [4, 5],
      [6, 7, 8],
    ],
    pulled: 3,
  },
  { skip: 9, fetch: 4, batches: [], pulled: 3 },
]) {
  test.serial(`OFFSET ${skip} LIMIT ${fetch ?? 'none'} pulls ${pulled} batches`, async t => {
    const before = bytesInUse()
    const input = leaf([3, 3, 3])
    t.deepEqual(await batchesOf(limit(input, skip, fetch)), batches)
    t.is(input.log.pulled, pulled)
    t.is(bytesInUse(), before)
  })
}

test.serial('a LIMIT over a filter stops the source after the batch that fills it', async t => {
  const before = bytesInUse()
  const input = leaf(Array.from({ length: 50 }, () => 4))
  const even = filterExec(input, binaryExpr('=', binaryExpr('%', N, literal(8n, INT64)), literal(1n, INT64)))
  t.deepEqual(await batchesOf(limit(even, 0, 3)), [[1], [9], [17]])
  t.is(input.log.pulled, 5)
  t.is(bytesInUse(), before)
})

test.serial('a filter that keeps all rows passes its batches on', async t => {
  const before = bytesInUse()
  const all = filterExec(leaf([2, 3]), binaryExpr('>=', N, literal(0n, INT64)))
  t.deepEqual(await batchesOf(all), [
    [0, 1],
    [2, 3, 4],
  ])
  t.is(bytesInUse(), before)
})

for (const { rowCounts, merged } of [
  { rowCounts: [], merged: [] },
  { rowCounts: [1, 1, 1], merged: [3] },
  { rowCounts: [4, 4], merged: [4, 4] },
  { rowCounts: [3, 3, 3, 3], merged: [6, 6] },
  { rowCounts: [1, 2, 9, 1], merged: [3, 9, 1] },
  { rowCounts: [16, 1, 16], merged: [16, 1, 16] },
]) {
  test.serial(`batches of [${rowCounts.join(', ')}] rows are merged to [${merged.join(', ')}]`, async t => {
    const before = bytesInUse()
    const batches = await batchesOf(coalesceExec(leaf(rowCounts)), { 'ballista.execution.batch_size': '16' })
    t.deepEqual(
      batches.map(batch => batch.length),
      merged,
    )
    t.deepEqual(
      batches.flat(),
      Array.from({ length: rowCounts.reduce((sum, count) => sum + count, 0) }, (_, i) => i),
    )
    t.is(bytesInUse(), before)
  })
}
