import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { releaseBatch } from '../../src/arrow/column.js'
import { seededRng, type Rng } from '../../src/common/clock.js'
import { BallistaError, fail, toBallistaError } from '../../src/common/errors.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'
import { taskMetrics } from '../../src/runtime/metrics.js'
import { FINISHED, type Sink } from '../../src/runtime/operator.js'
import { openStream, operatorTable, runTask, type RunnableOperator } from '../../src/runtime/run-pipelines.js'
import {
  fakeOperators,
  journal,
  NUMBERS,
  numbers,
  plan,
  reference,
  valuesOf,
  type FakePlan,
  type Journal,
} from './fake-operators.js'

const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))

/** A small whole number below `bound`. */
const below = (rng: Rng, bound: number): number => Math.floor(rng.next() * bound)

function randomSource(rng: Rng, failing: boolean): FakePlan {
  const batches = Array.from({ length: below(rng, 12) }, () =>
    Array.from({ length: below(rng, 5) }, () => below(rng, 100)),
  )
  const failAt = failing && rng.next() < 0.1 ? { failAt: below(rng, 12) } : {}
  return plan({ kind: 'Numbers', batches, slow: rng.next() < 0.3, ...failAt })
}

function randomPlan(rng: Rng, depth: number, failing: boolean): FakePlan {
  if (depth === 0) return randomSource(rng, failing)
  const child = randomPlan(rng, depth - 1, failing)
  switch (below(rng, failing ? 9 : 8)) {
    case 0:
    case 1:
      return plan(
        { kind: 'Add', amount: below(rng, 10), style: (['generator', 'array', 'async'] as const)[below(rng, 3)] },
        child,
      )
    case 2:
      return plan({ kind: 'Repeat', times: below(rng, 4), async: rng.next() < 0.4 }, child)
    case 3:
      return plan({ kind: 'DropOdd' }, child)
    case 4:
      return plan({ kind: 'Buffer', count: 1 + below(rng, 4) }, child)
    case 5:
      return plan({ kind: 'Limit', rows: 1 + below(rng, 15) }, child)
    case 6:
      return plan({ kind: 'Concat' }, child, randomPlan(rng, below(rng, depth), failing))
    case 7:
      return plan({ kind: 'CrossSum' }, randomPlan(rng, below(rng, depth), failing), child)
    default:
      return plan(
        { kind: 'Fail', at: below(rng, 6), where: (['push', 'middle', 'finish', 'close'] as const)[below(rng, 4)] },
        child,
      )
  }
}

/** How the consumer of a random stream behaves. */
interface Consumer {
  readonly slow: boolean
  /** Leaves after so many batches. */
  readonly leaveAfter?: number
  /** Aborts the task's signal after so many batches. */
  readonly abortAfter?: number
}

function randomConsumer(rng: Rng): Consumer {
  const slow = rng.next() < 0.3
  const choice = rng.next()
  if (choice < 0.2) return { slow, leaveAfter: below(rng, 6) }
  if (choice < 0.4) return { slow, abortAfter: below(rng, 6) }
  return { slow }
}

/** The batches that the consumer got, and the error that ended the stream. */
async function consume(
  tree: FakePlan,
  consumer: Consumer,
  log: Journal,
): Promise<{ batches: number[][]; error?: unknown }> {
  const controller = new AbortController()
  const ctx = localTaskContext({ signal: controller.signal })
  const batches: number[][] = []
  if (consumer.abortAfter === 0) queueMicrotask(() => controller.abort(fail('CANCELLED', ['by the user'])))
  try {
    if (consumer.leaveAfter === 0) return { batches }
    for await (const batch of openStream(tree, ctx, operatorTable(fakeOperators(log)))) {
      batches.push(valuesOf(batch))
      releaseBatch(batch)
      if (batches.length === consumer.leaveAfter) break
      if (batches.length === consumer.abortAfter) controller.abort(fail('CANCELLED', ['by the user']))
      if (consumer.slow) await turn()
    }
    return { batches }
  } catch (error) {
    return { batches, error }
  }
}

