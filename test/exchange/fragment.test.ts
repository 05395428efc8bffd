/** Cutting plans into stages. */
import test from 'ava'
import type { PhysicalPlan } from '../../src/physical/plan.js'
import { displayPartitioning, type ExchangeExec } from '../../src/physical/operators/exchange.js'
import type { ExchangeSinkExec, ExchangeSourceExec, StagePlan } from '../../src/exchange/stage.js'
import { first, gather, hashById, numbers, stagesOf, tag } from './fake-operators.js'

function text(plan: PhysicalPlan): string {
  const sink = plan as ExchangeSinkExec
  const own =
    plan.kind === 'ExchangeSinkExec'
      ? `sink ${sink.outputs.map(({ edge, partitioning }) => `${edge} ${displayPartitioning(partitioning)}`).join(', ')}`
      : plan.kind === 'ExchangeSourceExec'
        ? `source ${(plan as ExchangeSourceExec).edge}`
        : plan.kind
  return [own, ...plan.children.map(text)].join(' < ')
}

const summary = (stages: readonly StagePlan[]): string[] =>
  stages.map(
    ({ id, plan, taskCount, inputs }) =>
      `${id}: ${taskCount} tasks, from [${inputs.map(input => input.stage).join(' ')}]: ${text(plan)}`,
  )

const shared = (exchange: ExchangeExec): ExchangeExec => ({ ...exchange, shared: 0 })

const scan = numbers({ partitions: 4, batches: 1, rows: 1 })

const cases: readonly [string, PhysicalPlan, readonly string[]][] = [
  [
    'one partition needs no exchange',
    numbers({ partitions: 1, batches: 1, rows: 1 }),
    ['0: 1 tasks, from []: sink 0 single < NumbersExec'],
  ],
  [
    'several partitions at the root are gathered',
    scan,
    ['0: 4 tasks, from []: sink 0 single < NumbersExec', '1: 1 tasks, from [0]: sink 1 single < source 0'],
  ],
  [
    'exchanges of a shared subplan are edges of one stage',
    first(shared(gather(scan)), gather(tag(shared(hashById(scan, 2))))),
    [
      '0: 4 tasks, from []: sink 0 single, 1 hash(id@0) into 2 < NumbersExec',
      '1: 2 tasks, from [0]: sink 2 single < TagExec < source 1',
      '2: 1 tasks, from [0 1]: sink 3 single < FirstExec < source 0 < source 2',
    ],
  ],
  [
    'producers come before consumers',
    gather(tag(hashById(scan, 3))),
    [
      '0: 4 tasks, from []: sink 0 hash(id@0) into 3 < NumbersExec',
      '1: 3 tasks, from [0]: sink 1 single < TagExec < source 0',
      '2: 1 tasks, from [1]: sink 2 single < source 1',
    ],
  ],
]

for (const [name, plan, expected] of cases) {
  test(name, t => t.deepEqual(summary(stagesOf(plan)), expected as string[]))
}
