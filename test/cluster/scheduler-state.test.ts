/** The pure state machines of the scheduler: membership and jobs. */
import test from 'ava'
import { fail } from '../../src/common/errors.js'
import { newJob, stepJob, type JobEffect, type JobEvent, type JobState } from '../../src/cluster/scheduler/job-state.js'
import {
  noMembers,
  placeable,
  SILENCE_LIMIT_MS,
  SUSPICION_MS,
  stepMembership,
  type Member,
  type MemberPhase,
  type MembershipEvent,
} from '../../src/cluster/scheduler/membership-state.js'

const member = (id: string, incarnation: string, lastSeenMs = 0): Member => ({
  id,
  incarnation,
  lastSeenMs,
  version: '0.1.0',
  phase: 'active',
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
  crashed?: readonly string[]
  reconnected?: readonly string[]
  silent?: readonly string[]
  left?: readonly string[]
}[] = [
  { name: 'a registration', events: [registered('a', '1')], members: ['a 1'] },
  {
    name: 'a process that registers again has not crashed',
    events: [registered('a', '1'), registered('a', '2')],
    members: ['a 2'],
    reconnected: ['a 1'],
  },
  {
    name: 'a broken stream',
    events: [registered('a', '1'), { kind: 'streamEnded', id: 'a', incarnation: '1', reason: 'x' }],
    members: [],
    crashed: ['a 1'],
  },
  {
    name: 'the broken stream of an incarnation before the current one',
    events: [
      registered('a', '1'),
      registered('a', '2'),
      { kind: 'streamEnded', id: 'a', incarnation: '1', reason: 'x' },
    ],
    members: ['a 2'],
    reconnected: ['a 1'],
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
    left: ['a 1'],
  },
  {
    name: 'silence up to the limit',
    events: [registered('a', '1'), { kind: 'tick', nowMs: SILENCE_LIMIT_MS - 1 }],
    members: ['a 1'],
  },
  {
    name: 'silence beyond the limit',
    events: [registered('a', '1'), { kind: 'tick', nowMs: SILENCE_LIMIT_MS }],
    members: [],
    silent: ['a 1'],
  },
  {
    name: 'silence beyond a limit of its own',
    events: [registered('a', '1'), { kind: 'tick', nowMs: 7_000, silenceLimitMs: 7_000 }],
    members: [],
    silent: ['a 1'],
  },
  {
    name: 'a heartbeat starts the silence anew',
    events: [
      registered('a', '1'),
      { kind: 'heartbeat', id: 'a', incarnation: '1', nowMs: 9 },
      { kind: 'tick', nowMs: SILENCE_LIMIT_MS + 8 },
    ],
    members: ['a 1'],
  },
  {
    name: 'a heartbeat of an incarnation before the current one',
    events: [
      registered('a', '2'),
      { kind: 'heartbeat', id: 'a', incarnation: '1', nowMs: 9 },
      { kind: 'tick', nowMs: SILENCE_LIMIT_MS },
    ],
    members: [],
    silent: ['a 2'],
  },
]

for (const { name, events, members, crashed = [], reconnected = [], silent = [], left = [] } of membershipCases) {
  test(`membership: ${name}`, t => {
    let state = noMembers
    const seen = { crashed: [] as string[], reconnected: [] as string[], silent: [] as string[], left: [] as string[] }
    for (const event of events) {
      const step = stepMembership(state, event)
      state = step.state
      for (const { kind, member } of step.effects) seen[kind].push(`${member.id} ${member.incarnation}`)
    }
    t.deepEqual(
      { members: [...state.members.values()].map(({ id, incarnation }) => `${id} ${incarnation}`), ...seen },
      { members, crashed, reconnected, silent, left },
    )
  })
}

const admitted: JobEvent = { kind: 'admitted' }
const planned = (maxAttempts = 1): JobEvent => ({
  kind: 'planned',
  groups: [{ stages: [0], needs: [] }],
  maxAttempts,
})
const placed = (attempt = 1, first = 'a', second = 'b'): JobEvent => ({
  kind: 'placed',
  attempt,
  executors: new Map([
    [first, `${first}1`],
    [second, `${second}1`],
  ]),
  tasks: new Map([[0, [first, second]]]),
})
const start = [admitted, planned(), placed()]
const retried = [admitted, planned(4), placed()]
const STARTED = ['place', 'openAttempt 0']
/** Of attempt 1 and `a` or `b`, on which its tasks run in this order. */
const ended = (
  partition: number,
  code?: 'NETWORK' | 'DIVIDE_BY_ZERO',
  { attempt = 1, incarnation = ['a1', 'b1'][partition] } = {},
): JobEvent => ({
  kind: 'taskEnded',
  attempt,
  incarnation,
  report: { stage: 0, partition, operators: [] },
  ...(code === undefined ? {} : { error: code === 'NETWORK' ? fail(code, ['broken']) : fail(code) }),
})
const lost = (id: string, crashed = true, incarnation = `${id}1`): JobEvent => ({
  kind: 'executorLost',
  id,
  incarnation,
  reason: 'x',
  crashed,
})
const retryDue: JobEvent = { kind: 'retryDue' }
const returned = (id: string): JobEvent => ({ kind: 'executorReturned', id })
const returnOver: JobEvent = { kind: 'returnOver' }
/** The same task on `b`, then on `c`, whose streams both break. */
const lostTwice = [...retried, lost('b'), retryDue, placed(2, 'a', 'c'), lost('c')]
const LOST_TWICE = [
  ...STARTED,
  'endAttempt EXECUTOR_LOST',
  'awaitRetry',
  ...STARTED,
  'endAttempt EXECUTOR_LOST',
  'awaitRetry',
  'awaitReturn',
]

const jobCases: readonly {
  name: string
  events: readonly JobEvent[]
  phase: JobState['phase']
  effects: readonly string[]
}[] = [
  {
    name: 'all tasks end',
    events: [...start, ended(0), ended(1)],
    phase: 'succeeded',
    effects: [...STARTED, 'endAttempt', 'tellClient'],
  },
  {
    name: 'a task that ends twice counts once',
    events: [...start, ended(0), ended(0)],
    phase: 'running',
    effects: STARTED,
  },
  {
    name: 'a plan without tasks',
    events: [admitted, planned(), { kind: 'placed', attempt: 1, executors: new Map(), tasks: new Map() }],
    phase: 'succeeded',
    effects: ['place', 'openAttempt', 'tellClient'],
  },
  {
    name: 'planning fails',
    events: [admitted, { kind: 'refused', error: fail('DIVIDE_BY_ZERO') }, planned()],
    phase: 'failed',
    effects: ['endAttempt DIVIDE_BY_ZERO', 'tellClient DIVIDE_BY_ZERO'],
  },
  {
    name: 'a task fails by the query: no other attempt, and the first error wins',
    events: [...retried, ended(0, 'DIVIDE_BY_ZERO'), lost('b'), retryDue],
    phase: 'failed',
    effects: [...STARTED, 'endAttempt DIVIDE_BY_ZERO', 'tellClient DIVIDE_BY_ZERO'],
  },
  {
    name: 'one attempt: a network failure explained by a lost executor',
    events: [...start, ended(0, 'NETWORK'), lost('b'), retryDue],
    phase: 'failed',
    effects: [
      ...STARTED,
      'endAttempt NETWORK',
      'awaitRetry last',
      'endAttempt EXECUTOR_LOST',
      'tellClient EXECUTOR_LOST',
    ],
  },
  {
    name: 'one attempt: a network failure that stays unexplained',
    events: [...start, ended(0, 'NETWORK'), retryDue],
    phase: 'failed',
    effects: [...STARTED, 'endAttempt NETWORK', 'awaitRetry last', 'endAttempt NETWORK', 'tellClient NETWORK'],
  },
  {
    name: 'another attempt after the loss of an executor',
    events: [...retried, ended(0), lost('b'), retryDue, placed(2, 'a', 'c'), ended(0, undefined, { attempt: 2 })],
    phase: 'running',
    effects: [...STARTED, 'endAttempt EXECUTOR_LOST', 'awaitRetry', ...STARTED],
  },
  {
    name: 'reports of a dead attempt count for nothing',
    events: [...retried, lost('b'), ended(0), retryDue, placed(2, 'a', 'c'), ended(0), ended(0, 'DIVIDE_BY_ZERO')],
    phase: 'running',
    effects: [...STARTED, 'endAttempt EXECUTOR_LOST', 'awaitRetry', ...STARTED],
  },
  {
    name: 'no executor for another attempt',
    events: [...retried, lost('a'), lost('b'), { kind: 'noExecutors' }],
    phase: 'failed',
    effects: [
      ...STARTED,
      'endAttempt EXECUTOR_LOST',
      'awaitRetry',
      'endAttempt NO_EXECUTORS',
      'tellClient NO_EXECUTORS',
    ],
  },
  {
    name: 'a task under which two executors crash that do not come back',
    events: [...lostTwice, retryDue, returnOver],
    phase: 'failed',
    effects: [...LOST_TWICE, 'endAttempt TASK_KILLS_EXECUTOR', 'tellClient TASK_KILLS_EXECUTOR'],
  },
  {
    name: 'a task under which two executors lose their connection, one of which comes back, is tried again at once',
    events: [...lostTwice, returned('a'), returned('b'), returnOver],
    phase: 'running',
    effects: [...LOST_TWICE, 'place'],
  },
  {
    name: 'an executor that came back before the next loss suspects no task',
    events: [...retried, lost('b'), returned('b'), retryDue, placed(2, 'a', 'c'), lost('c')],
    phase: 'waiting',
    effects: LOST_TWICE.slice(0, -1),
  },
  {
    name: 'one executor that is lost twice has not taken down two',
    events: [...retried, lost('b'), retryDue, placed(2, 'a', 'b'), lost('b')],
    phase: 'waiting',
    effects: LOST_TWICE.slice(0, -1),
  },
  {
    name: 'executors that fall silent or leave suspect no task',
    events: [...retried, lost('b', false), retryDue, placed(2, 'a', 'c'), lost('c', false)],
    phase: 'waiting',
    effects: [
      ...STARTED,
      'endAttempt EXECUTOR_LOST',
      'awaitRetry',
      ...STARTED,
      'endAttempt EXECUTOR_LOST',
      'awaitRetry',
    ],
  },
  {
    name: 'the loss of an executor that has no part in it',
    events: [...start, lost('c')],
    phase: 'running',
    effects: STARTED,
  },
  {
    name: 'the loss of an incarnation that has no part in it',
    events: [...start, lost('b', true, 'b0')],
    phase: 'running',
    effects: STARTED,
  },
  {
    name: 'a report of a process that does not run the task',
    events: [...start, ended(0, 'DIVIDE_BY_ZERO', { incarnation: 'b1' })],
    phase: 'running',
    effects: STARTED,
  },
  {
    name: 'the client goes',
    events: [...start, { kind: 'clientGone' }, ended(0, 'DIVIDE_BY_ZERO')],
    phase: 'cancelled',
    effects: [...STARTED, 'endAttempt CANCELLED'],
  },
  {
    name: 'the client goes while planning',
    events: [admitted, { kind: 'clientGone' }, planned()],
    phase: 'cancelled',
    effects: ['endAttempt CANCELLED'],
  },
  {
    name: 'the scheduler closes',
    events: [...retried, { kind: 'cancelled', why: 'x' }, lost('a')],
    phase: 'cancelled',
    effects: [...STARTED, 'endAttempt CANCELLED', 'tellClient CANCELLED'],
  },
  {
    name: 'a group of stages starts when its inputs are complete',
    events: [
      admitted,
      {
        kind: 'planned',
        groups: [
          { stages: [0], needs: [] },
          { stages: [1, 2], needs: [0] },
        ],
        maxAttempts: 1,
      },
      {
        kind: 'placed',
        attempt: 1,
        executors: new Map([['a', 'a1']]),
        tasks: new Map([
          [0, ['a']],
          [1, ['a']],
          [2, ['a']],
        ]),
      },
      ended(0),
    ],
    phase: 'running',
    effects: [...STARTED, 'launch 1,2'],
  },
]

function effectText(effect: JobEffect): string {
  switch (effect.kind) {
    case 'openAttempt':
    case 'launch':
      return [effect.kind, ...(effect.stages.length === 0 ? [] : [effect.stages.join(',')])].join(' ')
    case 'endAttempt':
      return effect.reason === undefined ? 'endAttempt' : `endAttempt ${effect.reason.code}`
    case 'tellClient':
      return effect.error === undefined ? 'tellClient' : `tellClient ${effect.error.code}`
    case 'awaitRetry':
      return effect.isLast ? 'awaitRetry last' : 'awaitRetry'
    default:
      return effect.kind
  }
}

for (const { name, events, phase, effects } of jobCases) {
  test(`job: ${name}`, t => {
    let state = newJob
    const seen: string[] = []
    for (const event of events) {
      const step = stepJob(state, event)
      state = step.state
      seen.push(...step.effects.map(effectText))
    }
    t.deepEqual({ phase: state.phase, effects: seen }, { phase, effects: [...effects] })
  })
}

const phaseCases: readonly {
  name: string
  events: readonly MembershipEvent[]
  phase: MemberPhase
  places: string[]
}[] = [
  {
    name: 'silence makes a suspect, which gets no tasks while there are others',
    events: [registered('a', '1'), registered('b', '1', 5_000), { kind: 'tick', nowMs: SUSPICION_MS }],
    phase: 'suspect',
    places: ['b'],
  },
  {
    name: 'suspects get tasks when there is nobody else',
    events: [registered('a', '1'), { kind: 'tick', nowMs: SUSPICION_MS }],
    phase: 'suspect',
    places: ['a'],
  },
  {
    name: 'a heartbeat ends the suspicion',
    events: [
      registered('a', '1'),
      { kind: 'tick', nowMs: SUSPICION_MS },
      { kind: 'heartbeat', id: 'a', incarnation: '1', nowMs: SUSPICION_MS },
    ],
    phase: 'active',
    places: ['a'],
  },
  {
    name: 'who drains gets no tasks, whatever it says later',
    events: [
      registered('a', '1'),
      { kind: 'drains', id: 'a', incarnation: '1' },
      { kind: 'heartbeat', id: 'a', incarnation: '1', nowMs: 1 },
      { kind: 'tick', nowMs: SUSPICION_MS + 1 },
    ],
    phase: 'draining',
    places: [],
  },
]

for (const { name, events, phase, places } of phaseCases) {
  test(`membership: ${name}`, t => {
    const state = events.reduce((before, event) => stepMembership(before, event).state, noMembers)
    t.is(state.members.get('a')?.phase, phase)
    t.deepEqual(
      placeable(state).map(({ id }) => id),
      places,
    )
  })
}
