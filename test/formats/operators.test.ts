import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
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

async function valuesOf(plan: DataSourceExec, signal?: AbortSignal): Promise<unknown[][]> {
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

const writePlan = (directory: string, input: DataSourceExec): WriteExec => ({
  kind: 'WriteExec',
  staged: {
    writeId: 'w',
    target: directory,
    directory,
    format: 'csv',
    options: {},
    extension: 'csv',
    partitionBy: [],
    sortBy: [],
    singleFile: true,
    pieces: false,
  },
  rows: input.schema,
  schema: { fields: [field('count', INT64, false)] },
  children: [input],
})

/** What the task reports of its files, and their text. */
async function staged(plan: WriteExec): Promise<[rows: number, text: string][]> {
  const context = localTaskContext()
  for await (const batch of openStream(plan, context, OPERATORS)) releaseBatch(batch)
  return context.parts.map(({ file, rows }) => [rows, readFileSync(join(plan.staged.directory, file), 'utf8')])
}

test.serial('WriteExec stages its input and reports the file, for no rows too', async t => {
  const before = bytesInUse()
  const directory = join(duck.directory, 'staged')
  mkdirSync(directory)
  t.deepEqual(await staged(writePlan(directory, memorySource([2, 1], [0, 1]))), [
    [3, 'n,s\n0,row 0\n1,row 1\n2,row 2\n'],
  ])
  t.deepEqual(await staged(writePlan(directory, memorySource([], [0, 1]))), [[0, 'n,s\n']])
  t.is(bytesInUse(), before)
})

test.serial('a failing input leaves no file, and a missing staging directory is not made', async t => {
  const before = bytesInUse()
  const directory = join(duck.directory, 'failing')
  mkdirSync(directory)
  const input = memorySource([3], [0, 1])
  const source = input.source as Extract<DataSourceExec['source'], { kind: 'memory' }>
  const broken: DataSourceExec = {
    ...input,
    source: { ...source, partitions: [[...source.partitions[0], Uint8Array.of(1, 2, 3)]] },
  }
  await t.throwsAsync(staged(writePlan(directory, broken)), { code: 'DATA_CORRUPTION' })
  t.deepEqual(readdirSync(directory), [])
  await t.throwsAsync(staged(writePlan(join(directory, 'gone'), input)), { code: 'FILE_NOT_WRITABLE' })
  t.deepEqual(readdirSync(directory), [])
  t.is(bytesInUse(), before)
})

test.serial('runTask refuses a plan without a sink', async t => {
  await t.throwsAsync(runTask(memorySource([1], [0]), localTaskContext(), OPERATORS))
})
