/** HashJoinExec and NestedLoopJoinExec against nested loops over values: every join type, key type and encoding. */
import test from 'ava'
import type { Batch } from '../../../src/arrow/batch.js'
import { batchFromValues, releaseBatch, retainBatch } from '../../../src/arrow/column.js'
import { bytesInUse } from '../../../src/arrow/memory.js'
import type { Schema } from '../../../src/arrow/schema.js'
import { INT32, INT64, UTF8, type Value } from '../../../src/arrow/types.js'
import { configOf } from '../../../src/common/option.js'
import { binaryExpr, inputExpr } from '../../../src/expr/build.js'
import { literal, type Expr } from '../../../src/expr/expr.js'
import type { LogicalJoinType } from '../../../src/logical/plan.js'
import { hashJoinOperator, type HashJoinExec } from '../../../src/physical/operators/hash-join.js'
import { JOIN_SIDES, joinSchema } from '../../../src/physical/operators/join-types.js'
import { nestedLoopJoinOperator, type NestedLoopJoinExec } from '../../../src/physical/operators/nested-loop-join.js'
import type { OperatorDefinition, PhysicalPlan } from '../../../src/physical/plan.js'
import { ioStats } from '../../../src/runtime/io-counters.js'
import { localTaskContext } from '../../../src/runtime/local-task-context.js'
import { noMetrics } from '../../../src/runtime/metrics.js'
import type { TaskContext } from '../../../src/runtime/task-context.js'
import {
  below,
  KEY_TYPES,
  leaf,
  pick,
  randomBatch,
  randomFor,
  randomSchema,
  rowsOf,
  rowText,
  runOperator,
  sameTexts,
  underFailures,
  underLimits,
  seed,
  valueKey,
} from './aggregate-fixtures.js'

const TYPES = Object.keys(JOIN_SIDES) as LogicalJoinType[]
/** Every build side of more than one batch goes to a file. */
const noMemory = localTaskContext({
  config: configOf({ 'ballista.execution.batch_size': '70', 'ballista.memory.limit': '1' }),
})
const smallBatches = localTaskContext({ config: configOf({ 'ballista.execution.batch_size': '70' }) })

/** Builds, probes and closes as a pipeline does; the batches are released. */
async function runJoin<P extends PhysicalPlan>(
  definition: OperatorDefinition<P>,
  plan: P,
  build: readonly Batch[],
  probe: readonly Batch[],
  ctx: TaskContext = smallBatches,
): Promise<Value[][]> {
  const state = definition.build!.state(plan, ctx)
  try {
    const sink = definition.build!.sink(state)
    for (const batch of build) await sink.push(batch)
    await sink.finish()
    probe.forEach(retainBatch)
    return await runOperator(definition.open!(plan, ctx, state), probe)
  } finally {
    state.close()
    ;[...build, ...probe].forEach(releaseBatch)
  }
}

type Match = (left: readonly Value[], right: readonly Value[]) => boolean

/** The obvious join over rows. */
function reference(
  type: LogicalJoinType,
  left: readonly Value[][],
  right: readonly Value[][],
  matches: Match,
): Value[][] {
  const leftWidth = left[0]?.length ?? 0
  const rightWidth = right[0]?.length ?? 0
  const some = <T>(list: readonly T[], test: (item: T) => boolean): boolean => list.some(test)
  switch (type) {
    case 'leftSemi':
      return left.filter(l => some(right, r => matches(l, r)))
    case 'leftAnti':
      return left.filter(l => !some(right, r => matches(l, r)))
    case 'leftMark':
      return left.map(l => [...l, some(right, r => matches(l, r))])
    case 'rightMark':
      return right.map(r => [...r, some(left, l => matches(l, r))])
    case 'rightSemi':
      return right.filter(r => some(left, l => matches(l, r)))
    case 'rightAnti':
      return right.filter(r => !some(left, l => matches(l, r)))
    default: {
      const pairs = left.flatMap(l => right.filter(r => matches(l, r)).map(r => [...l, ...r]))
      const lonelyLeft = left
        .filter(l => !some(right, r => matches(l, r)))
        .map(l => [...l, ...new Array<null>(rightWidth).fill(null)])
      const lonelyRight = right
        .filter(r => !some(left, l => matches(l, r)))
        .map(r => [...new Array<null>(leftWidth).fill(null), ...r])
      return [
        ...pairs,
        ...(type === 'left' || type === 'full' ? lonelyLeft : []),
        ...(type === 'right' || type === 'full' ? lonelyRight : []),
      ]
    }
  }
}

