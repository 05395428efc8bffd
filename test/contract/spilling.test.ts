/** Every operator that spills, without memory: the same rows, and nothing left behind whichever call to the files fails or is the last. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { columnValues, releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { sliceBatch } from '../../src/arrow/take.js'
import type { Value } from '../../src/arrow/types.js'
import { BallistaError, fail } from '../../src/common/errors.js'
import { configOf } from '../../src/common/option.js'
import { encodeWireText } from '../../src/common/wire.js'
import { OPERATORS } from '../../src/physical/operators/index.js'
import type { OperatorDefinition, PhysicalPlan } from '../../src/physical/plan.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'
import { memoryPool } from '../../src/runtime/memory-pool.js'
import { taskMetrics } from '../../src/runtime/metrics.js'
import type { Source } from '../../src/runtime/operator.js'
import { openStream, operatorTable } from '../../src/runtime/run-pipelines.js'
import { spillSpace } from '../../src/runtime/spill-space.js'
import { faultyFs } from '../helpers/faulty-fs.js'

const parent = mkdtempSync(join(tmpdir(), 'ballista-spilling-'))
test.after.always(() => rmSync(parent, { recursive: true, force: true }))

async function* rowByRow(source: Source): Source & AsyncGenerator {
  for await (const batch of source) {
    try {
      for (let row = 0; row < batch.rowCount; row++) yield sliceBatch(batch, row, row + 1)
    } finally {
      releaseBatch(batch)
    }
  }
}

/** The registered operators, with leaves that give one row a batch. */
const TABLE = operatorTable(
  OPERATORS.map((definition): OperatorDefinition => {
    const { source } = definition
    if (source === undefined) return definition
    return {
      ...definition,
      source: (plan, ctx, inputs) => {
        const rows = source(plan, ctx, inputs)
        return plan.children.length > 0 ? rows : rowByRow(rows)
      },
    }
  }),
)

interface Run {
  /** Bytes of memory. */
  readonly limit: number
  readonly failAt?: number
  readonly code?: string
  /** Aborts at this call. */
  readonly abortAt?: number
}

interface Outcome {
  readonly rows: readonly string[]
  readonly calls: number
  readonly spills: number
  /** The error's code; empty: it ended. */
  readonly code: string
}

async function run(plan: PhysicalPlan, options: Run): Promise<Outcome> {
  const controller = new AbortController()
  let seen = 0
  const { fs, calls, openFiles } = faultyFs({
    ...options,
    onCall: () => void (++seen === options.abortAt && controller.abort(fail('CANCELLED', ['by the test']))),
  })
  const metrics = taskMetrics()
  const memory = memoryPool(options.limit)
  const ctx = localTaskContext({
    metrics,
    memory,
    signal: controller.signal,
    config: configOf({ 'ballista.execution.batch_size': '2' }),
    spill: spillSpace({ directory: parent, maxBytes: 1e9 }, fs),
  })
  const rows: Value[][] = []
  let code = ''
  try {
    for await (const batch of openStream(plan, ctx, TABLE)) {
      const columns = batch.columns.map(columnValues)
      for (let row = 0; row < batch.rowCount; row++) rows.push(columns.map(values => values[row]))
      releaseBatch(batch)
    }
  } catch (error) {
    code = error instanceof BallistaError ? error.code : String(error)
  }
  if (memory.reserved !== 0 || openFiles() !== 0) code = `left ${memory.reserved} bytes, ${openFiles()} files`
  const spills = metrics.snapshot().reduce((sum, { spillCount }) => sum + spillCount, 0)
  return { rows: rows.map(encodeWireText), calls: calls(), spills, code }
}

function isClean(t: ExecutionContext, before: number, message: string): void {
  t.is(bytesInUse(), before, message)
  t.is(ioStats().tempFiles, 0, message)
  t.is(ioStats().tempBytes, 0, message)
  t.deepEqual(readdirSync(parent), [], message)
}

const SAMPLES = OPERATORS.filter(({ sink }) => sink === undefined).flatMap(definition =>
  definition.samples().map((plan, i) => ({ definition, plan, title: `${definition.kind} sample ${i}` })),
)

const spilled = new Set<string>()

for (const { definition, plan, title } of SAMPLES) {
  test.serial(
    `${title} gives the same rows without memory, and leaves nothing whatever happens to its files`,
    async t => {
      const before = bytesInUse()
      const expected = await run(plan, { limit: 2 ** 30 })
      const actual = await run(plan, { limit: 1 })
      t.is(actual.code, '')
      if (definition.kind === 'SortExec' || definition.kind === 'TopKExec') t.deepEqual(actual.rows, expected.rows)
      else t.deepEqual(actual.rows.toSorted(), expected.rows.toSorted())
      t.is(actual.calls > 0, actual.spills > 0)
      isClean(t, before, 'ended')
      if (actual.spills > 0) spilled.add(definition.kind)
      for (let call = 1; call <= actual.calls; call++) {
        const code = call % 2 === 0 ? 'ENOSPC' : 'EIO'
        const failed = await run(plan, { limit: 1, failAt: call, code })
        t.is(failed.code, code === 'EIO' ? 'SPILL_FAILED' : 'SPILL_DISK_FULL', `call ${call} fails`)
        isClean(t, before, `call ${call} fails`)
        const aborted = await run(plan, { limit: 1, abortAt: call })
        t.is(aborted.code, 'CANCELLED', `aborted at call ${call}`)
        isClean(t, before, `aborted at call ${call}`)
      }
    },
  )
}

test.serial('every operator that holds rows has spilled', t => {
  t.deepEqual([...spilled].sort(), [
    'AggregateExec',
    'HashJoinExec',
    'MaterializeExec',
    'NestedLoopJoinExec',
    'SortExec',
  ])
})
