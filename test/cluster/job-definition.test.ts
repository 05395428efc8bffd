/** What executors are told of a job: over the wire and back, and refused where it is malformed. */
import test from 'ava'
import { definitionEncoder, jobDefinitionOf, taskSpecsOf } from '../../src/cluster/job-definition.js'
import { PLACEMENT_POLICIES } from '../../src/cluster/scheduler/placement-policies.js'
import { jobDefinitions } from '../../src/cluster/scheduler/placement.js'
import { decodeWire } from '../../src/common/wire.js'
import { gather, hashById, numbers, stagesOf, tag } from '../exchange/fake-operators.js'

const roundRobin = PLACEMENT_POLICIES['round-robin']
const stages = stagesOf(gather(tag(hashById(numbers({ partitions: 3, batches: 1, rows: 1 }), 2))))

test('a job definition survives the wire, and knows which producers are local', t => {
  const places = [
    { id: 'a', address: 'a:1', slots: 1 },
    { id: 'b', address: 'b:1', slots: 1 },
  ]
  const definitions = jobDefinitions(
    { jobId: 'job-1', settings: { x: '1' }, stages },
    roundRobin(stages, places, 0),
    stages.map(stage => stage.id),
  )
  const knows = (kind: string): boolean => kind !== 'NewExec'
  const peer = { name: 'scheduler', version: '0.1.0' }
  const encode = definitionEncoder()
  const overTheWire = Array.from(definitions.values(), definition => decodeWire(encode(definition), 'scheduler'))
  t.deepEqual(overTheWire, [...definitions.values()])
  const definition = jobDefinitionOf(overTheWire[0], knows, peer)
  const tasks = taskSpecsOf(definition, 'a:1').map(({ stage, partition, partitionCount, inputs }) => ({
    stage,
    partition,
    partitionCount,
    inputs,
  }))
  const fromZero = [{ edge: 0, producers: [{ task: 0 }, { task: 1, address: 'b:1' }, { task: 2 }] }]
  t.deepEqual(tasks, [
    { stage: 0, partition: 0, partitionCount: 3, inputs: [] },
    { stage: 0, partition: 2, partitionCount: 3, inputs: [] },
    { stage: 1, partition: 1, partitionCount: 2, inputs: fromZero },
  ])
})

const good = {
  jobId: 'j',
  settings: {},
  stages: [{ id: 0, plan: stages[0].plan, taskCount: 3, inputs: [], partitions: [0] }],
}
const stageWith = (change: object): unknown => ({ ...good, stages: [{ ...good.stages[0], ...change }] })
const schemaWith = (type: unknown): unknown =>
  stageWith({ plan: { ...stages[0].plan, schema: { fields: [{ name: 'a', nullable: true, type }] } } })

const malformedCases: readonly [string, unknown][] = [
  ['nothing', null],
  ['a list', []],
  ['no job id', { ...good, jobId: 1 }],
  ['a setting that is no text', { ...good, settings: { a: 1 } }],
  ['stages that are no list', { ...good, stages: {} }],
  ['a partition beyond the tasks', stageWith({ partitions: [3] })],
  ['a partition that is no number', stageWith({ partitions: ['0'] })],
  ['a negative edge', stageWith({ inputs: [{ edge: -1, producers: [] }] })],
  ['a producer without a task', stageWith({ inputs: [{ edge: 0, producers: [{}] }] })],
  ['an address that is no text', stageWith({ inputs: [{ edge: 0, producers: [{ task: 0, address: 5 }] }] })],
  ['a plan that is a scan', stageWith({ plan: stages[0].plan.children[0] })],
  [
    'an unknown operator',
    stageWith({ plan: { ...stages[0].plan, children: [{ ...stages[0].plan.children[0], kind: 'NewExec' }] } }),
  ],
  ['children that are no list', stageWith({ plan: { ...stages[0].plan, children: 5 } })],
  ['an unknown type', schemaWith({ kind: 'uuid' })],
  ['a decimal of 39 digits', schemaWith({ kind: 'decimal', precision: 39, scale: 0 })],
  ['an int of 12 bits', schemaWith({ kind: 'int', bits: 12, signed: true })],
  ['a list without an element', schemaWith({ kind: 'list' })],
]

for (const [name, value] of malformedCases) {
  test(`a job definition with ${name} is refused`, t => {
    const peer = { name: 'scheduler', version: '0.1.0' }
    const error = t.throws(() => jobDefinitionOf(value, kind => kind !== 'NewExec', peer))
    t.like(error, { code: 'PROTOCOL' })
  })
}
