/** Random lives of jobs and executors: what holds whatever happens, in whatever order. SEED=n replays one. */
import test from 'ava'
import { seededRng } from '../../src/common/clock.js'
import { fail, type BallistaError } from '../../src/common/errors.js'
import {
  isOver,
  newJob,
  stepJob,
  type JobEffect,
  type JobEvent,
  type JobState,
} from '../../src/cluster/scheduler/job-state.js'
import {
  noMembers,
  SILENCE_LIMIT_MS,
  stepMembership,
  type MembershipEvent,
} from '../../src/cluster/scheduler/membership-state.js'
import { MAX_ATTEMPTS } from '../../src/cluster/scheduler/retry.js'
import { pendingOn, pendingTasks } from '../../src/cluster/scheduler/task-table.js'

const LIVES = process.env.BALLISTA_TEST_FULL === '1' ? 200_000 : 2_000
const seeds: readonly number[] =
  process.env.SEED === undefined ? Array.from({ length: LIVES }, (_, i) => i + 1) : [Number(process.env.SEED)]

type Below = (limit: number) => number

/** Whole numbers below a limit, and one of a list. */
function chance(seed: number): { below: Below; pick: <T>(list: readonly T[]) => T } {
  const rng = seededRng(Math.imul(seed, 0x9e3779b1))
  const below: Below = limit => Math.floor(rng.next() * limit)
  return { below, pick: list => list[below(list.length)] }
}

const EXECUTORS = ['a', 'b', 'c']
/** Two stages that run at once, and one that waits for the first. */
const GROUPS = [
  { stages: [0, 1], needs: [] },
  { stages: [2], needs: [0] },
]
const TASKS_A_STAGE = 2

/** A job, and a world that sends it anything: what it asked for, what comes late, and what was never meant for it. */
class JobLife {
  state: JobState = newJob
  readonly effects: JobEffect[] = []
  readonly broken: string[] = []
  private readonly below: Below
  private readonly pick: <T>(list: readonly T[]) => T
  /** Per cent of events that come from nowhere. */
  private readonly hostility: number
  private openAttempts = 0
  private endedAttempts = 0
  /** Executors whose streams broke and that have not come back. */
  private readonly missing = new Set<string>()

  constructor(seed: number) {
    const { below, pick } = chance(seed)
    this.below = below
    this.pick = pick
    this.hostility = pick([3, 10, 30, 100])
  }

  step(event: JobEvent): void {
    const before = this.state
    if (event.kind === 'executorLost' && event.crashed) this.missing.add(event.id)
    if (event.kind === 'executorReturned') this.missing.delete(event.id)
    const { state, effects } = stepJob(before, event)
    this.state = state
    if (state.failure?.code === 'TASK_KILLS_EXECUTOR' && !isOver(before) && this.missing.size < 2)
      this.broken.push(`a task has killed executors, and ${this.missing.size} are missing`)
    if (isOver(before) && (state !== before || effects.length > 0)) this.broken.push(`${event.kind} after the end`)
    if (state.attempt < before.attempt || state.attempt > before.attempt + 1)
      this.broken.push(`attempt ${before.attempt} became ${state.attempt}`)
    if (state.attempt > MAX_ATTEMPTS) this.broken.push(`attempt ${state.attempt}`)
    if (pendingTasks(state.tasks) < 0) this.broken.push('fewer than no tasks are left')
    for (const effect of effects) this.see(effect)
    if (state.phase === 'succeeded') this.checkSuccess(event)
  }

  private see(effect: JobEffect): void {
    this.effects.push(effect)
    if (effect.kind === 'openAttempt') this.openAttempts++
    if (effect.kind === 'endAttempt') this.endedAttempts = this.openAttempts
    const launches = effect.kind === 'launch' || (effect.kind === 'openAttempt' && effect.stages.length > 0)
    if (launches && (this.endedAttempts === this.openAttempts || this.state.phase !== 'running'))
      this.broken.push('tasks are launched for an attempt that is over')
  }

