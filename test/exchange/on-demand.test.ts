/** Tasks on demand: which stages they are, whom the reader asks, and what becomes of those that nobody wants. */
import test, { type ExecutionContext } from 'ava'
import { columnValues, releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, schemaOf } from '../../src/arrow/schema.js'
import { INT64 } from '../../src/arrow/types.js'
import { systemClock } from '../../src/common/clock.js'
import { ExchangeHub } from '../../src/exchange/exchange-hub.js'
import { fragment } from '../../src/exchange/fragment.js'
import { localInput, MergedReader, type InputChannel } from '../../src/exchange/merged-reader.js'
import { EXCHANGE_OPERATORS } from '../../src/exchange/operators.js'
import { configOf } from '../../src/common/option.js'
import { sharedLimit, sharedMemoryPool } from '../../src/exchange/shared-memory-pool.js'
import { spillPlace, spillSpace } from '../../src/runtime/spill-space.js'
import type { ExchangeSinkExec, TaskReport, TaskSpec } from '../../src/exchange/stage.js'
import { inlineHost } from '../../src/exchange/task-host.js'
import { OPERATORS } from '../../src/physical/operators/index.js'
import type { PhysicalPlan } from '../../src/physical/plan.js'
import { operatorTable } from '../../src/runtime/run-pipelines.js'
import { FAKE_OPERATORS, gather, numbers, numbersBatch, pulled, stagesOf } from './fake-operators.js'

const schema = schemaOf(field('n', INT64))

const scan = (partitions: number): PhysicalPlan & Record<string, unknown> => ({
  kind: 'DataSourceExec',
  schema,
  children: [],
  source: { kind: 'memory', partitions: Array.from({ length: partitions }, () => []) },
  projection: [0],
})
const limit = (input: PhysicalPlan, isLocal: boolean): PhysicalPlan & Record<string, unknown> => ({
  kind: 'LimitExec',
  schema,
  children: [input],
  skip: 0,
  fetch: 3,
  ...(isLocal ? { local: true } : {}),
})
const filter = (input: PhysicalPlan): PhysicalPlan & Record<string, unknown> => ({
  kind: 'FilterExec',
  schema,
  children: [input],
  predicate: { kind: 'literal', type: { kind: 'boolean' }, value: true },
})
const exchange = (input: PhysicalPlan): PhysicalPlan & Record<string, unknown> => ({
  kind: 'ExchangeExec',
  schema,
  children: [input],
  partitioning: { kind: 'single' },
})

const planCases: readonly [name: string, plan: PhysicalPlan, isOnDemand: boolean][] = [
  ['scans that go to the client', exchange(scan(3)), true],
  ['scans below limits', limit(exchange(limit(scan(3), true)), false), true],
  ['a scan of one task', exchange(scan(1)), false],
  // It may drop all rows of one task: the others must work meanwhile.
  ['a filter', exchange(filter(scan(3))), false],
  ['a filter above', filter(exchange(scan(3))), false],
]

for (const [name, plan, isOnDemand] of planCases) {
  test(`${name}: ${isOnDemand ? 'on demand' : 'all at once'}`, t => {
    const [producer, consumer] = fragment(plan, OPERATORS)
    t.is((producer.plan as ExchangeSinkExec).onDemand === true, isOnDemand)
    t.deepEqual(
      consumer?.inputs.map(input => input.onDemand === true),
      [isOnDemand],
    )
  })
}

/** A channel that tells what is done to it, and ends when it is told to. */
function watched(name: string, log: string[]): InputChannel & { end(): void; give(): void } {
  let notify = (): void => undefined
  let batches = 0
  const channel = {
    status: 'open' as 'open' | 'ended',
    failure: undefined,
    attach(onChange: () => void) {
      log.push(`ask ${name}`)
      notify = onChange
    },
    take: () => (batches-- > 0 ? ({ kind: 'batch', batch: numbersBatch(0, 100) } as const) : undefined),
    cancel: () => void log.push(`cancel ${name}`),
    decline: () => void log.push(`decline ${name}`),
    end() {
      channel.status = 'ended'
      notify()
    },
    give() {
      batches = 1
      notify()
    },
  }
  return channel
}

