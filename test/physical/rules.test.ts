import test from 'ava'
import { releaseBatch, columnValues } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, schemaOf } from '../../src/arrow/schema.js'
import { INT64 } from '../../src/arrow/types.js'
import { binaryExpr, inputExpr } from '../../src/expr/build.js'
import { displayExpr } from '../../src/expr/display.js'
import { literal, type Expr } from '../../src/expr/expr.js'
import { displayPhysical } from '../../src/physical/display.js'
import { OPERATORS } from '../../src/physical/operators/index.js'
import type { DataSourceExec } from '../../src/physical/operators/data-source.js'
import type { HashJoinExec } from '../../src/physical/operators/hash-join.js'
import { joinSchema } from '../../src/physical/operators/join-types.js'
import { projectionExec } from '../../src/physical/operators/projection.js'
import type { ReplicateExec } from '../../src/physical/operators/replicate.js'
import type { UnionExec } from '../../src/physical/operators/union.js'
import {
  defineOperator,
  type Distribution,
  type OperatorDefinition,
  type Partitioning,
  type PhysicalPlan,
} from '../../src/physical/plan.js'
import { planEnvironment } from '../../src/physical/properties.js'
import { applyPhysicalRules } from '../../src/physical/rules/index.js'
import { numbersSample } from '../../src/physical/samples.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'
import { openStream, operatorTable, type RunnableOperator } from '../../src/runtime/run-pipelines.js'

const SCHEMA = schemaOf(field('a', INT64), field('b', INT64))
const A = inputExpr(0, 'a', INT64)
const B = inputExpr(1, 'b', INT64)

/** A leaf that lies as it says. */
interface Leaf extends PhysicalPlan {
  readonly kind: 'LeafExec'
  readonly partitioning: Partitioning
  readonly rowCount?: number
}
/** Needs its two inputs hashed by keys of the same number. */
interface Meet extends PhysicalPlan {
  readonly kind: 'MeetExec'
  readonly keys: readonly [readonly Expr[], readonly Expr[]]
}
const leafOperator = defineOperator<Leaf>({
  kind: 'LeafExec',
  properties: ({ partitioning, rowCount }) => ({
    partitioning,
    ordering: [],
    ...(rowCount === undefined ? {} : { rowCount }),
  }),
  details: ({ partitioning }) => (partitioning.kind === 'single' ? '' : `${partitioning.kind} ${partitioning.count}`),
  samples: () => [],
})
const meetOperator = defineOperator<Meet>({
  kind: 'MeetExec',
  properties: (_plan, [left]) => left,
  requiredDistribution: plan => plan.keys.map((exprs): Distribution => ({ kind: 'hash', exprs })),
  details: plan => plan.keys.map(keys => keys.map(displayExpr).join(',')).join(' = '),
  samples: () => [],
})
const operators = [...OPERATORS, leafOperator as OperatorDefinition, meetOperator as OperatorDefinition]

const leaf = (partitioning: Partitioning, rowCount?: number): Leaf => ({
  kind: 'LeafExec',
  partitioning,
  schema: SCHEMA,
  children: [],
  ...(rowCount === undefined ? {} : { rowCount }),
})
const meet = (
  left: PhysicalPlan,
  right: PhysicalPlan,
  leftKeys: readonly Expr[],
  rightKeys: readonly Expr[],
): Meet => ({
  kind: 'MeetExec',
  keys: [leftKeys, rightKeys],
  schema: SCHEMA,
  children: [left, right],
})
const single: Partitioning = { kind: 'single' }
const spread = (count: number): Partitioning => ({ kind: 'unknown', count })
const hashed = (count: number, ...exprs: Expr[]): Partitioning => ({ kind: 'hash', exprs, count })

