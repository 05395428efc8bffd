/** SortExec and TopKExec against a stable comparison sort over values. */
import test from 'ava'
import type { Batch } from '../../../src/arrow/batch.js'
import { batchFromValues, releaseBatch, retainBatch } from '../../../src/arrow/column.js'
import { bytesInUse } from '../../../src/arrow/memory.js'
import type { Schema } from '../../../src/arrow/schema.js'
import { decimal, FLOAT64, INT32, INT64, UINT64, UTF8, type DataType, type Value } from '../../../src/arrow/types.js'
import { configOf } from '../../../src/common/option.js'
import { inputExpr } from '../../../src/expr/build.js'
import type { SortKey } from '../../../src/expr/expr.js'
import { sortOperator, type SortExec } from '../../../src/physical/operators/sort.js'
import { topKOperator, type TopKExec } from '../../../src/physical/operators/top-k.js'
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
} from './aggregate-fixtures.js'

/** Every batch but the first of an operator makes it spill. */
const noMemory = localTaskContext({
  config: configOf({ 'ballista.execution.batch_size': '100', 'ballista.memory.limit': '1' }),
})
const smallBatches = localTaskContext({ config: configOf({ 'ballista.execution.batch_size': '100' }) })

const sortPlan = (schema: Schema, keys: readonly SortKey[]): SortExec => ({
  kind: 'SortExec',
  scope: 'global',
  keys,
  schema,
  children: [leaf(schema)],
})
const topPlan = (schema: Schema, keys: readonly SortKey[], fetch: number): TopKExec => ({
  kind: 'TopKExec',
  keys,
  fetch,
  schema,
  children: [leaf(schema)],
})

const key = (schema: Schema, index: number, descending = false, nullsFirst = descending): SortKey => ({
  expr: inputExpr(index, `c${index}`, schema.fields[index].type),
  descending,
  nullsFirst,
})

function compareValues(left: Value, right: Value): number {
  if (typeof left === 'string' && typeof right === 'string')
    return Buffer.compare(Buffer.from(left), Buffer.from(right))
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right)
  if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : 1
  if (Number.isNaN(right)) return -1
  return left! < right! ? -1 : left! > right! ? 1 : 0
}

/** The rows in order, equal ones as they came. */
function reference(rows: readonly Value[][], keys: readonly SortKey[]): Value[][] {
  const compare = (left: Value[], right: Value[]): number => {
    for (const { expr, descending, nullsFirst } of keys) {
      const [a, b] = expr.kind === 'input' ? [left[expr.index], right[expr.index]] : [null, null]
      if (a === null && b === null) continue
      if (a === null || b === null) return (a === null) === nullsFirst ? -1 : 1
      const order = compareValues(a, b)
      if (order !== 0) return descending ? -order : order
    }
    return 0
  }
  return [...rows].sort(compare)
}

const texts = (rows: readonly (readonly Value[])[]): string[] => rows.map(rowText)

test.serial('sorts by any keys and directions agree with a stable comparison sort', async t => {
  const before = bytesInUse()
  for (let round = 0; round < 80; round++) {
    const rng = randomFor(20_000 + round)
    const types: DataType[] = [...Array.from({ length: 1 + below(rng, 4) }, () => pick(rng, KEY_TYPES)), INT32]
    const schema = randomSchema(types)
    const keys = types.slice(0, -1).map((_, i) => key(schema, i, rng.next() < 0.5, rng.next() < 0.5))
    const distinct = pick(rng, [1, 4, 30, 1000])
    const nullShare = pick(rng, [0, 0.1, 1])
    const batches = Array.from({ length: below(rng, 5) }, () =>
      randomBatch(rng, schema, pick(rng, [1, 64, 300]), distinct, nullShare),
    )
    const expected = reference(rowsOf(batches), keys)
    batches.forEach(retainBatch)
    const rows = await runOperator(sortOperator.open!(sortPlan(schema, keys), smallBatches), batches)
    sameTexts(t, texts(rows), texts(expected), `seed ${seed}, round ${round}`)
    batches.forEach(retainBatch)
    const spilled = await runOperator(sortOperator.open!(sortPlan(schema, keys), noMemory), batches)
    sameTexts(t, texts(spilled), texts(expected), `seed ${seed}, round ${round}, spilled`)
    const fetch = pick(rng, [1, 7, 500])
    const top = await runOperator(topKOperator.open!(topPlan(schema, keys, fetch), smallBatches), batches)
    sameTexts(t, texts(top), texts(expected.slice(0, fetch)), `seed ${seed}, round ${round}, top ${fetch}`)
    t.is(bytesInUse(), before)
  }
})