  private checkSuccess(event: JobEvent): void {
    const { reports, tasks } = this.state
    if (pendingTasks(tasks) > 0) this.broken.push(`success by ${event.kind} with ${pendingTasks(tasks)} tasks to go`)
    const names = reports.map(({ stage, partition }) => `${stage}/${partition}`)
    if (new Set(names).size !== names.length) this.broken.push(`a task is counted twice: ${names.join(' ')}`)
    if (reports.some(({ error }) => error !== undefined)) this.broken.push('success with a failed task')
  }

  /** More or less of what it should be, by the life. */
  something(): JobEvent {
    return this.below(100) < this.hostility ? this.anything() : this.next()
  }

  /** Anything, at any time. */
  private anything(): JobEvent {
    const { below, pick, state } = this
    const attempt = below(6) === 0 ? below(5) : state.attempt
    const id = pick(EXECUTORS)
    // Of this process on the host, or of one before it.
    const incarnation = `${id}${below(8) === 0 ? 0 : 1}`
    const events: readonly (() => JobEvent)[] = [
      () => ({ kind: 'admitted' }),
      () => this.planned(),
      () => this.placed(attempt),
      () => ({ kind: 'launchFailed', attempt, incarnation, error: fail('PROTOCOL', ['x', 'y']) }),
      () => this.taskEnded(attempt, below(8) === 0 ? this.error() : undefined),
      () => this.taskEnded(attempt),
      () => this.taskEnded(attempt),
      () => this.taskEnded(attempt),
      () => ({ kind: 'executorLost', id, incarnation, reason: 'x', crashed: below(2) === 0 }),
      () => ({ kind: 'executorReturned', id }),
      () => ({ kind: 'retryDue' }),
      () => (below(5) === 0 ? { kind: 'returnOver' } : { kind: 'retryDue' }),
      () => (below(5) === 0 ? { kind: 'noExecutors' } : { kind: 'retryDue' }),
      () => (below(20) === 0 ? { kind: 'clientGone' } : { kind: 'admitted' }),
      () => (below(20) === 0 ? { kind: 'cancelled', why: 'x' } : this.planned()),
      () => (below(20) === 0 ? { kind: 'refused', error: fail('DIVIDE_BY_ZERO') } : this.planned()),
    ]
    return pick(events)()
  }

  /** What a world that fails no more sends next. */
  next(): JobEvent {
    const { state } = this
    if (state.phase === 'queued') return { kind: 'admitted' }
    if (state.phase === 'planning') return this.planned()
    const asked = this.effects.findLast(({ kind }) => kind === 'awaitRetry' || kind === 'awaitReturn')
    if (state.phase === 'waiting') return asked?.kind === 'awaitReturn' ? { kind: 'returnOver' } : { kind: 'retryDue' }
    if (state.executors.size === 0) return this.placed(state.attempt)
    for (const [id, incarnation] of state.executors) {
      const [task] = pendingOn(state.tasks, id)
      if (task !== undefined) return { kind: 'taskEnded', attempt: state.attempt, incarnation, report: reportOf(task) }
    }
    // Its executor was lost before it failed: the scheduler has been told.
    return { kind: 'cancelled', why: 'nobody has the tasks that are left' }
  }

  private planned(): JobEvent {
    return { kind: 'planned', groups: GROUPS, maxAttempts: 1 + this.below(MAX_ATTEMPTS) }
  }

  private placed(attempt: number): JobEvent {
    const ids = (): string[] => Array.from({ length: TASKS_A_STAGE }, () => this.pick(EXECUTORS))
    return {
      kind: 'placed',
      attempt,
      executors: new Map(EXECUTORS.map(id => [id, `${id}1`])),
      tasks: new Map([0, 1, 2].map(stage => [stage, ids()])),
    }
  }

  private taskEnded(attempt: number, error?: BallistaError): JobEvent {
    const task = { stage: this.below(3), partition: this.below(TASKS_A_STAGE) }
    const incarnation = `${this.pick(EXECUTORS)}1`
    return {
      kind: 'taskEnded',
      attempt,
      incarnation,
      report: error === undefined ? reportOf(task) : { ...reportOf(task), error: error.toInfo() },
      ...(error === undefined ? {} : { error }),
    }
  }