const sorted = (rows: readonly (readonly Value[])[]): string[] => rows.map(rowText).sort()

/** Columns first..first+count of a row as text; undefined if one is NULL. Computed once a row. */
function keyText(
  known: Map<readonly Value[], string | undefined>,
  row: readonly Value[],
  first: number,
  count: number,
): string | undefined {
  if (known.has(row)) return known.get(row)
  const key = row.slice(first, first + count)
  const text = key.includes(null) ? undefined : key.map(valueKey).join('|')
  known.set(row, text)
  return text
}

function hashPlan(
  joinType: LogicalJoinType,
  left: Schema,
  right: Schema,
  keyCount: number,
  filter?: Expr,
): HashJoinExec {
  const on = Array.from({ length: keyCount }, (_, i) => ({
    left: inputExpr(i, `l${i}`, left.fields[i].type),
    right: inputExpr(i + 1, `r${i}`, right.fields[i + 1].type),
  }))
  const plan = {
    kind: 'HashJoinExec',
    joinType,
    on,
    schema: joinSchema(joinType, left, right),
    children: [leaf(left), leaf(right)],
  } as const
  return filter === undefined ? plan : { ...plan, filter }
}

/** Left: keys, then an INT32. Right: an INT32, then the keys. The filter compares the two. */
function randomSides(round: number) {
  const rng = randomFor(round)
  const keys = Array.from({ length: 1 + below(rng, 3) }, () => pick(rng, KEY_TYPES))
  const left = randomSchema([...keys, INT32])
  const right = randomSchema([INT32, ...keys])
  const distinct = pick(rng, [1, 5, 60, 900])
  const nullShare = pick(rng, [0, 0, 0.2])
  const batches = (schema: Schema): Batch[] =>
    Array.from({ length: below(rng, 4) }, () =>
      randomBatch(rng, schema, pick(rng, [1, 7, 64, 90]), distinct, nullShare),
    )
  return { rng, keyCount: keys.length, left, right, build: batches(left), probe: batches(right) }
}

test.serial('hash joins of every type agree with nested loops, with and without a filter', async t => {
  const before = bytesInUse()
  for (let round = 0; round < 40; round++) {
    const { rng, keyCount, left, right, build, probe } = randomSides(round)
    const withFilter = rng.next() < 0.5
    const filter = binaryExpr('<', inputExpr(keyCount, 'a', INT32), inputExpr(keyCount + 1, 'b', INT32))
    const leftRows = rowsOf(build)
    const rightRows = rowsOf(probe)
    const leftKeys = new Map<readonly Value[], string | undefined>()
    const rightKeys = new Map<readonly Value[], string | undefined>()
    const matches: Match = (l, r) =>
      keyText(leftKeys, l, 0, keyCount) !== undefined &&
      keyText(leftKeys, l, 0, keyCount) === keyText(rightKeys, r, 1, keyCount) &&
      (!withFilter || (l[keyCount] !== null && r[0] !== null && l[keyCount]! < r[0]!))
    for (const type of TYPES) {
      const expected = reference(type, leftRows, rightRows, matches)
      const padded = expected.map(row => pad(row, type, left, right, build, probe))
      const plan = hashPlan(type, left, right, keyCount, withFilter ? filter : undefined)
      for (const ctx of round % 2 === 0 ? [smallBatches, noMemory] : [smallBatches]) {
        ;[...build, ...probe].forEach(retainBatch)
        const rows = await runJoin(hashJoinOperator, plan, build, probe, ctx)
        sameTexts(t, sorted(rows), sorted(padded), `seed ${seed}, round ${round}, ${type}, ${ctx.memory.limit} bytes`)
      }
    }
    ;[...build, ...probe].forEach(releaseBatch)
    t.is(bytesInUse(), before)
  }
})

/** The reference cannot see the width of a side without rows. */
function pad(
  row: Value[],
  type: LogicalJoinType,
  left: Schema,
  right: Schema,
  build: readonly Batch[],
  probe: readonly Batch[],
): Value[] {
  if (type !== 'left' && type !== 'right' && type !== 'full') return row
  if (probe.length === 0) return [...row, ...new Array<null>(right.fields.length).fill(null)]
  return build.length === 0 ? [...new Array<null>(left.fields.length).fill(null), ...row] : row
}

