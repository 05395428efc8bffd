import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import test from 'ava'
import { columnValues, releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { sliceBatch } from '../../src/arrow/take.js'
import type { Value } from '../../src/arrow/types.js'
import { fail, BallistaError } from '../../src/common/errors.js'
import { decodeWire, encodeWire, encodeWireText } from '../../src/common/wire.js'
import { displayPhysical } from '../../src/physical/display.js'
import { OPERATORS } from '../../src/physical/operators/index.js'
import type { OperatorDefinition, PhysicalPlan } from '../../src/physical/plan.js'
import { planEnvironment } from '../../src/physical/properties.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'
import { taskMetrics } from '../../src/runtime/metrics.js'
import type { Source } from '../../src/runtime/operator.js'
import { OperatorTransform } from '../../src/runtime/operator-transform.js'
import { openStream, operatorTable, type OperatorTable } from '../../src/runtime/run-pipelines.js'

const SAMPLES = OPERATORS.flatMap(definition =>
  definition.samples().map((plan, i) => ({ definition, plan, title: `${definition.kind} sample ${i}` })),
)
const RUNNABLE = SAMPLES.filter(({ definition }) => definition.sink === undefined)
const TABLE = operatorTable(OPERATORS)

/** The registered operators, with leaves that give one row a batch and call `onRow` before each. */
function rowByRow(onRow: (row: number) => void): OperatorTable {
  let row = 0
  async function* rows(source: Source): Source & AsyncGenerator {
    for await (const batch of source) {
      try {
        for (let i = 0; i < batch.rowCount; i++) {
          onRow(row++)
          yield sliceBatch(batch, i, i + 1)
        }
      } finally {
        releaseBatch(batch)
      }
    }
  }
  const sliced = OPERATORS.map((definition): OperatorDefinition => {
    if (definition.source === undefined) return definition
    return {
      ...definition,
      source(plan, ctx, inputs) {
        const source = definition.source?.(plan, ctx, inputs)
        if (source === undefined) throw new Error(`${plan.kind} gave no source`)
        return plan.children.length > 0 ? source : rows(source)
      },
    }
  })
  return operatorTable(sliced)
}

interface Run {
  readonly signal?: AbortSignal
  /** Leaves after so many batches. */
  readonly leaveAfter?: number
}

/** The rows of a plan, or the rows up to where the consumer left. */
async function rowsOf(plan: PhysicalPlan, table: OperatorTable, run: Run = {}): Promise<Value[][]> {
  const ctx = localTaskContext(run.signal === undefined ? {} : { signal: run.signal })
  const rows: Value[][] = []
  let batches = 0
  for await (const batch of openStream(plan, ctx, table)) {
    const columns = batch.columns.map(columnValues)
    for (let row = 0; row < batch.rowCount; row++) rows.push(columns.map(values => values[row]))
    releaseBatch(batch)
    if (++batches === run.leaveAfter) break
  }
  return rows
}

/** The registered operators; `outside` collects the kinds of those that are called by anything but a Node Transform. */
function watchedTable(): { table: OperatorTable; outside: string[] } {
  const outside: string[] = []
  const check = (kind: string): void => {
    if (!(transforming[transforming.length - 1] instanceof Transform)) outside.push(kind)
  }
  const watched = OPERATORS.map((definition): OperatorDefinition => {
    const { kind, open } = definition
    if (open === undefined) return definition
    return {
      ...definition,
      open(...args) {
        const operator = open.apply(definition, args)
        return {
          push(batch) {
            check(kind)
            return operator.push(batch)
          },
          finish() {
            check(kind)
            return operator.finish?.()
          },
          close: () => operator.close?.(),
        }
      },
    }
  })
  return { table: operatorTable(watched), outside }
}

/** Streams whose `_transform` or `_flush` is being called, the innermost last. */
const transforming: unknown[] = []
for (const name of ['_transform', '_flush'] as const) {
  const method = OperatorTransform.prototype[name] as (...args: unknown[]) => void
  Object.defineProperty(OperatorTransform.prototype, name, {
    value(this: OperatorTransform, ...args: unknown[]) {
      transforming.push(this)
      try {
        method.apply(this, args)
      } finally {
        transforming.pop()
      }
    },
  })
}

test('every definition is a source, a transform, a sink or a marker', t => {
  for (const definition of OPERATORS) {
    const { kind } = definition
    const roles = ['source', 'open', 'sink'].filter(role => role in definition)
    t.is(roles.length, kind === 'ExchangeExec' ? 0 : 1, kind)
    if ('build' in definition) t.deepEqual(roles, ['open'], `${kind} builds for nothing`)
    t.true(kind.endsWith('Exec'), kind)
  }
})

// An exchange never runs; shared rows are read below what makes them; a write leaves a file behind, test/formats/ runs it.
test('every definition but encode, exchange, shared rows and write has samples', t => {
  const without = OPERATORS.filter(definition => definition.samples().length === 0).map(({ kind }) => kind)
  t.deepEqual(without, ['EncodeExec', 'ExchangeExec', 'SharedRowsExec', 'WriteExec'])
})

for (const { definition, plan, title } of SAMPLES) {
  test.serial(`${title} travels as plain data`, t => {
    const copy = decodeWire(encodeWire(plan), 'test') as PhysicalPlan
    t.deepEqual(copy, plan)
    t.is(displayPhysical(copy, OPERATORS), displayPhysical(plan, OPERATORS))
  })

  test.serial(`${title} has properties, and a distribution for each input if any`, t => {
    const { partitioning, ordering, rowCount } = planEnvironment(OPERATORS).properties(plan)
    t.true(partitioning.kind === 'single' || partitioning.count >= 1)
    t.true(Array.isArray(ordering))
    t.true(rowCount === undefined || rowCount >= 0)
    const required = definition.requiredDistribution?.(plan)
    if (required !== undefined) t.is(required.length, plan.children.length)
  })
}

for (const { definition, plan, title } of RUNNABLE) {
  test.serial(`${title} gives the same rows for batches of one row`, async t => {
    const before = bytesInUse()
    const whole = await rowsOf(plan, TABLE)
    t.is(bytesInUse(), before, 'the arena is as before')
    const single = await rowsOf(
      plan,
      rowByRow(() => undefined),
    )
    // Operators with a build side promise no order.
    if (definition.build === undefined) t.deepEqual(single, whole)
    else t.deepEqual(single.map(encodeWireText).sort(), whole.map(encodeWireText).sort())
    t.is(bytesInUse(), before, 'the arena is as before')
  })

  test.serial(`${title} leaves nothing behind when it is aborted at any row, or its consumer leaves`, async t => {
    const before = bytesInUse()
    let rows = 0
    await rowsOf(
      plan,
      rowByRow(row => (rows = row + 1)),
    )
    for (let at = 0; at < rows; at++) {
      const controller = new AbortController()
      const table = rowByRow(row => void (row === at && controller.abort(fail('CANCELLED', ['by the test']))))
      const outcome = await rowsOf(plan, table, { signal: controller.signal }).then(
        () => 'ended',
        (error: unknown) => (error instanceof BallistaError ? error.code : String(error)),
      )
      t.is(outcome, 'CANCELLED', `aborted at row ${at}`)
      t.is(bytesInUse(), before, `aborted at row ${at}`)
    }
    await rowsOf(
      plan,
      rowByRow(() => undefined),
      { leaveAfter: 1 },
    )
    t.is(bytesInUse(), before, 'left')
  })

  test.serial(`${title} fails with the error of its input`, async t => {
    const before = bytesInUse()
    let rows = 0
    await rowsOf(
      plan,
      rowByRow(row => (rows = row + 1)),
    )
    if (rows === 0) {
      t.pass()
      return
    }
    const table = rowByRow(row => {
      if (row === rows - 1) throw fail('FILE_INVALID', ['x.parquet', 'torn'])
    })
    const error = await t.throwsAsync(rowsOf(plan, table), { instanceOf: BallistaError })
    t.is((error as BallistaError).code, 'FILE_INVALID')
    t.is(bytesInUse(), before)
  })

  test.serial(`${title} runs its transforms as Node Transforms`, async t => {
    const metrics = taskMetrics()
    const { table, outside } = watchedTable()
    for await (const batch of openStream(plan, localTaskContext({ metrics }), table)) releaseBatch(batch)
    t.deepEqual(outside, [], 'operators that were called outside a Transform')
    const ran = new Map(metrics.snapshot().map(row => [row.path, row.kind]))
    const visit = (node: PhysicalPlan, path: string): void => {
      t.is(ran.get(path), node.kind)
      node.children.forEach((child, i) => visit(child, `${path}.${i}`))
    }
    visit(plan, '0')
  })
}

test('OperatorTransform is the only subclass of a Node stream', t => {
  t.true(OperatorTransform.prototype instanceof Transform)
  const found = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.startsWith('kernels'))
    .filter(name =>
      /extends \w*(Transform|Readable|Writable|Duplex|PassThrough)\b/.test(readFileSync(join('src', name), 'utf8')),
    )
  t.deepEqual(found, [join('runtime', 'operator-transform.ts')])
})