function assertClean(t: ExecutionContext, log: Journal, before: number, label: string): void {
  t.is(log.closed, log.opened, `${label}: every operator is closed once`)
  t.is(log.sourcesClosed, log.sourcesOpened, `${label}: every source is closed once`)
  t.is(bytesInUse(), before, `${label}: the arena is as before`)
}

function assertOutcome(
  t: ExecutionContext,
  tree: FakePlan,
  consumer: Consumer,
  outcome: { batches: number[][]; error?: unknown },
  label: string,
): void {
  const expected = reference(tree)
  const got = outcome.batches
  t.deepEqual(got, expected.batches.slice(0, got.length), `${label}: a prefix of the result`)
  if (outcome.error === undefined) {
    const partial = consumer.leaveAfter !== undefined && got.length === consumer.leaveAfter
    if (!partial) t.is(got.length, expected.batches.length, `${label}: the whole result`)
    if (!partial) t.not(expected.fails, 'yes', `${label}: must fail`)
    return
  }
  const error = toBallistaError(outcome.error)
  const { code } = error
  if (code === 'CANCELLED') t.true(consumer.abortAfter !== undefined, `${label}: nobody cancelled`)
  else t.true(code === 'INVALID_ARGUMENT' && expected.fails !== 'no', `${label}: ${error.message}`)
}

const seed = Number(process.env['SEED'] ?? 20_240_607)
const runs = Number(process.env['RUNS'] ?? 600)

test.serial('random pipelines give the reference rows, close everything once and leave the arena empty', async t => {
  t.log(`SEED=${seed} RUNS=${runs}`)
  const before = bytesInUse()
  for (let run = 0; run < runs; run++) {
    const rng = seededRng(seed + run)
    const tree = randomPlan(rng, 1 + below(rng, 5), (seed + run) % 3 === 0)
    const consumer = randomConsumer(rng)
    const log = journal()
    const label = `SEED=${seed + run} RUNS=1 (${(seed + run) % 3 === 0 ? 'failing' : 'sound'})`
    const outcome = await consume(tree, consumer, log)
    assertOutcome(t, tree, consumer, outcome, label)
    assertClean(t, log, before, label)
  }
})

test.serial('many pipelines share a thread without disturbing each other', async t => {
  t.log(`SEED=${seed}`)
  const before = bytesInUse()
  const log = journal()
  const tasks = Array.from({ length: 60 }, async (_, i) => {
    const rng = seededRng(seed + 1_000_000 + i)
    const tree = randomPlan(rng, 1 + below(rng, 5), i % 3 === 0)
    const consumer = randomConsumer(rng)
    assertOutcome(t, tree, consumer, await consume(tree, consumer, log), `task ${i} of SEED=${seed}`)
  })
  await Promise.all(tasks)
  assertClean(t, log, before, 'all tasks')
})

const counted = (count: number): FakePlan =>
  plan({ kind: 'Numbers', batches: Array.from({ length: count }, (_, i) => [i * 2, i * 2 + 1]), slow: false })

test.serial('a LIMIT stops the source after the batch that fills it', async t => {
  for (const [rows, pulled] of [
    [1, 1],
    [2, 1],
    [3, 2],
    [10, 5],
  ]) {
    const log = journal()
    const before = bytesInUse()
    const outcome = await consume(plan({ kind: 'Limit', rows }, counted(100)), { slow: false }, log)
    t.is(outcome.batches.flat().length, rows)
    t.is(log.pulled, pulled, `LIMIT ${rows}`)
    assertClean(t, log, before, `LIMIT ${rows}`)
  }
})