test.serial(
  'nested loop joins of every type agree with nested loops over values, with and without a filter',
  async t => {
    const before = bytesInUse()
    for (let round = 0; round < 20; round++) {
      const { rng, keyCount, left, right, build, probe } = randomSides(5000 + round)
      const withFilter = rng.next() < 0.7
      const filter = binaryExpr('<', inputExpr(keyCount, 'a', INT32), inputExpr(keyCount + 1, 'b', INT32))
      const matches: Match = (l, r) => !withFilter || (l[keyCount] !== null && r[0] !== null && l[keyCount]! < r[0]!)
      const leftRows = rowsOf(build)
      const rightRows = rowsOf(probe)
      for (const type of TYPES) {
        const expected = reference(type, leftRows, rightRows, matches)
        const padded = expected.map(row => pad(row, type, left, right, build, probe))
        const base = {
          kind: 'NestedLoopJoinExec',
          joinType: type,
          schema: joinSchema(type, left, right),
          children: [leaf(left), leaf(right)],
        } as const
        const plan: NestedLoopJoinExec = withFilter ? { ...base, filter } : base
        for (const ctx of round % 2 === 0 ? [smallBatches, noMemory] : [smallBatches]) {
          ;[...build, ...probe].forEach(retainBatch)
          const rows = await runJoin(nestedLoopJoinOperator, plan, build, probe, ctx)
          sameTexts(t, sorted(rows), sorted(padded), `seed ${seed}, round ${round}, ${type}, ${ctx.memory.limit} bytes`)
        }
      }
      ;[...build, ...probe].forEach(releaseBatch)
      t.is(bytesInUse(), before)
    }
  },
)

test.serial('keys are found by position, by rank or by hash, however they spread, both unique and not', async t => {
  const before = bytesInUse()
  const schema = randomSchema([INT64])
  const probeSchema = randomSchema([INT32, INT64])
  for (const spread of [1n, 50n, 1_000_000_007n, 2n ** 40n]) {
    const keys = Array.from({ length: 50_000 }, (_, i) => BigInt(i - 25_000) * spread)
    const build = [batchFromValues(schema, [keys]), batchFromValues(schema, [keys.slice(0, 10)])]
    const between = spread === 1n ? [] : [spread * 3n + 1n, spread * 4n - 1n]
    const probeKeys = [...keys.slice(0, 20), ...between, 1n + spread * 60_000n, -(2n ** 63n), 2n ** 63n - 1n]
    const probe = [batchFromValues(probeSchema, [probeKeys.map((_, i) => i), probeKeys])]
    const rows = await runJoin(
      hashJoinOperator,
      hashPlan('inner', schema, probeSchema, 1),
      build,
      probe,
      localTaskContext(),
    )
    const expected = probeKeys
      .slice(0, 20)
      .flatMap((key, i) => Array.from({ length: i < 10 ? 2 : 1 }, () => [key, i, key]))
    t.deepEqual(rows, expected)
  }
  t.is(bytesInUse(), before)
})

test.serial('a build side of several segments gives the same rows', async t => {
  const before = bytesInUse()
  const left = randomSchema([INT64, UTF8])
  const right = randomSchema([INT32, INT64])
  const text = 'x'.repeat(1_000_000)
  const build = [0, 1, 2, 3].map(part => {
    const keys = Array.from({ length: 20 }, (_, i) => BigInt(i * 4 + part))
    return batchFromValues(left, [keys, keys.map(key => `${key}${text}`)])
  })
  const probe = [
    batchFromValues(right, [
      [1, 2, 3, 4],
      [79n, 0n, 41n, 80n],
    ]),
  ]
  const rows = await runJoin(hashJoinOperator, hashPlan('left', left, right, 1), build, probe, localTaskContext())
  const matched = rows
    .filter(row => row[3] !== null)
    .map(([key, value, number]) => [key, (value as string).length, number])
  t.deepEqual(
    matched.sort((a, b) => Number(a[0]) - Number(b[0])),
    [
      [0n, 1_000_001, 2],
      [41n, 1_000_002, 3],
      [79n, 1_000_002, 1],
    ],
  )
  t.is(rows.length, 80)
  t.is(bytesInUse(), before)
})