const GATHER = 'ExchangeExec: partitioning=single'
for (const { title, plan, lines } of [
  {
    title: 'two inputs of one partition meet without an exchange',
    plan: meet(leaf(single), leaf(single), [A], [B]),
    lines: ['MeetExec: a@0 = b@1', '  LeafExec', '  LeafExec'],
  },
  {
    title: 'inputs of many partitions are hashed by their keys',
    plan: meet(leaf(spread(3)), leaf(spread(2)), [A], [B]),
    lines: [
      GATHER,
      '  MeetExec: a@0 = b@1',
      '    ExchangeExec: partitioning=hash(a@0) into 4',
      '      LeafExec: unknown 3',
      '    ExchangeExec: partitioning=hash(b@1) into 4',
      '      LeafExec: unknown 2',
    ],
  },
  {
    title: 'one partition meets many by hash on both sides',
    plan: meet(leaf(single), leaf(spread(2)), [A], [B]),
    lines: [
      GATHER,
      '  MeetExec: a@0 = b@1',
      '    ExchangeExec: partitioning=hash(a@0) into 4',
      '      LeafExec',
      '    ExchangeExec: partitioning=hash(b@1) into 4',
      '      LeafExec: unknown 2',
    ],
  },
  {
    title: 'an input that lies by a part of its keys stays, and the other follows it',
    plan: meet(leaf(hashed(3, B)), leaf(spread(2)), [A, B], [B, A]),
    lines: [
      GATHER,
      '  MeetExec: a@0,b@1 = b@1,a@0',
      '    LeafExec: hash 3',
      '    ExchangeExec: partitioning=hash(a@0) into 3',
      '      LeafExec: unknown 2',
    ],
  },
  {
    title: 'inputs that lie alike stay',
    plan: meet(leaf(hashed(3, B)), leaf(hashed(3, A)), [A, B], [B, A]),
    lines: [GATHER, '  MeetExec: a@0,b@1 = b@1,a@0', '    LeafExec: hash 3', '    LeafExec: hash 3'],
  },
  {
    title: 'of two inputs that lie differently the larger one stays',
    plan: meet(leaf(hashed(3, A), 10), leaf(hashed(5, A), 1000), [A, B], [B, A]),
    lines: [
      GATHER,
      '  MeetExec: a@0,b@1 = b@1,a@0',
      '    ExchangeExec: partitioning=hash(b@1) into 5',
      '      LeafExec: hash 3',
      '    LeafExec: hash 5',
    ],
  },
  {
    title: 'an input hashed by something else is hashed again',
    plan: meet(leaf(hashed(3, B)), leaf(hashed(3, B)), [A], [A]),
    lines: [
      GATHER,
      '  MeetExec: a@0 = a@0',
      '    ExchangeExec: partitioning=hash(a@0) into 4',
      '      LeafExec: hash 3',
      '    ExchangeExec: partitioning=hash(a@0) into 4',
      '      LeafExec: hash 3',
    ],
  },
]) {
  test(title, t => {
    const placed = applyPhysicalRules(plan, { targetPartitions: 4, operators })
    t.deepEqual(displayPhysical(placed, operators).split('\n'), lines)
    t.is(applyPhysicalRules(placed, { targetPartitions: 4, operators }), placed, 'a second time changes nothing')
  })
}

const scanLeaf = (partitions: readonly number[]): DataSourceExec => ({
  kind: 'DataSourceExec',
  source: { kind: 'memory', partitions: partitions.map(byteLength => [new Uint8Array(byteLength)]), schema: SCHEMA },
  projection: [0, 1],
  schema: SCHEMA,
  children: [],
})
const join = (joinType: HashJoinExec['joinType'], left: PhysicalPlan, right: PhysicalPlan): HashJoinExec => ({
  kind: 'HashJoinExec',
  joinType,
  on: [{ left: A, right: A }],
  schema: joinSchema(joinType, left.schema, right.schema),
  children: [left, right],
})
/** Below exchanges and the like. */
const joinIn = (plan: PhysicalPlan): PhysicalPlan => (plan.kind === 'HashJoinExec' ? plan : joinIn(plan.children[0]))
const MIB = 1024 * 1024
for (const { title, plan, replicated } of [
  {
    title: 'a small build side is read by every task',
    plan: join('inner', scanLeaf([100]), scanLeaf([100, 100])),
    replicated: true,
  },
  {
    title: 'a join of small tables can be such a build side',
    plan: join('rightAnti', join('full', scanLeaf([100]), scanLeaf([100])), scanLeaf([100, 100])),
    replicated: true,
  },
  {
    title: 'a large build side is exchanged',
    plan: join('inner', scanLeaf([5 * MIB]), scanLeaf([100, 100])),
    replicated: false,
  },
  {
    title: 'a build side of partitions is exchanged',
    plan: join('inner', scanLeaf([9, 9]), scanLeaf([100, 100])),
    replicated: false,
  },
  {
    title: 'a join that gives unmatched build rows exchanges',
    plan: join('left', scanLeaf([9]), scanLeaf([9, 9])),
    replicated: false,
  },
  {
    title: 'a join over one partition replicates nothing',
    plan: join('inner', scanLeaf([9]), scanLeaf([9])),
    replicated: false,
  },
]) {
  test(title, t => {
    const placed = applyPhysicalRules(plan, { targetPartitions: 4, operators })
    const text = displayPhysical(placed, operators)
    t.is(text.includes('ReplicateExec: partitions=2'), replicated, text)
    const probes = joinIn(placed).children
    const single = !replicated && probes.every(({ kind }) => kind === 'DataSourceExec' || kind === 'CoalesceExec')
    t.is(
      probes.some(({ kind }) => kind === 'ExchangeExec'),
      !replicated && !single,
      text,
    )
    t.is(applyPhysicalRules(placed, { targetPartitions: 4, operators }), placed, 'a second time changes nothing')
  })
}