test.serial('a LIMIT over two operators lets each of them work at most one batch ahead', async t => {
  const log = journal()
  const chain = plan(
    { kind: 'Add', amount: 1, style: 'generator' },
    plan({ kind: 'Add', amount: 1, style: 'array' }, counted(100)),
  )
  const outcome = await consume(plan({ kind: 'Limit', rows: 2 }, chain), { slow: false }, log)
  t.deepEqual(outcome.batches, [[2, 3]])
  t.is(log.pulled, 1)
})

test.serial('a consumer that has taken one batch and no more keeps a bounded number of batches in flight', async t => {
  const before = bytesInUse()
  const log = journal()
  const chain = plan(
    { kind: 'Add', amount: 0, style: 'generator' },
    plan({ kind: 'Repeat', times: 1, async: true }, counted(1000)),
  )
  const stream = openStream(chain, localTaskContext(), operatorTable(fakeOperators(log)))[Symbol.asyncIterator]()
  const first = await stream.next()
  if (first.done !== true) releaseBatch(first.value)
  // Streams move in microtasks and turns; once nothing changes for many turns, nothing will.
  for (let i = 0; i < 200; i++) await turn()
  // One given, one in the sink, and one that each of the two operators has not been able to pass on.
  t.is(log.pulled, 4)
  await stream.return?.()
  assertClean(t, log, before, 'blocked consumer')
})

test.serial('leaving during a pending next() ends the stream and closes everything', async t => {
  const before = bytesInUse()
  const log = journal()
  const slow = plan({ kind: 'Numbers', batches: Array.from({ length: 50 }, () => [1]), slow: true })
  const never = plan({ kind: 'DropOdd' }, slow)
  const stream = openStream(never, localTaskContext(), operatorTable(fakeOperators(log)))[Symbol.asyncIterator]()
  const pending = stream.next()
  await turn()
  await stream.return?.()
  t.deepEqual(await pending, { done: true, value: undefined })
  t.true(log.pulled < 50)
  assertClean(t, log, before, 'left')
})

test.serial('a failure behind the rows of a LIMIT does not reach its consumer', async t => {
  const before = bytesInUse()
  const torn = plan({ kind: 'Numbers', batches: [[1], [2], [3]], slow: false, failAt: 1 })
  for (const inner of [
    torn,
    plan({ kind: 'Concat' }, torn),
    plan({ kind: 'Concat' }, plan({ kind: 'Add', amount: 0, style: 'async' }, torn)),
  ]) {
    const log = journal()
    const outcome = await consume(plan({ kind: 'Limit', rows: 1 }, inner), { slow: false }, log)
    t.deepEqual(outcome, { batches: [[1]] })
    assertClean(t, log, before, inner.kind)
  }
})

test.serial('calls of next() that do not wait for each other are answered in order', async t => {
  const stream = openStream(counted(3), localTaskContext(), operatorTable(fakeOperators(journal())))[
    Symbol.asyncIterator
  ]()
  const steps = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next()])
  const values = steps.map(step => (step.done === true ? [] : valuesOf(step.value)))
  for (const step of steps) if (step.done !== true) releaseBatch(step.value)
  t.deepEqual(values, [[0, 1], [2, 3], [4, 5], []])
})

test.serial('a failure names the operators from the outside in', async t => {
  const tree = plan({ kind: 'CrossSum' }, plan({ kind: 'Fail', at: 0, where: 'push' }, counted(3)), counted(3))
  const error = (await consume(tree, { slow: false }, journal())).error as BallistaError
  t.is(error.message, 'failed in push')
  t.deepEqual(error.context, ['Fail (0.0)'])
})

test.serial('cancelling says why', async t => {
  const controller = new AbortController()
  controller.abort(new Error('client gone'))
  const ctx = localTaskContext({ signal: controller.signal })
  const stream = openStream(counted(3), ctx, operatorTable(fakeOperators(journal())))[Symbol.asyncIterator]()
  await t.throwsAsync(stream.next(), { instanceOf: BallistaError, message: 'query cancelled: client gone' })
})

