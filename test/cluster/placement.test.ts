/** The placement policies: what holds for every one of them, and what each is for. */
import test from 'ava'
import fc from 'fast-check'
import type { ExecutorPlace, Placement } from '../../src/cluster/scheduler/placement.js'
import { PLACEMENT_POLICIES, type TaskDistribution } from '../../src/cluster/scheduler/placement-policies.js'
import type { StagePlan } from '../../src/exchange/stage.js'
import { gather, hashById, numbers, stagesOf, tag } from '../exchange/fake-operators.js'

const NAMES = Object.keys(PLACEMENT_POLICIES) as TaskDistribution[]

const place = (id: string, slots: number): ExecutorPlace => ({ id, slots, address: `${id}:1` })
const stagesWith = (partitions: number, count: number): StagePlan[] =>
  stagesOf(gather(tag(hashById(numbers({ partitions, batches: 1, rows: 1 }), count))))

/** A stage of a scan whose tasks read these files. */
const scanOf = (files: readonly string[]): StagePlan => {
  const [stage] = stagesWith(files.length, 1)
  const scan = {
    ...stage.plan.children[0],
    kind: 'DataSourceExec',
    children: [],
    source: { kind: 'files', partitions: files.map(path => [{ path }]) },
  }
  return { ...stage, plan: { ...stage.plan, children: [scan] } }
}

const idsOf = (placement: Placement, stage: number): string[] => (placement.get(stage) ?? []).map(({ id }) => id)
const counts = (ids: readonly string[]): Map<string, number> => {
  const found = new Map<string, number>()
  for (const id of ids) found.set(id, (found.get(id) ?? 0) + 1)
  return found
}

const executorList = fc
  .uniqueArray(fc.record({ id: fc.integer({ min: 0, max: 99 }), slots: fc.integer({ min: 1, max: 5 }) }), {
    selector: ({ id }) => id,
    minLength: 1,
    maxLength: 8,
  })
  .map(list => list.map(({ id, slots }) => place(`executor-${id}`, slots)))
const fileList = fc.array(
  fc.integer({ min: 0, max: 50 }).map(file => `/data/${file}.parquet`),
  {
    minLength: 1,
    maxLength: 60,
  },
)

for (const name of NAMES) {
  test(`${name}: every task runs on one of the executors, and the same input gives the same placement`, t => {
    const policy = PLACEMENT_POLICIES[name]
    fc.assert(
      fc.property(executorList, fileList, fc.nat(20), fc.nat(1000), (executors, files, count, turn) => {
        const stages = [scanOf(files), ...stagesWith(3, count + 1).slice(1)]
        const placement = policy(stages, executors, turn)
        const again = policy(stages, executors, turn)
        return stages.every(stage => {
          const places = placement.get(stage.id) ?? []
          const isWhole = places.length === stage.taskCount && places.every(chosen => executors.includes(chosen))
          return isWhole && idsOf(again, stage.id).join() === idsOf(placement, stage.id).join()
        })
      }),
    )
    t.pass()
  })
}

test('round-robin: slots of an executor get as many tasks as those of another, give or take one', t => {
  fc.assert(
    fc.property(executorList, fc.integer({ min: 1, max: 100 }), fc.nat(1000), (executors, partitions, turn) => {
      const stages = stagesWith(partitions, 1)
      const total = stages.reduce((sum, { taskCount }) => sum + taskCount, 0)
      const placement = PLACEMENT_POLICIES['round-robin'](stages, executors, turn)
      const found = counts(stages.flatMap(stage => idsOf(placement, stage.id)))
      const slots = executors.reduce((sum, executor) => sum + executor.slots, 0)
      return executors.every(({ id, slots: own }) => {
        const tasks = found.get(id) ?? 0
        return tasks >= own * Math.floor(total / slots) && tasks <= own * Math.ceil(total / slots)
      })
    }),
  )
  t.pass()
})

test('round-robin: small queries one after the other use all executors', t => {
  const [stage] = stagesWith(1, 1)
  const executors = [place('a', 1), place('b', 1), place('c', 1)]
  const used = [0, 1, 2].flatMap(turn => idsOf(PLACEMENT_POLICIES['round-robin']([stage], executors, turn), stage.id))
  t.deepEqual(used, ['a', 'b', 'c'])
})

test('bias: an executor is full before the next one gets a task', t => {
  const stages = stagesWith(5, 2)
  const placement = PLACEMENT_POLICIES.bias(stages, [place('a', 2), place('b', 2), place('c', 8)], 7)
  t.deepEqual(
    stages.map(stage => idsOf(placement, stage.id).join('')),
    ['aabbc', 'aa', 'a'],
  )
})

test('consistent-hash: nobody gets much more than his share, whatever the files', t => {
  fc.assert(
    fc.property(executorList, fileList, (executors, files) => {
      const placement = PLACEMENT_POLICIES['consistent-hash']([scanOf(files)], executors, 0)
      const found = counts(idsOf(placement, 0))
      const slots = executors.reduce((sum, executor) => sum + executor.slots, 0)
      return executors.every(
        ({ id, slots: own }) => (found.get(id) ?? 0) <= Math.ceil((1.25 * files.length * own) / slots),
      )
    }),
  )
  t.pass()
})

test('consistent-hash: the order of executors does not matter, and one that goes moves few files', t => {
  const files = Array.from({ length: 200 }, (_, i) => `/data/${i}.parquet`)
  const executors = ['a', 'b', 'c', 'd', 'e'].map(id => place(id, 2))
  const run = (list: readonly ExecutorPlace[], turn = 0): string[] =>
    idsOf(PLACEMENT_POLICIES['consistent-hash']([scanOf(files)], list, turn), 0)
  const before = run(executors)
  t.deepEqual(run(executors.toReversed(), 17), before)
  const after = run(executors.filter(({ id }) => id !== 'c'))
  const moved = files.filter((_, i) => before[i] !== 'c' && before[i] !== after[i]).length
  t.true(moved < files.length / 10, `${moved} of ${files.length} files moved`)
})
