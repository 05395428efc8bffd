/** AggregateExec against a plain reference over random batches: every key type, aggregate and phase. */
import test from 'ava'
import type { Batch } from '../../../src/arrow/batch.js'
import { batchFromValues, releaseBatch, retainBatch } from '../../../src/arrow/column.js'
import { bytesInUse } from '../../../src/arrow/memory.js'
import { field, type Schema } from '../../../src/arrow/schema.js'
import {
  BOOLEAN,
  decimal,
  FLOAT64,
  INT32,
  INT64,
  INT8,
  UINT64,
  UTF8,
  type DataType,
  type Value,
} from '../../../src/arrow/types.js'
import { BallistaError } from '../../../src/common/errors.js'
import { configOf } from '../../../src/common/option.js'
import { aggregateExpr, inputExpr } from '../../../src/expr/build.js'
import { typeOf, type AggregateExpr } from '../../../src/expr/expr.js'
import { aggregateFunction } from '../../../src/expr/functions/index.js'
import {
  aggregateOperator,
  finalAggregate,
  hasDistinct,
  partialAggregate,
  type AggregateExec,
} from '../../../src/physical/operators/aggregate.js'
import { ioStats } from '../../../src/runtime/io-counters.js'
import { localTaskContext } from '../../../src/runtime/local-task-context.js'
import { taskMetrics } from '../../../src/runtime/metrics.js'
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

/** Every batch but the first of an operator makes it spill. */
const noMemory = localTaskContext({
  config: configOf({ 'ballista.execution.batch_size': '100', 'ballista.memory.limit': '1' }),
})
const smallBatches = localTaskContext({ config: configOf({ 'ballista.execution.batch_size': '100' }) })

function aggregatePlan(
  schema: Schema,
  groupColumns: readonly number[],
  calls: readonly AggregateExpr[],
): AggregateExec {
  const groups = groupColumns.map(index => ({
    expr: inputExpr(index, `g${index}`, schema.fields[index].type),
    name: `g${index}`,
  }))
  const aggregates = calls.map((expr, i) => ({ expr, name: `a${i}` }))
  const fields = [
    ...groups.map(({ expr, name }) => field(name, expr.type)),
    ...aggregates.map(({ expr, name }) => field(name, expr.type)),
  ]
  return { kind: 'AggregateExec', mode: 'single', groups, aggregates, schema: { fields }, children: [leaf(schema)] }
}

const open = (plan: AggregateExec, ctx: TaskContext = smallBatches) => aggregateOperator.open!(plan, ctx)

/** The obvious aggregate over rows. */
function reference(plan: AggregateExec, rows: readonly (readonly Value[])[]): Value[][] {
  const groups = new Map<string, { key: Value[]; rows: (readonly Value[])[] }>()
  if (plan.groups.length === 0) groups.set('', { key: [], rows: [] })
  for (const row of rows) {
    const key = plan.groups.map(({ expr }) => normal(row[expr.kind === 'input' ? expr.index : 0]))
    const text = rowText(key)
    const group = groups.get(text) ?? { key, rows: [] }
    group.rows.push(row)
    groups.set(text, group)
  }
  return [...groups.values()].map(({ key, rows: members }) => [
    ...key,
    ...plan.aggregates.map(({ expr }) => fold(expr, members)),
  ])
}

const normal = (value: Value): Value => (value === 0 ? 0 : value)

function fold(expr: AggregateExpr, rows: readonly (readonly Value[])[]): Value {
  const passed = rows.filter(
    row => expr.filter === undefined || (expr.filter.kind === 'input' && row[expr.filter.index] === true),
  )
  const [argument] = expr.args
  if (argument === undefined) return BigInt(passed.length)
  let values = passed
    .map(row => normal(argument.kind === 'input' ? row[argument.index] : null))
    .filter(value => value !== null)
  if (expr.distinct) values = [...new Map(values.map(value => [valueKey(value), value])).values()]
  if (expr.name === 'count') return BigInt(values.length)
  if (values.length === 0) return null
  if (expr.name === 'min' || expr.name === 'bool_and')
    return values.reduce((best, value) => (compare(value, best) < 0 ? value : best))
  if (expr.name === 'max' || expr.name === 'bool_or')
    return values.reduce((best, value) => (compare(value, best) > 0 ? value : best))
  return foldNumbers(expr, values, typeOf(argument))
}

