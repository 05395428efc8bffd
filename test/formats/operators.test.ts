import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { batchFromValues, columnValues, releaseBatch } from '../../src/arrow/column.js'
import { encodeBatch } from '../../src/arrow/frame.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, type Schema } from '../../src/arrow/schema.js'
import { INT64, UTF8 } from '../../src/arrow/types.js'
import { dataSourceOperator, type DataSourceExec } from '../../src/physical/operators/data-source.js'
import { writeOperator, type WriteExec } from '../../src/physical/operators/write.js'
import type { OperatorDefinition } from '../../src/physical/plan.js'
import { runTask, openStream } from '../../src/runtime/run-pipelines.js'
import { operatorTable } from '../../src/runtime/pipeline.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'
import { openDuck, type Duck } from './duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

const TABLE: Schema = { fields: [field('n', INT64), field('s', UTF8)] }
const OPERATORS = operatorTable([dataSourceOperator as OperatorDefinition, writeOperator as OperatorDefinition])

/** Frames of the given numbers of rows, 0, 1, 2… with their text. */
function memorySource(counts: readonly number[], projection: readonly number[], fetch?: number): DataSourceExec {
  let next = 0
  const frames = counts.map(count => {
    const numbers = Array.from({ length: count }, () => BigInt(next++))
    const batch = batchFromValues(TABLE, [numbers, numbers.map(number => `row ${number}`)])
    const frame = encodeBatch(batch)
    releaseBatch(batch)
    return frame
  })
  return {
    kind: 'DataSourceExec',
    source: { kind: 'memory', partitions: [frames], schema: TABLE },
    projection,
    schema: { fields: projection.map(column => TABLE.fields[column]) },
    children: [],
    ...(fetch === undefined ? {} : { fetch }),
  }
}

async function valuesOf(plan: DataSourceExec | WriteExec, signal?: AbortSignal): Promise<unknown[][]> {
  const rows: unknown[][] = []
  for await (const batch of openStream(plan, localTaskContext(signal ? { signal } : {}), OPERATORS)) {
    const columns = batch.columns.map(column => columnValues(column))
    rows.push(...Array.from({ length: batch.rowCount }, (_, row) => columns.map(values => values[row])))
    releaseBatch(batch)
  }
  return rows
}

test.serial('a memory source gives its columns in the wanted order and stops at fetch', async t => {
  const before = bytesInUse()
  t.deepEqual(await valuesOf(memorySource([2, 1], [1, 0])), [
    ['row 0', 0n],
    ['row 1', 1n],
    ['row 2', 2n],
  ])
  t.deepEqual(await valuesOf(memorySource([2, 2, 2], [0], 3)), [[0n], [1n], [2n]])
  t.deepEqual(await valuesOf(memorySource([2], [0], 0)), [])
  t.is(bytesInUse(), before)
})

const writePlan = (path: string, input: DataSourceExec): WriteExec => ({
  kind: 'WriteExec',
  target: { kind: 'file', path, format: 'csv', options: {} },
  schema: { fields: [field('count', INT64, false)] },
  children: [input],
})

test.serial('WriteExec writes its input and gives the number of rows, for no rows too', async t => {
  const before = bytesInUse()
  const path = join(duck.directory, 'out.csv')
  t.deepEqual(await valuesOf(writePlan(path, memorySource([2, 1], [0, 1]))), [[3n]])
  t.is(readFileSync(path, 'utf8'), 'n,s\n0,row 0\n1,row 1\n2,row 2\n')
  t.deepEqual(await valuesOf(writePlan(path, memorySource([], [0, 1]))), [[0n]])
  t.is(readFileSync(path, 'utf8'), 'n,s\n')
  t.is(bytesInUse(), before)
})

test.serial('a failing input leaves the old file and no other', async t => {
  const before = bytesInUse()
  const directory = join(duck.directory, 'failing')
  const path = join(directory, 'out.csv')
  await valuesOf(writePlan(path, memorySource([1], [0, 1])))
  const input = memorySource([3], [0, 1])
  const source = input.source as Extract<DataSourceExec['source'], { kind: 'memory' }>
  const broken: DataSourceExec = {
    ...input,
    source: { ...source, partitions: [[...source.partitions[0], Uint8Array.of(1, 2, 3)]] },
  }
  const error = await t.throwsAsync(valuesOf(writePlan(path, broken)))
  t.is((error as { code?: string }).code, 'DATA_CORRUPTION')
  t.is(readFileSync(path, 'utf8'), 'n,s\n0,row 0\n')
  t.deepEqual(readdirSync(directory), ['out.csv'])
  t.is(bytesInUse(), before)
})

test.serial('runTask refuses a plan without a sink', async t => {
  await t.throwsAsync(runTask(memorySource([1], [0]), localTaskContext(), OPERATORS))
})
