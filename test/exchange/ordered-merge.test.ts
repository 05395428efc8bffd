/** Sorted inputs become one in their order, whatever the batches, and nothing is left when the reader leaves. */
import test from 'ava'
import { batchFromValues, columnValues, releaseBatch } from '../../src/arrow/column.js'
import type { Batch } from '../../src/arrow/batch.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, schemaOf } from '../../src/arrow/schema.js'
import { INT64, UTF8, type Value } from '../../src/arrow/types.js'
import { seededRng, type Rng } from '../../src/common/clock.js'
import { deferred } from '../../src/common/deferred.js'
import { configOf } from '../../src/common/option.js'
import { inputExpr } from '../../src/expr/build.js'
import type { SortKey } from '../../src/expr/expr.js'
import { orderedMerge } from '../../src/exchange/ordered-merge.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'

const schema = schemaOf(field('a', INT64), field('b', UTF8))
const keys: readonly SortKey[] = [
  { expr: inputExpr(0, 'a', INT64), descending: true, nullsFirst: true },
  { expr: inputExpr(1, 'b', UTF8), descending: false, nullsFirst: false },
]

type Row = readonly [bigint | null, string | null]

function compare([a, b]: Row, [c, d]: Row): number {
  if (a !== c) return a === null ? -1 : c === null ? 1 : a > c ? -1 : 1
  if (b !== d) return b === null ? 1 : d === null ? -1 : b < d ? -1 : 1
  return 0
}

const below = (rng: Rng, bound: number): number => Math.floor(rng.next() * bound)

const randomRow = (rng: Rng): Row => [
  rng.next() < 0.1 ? null : BigInt(below(rng, 20)),
  rng.next() < 0.1 ? null : ['', 'x', 'yy', 'a string that is longer than a word'][below(rng, 4)],
]

/** The rows in batches of random lengths; counts what is open. */
function inputOf(rows: readonly Row[], rng: Rng, open: Set<object>): AsyncIterable<Batch> {
  return {
    async *[Symbol.asyncIterator]() {
      const self = {}
      open.add(self)
      try {
        for (let from = 0; from < rows.length;) {
          const to = from + 1 + below(rng, 7)
          const part = rows.slice(from, to)
          yield batchFromValues(schema, [part.map(row => row[0]), part.map(row => row[1])])
          from = to
        }
      } finally {
        open.delete(self)
      }
    },
  }
}

async function merged(inputs: readonly AsyncIterable<Batch>[], limit = Infinity): Promise<Value[][]> {
  const ctx = localTaskContext({ config: configOf({ 'ballista.execution.batch_size': '5' }) })
  const rows: Value[][] = []
  for await (const batch of orderedMerge(inputs, { keys, schema, ctx })) {
    const columns = batch.columns.map(columnValues)
    for (let row = 0; row < batch.rowCount; row++) rows.push(columns.map(values => values[row]))
    releaseBatch(batch)
    if (rows.length >= limit) break
  }
  return rows
}

test.serial('sorted inputs become one in the same order', async t => {
  const before = bytesInUse()
  for (let seed = 1; seed <= 60; seed++) {
    const rng = seededRng(seed)
    const open = new Set<object>()
    const parts = Array.from({ length: 1 + below(rng, 5) }, () =>
      Array.from({ length: below(rng, 40) }, () => randomRow(rng)).sort(compare),
    )
    const rows = await merged(parts.map(part => inputOf(part, rng, open)))
    t.deepEqual(rows, parts.flat().sort(compare) as unknown as Value[][], `seed ${seed}`)
    t.is(open.size, 0)
  }
  t.is(bytesInUse(), before)
})

test.serial('a reader that leaves early leaves every input', async t => {
  const before = bytesInUse()
  const rng = seededRng(7)
  const open = new Set<object>()
  const parts = [1, 2, 3].map(() => Array.from({ length: 50 }, () => randomRow(rng)).sort(compare))
  const rows = await merged(parts.map(part => inputOf(part, rng, open)), 4) // oxfmt-ignore
  t.deepEqual(rows.slice(0, 4), parts.flat().sort(compare).slice(0, 4) as unknown as Value[][])
  t.is(open.size, 0)
  t.is(bytesInUse(), before)
})

test.serial('when an input fails the others are left, with what they have given', async t => {
  const before = bytesInUse()
  const leaving = deferred()
  const batch = (): Batch => batchFromValues(schema, [[1n], ['x']])
  let given = 0
  /** Gives a batch, and another one when it is left. */
  const waiting: AsyncIterable<Batch> = {
    [Symbol.asyncIterator]: () => ({
      async next() {
        if (given++ > 0) await leaving.promise
        return given > 2 ? { done: true, value: undefined } : { done: false, value: batch() }
      },
      async return() {
        leaving.resolve()
        return { done: true, value: undefined }
      },
    }),
  }
  async function* failing(): AsyncGenerator<Batch> {
    yield batch()
    throw new Error('broken')
  }
  await t.throwsAsync(() => merged([waiting, failing()]), { message: 'broken' })
  t.is(given, 3)
  t.is(bytesInUse(), before)
})