function foldNumbers(expr: AggregateExpr, values: readonly Value[], type: DataType): Value {
  if (type.kind === 'float') {
    const total = values.reduce<number>((sum, value) => sum + Number(value), 0)
    return expr.name === 'sum' ? total : total / values.length
  }
  const total = values.reduce<bigint>((sum, value) => sum + BigInt(value as bigint | number), 0n)
  if (expr.name === 'sum') return total
  if (type.kind !== 'decimal') return Number(total) / values.length
  return (total * 10_000n) / BigInt(values.length)
}

function compare(left: Value, right: Value): number {
  if (typeof left === 'string' && typeof right === 'string')
    return Buffer.compare(Buffer.from(left), Buffer.from(right))
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right)
  if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : 1
  if (Number.isNaN(right)) return -1
  return left === right ? 0 : left! < right! ? -1 : 1
}

/** Floats are summed in another order by several phases: they are compared to 9 digits. */
const looseText = (row: readonly Value[]): string =>
  rowText(
    row.map(value => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(9)) : value)),
  )

const sorted = (rows: readonly (readonly Value[])[]): string[] => rows.map(looseText).sort()

/** Partial over each half of the batches, final over both results. */
async function twoPhase(plan: AggregateExec, batches: readonly Batch[]): Promise<Value[][]> {
  const partial = partialAggregate(plan)
  const states: Batch[] = []
  const half = Math.ceil(batches.length / 2)
  for (const part of [batches.slice(0, half), batches.slice(half)]) {
    const operator = open(partial)
    for (const batch of part) {
      for (const _ of (operator.push(batch) ?? []) as Iterable<Batch>)
        throw new Error('an aggregate gives nothing before its end')
      releaseBatch(batch)
    }
    for (const batch of (operator.finish?.() ?? []) as Iterable<Batch>) states.push(batch)
    operator.close?.()
  }
  return runOperator(open(finalAggregate(plan, partial)), states)
}

test.serial('groups of every key type agree with the reference, in one phase and in two', async t => {
  const before = bytesInUse()
  for (let round = 0; round < 60; round++) {
    const rng = randomFor(round)
    const keyCount = below(rng, 4)
    const types = [
      ...Array.from({ length: keyCount }, () => pick(rng, KEY_TYPES)),
      INT64,
      decimal(12, 2),
      FLOAT64,
      UTF8,
      BOOLEAN,
      pick(rng, KEY_TYPES),
    ]
    const schema = randomSchema(types)
    const column = (offset: number) => inputExpr(keyCount + offset, 'x', types[keyCount + offset])
    const calls = [
      aggregateExpr('count', []),
      aggregateExpr('count', [column(3)]),
      aggregateExpr('sum', [column(0)]),
      aggregateExpr('sum', [column(1)]),
      aggregateExpr('sum', [column(2)]),
      aggregateExpr('avg', [column(0)]),
      aggregateExpr('avg', [column(1)]),
      aggregateExpr('avg', [column(2)]),
      aggregateExpr('min', [column(3)]),
      aggregateExpr('max', [column(3)]),
      aggregateExpr('min', [column(5)]),
      aggregateExpr('max', [column(5)]),
      aggregateExpr('bool_and', [column(4)]),
      aggregateExpr('bool_or', [column(4)]),
      aggregateExpr('sum', [column(0)], { filter: column(4) }),
    ]
    const distinct = pick(rng, [1, 3, 40, 1000])
    const batches = Array.from({ length: below(rng, 5) }, () =>
      randomBatch(rng, schema, pick(rng, [1, 2, 63, 64, 65, 500]), distinct, pick(rng, [0, 0, 0.3])),
    )
    const plan = aggregatePlan(
      schema,
      types.slice(0, keyCount).map((_, i) => i),
      calls,
    )
    const expected = sorted(reference(plan, rowsOf(batches)))
    batches.forEach(retainBatch)
    sameTexts(t, sorted(await runOperator(open(plan), batches)), expected, `seed ${seed}, round ${round}`)
    if (round % 2 === 0) batches.forEach(retainBatch)
    sameTexts(t, sorted(await twoPhase(plan, batches)), expected, `seed ${seed}, round ${round}, two phases`)
    if (round % 2 === 0) {
      const spilled = sorted(await runOperator(open(plan, noMemory), batches))
      sameTexts(t, spilled, expected, `seed ${seed}, round ${round}, spilled`)
    }
    t.is(bytesInUse(), before)
  }
})

