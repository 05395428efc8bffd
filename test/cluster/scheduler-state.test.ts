/** The scheduler's pure parts: membership, jobs, placement. */
import test from 'ava'
import { fail } from '../../src/common/errors.js'
import { newJob, stepJob, type JobEvent, type JobState } from '../../src/cluster/scheduler/job-state.js'
import {
  noMembers,
  SILENCE_LIMIT_MS,
  stepMembership,
  type Member,
  type MembershipEvent,
} from '../../src/cluster/scheduler/membership-state.js'
import { jobDefinitions, placeTasks } from '../../src/cluster/scheduler/placement.js'
import { jobDefinitionOf, taskSpecsOf } from '../../src/cluster/job-definition.js'
import { decodeWire, encodeWire } from '../../src/common/wire.js'
import { gather, hashById, numbers, stagesOf, tag } from '../exchange/fake-operators.js'

const member = (id: string, incarnation: string, lastSeenMs = 0): Member => ({
  id,
  incarnation,
  lastSeenMs,
  version: '0.1.0',
  slots: 2,
  address: `${id}:1`,
})

const registered = (id: string, incarnation: string, nowMs = 0): MembershipEvent => ({
  kind: 'registered',
  member: member(id, incarnation, nowMs),
})

const membershipCases: readonly {
  name: string
  events: readonly MembershipEvent[]
  members: readonly string[]
  lost: readonly string[]
  left?: readonly string[]
}[] = [
  { name: 'a registration', events: [registered('a', '1')], members: ['a 1'], lost: [] },
  {
    name: 'a restart replaces the process before',
    events: [registered('a', '1'), registered('a', '2')],
    members: ['a 2'],
    lost: ['a 1'],
  },
  {
    name: 'a broken stream',
    events: [registered('a', '1'), { kind: 'streamEnded', id: 'a', incarnation: '1', reason: 'x' }],
    members: [],
    lost: ['a 1'],
  },
  {
    name: 'the broken stream of an incarnation before the current one',
    events: [
      registered('a', '1'),
      registered('a', '2'),
      { kind: 'streamEnded', id: 'a', incarnation: '1', reason: 'x' },
    ],
    members: ['a 2'],
    lost: ['a 1'],
  },
  {
    name: 'a leave, and the end of its stream after it',
    events: [
      registered('a', '1'),
      registered('b', '2'),
      { kind: 'leaves', id: 'a', incarnation: '1' },
      { kind: 'streamEnded', id: 'a', incarnation: '1', reason: 'x' },
    ],
    members: ['b 2'],
    lost: [],
    left: ['a 1'],
  },
  {
    name: 'silence up to the limit',
    events: [registered('a', '1'), { kind: 'tick', nowMs: SILENCE_LIMIT_MS - 1 }],
    members: ['a 1'],
    lost: [],
  },
  {
    name: 'silence beyond the limit',
    events: [registered('a', '1'), { kind: 'tick', nowMs: SILENCE_LIMIT_MS }],
    members: [],
    lost: ['a 1'],
  },
  {
    name: 'a heartbeat starts the silence anew',
    events: [
      registered('a', '1'),
      { kind: 'heartbeat', id: 'a', incarnation: '1', nowMs: 9 },
      { kind: 'tick', nowMs: SILENCE_LIMIT_MS + 8 },
    ],
    members: ['a 1'],
    lost: [],
  },
  {
    name: 'a heartbeat of an incarnation before the current one',
    events: [
      registered('a', '2'),
      { kind: 'heartbeat', id: 'a', incarnation: '1', nowMs: 9 },
      { kind: 'tick', nowMs: SILENCE_LIMIT_MS },
    ],
    members: [],
    lost: ['a 2'],
  },
]

for (const { name, events, members, lost, left = [] } of membershipCases) {
  test(`membership: ${name}`, t => {
    let state = noMembers
    const seen = { lost: [] as string[], left: [] as string[] }
    for (const event of events) {
      const step = stepMembership(state, event)
      state = step.state
      for (const { kind, member } of step.effects) seen[kind].push(`${member.id} ${member.incarnation}`)
    }
    t.deepEqual(
      { members: [...state.members.values()].map(({ id, incarnation }) => `${id} ${incarnation}`), ...seen },
      { members: [...members], lost: [...lost], left: [...left] },
    )
  })
}

const launched: JobEvent = {
  kind: 'launched',
  executors: new Map([
    ['a', 'a1'],
    ['b', 'b1'],
  ]),
  tasks: ['0/0', '0/1'],
}
const ended = (partition: number, code?: 'NETWORK' | 'DIVIDE_BY_ZERO', incarnation = 'a1'): JobEvent => ({
  kind: 'taskEnded',
  incarnation,
  report: { stage: 0, partition, operators: [] },
  ...(code === undefined ? {} : { error: code === 'NETWORK' ? fail(code, ['broken']) : fail(code) }),
})
const lostExecutor: JobEvent = { kind: 'executorLost', id: 'b', incarnation: 'b1', reason: 'x' }