test.serial('metrics count what operators give', async t => {
  const metrics = taskMetrics()
  const tree = plan({ kind: 'DropOdd' }, counted(4))
  for await (const batch of openStream(tree, localTaskContext({ metrics }), operatorTable(fakeOperators(journal()))))
    releaseBatch(batch)
  t.deepEqual(
    metrics.snapshot().map(({ path, kind, outputRows, outputBatches }) => ({ path, kind, outputRows, outputBatches })),
    [
      { path: '0.0', kind: 'Numbers', outputRows: 8, outputBatches: 4 },
      { path: '0', kind: 'DropOdd', outputRows: 4, outputBatches: 4 },
    ],
  )
})

test.serial('a long synchronous pipeline lets timers run', async t => {
  let fired = 0
  const timer = setInterval(() => fired++, 1)
  const tree = plan({ kind: 'Repeat', times: 3000, async: false }, counted(10))
  const outcome = await consume(tree, { slow: false }, journal())
  clearInterval(timer)
  t.is(outcome.batches.length, 30_000)
  t.true(fired > 3, `${fired} ticks`)
})

/** A sink that records what it sees. */
function recordingSink(options: { finishAfter?: number; failAt?: number }): {
  definition: RunnableOperator
  seen: number[][]
  events: string[]
} {
  const seen: number[][] = []
  const events: string[] = []
  const sink: Sink = {
    async push(batch) {
      await turn()
      if (seen.length === options.failAt) throw fail('INVALID_ARGUMENT', ['disk full'])
      seen.push(valuesOf(batch))
      return seen.length === options.finishAfter ? FINISHED : undefined
    },
    finish: () => void events.push('finish'),
    close: error => void events.push(error === undefined ? 'close' : `close: ${error.message}`),
  }
  return { definition: { kind: 'Record', sink: () => sink }, seen, events }
}

for (const { title, options, seen, events, error } of [
  { title: 'to its end', options: {}, seen: 20, events: ['finish', 'close'], error: undefined },
  {
    title: 'until the sink wants no more',
    options: { finishAfter: 3 },
    seen: 3,
    events: ['finish', 'close'],
    error: undefined,
  },
  {
    title: 'until the sink fails',
    options: { failAt: 2 },
    seen: 2,
    events: ['close: disk full'],
    error: { message: 'disk full', context: ['stage 7, partition 3', 'Record (0)'] },
  },
]) {
  test.serial(`runTask runs ${title}`, async t => {
    const before = bytesInUse()
    const log = journal()
    const record = recordingSink(options)
    const root = { kind: 'Record', schema: NUMBERS, children: [plan({ kind: 'Buffer', count: 3 }, counted(20))] }
    const table = operatorTable(fakeOperators(log), [record.definition])
    const ctx = localTaskContext({ stage: 7, partition: 3, partitionCount: 4 })
    const failure = await runTask(root, ctx, table).then(
      () => undefined,
      (thrown: BallistaError) => ({ message: thrown.message, context: thrown.context }),
    )
    t.deepEqual(failure, error)
    t.is(record.seen.length, seen)
    t.deepEqual(record.events, events)
    assertClean(t, log, before, title)
  })
}

test.serial('a source that an operator asked to stop and that fails while closing fails the stream', async t => {
  const failing: RunnableOperator = {
    kind: 'Numbers',
    source: () => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: numbers([1]) }),
        return: async () => {
          throw fail('INVALID_ARGUMENT', ['close failed'])
        },
      }),
    }),
  }
  const table = operatorTable(
    fakeOperators(journal()).filter(definition => definition.kind !== 'Numbers'),
    [failing],
  )
  const before = bytesInUse()
  const read = async (): Promise<void> => {
    for await (const batch of openStream(plan({ kind: 'Limit', rows: 1 }, counted(5)), localTaskContext(), table))
      releaseBatch(batch)
  }
  await t.throwsAsync(read(), { instanceOf: BallistaError, message: 'close failed' })
  t.is(bytesInUse(), before)
})
