/** Random batches in every encoding, and a way to run one operator over them without streams. */
import type { ExecutionContext } from 'ava'
import type { Batch, Column } from '../../../src/arrow/batch.js'
import { columnFromValues, makeColumn, releaseBatch, valueAt } from '../../../src/arrow/column.js'
import { alloc, bytesInUse, views } from '../../../src/arrow/memory.js'
import { field, type Schema } from '../../../src/arrow/schema.js'
import {
  BINARY,
  BOOLEAN,
  DATE,
  decimal,
  FLOAT32,
  FLOAT64,
  INT16,
  INT32,
  INT64,
  INT8,
  timestamp,
  UINT32,
  UINT64,
  UTF8,
  type DataType,
  type Value,
} from '../../../src/arrow/types.js'
import { seededRng, type Rng } from '../../../src/common/clock.js'
import { configOf } from '../../../src/common/option.js'
import { localTaskContext } from '../../../src/runtime/local-task-context.js'
import { ioStats } from '../../../src/runtime/io-counters.js'
import { spillSpace } from '../../../src/runtime/spill-space.js'
import type { TaskContext } from '../../../src/runtime/task-context.js'
import { faultyFs } from '../../helpers/faulty-fs.js'
import { FINISHED, type Operator, type Output } from '../../../src/runtime/operator.js'
import type { PhysicalPlan } from '../../../src/physical/plan.js'

/** From the environment (`SEED=…`) or the clock; a failing test names it. */
export const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)

export const randomFor = (salt: number): Rng => seededRng(seed * 131 + salt)

export const below = (rng: Rng, limit: number): number => Math.floor(rng.next() * limit)

export const pick = <T>(rng: Rng, list: readonly T[]): T => list[below(rng, list.length)]

export const KEY_TYPES: readonly DataType[] = [
  INT8,
  INT16,
  INT32,
  INT64,
  UINT32,
  UINT64,
  FLOAT32,
  FLOAT64,
  BOOLEAN,
  DATE,
  timestamp('us'),
  decimal(12, 2),
  decimal(30, 4),
  UTF8,
  BINARY,
]

/** A value of one of `distinct` (up to about 1000) per type; NULL with probability `nullShare`. */
export function randomValue(rng: Rng, type: DataType, distinct: number, nullShare: number): Value {
  if (rng.next() < nullShare) return null
  const n = below(rng, distinct)
  switch (type.kind) {
    case 'boolean':
      return n % 2 === 0
    case 'int':
      if (type.bits === 64) return type.signed ? BigInt(n * 7 - distinct) : BigInt(n) * 18_446_744_073_709_551n
      return type.signed ? ((n + distinct) % 120) - 60 : n * 4_000_000
    case 'float':
      return pick(rng, [n / 4, -n, n, n === 0 ? -0 : n * 1.5, n % 7 === 0 ? NaN : n])
    case 'date':
      return n * 100 - 5000
    case 'timestamp':
      return BigInt(n) * 1_000_000_000_000n - 5n
    case 'decimal':
      return type.precision > 18 ? BigInt(n - 3) * 10n ** 20n : BigInt(n * 13 - 40)
    case 'utf8':
      return n === 0 ? '' : `${n % 3 === 0 ? 'ключ' : 'key'}-${'x'.repeat(n % 23)}${n}`
    case 'binary':
      return Uint8Array.from({ length: n % 12 }, (_, i) => (n * 31 + i) % 256)
    default:
      return null
  }
}

export const randomSchema = (types: readonly DataType[]): Schema => ({
  fields: types.map((type, i) => field(`c${i}`, type)),
})

/** `rowCount` rows; strings sometimes as a dictionary, wide decimals sometimes 8 bytes wide. */
export function randomBatch(rng: Rng, schema: Schema, rowCount: number, distinct: number, nullShare: number): Batch {
  const columns = schema.fields.map(({ type }): Column => {
    const values = Array.from({ length: rowCount }, () => randomValue(rng, type, distinct, nullShare))
    return rng.next() < 0.4 ? encoded(type, values) : columnFromValues(type, values)
  })
  return { schema, rowCount, columns }
}

/** The same values in a less common layout: a dictionary (with an unused entry), or a decimal of the other width. */
function encoded(type: DataType, values: readonly Value[]): Column {
  if (type.kind === 'decimal') return otherWidth(type, values)
  if (type.kind !== 'utf8' && type.kind !== 'int') return columnFromValues(type, values)
  const distinct = [...new Set(values.filter(value => value !== null))]
  const unused: Value = type.kind === 'utf8' ? 'unused' : type.bits === 64 ? 99n : 99
  const dictionary = columnFromValues(type, [unused, ...distinct])
  const plain = columnFromValues(
    INT32,
    values.map(value => (value === null ? null : distinct.indexOf(value) + 1)),
  )
  const { validity, nullCount, values: codes, blocks } = plain
  return makeColumn({ type, length: values.length, validity, nullCount, values: codes, width: 4, dictionary, blocks })
}