test.serial('an amplifying join gives batches of at most the batch size and can be left in the middle', async t => {
  const before = bytesInUse()
  const left = randomSchema([INT32])
  const right = randomSchema([INT32, INT32])
  const plan = hashPlan('inner', left, right, 1)
  const ctx = localTaskContext({ config: configOf({ 'ballista.execution.batch_size': '1000' }) })
  const state = hashJoinOperator.build!.state(plan, ctx)
  const sink = hashJoinOperator.build!.sink(state)
  const build = batchFromValues(left, [new Array<number>(3000).fill(7)])
  const probe = batchFromValues(right, [new Array<number>(3000).fill(1), new Array<number>(3000).fill(7)])
  await sink.push(build)
  releaseBatch(build)
  await sink.finish()
  const operator = hashJoinOperator.open!(plan, ctx, state)
  const output = (operator.push(probe) as Iterable<Batch>)[Symbol.iterator]()
  for (let i = 0; i < 5; i++) {
    const batch = output.next().value as Batch
    t.is(batch.rowCount, 1000)
    releaseBatch(batch)
  }
  output.return?.()
  releaseBatch(probe)
  operator.close?.()
  state.close()
  t.is(bytesInUse(), before)
})

test.serial(
  'a build side beyond the memory limit is split, and one key of many rows is joined block by block',
  async t => {
    const before = bytesInUse()
    const left = randomSchema([INT64, INT32, UTF8])
    const right = randomSchema([INT32, INT64])
    const build = Array.from({ length: 30 }, (_, part) => {
      const numbers = Array.from({ length: 200 }, (_, i) => part * 200 + i)
      // Half of the rows have one key.
      const keys = numbers.map(n => (n % 2 === 0 ? 7n : n % 50 === 1 ? null : BigInt(n) ** 3n))
      return batchFromValues(left, [keys, numbers, numbers.map(n => `${n}${'x'.repeat(190)}`)])
    })
    const probe = Array.from({ length: 5 }, (_, part) => {
      const numbers = Array.from({ length: 40 }, (_, i) => part * 40 + i)
      const keys = numbers.map(n => (n % 60 === 0 ? 7n : n % 9 === 0 ? null : BigInt(n * 20 + 1) ** 3n))
      return batchFromValues(right, [numbers.map(n => n * 30), keys])
    })
    const filter = binaryExpr('<', inputExpr(1, 'a', INT32), inputExpr(3, 'b', INT32))
    const never = binaryExpr('<', inputExpr(1, 'a', INT32), literal(-1, INT32))
    for (const type of TYPES) {
      for (const condition of [undefined, filter, never]) {
        const plan = hashPlan(type, left, right, 1, condition)
        const all = [...build, ...probe]
        all.forEach(retainBatch)
        const expected = sorted(await runJoin(hashJoinOperator, plan, build, probe))
        const counters = noMetrics()
        const config = configOf({ 'ballista.memory.limit': '100kB', 'ballista.execution.batch_size': '1000' })
        const ctx = { ...localTaskContext({ config }), counters: () => counters }
        all.forEach(retainBatch)
        sameTexts(t, sorted(await runJoin(hashJoinOperator, plan, build, probe, ctx)), expected, type)
        const keepsRows = condition !== undefined || JOIN_SIDES[type].left
        if (keepsRows) t.true(counters.spillCount >= 3, `${type}: ${counters.spillCount} times`)
        t.is(ctx.memory.reserved, 0)
        t.is(ioStats().tempFiles, 0)
      }
    }
    await underFailures(t, '100kB', ctx => {
      ;[...build, ...probe].forEach(retainBatch)
      return runJoin(hashJoinOperator, hashPlan('full', left, right, 1, filter), build, probe, ctx)
    })
    ;[...build, ...probe].forEach(releaseBatch)
    t.is(bytesInUse(), before)
  },
)

test.serial('whatever the memory limit, joins give all their memory back', async t => {
  const rng = randomFor(41_000)
  const left = randomSchema([UTF8, INT64])
  const right = randomSchema([INT32, UTF8])
  const build = [0, 1].map(() => randomBatch(rng, left, 3000, 900, 0.1))
  const probe = [randomBatch(rng, right, 50, 900, 0.1)]
  const nested: NestedLoopJoinExec = {
    kind: 'NestedLoopJoinExec',
    joinType: 'full',
    schema: joinSchema('full', left, right),
    children: [leaf(left), leaf(right)],
  }
  const run = async (ctx: TaskContext): Promise<void> => {
    ;[...build, ...probe].forEach(retainBatch)
    await runJoin(hashJoinOperator, hashPlan('full', left, right, 1), build, probe, ctx)
    ;[...build, ...probe].forEach(retainBatch)
    await runJoin(nestedLoopJoinOperator, nested, build, probe, ctx)
  }
  await underLimits(t, run)
  ;[...build, ...probe].forEach(releaseBatch)
})