const jobCases: readonly {
  name: string
  events: readonly JobEvent[]
  phase: JobState['phase']
  effects: readonly string[]
}[] = [
  {
    name: 'all tasks end',
    events: [launched, ended(0), ended(1)],
    phase: 'succeeded',
    effects: ['launch', 'endOnExecutors', 'tellClient'],
  },
  {
    name: 'a task that ends twice counts once',
    events: [launched, ended(0), ended(0)],
    phase: 'running',
    effects: ['launch'],
  },
  {
    name: 'a plan without tasks',
    events: [{ kind: 'launched', executors: new Map(), tasks: [] }],
    phase: 'succeeded',
    effects: ['launch', 'tellClient'],
  },
  {
    name: 'planning fails',
    events: [{ kind: 'planFailed', error: fail('DIVIDE_BY_ZERO') }, launched],
    phase: 'failed',
    effects: ['endOnExecutors', 'tellClient DIVIDE_BY_ZERO'],
  },
  {
    name: 'a task fails; the first error wins',
    events: [launched, ended(0, 'DIVIDE_BY_ZERO'), lostExecutor],
    phase: 'failed',
    effects: ['launch', 'endOnExecutors', 'tellClient DIVIDE_BY_ZERO'],
  },
  {
    name: 'a network failure explained by a lost executor',
    events: [launched, ended(0, 'NETWORK'), lostExecutor, { kind: 'verdictDue' }],
    phase: 'failed',
    effects: ['launch', 'endOnExecutors', 'awaitVerdict', 'endOnExecutors', 'tellClient EXECUTOR_LOST'],
  },
  {
    name: 'a network failure that stays unexplained',
    events: [launched, ended(0, 'NETWORK'), { kind: 'verdictDue' }],
    phase: 'failed',
    effects: ['launch', 'endOnExecutors', 'awaitVerdict', 'endOnExecutors', 'tellClient NETWORK'],
  },
  {
    name: 'the loss of an executor that has no part in it',
    events: [launched, { kind: 'executorLost', id: 'c', incarnation: 'c1', reason: 'x' }],
    phase: 'running',
    effects: ['launch'],
  },
  {
    name: 'the loss of an incarnation that has no part in it',
    events: [launched, { kind: 'executorLost', id: 'b', incarnation: 'b0', reason: 'x' }],
    phase: 'running',
    effects: ['launch'],
  },
  {
    name: 'a report of a process that has no part in it',
    events: [launched, ended(0, 'DIVIDE_BY_ZERO', 'a0')],
    phase: 'running',
    effects: ['launch'],
  },
  {
    name: 'the client goes',
    events: [launched, { kind: 'clientGone' }, ended(0, 'DIVIDE_BY_ZERO')],
    phase: 'cancelled',
    effects: ['launch', 'endOnExecutors'],
  },
  {
    name: 'the client goes while planning',
    events: [{ kind: 'clientGone' }, launched],
    phase: 'cancelled',
    effects: ['endOnExecutors'],
  },
  {
    name: 'the scheduler closes',
    events: [launched, { kind: 'schedulerClosing' }],
    phase: 'failed',
    effects: ['launch', 'endOnExecutors', 'tellClient CANCELLED'],
  },
]

for (const { name, events, phase, effects } of jobCases) {
  test(`job: ${name}`, t => {
    let state = newJob
    const seen: string[] = []
    for (const event of events) {
      const step = stepJob(state, event)
      state = step.state
      for (const effect of step.effects) {
        seen.push(
          effect.kind === 'tellClient' && effect.error !== undefined ? `tellClient ${effect.error.code}` : effect.kind,
        )
      }
    }
    t.deepEqual({ phase: state.phase, effects: seen }, { phase, effects: [...effects] })
  })
}

const stages = stagesOf(gather(tag(hashById(numbers({ partitions: 3, batches: 1, rows: 1 }), 2))))

test('placement: all tasks, round-robin over slots, stages spread', t => {
  const places = [
    { id: 'a', address: 'a:1', slots: 1 },
    { id: 'b', address: 'b:1', slots: 2 },
  ]
  const placement = placeTasks(stages, places)
  const text = stages.map(stage => (placement.get(stage.id) ?? []).map(place => place.id).join(''))
  t.deepEqual(text, ['abb', 'ab', 'b'])
})

test('a job definition survives the wire, and knows which producers are local', t => {
  const places = [
    { id: 'a', address: 'a:1', slots: 1 },
    { id: 'b', address: 'b:1', slots: 1 },
  ]
  const definitions = jobDefinitions({ jobId: 'job-1', settings: { x: '1' }, stages }, placeTasks(stages, places))
  const knows = (kind: string): boolean => kind !== 'NewExec'
  const peer = { name: 'scheduler', version: '0.1.0' }
  const definition = jobDefinitionOf(decodeWire(encodeWire(definitions.get('a')), 'scheduler'), knows, peer)
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