function otherWidth(type: DataType, values: readonly Value[]): Column {
  const fits = values.every(value => value === null || BigInt.asIntN(64, value as bigint) === value)
  const narrow = columnFromValues(decimal(18, 2), fits ? values : values.map(() => null))
  if (fits && type.kind === 'decimal' && type.precision > 18) return { ...narrow, type }
  const { validity, nullCount, blocks } = narrow
  if (type.kind !== 'decimal' || type.precision > 18) {
    blocks.forEach(block =>
      releaseBatch({
        schema: { fields: [] },
        rowCount: 0,
        columns: [makeColumn({ type, length: 0, blocks: [block] })],
      }),
    )
    return columnFromValues(type, values)
  }
  const wide = alloc(values.length * 16)
  const { i64 } = views()
  values.forEach((value, row) => {
    i64[wide / 8 + 2 * row] = (value as bigint | null) ?? 0n
    i64[wide / 8 + 2 * row + 1] = ((value as bigint | null) ?? 0n) >> 64n
  })
  return makeColumn({
    type,
    length: values.length,
    width: 16,
    values: wide,
    validity,
    nullCount,
    blocks: [...blocks, wide],
  })
}

/** A leaf whose only use is its schema. */
export const leaf = (schema: Schema): PhysicalPlan => ({ kind: 'ValuesExec', schema, children: [] })

/** All rows of batches as values. */
export const rowsOf = (batches: readonly Batch[]): Value[][] =>
  batches.flatMap(batch =>
    Array.from({ length: batch.rowCount }, (_, row) => batch.columns.map(column => valueAt(column, row))),
  )

/** Pushes the batches (released here) and returns all output rows; checks the contract of outputs; closes the operator. */
export async function runOperator(operator: Operator, batches: readonly Batch[]): Promise<Value[][]> {
  const rows: Value[][] = []
  let isFinished = false
  const drain = async (output: Output): Promise<void> => {
    if (output === undefined) return
    for await (const item of output) {
      if (item === FINISHED) isFinished = true
      else {
        rows.push(...rowsOf([item]))
        releaseBatch(item)
      }
    }
  }
  try {
    for (const batch of batches) if (!isFinished && batch.rowCount > 0) await drain(operator.push(batch))
    if (!isFinished) await drain(operator.finish?.())
  } finally {
    operator.close?.()
    batches.forEach(releaseBatch)
  }
  return rows
}

/** A text by which rows are compared and sorted: the same for -0 and 0, and for every NaN. */
export const rowText = (row: readonly Value[]): string => row.map(valueKey).join('|')

/** deepEqual of long lists of texts, which AVA compares slowly: it is only asked when they differ. */
export function sameTexts(
  t: ExecutionContext,
  actual: readonly string[],
  expected: readonly string[],
  message?: string,
): void {
  const isSame = actual.length === expected.length && actual.every((text, i) => text === expected[i])
  if (isSame) t.pass()
  else t.deepEqual(actual, expected, message)
}

export function valueKey(value: Value): string {
  if (value === null) return 'NULL'
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`
  if (typeof value === 'number') return `n${value === 0 ? 0 : value}`
  return `${typeof value}:${String(value)}`
}

/** Runs under memory limits of 1 kB to 4 MB: each run succeeds, and nothing stays behind. */
export async function underLimits(t: ExecutionContext, run: (ctx: TaskContext) => Promise<unknown>): Promise<void> {
  const before = bytesInUse()
  for (let bytes = 1024; bytes <= 4 * 1024 * 1024; bytes *= 4) {
    const ctx = localTaskContext({ config: configOf({ 'ballista.memory.limit': `${bytes}` }) })
    await t.notThrowsAsync(run(ctx), `limit ${bytes}`)
    t.is(bytesInUse(), before, `limit ${bytes}`)
    t.is(ctx.memory.reserved, 0, `limit ${bytes}`)
  }
  t.is(ioStats().tempFiles, 0)
}

/** Runs with files that fail at one of about 8 of their calls: each run ends with SPILL_FAILED, and nothing stays behind. */
export async function underFailures(
  t: ExecutionContext,
  limit: string,
  run: (ctx: TaskContext) => Promise<unknown>,
): Promise<void> {
  const before = bytesInUse()
  const config = configOf({ 'ballista.memory.limit': limit, 'ballista.execution.batch_size': '1000' })
  const under = (failAt: number): { readonly ctx: TaskContext; readonly files: ReturnType<typeof faultyFs> } => {
    const files = faultyFs({ failAt })
    return { files, ctx: localTaskContext({ config, spill: spillSpace({ directory: '', maxBytes: 1e9 }, files.fs) }) }
  }
  const counting = under(0)
  await run(counting.ctx)
  const calls = counting.files.calls()
  t.true(calls > 12, `${calls} calls`)
  for (let failAt = 1; failAt <= calls; failAt += Math.ceil(calls / 8)) {
    const { ctx, files } = under(failAt)
    await t.throwsAsync(run(ctx), { code: 'SPILL_FAILED' }, `call ${failAt}`)
    t.is(files.openFiles(), 0, `call ${failAt}`)
    t.is(ctx.memory.reserved, 0, `call ${failAt}`)
    t.is(bytesInUse(), before, `call ${failAt}`)
    t.is(ioStats().tempBytes, 0, `call ${failAt}`)
  }
}