test.serial('the first rows of many batches are found with pruning, for every key type', async t => {
  const before = bytesInUse()
  for (const [i, type] of KEY_TYPES.entries()) {
    for (const descending of [false, true]) {
      const rng = randomFor(30_000 + i)
      const schema = randomSchema([type, INT32])
      const keys =
        i % 2 === 0 ? [key(schema, 0, descending)] : [key(schema, 0, descending, !descending), key(schema, 1)]
      const batches = Array.from({ length: 7 }, () => randomBatch(rng, schema, 1000, 1000, 0.01))
      const expected = reference(rowsOf(batches), keys).slice(0, 50)
      const rows = await runOperator(topKOperator.open!(topPlan(schema, keys, 50), smallBatches), batches)
      sameTexts(t, texts(rows), texts(expected), `seed ${seed}, ${JSON.stringify(type)}, ${descending}`)
    }
  }
  t.is(bytesInUse(), before)
})

test.serial('values over all 64 bits, beside NULLs, keep their order', async t => {
  const before = bytesInUse()
  const signed: Value[] = [0n, 2n ** 63n - 1n, null, -(2n ** 63n), -1n, 1n]
  const unsigned: Value[] = [0n, 2n ** 64n - 1n, null, 2n ** 63n, 2n ** 63n - 1n, 1n]
  const floats: Value[] = [0, NaN, null, -Infinity, Infinity, -1.5]
  const schema = randomSchema([INT64, UINT64, FLOAT64])
  const batch = batchFromValues(schema, [signed, unsigned, floats])
  for (const column of [0, 1, 2]) {
    for (const descending of [false, true]) {
      for (const nullsFirst of [false, true]) {
        const keys = [key(schema, column, descending, nullsFirst), key(schema, 0), key(schema, 1)]
        const expected = reference(rowsOf([batch]), keys)
        retainBatch(batch)
        sameTexts(
          t,
          texts(await runOperator(sortOperator.open!(sortPlan(schema, keys), smallBatches), [batch])),
          texts(expected),
        )
      }
    }
  }
  releaseBatch(batch)
  t.is(bytesInUse(), before)
})

test.serial('strings that agree in their first 64 bytes are told apart by the rest', async t => {
  const before = bytesInUse()
  const schema = randomSchema([UTF8])
  const prefix = 'x'.repeat(70)
  const values = [
    `${prefix}b`,
    'x',
    `${prefix}a`,
    '',
    prefix,
    'x\0',
    `${prefix}\u{1F600}`,
    `${prefix}\uFF5E`,
    null,
    'y',
  ]
  const rows = await runOperator(sortOperator.open!(sortPlan(schema, [key(schema, 0)]), smallBatches), [
    batchFromValues(schema, [values]),
  ])
  t.deepEqual(rows.flat(), [
    '',
    'x',
    'x\0',
    prefix,
    `${prefix}a`,
    `${prefix}b`,
    `${prefix}\uFF5E`,
    `${prefix}\u{1F600}`,
    'y',
    null,
  ])
  t.is(bytesInUse(), before)
})

test.serial('rows of several segments come out in one order', async t => {
  const before = bytesInUse()
  const schema = randomSchema([INT32, UTF8])
  const text = 'x'.repeat(1_000_000)
  const batches = [0, 1, 2].map(part => {
    const numbers = Array.from({ length: 20 }, (_, i) => i * 3 + part)
    return batchFromValues(schema, [numbers, numbers.map(number => `${number}${text}`)])
  })
  const rows = await runOperator(sortOperator.open!(sortPlan(schema, [key(schema, 0, true)]), smallBatches), batches)
  t.deepEqual(
    rows.map(([number, value]) => [number, Number((value as string).slice(0, (value as string).indexOf('x')))]),
    Array.from({ length: 60 }, (_, i) => [59 - i, 59 - i]),
  )
  t.is(bytesInUse(), before)
})