test.serial('DISTINCT and FILTER see each value once a group', async t => {
  const before = bytesInUse()
  for (let round = 0; round < 30; round++) {
    const rng = randomFor(1000 + round)
    const valueType = pick(rng, [INT32, decimal(30, 4), UTF8, FLOAT64])
    const schema = randomSchema([pick(rng, KEY_TYPES), valueType, INT64, BOOLEAN])
    const calls = [
      aggregateExpr('count', [inputExpr(1, 'v', valueType)], { distinct: true }),
      aggregateExpr('max', [inputExpr(1, 'v', valueType)], { distinct: true }),
      aggregateExpr('sum', [inputExpr(2, 'n', INT64)], { distinct: true }),
      aggregateExpr('avg', [inputExpr(2, 'n', INT64)], { distinct: true, filter: inputExpr(3, 'f', BOOLEAN) }),
    ]
    const plan = aggregatePlan(schema, round % 3 === 0 ? [] : [0], calls)
    t.true(hasDistinct(plan))
    const batches = Array.from({ length: 3 }, () => randomBatch(rng, schema, 200, 8, 0.2))
    const expected = sorted(reference(plan, rowsOf(batches)))
    batches.forEach(retainBatch)
    sameTexts(t, sorted(await runOperator(open(plan), batches)), expected, `seed ${seed}, round ${round}`)
    sameTexts(
      t,
      sorted(await runOperator(open(plan, noMemory), batches)),
      expected,
      `seed ${seed}, round ${round}, spilled`,
    )
    t.is(bytesInUse(), before)
  }
})

test.serial('groups and values beyond the memory limit are split until their parts fit', async t => {
  const before = bytesInUse()
  const schema = randomSchema([INT64, INT64])
  const keys = Array.from({ length: 60_000 }, (_, i) => BigInt(i) ** 3n)
  const batches = (): Batch[] =>
    [0, 20_000, 40_000, 0].map(from =>
      batchFromValues(schema, [
        keys.slice(from, from + 20_000),
        keys.slice(from, from + 20_000).map(key => key % 9973n),
      ]),
    )
  const count = aggregateExpr('count', [])
  const countKeys = aggregateExpr('count', [inputExpr(0, 'k', INT64)], { distinct: true })
  for (const [groups, calls, spills] of [
    [[0], [count], 16],
    [[1], [count, countKeys], 16],
    [[], [countKeys, count], 2],
  ] as const) {
    const plan = aggregatePlan(schema, groups, calls)
    const metrics = taskMetrics()
    const counters = metrics.of('0', 'AggregateExec')
    const ctx = localTaskContext({ metrics, config: configOf({ 'ballista.memory.limit': '64kB' }) })
    const expected = sorted(await runOperator(open(plan, localTaskContext()), batches()))
    const spilling = { ...ctx, counters: () => counters }
    sameTexts(t, sorted(await runOperator(open(plan, spilling), batches())), expected)
    t.true(counters.spillCount >= spills, `${counters.spillCount} times`)
    t.true(counters.spilledRows >= 60_000 && counters.spilledBytes > 500_000)
    t.is(ctx.memory.reserved, 0)
    t.is(bytesInUse(), before)
    t.is(ioStats().tempFiles, 0)
    t.is(ioStats().tempBytes, 0)
  }
  const plan = aggregatePlan(schema, [1], [count, countKeys])
  await underFailures(t, '400kB', failing => runOperator(open(plan, failing), batches()))
})