  private error(): BallistaError {
    const errors = [fail('DIVIDE_BY_ZERO'), fail('NETWORK', ['x']), fail('EXECUTOR_LOST', ['a', 'x'])]
    return this.pick(errors)
  }
}

const reportOf = (task: { stage: number; partition: number }) => ({ ...task, operators: [] })

test('a job keeps its rules through any events, and ends', t => {
  const phases = new Map<string, number>()
  for (const seed of seeds) {
    const life = new JobLife(seed)
    for (let steps = 0; steps < 60; steps++) life.step(life.something())
    const wasOver = isOver(life.state)
    // Each attempt has at most all tasks, a placement and a wait; each placement may be one more.
    for (let steps = 0; steps < 100 && !isOver(life.state); steps++) life.step(life.next())
    if (!isOver(life.state)) life.broken.push(`a job in phase ${life.state.phase} that does not end`)
    const told = life.effects.filter(({ kind }) => kind === 'tellClient').length
    if (told > 1) life.broken.push(`the client hears of ${told} ends`)
    if (told === 0 && life.state.phase !== 'cancelled') life.broken.push('the client hears of no end')
    if (life.broken.length > 0) t.fail(`SEED=${seed}: ${life.broken.join('; ')}`)
    const name = `${life.state.phase}${wasOver ? '' : ' later'}`
    phases.set(name, (phases.get(name) ?? 0) + 1)
  }
  // The lives are of all kinds.
  if (process.env.SEED === undefined) {
    for (const phase of ['succeeded', 'failed', 'cancelled'])
      t.true((phases.get(phase) ?? 0) > LIVES / 100, `${phases.get(phase)} lives that ${phase}`)
  }
})

test('an executor is lost once in each incarnation, and nobody stays who is silent', t => {
  for (const seed of seeds) {
    const { below, pick } = chance(seed)
    let state = noMembers
    let nowMs = 0
    const registered = new Set<string>()
    const lost: string[] = []
    const broken: string[] = []
    for (let steps = 0; steps < 80; steps++) {
      nowMs += below(4_000)
      const id = pick(EXECUTORS)
      const incarnation = `${id}${below(6)}`
      const who = { id, incarnation }
      const member = { ...who, version: '0', slots: 1, address: `${id}:1`, phase: 'active' as const, lastSeenMs: nowMs }
      const events: readonly MembershipEvent[] = [
        { kind: 'registered', member },
        { kind: 'heartbeat', ...who, nowMs },
        { kind: 'heartbeat', ...who, nowMs },
        { kind: 'streamEnded', ...who, reason: 'x' },
        { kind: 'drains', ...who },
        { kind: 'leaves', ...who },
        { kind: 'tick', nowMs },
      ]
      const event = pick(events)
      // An incarnation is a process: it registers once.
      if (event.kind === 'registered' && registered.has(incarnation)) continue
      if (event.kind === 'registered') registered.add(incarnation)
      const before = state
      const step = stepMembership(state, event)
      state = step.state
      const gone = step.effects.map(effect => effect.member.incarnation)
      lost.push(...gone)
      const members = (from: typeof state): string[] => [...from.members.values()].map(each => each.incarnation)
      const left = members(before).filter(each => !members(state).includes(each))
      if (gone.toSorted().join() !== left.toSorted().join()) broken.push(`${left.join()} left, ${gone.join()} are lost`)
      const isSilent = ({ lastSeenMs }: { lastSeenMs: number }): boolean => nowMs - lastSeenMs >= SILENCE_LIMIT_MS
      if (event.kind === 'tick' && [...state.members.values()].some(isSilent)) broken.push('one is silent and stays')
    }
    if (new Set(lost).size !== lost.length) broken.push(`lost twice: ${lost.join(' ')}`)
    if (!lost.every(each => registered.has(each))) broken.push('one is lost that never was')
    if (broken.length > 0) t.fail(`SEED=${seed}: ${broken.join('; ')}`)
  }
  t.pass()
})