for (const { title, plan, exchanges } of [
  {
    title: 'few build rows are sent to every task and many probe rows stay',
    plan: { ...join('inner', scanLeaf([9, 9]), scanLeaf([9, 9])), estimates: { buildRows: 99, probeRows: 100 } },
    exchanges: ['single', 'broadcast to 2'],
  },
  {
    title: 'as many build rows as probe rows are exchanged with them',
    plan: { ...join('inner', scanLeaf([9, 9]), scanLeaf([9, 9])), estimates: { buildRows: 100, probeRows: 100 } },
    exchanges: ['single', 'hash(a@0) into 4', 'hash(a@0) into 4'],
  },
  {
    title: 'build rows of too many bytes are exchanged',
    plan: { ...join('inner', scanLeaf([9, 9]), scanLeaf([9, 9])), estimates: { buildRows: 2e6, probeRows: 1e9 } },
    exchanges: ['single', 'hash(a@0) into 4', 'hash(a@0) into 4'],
  },
  {
    title: 'build rows that may come out unmatched are exchanged',
    plan: { ...join('full', scanLeaf([9, 9]), scanLeaf([9, 9])), estimates: { buildRows: 1, probeRows: 1e9 } },
    exchanges: ['single', 'hash(a@0) into 4', 'hash(a@0) into 4'],
  },
  {
    title: 'a probe side that lies by its keys stays, and the build side follows it',
    plan: { ...join('inner', scanLeaf([9, 9]), leaf(hashed(3, A))), estimates: { buildRows: 1, probeRows: 1e9 } },
    exchanges: ['single', 'hash(a@0) into 3'],
  },
]) {
  test(title, t => {
    const placed = applyPhysicalRules(plan, { targetPartitions: 4, operators })
    const text = displayPhysical(placed, operators)
    t.deepEqual(
      [...text.matchAll(/partitioning=(.*)/g)].map(([, partitioning]) => partitioning),
      exchanges,
      text,
    )
    t.is(applyPhysicalRules(placed, { targetPartitions: 4, operators }), placed, 'a second time changes nothing')
  })
}

test.serial('a replicated input gives all rows in every task', async t => {
  const before = bytesInUse()
  const input = numbersSample()
  const plan: ReplicateExec = {
    kind: 'ReplicateExec',
    count: 2,
    schema: input.schema,
    children: [scanOfPartitionZero(input)],
  }
  for (const partition of [0, 1]) {
    let rows = 0
    const table = operatorTable(OPERATORS, [partitionZero])
    for await (const batch of openStream(plan, localTaskContext({ partition, partitionCount: 2 }), table)) {
      rows += batch.rowCount
      releaseBatch(batch)
    }
    t.is(rows, 9)
  }
  t.is(bytesInUse(), before)
})

/** Passes its input in partition 0 of 1 and nothing anywhere else. */
const partitionZero: RunnableOperator = {
  kind: 'PartitionZeroExec',
  source: (_plan, ctx, [input]) =>
    ctx.partition === 0 && ctx.partitionCount === 1 ? input : (async function* () {})(),
}
const scanOfPartitionZero = (input: PhysicalPlan): PhysicalPlan => ({
  kind: 'PartitionZeroExec',
  schema: input.schema,
  children: [input],
})

test('a projection carries the hash keys it keeps, under their new positions', t => {
  const env = planEnvironment(operators)
  const partitioningOf = (...exprs: Expr[]): Partitioning => {
    const schema = { fields: exprs.map((_, i) => field(`x${i}`, INT64)) }
    return env.properties(projectionExec(leaf(hashed(3, A)), exprs, schema)).partitioning
  }
  t.deepEqual(partitioningOf(B, A), hashed(3, inputExpr(1, 'x1', INT64)))
  t.deepEqual(partitioningOf(B), spread(3))
  t.deepEqual(partitioningOf(binaryExpr('+', A, literal(1n, INT64))), spread(3))
})

test.serial('partition p of a union reads the inputs that have it, in order', async t => {
  const before = bytesInUse()
  const inputs = [numbersSample(), numbersSample(), numbersSample()]
  const union: UnionExec = { kind: 'UnionExec', schema: inputs[0].schema, children: inputs, partitionCounts: [3, 1, 2] }
  const counts: number[] = []
  for (const partition of [0, 1, 2, 3]) {
    let rows = 0
    for await (const batch of openStream(
      union,
      localTaskContext({ partition, partitionCount: 4 }),
      operatorTable(OPERATORS),
    )) {
      rows += columnValues(batch.columns[0]).length
      releaseBatch(batch)
    }
    counts.push(rows)
  }
  t.deepEqual(counts, [27, 18, 9, 0])
  t.is(bytesInUse(), before)
})