test.serial('a partial phase without memory gives its groups early, one that does not reduce gives up', async t => {
  const before = bytesInUse()
  const schema = randomSchema([UTF8, INT64])
  const calls = [aggregateExpr('sum', [inputExpr(1, 'n', INT64)]), aggregateExpr('count', [])]
  const plan = aggregatePlan(schema, [0], calls)
  const partial = partialAggregate(plan)
  const rows = 60_000
  const batches = (): Batch[] =>
    [0, 1, 2].map(n =>
      batchFromValues(schema, [
        Array.from({ length: rows }, (_, i) => (i % 10 === 0 ? null : `key ${n * 50_000 + i}`)),
        Array.from({ length: rows }, (_, i) => BigInt(i)),
      ]),
    )
  const expected = sorted(await runOperator(open(plan, localTaskContext()), batches()))
  for (const limit of ['64kB', '1GB']) {
    const ctx = localTaskContext({ config: configOf({ 'ballista.memory.limit': limit }) })
    const operator = open(partial, ctx)
    const states: Batch[] = []
    const given: number[] = []
    for (const batch of batches()) {
      for (const state of (operator.push(batch) ?? []) as Iterable<Batch>) states.push(state)
      given.push(states.reduce((sum, state) => sum + state.rowCount, 0))
      releaseBatch(batch)
    }
    for (const state of (operator.finish?.() ?? []) as Iterable<Batch>) states.push(state)
    operator.close?.()
    t.true(given[1] > 0, `${limit}: ${given.join(', ')}`)
    if (limit === '1GB') t.is(given[2] - given[1], rows, 'the last batch passes row by row')
    sameTexts(t, sorted(await runOperator(open(finalAggregate(plan, partial)), states)), expected, limit)
    t.is(bytesInUse(), before)
  }
})

test.serial(
  'groups grow from a table by position to a hash table of hundreds of thousands, each in order of its first row',
  async t => {
    const before = bytesInUse()
    const schema = randomSchema([INT64, INT64])
    const plan = aggregatePlan(schema, [0], [aggregateExpr('sum', [inputExpr(1, 'n', INT64)])])
    const keys = Array.from({ length: 200_000 }, (_, i) => (i < 100_000 ? BigInt(i) : BigInt(i) ** 3n))
    const batches: Batch[] = []
    for (let from = 0; from < keys.length; from += 20_000) {
      const some = [...keys.slice(from, from + 20_000), ...keys.slice(from, from + 20_000)]
      batches.push(batchFromValues(schema, [some, some.map((_, i) => BigInt(i % 7))]))
    }
    const rows = await runOperator(open(plan, localTaskContext()), batches)
    t.deepEqual(
      rows.map(([key]) => key),
      keys,
    )
    const expected = keys.map((_, i) => BigInt(((i % 20_000) % 7) + (((i % 20_000) + 20_000) % 7)))
    t.deepEqual(
      rows.map(([, sum]) => sum),
      expected,
    )
    t.is(bytesInUse(), before)
  },
)

test.serial('DISTINCT rows are an aggregate without functions', async t => {
  const before = bytesInUse()
  const schema = randomSchema([INT8, UTF8])
  const plan = aggregatePlan(schema, [0, 1], [])
  const batch = batchFromValues(schema, [
    [1, 1, null, null],
    ['a', 'a', null, null],
  ])
  t.deepEqual(await runOperator(open(plan), [batch]), [
    [1, 'a'],
    [null, null],
  ])
  t.is(bytesInUse(), before)
})

