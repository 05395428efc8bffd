/** Which stages run together, and which edges are stored so that a small cluster runs every plan. */
import test from 'ava'
import { materializeEdges, regionsOf } from '../../src/exchange/regions.js'
import type { ExchangeSinkExec, StagePlan } from '../../src/exchange/stage.js'
import type { PhysicalPlan } from '../../src/physical/plan.js'

const schema = { fields: [] }

/** A stage that reads `from` (edge and estimated rows) and feeds `to`; a trailing `!` of an edge: materialized. */
function stage(id: number, taskCount: number, from: readonly [number, number?][], to: readonly string[]): StagePlan {
  const sources = from.map(([edge, rowCount]): PhysicalPlan & Record<string, unknown> => ({
    kind: 'ExchangeSourceExec',
    schema,
    children: [],
    edge,
    ...(rowCount === undefined ? {} : { rowCount }),
  }))
  const plan: ExchangeSinkExec = {
    kind: 'ExchangeSinkExec',
    schema,
    children: [{ kind: 'FirstExec', schema, children: sources }],
    outputs: to.map(text => ({
      edge: parseInt(text, 10),
      partitioning: { kind: 'single' },
      ...(text.endsWith('!') ? { materialized: true } : {}),
    })),
  }
  return { id, taskCount, plan, inputs: from.map(([edge]) => ({ edge, stage: Math.floor(edge / 10) })) }
}

const summary = (stages: readonly StagePlan[]): string[] =>
  regionsOf(stages).map(region => `${region.stages.map(({ id }) => id).join(' ')} after [${region.after.join(' ')}]`)

const cutStages = (stages: readonly StagePlan[]): number[] =>
  stages.filter(({ plan }) => plan.outputs[0].materialized === true).map(({ id }) => id)

/** Two scans joined, aggregated and sorted: edge 10 comes from stage 1. */
const chain = (marks: Readonly<Record<number, string>> = {}): StagePlan[] => [
  stage(0, 4, [], [`0${marks[0] ?? ''}`]),
  stage(1, 4, [], [`10${marks[1] ?? ''}`]),
  stage(2, 4, [[0, 100], [10, 5]], [`20${marks[2] ?? ''}`]),
  stage(3, 1, [[20, 50]], ['30']),
] // oxfmt-ignore

test('without materialized edges a query is one region', t => {
  t.deepEqual(summary(chain()), ['0 1 2 3 after []'])
})

test('materialized edges part regions, which wait for those that feed them', t => {
  t.deepEqual(summary(chain({ 1: '!' })), ['1 after []', '0 2 3 after [0]'])
  t.deepEqual(summary(chain({ 0: '!', 2: '!' })), ['0 after []', '1 2 after [0]', '3 after [1]'])
})

test('regions that would wait for each other are one', t => {
  // Stage 1 reads what stage 0 stores, and stage 2 both the stream of stage 0 and what stage 1 stores.
  const stages = [stage(0, 1, [], ['0!', '1']), stage(1, 1, [[0]], ['10!']), stage(2, 1, [[1], [10]], ['20'])]
  t.deepEqual(summary(stages), ['0 1 2 after []'])
})

test('edges with the fewest rows are materialized until every region fits', t => {
  t.deepEqual(cutStages(materializeEdges(chain(), { mode: 'auto', capacity: 13 })), [])
  t.deepEqual(cutStages(materializeEdges(chain(), { mode: 'auto', capacity: 12 })), [1])
  t.deepEqual(cutStages(materializeEdges(chain(), { mode: 'auto', capacity: 8 })), [1, 2])
  t.deepEqual(cutStages(materializeEdges(chain(), { mode: 'auto', capacity: 7 })), [0, 1, 2])
})

test('a stage alone may exceed the capacity', t => {
  t.deepEqual(summary(materializeEdges(chain(), { mode: 'auto', capacity: 1 })), [
    '0 after []',
    '1 after []',
    '2 after [0 1]',
    '3 after [2]',
  ])
})

test('always: all edges but that of the result and those on demand', t => {
  t.deepEqual(cutStages(materializeEdges(chain(), { mode: 'always', capacity: 100 })), [0, 1, 2])
  const [scan, ...rest] = chain()
  const onDemand = [{ ...scan, plan: { ...scan.plan, onDemand: true } }, ...rest]
  t.deepEqual(cutStages(materializeEdges(onDemand, { mode: 'always', capacity: 100 })), [1, 2])
})

test('all edges of a stage are materialized together', t => {
  const stages = [stage(0, 3, [], ['0', '1']), stage(1, 3, [[0, 1]], ['10']), stage(2, 3, [[1, 1], [10, 9]], ['20'])] // oxfmt-ignore
  const [shared] = materializeEdges(stages, { mode: 'auto', capacity: 6 })
  t.deepEqual(shared.plan.outputs.map(({ materialized }) => materialized), [true, true]) // oxfmt-ignore
})
