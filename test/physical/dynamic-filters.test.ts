import test from 'ava'
import { batchFromValues, columnValues, releaseBatch } from '../../src/arrow/column.js'
import { encodeBatch } from '../../src/arrow/frame.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { schemaOf, field, type Schema } from '../../src/arrow/schema.js'
import { DATE, decimal, INT32, INT64, UINT32, type DataType, type Value } from '../../src/arrow/types.js'
import { seededRng } from '../../src/common/clock.js'
import { castExpr, inputExpr } from '../../src/expr/build.js'
import type { Expr } from '../../src/expr/expr.js'
import { displayPhysical } from '../../src/physical/display.js'
import type { DataSourceExec } from '../../src/physical/operators/data-source.js'
import type { HashJoinExec } from '../../src/physical/operators/hash-join.js'
import { joinSchema } from '../../src/physical/operators/join-types.js'
import { OPERATORS } from '../../src/physical/operators/index.js'
import type { LimitExec } from '../../src/physical/operators/limit.js'
import { projectionExec } from '../../src/physical/operators/projection.js'
import type { TopKExec } from '../../src/physical/operators/top-k.js'
import type { PhysicalPlan } from '../../src/physical/plan.js'
import { wireDynamicFilters } from '../../src/physical/rules/wire-dynamic-filters.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'
import { taskMetrics } from '../../src/runtime/metrics.js'
import { openStream, operatorTable, type RunnableOperator } from '../../src/runtime/run-pipelines.js'

const SEED = Number(process.env['SEED'] ?? 1)
const TABLE = operatorTable(OPERATORS as readonly RunnableOperator[])

function scan(schema: Schema, batches: readonly (readonly (readonly Value[])[])[]): DataSourceExec {
  const frames = batches.map(columns => {
    const batch = batchFromValues(schema, columns)
    try {
      return encodeBatch(batch)
    } finally {
      releaseBatch(batch)
    }
  })
  const source = { kind: 'memory', partitions: [frames], schema } as const
  return { kind: 'DataSourceExec', source, projection: schema.fields.map((_, i) => i), schema, children: [] }
}

const pairs = (a: DataType, b: DataType): Schema => schemaOf(field('a', a), field('b', b))
const column = (plan: PhysicalPlan, index: number): Expr =>
  inputExpr(index, plan.schema.fields[index].name, plan.schema.fields[index].type)

function join(
  joinType: HashJoinExec['joinType'],
  left: PhysicalPlan,
  right: PhysicalPlan,
  keys: readonly number[] = [0],
): HashJoinExec {
  const on = keys.map(key => ({ left: column(left, key), right: column(right, key) }))
  const schema = joinSchema(joinType, left.schema, right.schema)
  return { kind: 'HashJoinExec', joinType, on, schema, children: [left, right] }
}

/** The rows as sorted texts, and what each scan gave, in plan order. */
async function run(plan: PhysicalPlan): Promise<{ rows: string[]; scanned: number[] }> {
  const metrics = taskMetrics()
  const rows: string[] = []
  for await (const batch of openStream(plan, localTaskContext({ metrics }), TABLE)) {
    const columns = batch.columns.map(columnValues)
    for (let row = 0; row < batch.rowCount; row++) rows.push(columns.map(values => String(values[row])).join(','))
    releaseBatch(batch)
  }
  const scans = metrics.snapshot().filter(({ kind }) => kind === 'DataSourceExec')
  return { rows: rows.sort(), scanned: scans.map(({ outputRows }) => outputRows) }
}

const numbers = (count: number): bigint[] => Array.from({ length: count }, (_, i) => BigInt(i))
const thousand = (): DataSourceExec => scan(pairs(INT64, INT64), [[numbers(1000), numbers(1000).reverse()]])
const few = (...keys: readonly bigint[]): DataSourceExec =>
  scan(pairs(INT64, INT64), [[keys, keys.map(key => 999n - key)]])

const firstFive = (plan: PhysicalPlan): LimitExec => ({
  kind: 'LimitExec',
  scope: 'global',
  skip: 0,
  fetch: 5,
  schema: plan.schema,
  children: [plan],
})

test.serial('a scan gives only the rows that its join can use', async t => {
  const { rows, scanned } = await run(wireDynamicFilters(join('inner', few(3n, 500n, 2000n), thousand())))
  t.deepEqual(rows, ['3,996,3,996', '500,499,500,499'])
  t.deepEqual(
    scanned.toSorted((left, right) => left - right),
    [2, 3],
  )
  t.is(bytesInUse(), 0)
})

test.serial('several keys, of which the first one is looked up', async t => {
  const { rows, scanned } = await run(wireDynamicFilters(join('leftSemi', few(3n, 500n), thousand(), [0, 1])))
  t.deepEqual(rows, ['3,996', '500,499'])
  t.deepEqual(
    scanned.toSorted((left, right) => left - right),
    [2, 2],
  )
})

test.serial('an empty build side leaves nothing to scan', async t => {
  const { rows, scanned } = await run(wireDynamicFilters(join('left', few(), thousand())))
  t.deepEqual([rows, scanned.at(-1)], [[], 0])
})