test.serial('more runs than can be merged at once, of rows with few keys, keep the order of their input', async t => {
  const before = bytesInUse()
  const rng = randomFor(41_000)
  const schema = randomSchema([INT32, INT64])
  for (const distinct of [1, 3, 40]) {
    const batches = Array.from({ length: 70 }, (_, part) =>
      batchFromValues(schema, [
        Array.from({ length: 60 }, () => below(rng, distinct)),
        Array.from({ length: 60 }, (_, i) => BigInt(part * 60 + i)),
      ]),
    )
    const keys = [key(schema, 0, distinct === 3)]
    const expected = texts(reference(rowsOf(batches), keys))
    const counters = noMetrics()
    const ctx = { ...noMemory, counters: () => counters }
    sameTexts(t, texts(await runOperator(sortOperator.open!(sortPlan(schema, keys), ctx), batches)), expected)
    t.is(counters.spillCount, 70)
    t.is(counters.spilledRows, 2 * 70 * 60, 'every row is written twice')
    t.is(bytesInUse(), before)
    t.is(ioStats().tempFiles, 0)
  }
})

test.serial('rows beyond the memory limit are sorted in parts, also the first of them if these are many', async t => {
  const before = bytesInUse()
  const schema = randomSchema([INT64, UTF8])
  const batches = Array.from({ length: 40 }, (_, part): Batch => {
    const numbers = Array.from({ length: 4000 }, (_, i) => BigInt((i * 7919 + part * 31) % 100_003))
    return batchFromValues(schema, [numbers, numbers.map(number => `text ${number % 97n}`)])
  })
  const keys = [key(schema, 1), key(schema, 0, true)]
  const expected = texts(reference(rowsOf(batches), keys))
  const ctx = localTaskContext({ config: configOf({ 'ballista.memory.limit': '2MB' }) })
  for (const fetch of [10, 100_000, Infinity]) {
    const counters = noMetrics()
    const spilling = { ...ctx, counters: () => counters }
    batches.forEach(retainBatch)
    const operator =
      fetch === Infinity
        ? sortOperator.open!(sortPlan(schema, keys), spilling)
        : topKOperator.open!(topPlan(schema, keys, fetch), spilling)
    sameTexts(t, texts(await runOperator(operator, batches)), expected.slice(0, fetch))
    t.is(counters.spillCount > 1, fetch > 10, `${fetch}: ${counters.spillCount} times`)
    t.is(ctx.memory.reserved, 0)
  }
  await underFailures(t, '2MB', failing => {
    batches.forEach(retainBatch)
    return runOperator(sortOperator.open!(sortPlan(schema, keys), failing), batches)
  })
  batches.forEach(releaseBatch)
  t.is(bytesInUse(), before)
})

test.serial('whatever the memory limit, sorts give all their memory back', async t => {
  const rng = randomFor(42_000)
  const schema = randomSchema([UTF8, decimal(30, 4), INT64])
  const keys = [key(schema, 0), key(schema, 1, true), key(schema, 2)]
  const batches = Array.from({ length: 4 }, () => randomBatch(rng, schema, 3000, 1000, 0.1))
  const run = async (ctx: TaskContext): Promise<void> => {
    batches.forEach(retainBatch)
    await runOperator(sortOperator.open!(sortPlan(schema, keys), ctx), batches)
    batches.forEach(retainBatch)
    await runOperator(topKOperator.open!(topPlan(schema, keys, 3000), ctx), batches)
  }
  await underLimits(t, run)
  batches.forEach(releaseBatch)
})

test.serial('TopK: a first key of type NULL decides nothing, wherever its NULLs stand', async t => {
  const used = bytesInUse()
  const schema: Schema = {
    fields: [
      { name: 'c0', type: { kind: 'null' }, nullable: true },
      { name: 'c1', type: INT64, nullable: false },
    ],
  }
  const numbers = Array.from({ length: 6000 }, (_, row) => BigInt(row))
  for (const [descending, nullsFirst] of [
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ]) {
    const batches = [0, 1500, 3000, 4500].map(start => {
      const some = numbers.slice(start, start + 1500)
      return batchFromValues(schema, [some.map(() => null), some])
    })
    const plan = topPlan(schema, [key(schema, 0, descending, nullsFirst), key(schema, 1, true)], 3)
    const rows = await runOperator(topKOperator.open!(plan, smallBatches), batches)
    t.deepEqual(
      rows.map(row => row[1]),
      [5999n, 5998n, 5997n],
    )
  }
  t.is(bytesInUse(), used)
})