test('a reader asks one producer, then two more when that ends, and declines the others', async t => {
  const log: string[] = []
  const channels = ['a', 'b', 'c', 'd'].map(name => watched(name, log))
  const reader = new MergedReader(channels, 1e9)
  t.deepEqual(log, [])
  const first = reader.next()
  t.deepEqual(log, ['ask a'])
  channels[0].end()
  await new Promise(setImmediate)
  t.deepEqual(log.splice(0), ['ask a', 'ask b', 'ask c'])
  reader.cancel()
  t.is(await first, undefined)
  t.deepEqual(log, ['cancel b', 'cancel c', 'decline d'])
})

test('a reader asks all producers when the first has given the bytes of the ramp', async t => {
  const before = bytesInUse()
  const log: string[] = []
  const channels = ['a', 'b', 'c'].map(name => watched(name, log))
  const reader = new MergedReader(channels, 1)
  const first = reader.next()
  channels[0].give()
  const batch = await first
  if (batch !== undefined) releaseBatch(batch)
  t.deepEqual(log, ['ask a'])
  const second = reader.next()
  t.deepEqual(log, ['ask a', 'ask b', 'ask c'])
  channels.forEach(channel => channel.end())
  t.is(await second, undefined)
  t.is(bytesInUse(), before)
})

/** A task on demand, started in a job of its own; `decide` is what its consumer does. */
async function runOnDemand(
  t: ExecutionContext,
  decide: (hub: ExchangeHub) => Promise<void>,
  rows = 10,
): Promise<TaskReport> {
  const before = bytesInUse()
  pulled.clear()
  const hub = new ExchangeHub({ clock: systemClock })
  const operators = operatorTable(FAKE_OPERATORS, EXCHANGE_OPERATORS)
  const memory = sharedMemoryPool(sharedLimit(2 ** 30, 0))
  const spill = spillSpace(spillPlace(configOf({})))
  const host = inlineHost({ hub, environment: { operators, memory, spill, host: 'here', streams: new Map() } })
  const [stage] = stagesOf(gather(numbers({ partitions: 1, batches: 2, rows })))
  const plan: ExchangeSinkExec = { ...(stage.plan as ExchangeSinkExec), onDemand: true }
  const spec: TaskSpec = {
    jobId: 'job',
    stage: 0,
    partition: 0,
    partitionCount: 1,
    plan,
    settings: {},
    inputs: [],
  }
  hub.openJob('job')
  const task = host.run(spec, new AbortController().signal)
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  t.is(pulled.get(0), undefined, 'nothing is read before the consumer asks')
  await decide(hub)
  const report = await task
  await hub.closeJob('job')
  t.is(bytesInUse(), before)
  return report
}

const OUTPUT = { jobId: 'job', edge: 0, producer: 0 }

test.serial('a task on demand runs when its consumer asks', async t => {
  let rows = 0
  const report = await runOnDemand(t, async hub => {
    for await (const batch of new MergedReader([localInput(hub, OUTPUT, 0)], 1)) {
      rows += batch.rowCount
      releaseBatch(batch)
    }
  })
  t.is(rows, 20)
  t.is(report.error, undefined)
  t.true(report.operators.length > 0)
})

test.serial('the first rows of a large batch come by themselves', async t => {
  const counts: number[] = []
  const ids: unknown[] = []
  await runOnDemand(
    t,
    async hub => {
      for await (const batch of new MergedReader([localInput(hub, OUTPUT, 0)], 1)) {
        counts.push(batch.rowCount)
        ids.push(...columnValues(batch.columns[0]))
        releaseBatch(batch)
      }
    },
    5000,
  )
  t.deepEqual(counts, [4096, 904, 5000])
  t.deepEqual(
    ids,
    Array.from({ length: 10_000 }, (_, i) => BigInt(i)),
  )
})

test.serial('a task on demand that is declined ends without having run', async t => {
  const report = await runOnDemand(t, hub => hub.decline(OUTPUT))
  t.deepEqual(report, { stage: 0, partition: 0, operators: [] })
  t.is(pulled.get(0), undefined)
})

test.serial('a task on demand whose job ends is cancelled', async t => {
  const report = await runOnDemand(t, async hub => hub.closeJob('job'))
  t.is(report.error?.code, 'CANCELLED')
})