test.serial('filters pass what only drops rows, and stop where a row less would show', t => {
  const probe = thousand()
  const projected = projectionExec(
    probe,
    [column(probe, 1), castExpr(inputExpr(0, 'a', INT32), INT64)],
    pairs(INT64, INT64),
  )
  const shown = (plan: PhysicalPlan): string[] =>
    displayPhysical(wireDynamicFilters(plan), OPERATORS)
      .split('\n')
      .filter(line => line.includes('dynamic_filters'))
      .map(line => line.trim())
  const filtered = 'DataSourceExec: memory, partitions=1, projection=[a, b], dynamic_filters='
  t.deepEqual(shown(join('inner', few(1n), projected)), [`${filtered}[b]`])
  t.deepEqual(shown(join('inner', few(1n), projected, [1])), [`${filtered}[a]`])
  t.deepEqual(shown(join('inner', few(1n), join('right', few(2n), thousand()), [1])), [])
  t.deepEqual(shown(join('inner', few(1n), join('left', few(2n), thousand()))), [`${filtered}[a]`, `${filtered}[a]`])
  t.deepEqual(shown(join('full', few(1n), thousand())), [])
  t.deepEqual(shown(join('rightAnti', few(1n), thousand())), [])
  t.deepEqual(shown(join('inner', few(1n), firstFive(thousand()))), [])
})

test.serial(`a top-k leaves the scan only rows that can come in (SEED=${SEED})`, async t => {
  const rng = seededRng(SEED)
  for (const descending of [true, false]) {
    for (const nullsFirst of [true, false]) {
      const batch = (): Value[][] => {
        const values = Array.from({ length: 5000 }, () => (rng.next() < 0.001 ? null : Math.floor(rng.next() * 1e6)))
        return [values, values.map((_, i) => BigInt(i))]
      }
      const input = scan(pairs(INT32, INT64), [batch(), batch(), batch(), batch()])
      const keys = [{ expr: column(input, 0), descending, nullsFirst }]
      const plan: TopKExec = { kind: 'TopKExec', keys, fetch: 20, schema: input.schema, children: [input] }
      const wired = wireDynamicFilters(plan)
      t.is(wireDynamicFilters(wired), wired)
      const { rows, scanned } = await run(wired)
      t.deepEqual(rows, (await run(plan)).rows)
      // The first batch fills it; few rows of the others are better than its last one.
      t.true(scanned[0] < 5000 + 300, `${scanned[0]} rows`)
    }
  }
  t.is(bytesInUse(), 0)
})

test.serial('a top-k by a widened unsigned column keeps what looks negative', async t => {
  const high = Array.from({ length: 5000 }, (_, i) => 4_000_000_000 - i)
  const input = scan(pairs(UINT32, INT64), [
    [Array.from({ length: 5000 }, (_, i) => i), numbers(5000)],
    [high, numbers(5000)],
  ])
  const keys = [{ expr: castExpr(column(input, 0), INT64), descending: true, nullsFirst: false }]
  const plan: TopKExec = { kind: 'TopKExec', keys, fetch: 2, schema: input.schema, children: [input] }
  t.deepEqual((await run(wireDynamicFilters(plan))).rows, ['3999999999,1', '4000000000,0'])
})

const TYPES: readonly DataType[] = [INT32, INT64, UINT32, DATE, decimal(9, 2), decimal(18, 0)]
const OUTER = ['inner', 'left', 'leftSemi', 'leftAnti', 'right', 'full', 'rightSemi', 'rightAnti'] as const

test.serial(`joins of random tables give the same rows with filters (SEED=${SEED})`, async t => {
  const rng = seededRng(SEED)
  const below = (limit: number): number => Math.floor(rng.next() * limit)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]
  const valueOf = (type: DataType, spread: number): Value => {
    if (rng.next() < 0.1) return null
    const number = below(spread) - (type.kind === 'int' && !type.signed ? 0 : Math.floor(spread / 3))
    return type.kind === 'decimal' || (type.kind === 'int' && type.bits === 64) ? BigInt(number) : number
  }
  for (let round = 0; round < 120; round++) {
    const schema = pairs(pick(TYPES), pick(TYPES))
    const spread = pick([5, 60, 5000, 1_000_000])
    const table = (rows: number): DataSourceExec => {
      const batches = Array.from({ length: 1 + below(3) }, () =>
        schema.fields.map(({ type }) => Array.from({ length: below(rows) }, () => valueOf(type, spread))),
      ).map(([a, b]) => [a.slice(0, b.length), b.slice(0, a.length)])
      return scan(schema, batches)
    }
    const inner = join(pick(OUTER), table(40), table(200), pick([[0], [1], [0, 1]]))
    const plan = join(pick(OUTER), table(pick([0, 3, 50])), pick([inner, table(300)]), [0])
    const wired = await run(wireDynamicFilters(plan))
    t.deepEqual(wired.rows, (await run(plan)).rows, `round ${round}: ${displayPhysical(plan, OPERATORS)}`)
  }
  t.is(bytesInUse(), 0)
})