test.serial('sums are exact beyond 64 bits, and an error where the result type ends', async t => {
  const before = bytesInUse()
  const max = 2n ** 63n - 1n
  const total = (type: DataType, values: Value[], names = ['sum', 'avg']) => {
    const schema = randomSchema([type])
    const plan = aggregatePlan(
      schema,
      [],
      names.map(name => aggregateExpr(name, [inputExpr(0, 'x', type)])),
    )
    return runOperator(open(plan), [batchFromValues(schema, [values])])
  }
  t.deepEqual(await total(INT64, [max, max, -max]), [[max, Number(max) / 3]])
  t.deepEqual(await total(UINT64, [2n ** 64n - 2n, 1n]), [[2n ** 64n - 1n, 2 ** 63]])
  t.deepEqual(await total(decimal(38, 4), [10n ** 37n, 10n ** 33n - 1n], ['sum']), [[10n ** 37n + 10n ** 33n - 1n]])
  const big = 6n * 10n ** 37n
  await t.throwsAsync(total(decimal(38, 0), [big, big], ['sum']), {
    instanceOf: BallistaError,
    message: 'value out of range for DECIMAL(38, 0)',
  })
  await t.throwsAsync(total(INT64, [max, 1n]), { instanceOf: BallistaError, message: 'value out of range for BIGINT' })
  t.is(bytesInUse(), before)
})

test.serial('stddev and var are those of the values, whatever the phases', async t => {
  const before = bytesInUse()
  const schema = randomSchema([INT32, FLOAT64])
  const calls = ['var', 'var_pop', 'stddev', 'stddev_pop'].map(name =>
    aggregateExpr(name, [inputExpr(1, 'x', FLOAT64)]),
  )
  const plan = aggregatePlan(schema, [0], calls)
  const batches = (): Batch[] => [
    batchFromValues(schema, [
      [1, 1, 2],
      [1, 3, 9],
    ]),
    batchFromValues(schema, [
      [1, 1, 3],
      [5, null, null],
    ]),
  ]
  const expected = [
    [1, 4, 8 / 3, 2, Math.sqrt(8 / 3)],
    [2, null, 0, null, 0],
    [3, null, null, null, null],
  ]
  sameTexts(t, sorted(await runOperator(open(plan), batches())), sorted(expected))
  sameTexts(t, sorted(await twoPhase(plan, batches())), sorted(expected))
  t.is(bytesInUse(), before)
})

test.serial('arguments of the wrong type are refused with the reason', t => {
  const message = (name: string, type: DataType): string => {
    try {
      aggregateFunction(name)?.coerce([type])
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  t.is(message('sum', UTF8), 'sum takes a number, got VARCHAR; cast it to a number type')
  t.is(message('bool_and', INT64), 'bool_and takes a BOOLEAN, got BIGINT')
  t.is(message('min', { kind: 'interval' }), 'min does not take INTERVAL, which has no order')
})

test.serial('whatever the memory limit, an aggregate gives all its memory back', async t => {
  const rng = randomFor(40_000)
  const schema = randomSchema([UTF8, INT64, UTF8, FLOAT64])
  const calls = [
    aggregateExpr('min', [inputExpr(2, 's', UTF8)]),
    aggregateExpr('sum', [inputExpr(1, 'n', INT64)], { distinct: true }),
    aggregateExpr('avg', [inputExpr(3, 'x', FLOAT64)]),
  ]
  const plan = aggregatePlan(schema, [0, 1], calls)
  const total = aggregatePlan(schema, [], calls)
  const batches = Array.from({ length: 3 }, () => randomBatch(rng, schema, 2000, 1000, 0.1))
  const before = bytesInUse()
  const run = async (ctx: TaskContext): Promise<void> => {
    batches.forEach(retainBatch)
    await runOperator(open(total, ctx), batches)
    batches.forEach(retainBatch)
    await runOperator(open(plan, ctx), batches)
  }
  await underLimits(t, run)
  t.is(bytesInUse(), before)
  batches.forEach(releaseBatch)
})
