/**
 * The life of one job as a pure state machine: queued, planning, attempts that run on executors, and exactly one end. An attempt
 * that the cluster fails is followed by another one; what is still heard of a dead attempt changes nothing.
 */
import { fail, type BallistaError } from '../../common/errors.js'
import { unreachable } from '../../common/invariant.js'
import type { TaskReport } from '../../exchange/stage.js'
import { isRepeated } from './retry.js'
import {
  executorOf,
  hasEnded,
  NO_TASKS,
  pendingOn,
  pendingTasks,
  taskTable,
  withEnded,
  type TaskTable,
} from './task-table.js'

/**
 * `waiting`: the attempt has failed and is being cancelled everywhere; the next one, or the verdict, comes in a moment. `committing`:
 * all tasks of a write have ended well; from here only the commit decides, whoever leaves.
 */
export type JobPhase =
  | 'queued'
  | 'planning'
  | 'running'
  | 'waiting'
  | 'committing'
  | 'succeeded'
  | 'failed'
  | 'cancelled'

/** Stages that run at once. */
export interface LaunchGroup {
  readonly stages: readonly number[]
  /** Stages that must have ended before. */
  readonly needs: readonly number[]
}

export interface JobState {
  readonly phase: JobPhase
  /** 0 before the first. */
  readonly attempt: number
  readonly maxAttempts: number
  /** What its tasks have staged is to be committed. */
  readonly commits: boolean
  /** Of the whole plan. */
  readonly groups: readonly LaunchGroup[]
  /** Of this attempt. */
  readonly unlaunched: readonly LaunchGroup[]
  /** Executors that have been told of this attempt, by id and incarnation. */
  readonly executors: ReadonlyMap<string, string>
  /** Of this attempt. */
  readonly tasks: TaskTable
  /** Of this attempt. */
  readonly reports: readonly TaskReport[]
  /** Over all attempts, by task: executors whose streams broke under it and that have not come back since, and what broke them. */
  readonly suspects: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly failure?: BallistaError
}

export type JobEvent =
  | { readonly kind: 'admitted' }
  | {
      readonly kind: 'planned'
      readonly groups: readonly LaunchGroup[]
      readonly maxAttempts: number
      readonly commits?: boolean
    }
  /** Before an attempt: refused by the admission, or not to be planned. */
  | { readonly kind: 'refused'; readonly error: BallistaError }
  /** `executors`: incarnation by id; `tasks`: executor id by stage and partition. */
  | {
      readonly kind: 'placed'
      readonly attempt: number
      readonly executors: ReadonlyMap<string, string>
      readonly tasks: ReadonlyMap<number, readonly string[]>
    }
  | {
      readonly kind: 'launchFailed'
      readonly attempt: number
      readonly incarnation: string
      readonly error: BallistaError
    }
  | {
      readonly kind: 'taskEnded'
      readonly attempt: number
      readonly incarnation: string
      readonly report: TaskReport
      readonly error?: BallistaError
    }
  /** `crashed`: its stream broke, so that a task may have ended its process; unless that returns. */
  | {
      readonly kind: 'executorLost'
      readonly id: string
      readonly incarnation: string
      readonly reason: string
      readonly crashed: boolean
    }
  /** The process of this id lives. */
  | { readonly kind: 'executorReturned'; readonly id: string }
  /** Who has not returned by now is dead. */
  | { readonly kind: 'returnOver' }
  | { readonly kind: 'retryDue' }
  /** No executor is left for the attempt that is due. */
  | { readonly kind: 'noExecutors' }
  /** What has come of the commit: `error` if nothing of the write is visible. */
  | { readonly kind: 'committed'; readonly error?: BallistaError }
  | { readonly kind: 'clientGone' }
  /** The scheduler ends; another one may take its place. */
  | { readonly kind: 'schedulerEnds' }
  /** By the user, or because the scheduler closes; the client hears it. */
  | { readonly kind: 'cancelled'; readonly why: string }

export type JobEffect =
  /** Choose executors for all tasks of the attempt: `placed`. */
  | { readonly kind: 'place' }
  /** Open the attempt on its executors, with their tasks of these stages, and tell the client where the result will be. */
  | { readonly kind: 'openAttempt'; readonly stages: readonly number[] }
  /** Send executors their tasks of further stages. */
  | { readonly kind: 'launch'; readonly stages: readonly number[] }
  /** Tell every executor of the attempt that it has ended; `reason` is absent when it succeeded. */
  | { readonly kind: 'endAttempt'; readonly reason?: BallistaError }
  /** Send `retryDue` after a while; `isLast`: there will be no other attempt, only a verdict. */
  | { readonly kind: 'awaitRetry'; readonly isLast: boolean }
  /** Instead of the retry: send `returnOver` when executors that live must have come back. */
  | { readonly kind: 'awaitReturn' }
  /** Make visible what the tasks of the attempt have staged: `committed`. */
  | { readonly kind: 'commit' }
  | { readonly kind: 'tellClient'; readonly error?: BallistaError }

export interface JobStep {
  readonly state: JobState
  readonly effects: readonly JobEffect[]
}

export const newJob: JobState = {
  phase: 'queued',
  attempt: 0,
  maxAttempts: 1,
  commits: false,
  groups: [],
  unlaunched: [],
  executors: new Map(),
  tasks: NO_TASKS,
  reports: [],
  suspects: new Map(),
}

export const isOver = ({ phase }: JobState): boolean =>
  phase === 'succeeded' || phase === 'failed' || phase === 'cancelled'

/** The first end wins; whatever comes after it changes nothing. */
export function stepJob(state: JobState, event: JobEvent): JobStep {
  if (isOver(state)) return unchanged(state)
  if (state.phase === 'committing') return event.kind === 'committed' ? committed(state, event.error) : unchanged(state)
  switch (event.kind) {
    case 'admitted':
      return state.phase === 'queued' ? { state: { ...state, phase: 'planning' }, effects: [] } : unchanged(state)
    case 'planned':
      if (state.phase !== 'planning') return unchanged(state)
      return begin({ ...state, groups: event.groups, maxAttempts: event.maxAttempts, commits: event.commits === true })
    case 'refused':
      return state.attempt === 0 ? failed(state, event.error) : unchanged(state)
    case 'placed':
      return isUnplaced(state) && state.attempt === event.attempt ? placed(state, event) : unchanged(state)
    case 'launchFailed':
      return state.phase === 'running' && isCurrent(state, event) ? attemptFailed(state, event.error) : unchanged(state)
    case 'taskEnded':
      return taskEnded(state, event)
    case 'executorLost':
      return executorLost(state, event)
    case 'executorReturned':
      return executorReturned(state, event.id)
    case 'returnOver': {
      const culprit = culpritOf(state)
      if (state.phase !== 'waiting' || culprit === undefined) return unchanged(state)
      return failed(state, fail('TASK_KILLS_EXECUTOR', [culprit.task, culprit.reason]))
    }
    case 'retryDue':
      // The verdict on a culprit comes before its next attempt.
      return state.phase === 'waiting' && culpritOf(state) === undefined ? nextAttempt(state) : unchanged(state)
    case 'noExecutors':
      return state.phase === 'waiting' ? failed(state, fail('NO_EXECUTORS')) : unchanged(state)
    case 'committed':
      return unchanged(state)
    case 'clientGone':
      return {
        state: { ...state, phase: 'cancelled' },
        effects: [{ kind: 'endAttempt', reason: fail('CANCELLED', ['the client has gone']) }],
      }
    case 'schedulerEnds':
      return failed(state, fail('SCHEDULER_RESTARTED'))
    case 'cancelled': {
      const error = fail('CANCELLED', [event.why])
      return { ...failed(state, error), state: { ...state, phase: 'cancelled', failure: error } }
    }
    default:
      return unreachable(event)
  }
}

/** The attempt has just begun: its first placement stays. */
const isUnplaced = ({ phase, tasks }: JobState): boolean => phase === 'running' && tasks === NO_TASKS

const unchanged = (state: JobState): JobStep => ({ state, effects: [] })

const nextAttempt = (state: JobState): JobStep =>
  state.attempt < state.maxAttempts ? begin(state) : failed(state, state.failure as BallistaError)

const begin = (state: JobState): JobStep => ({
  state: {
    ...state,
    phase: 'running',
    attempt: state.attempt + 1,
    unlaunched: state.groups,
    executors: new Map(),
    tasks: NO_TASKS,
    reports: [],
  },
  effects: [{ kind: 'place' }],
})

function placed(state: JobState, event: Extract<JobEvent, { kind: 'placed' }>): JobStep {
  const next = { ...state, executors: event.executors, tasks: taskTable(event.tasks) }
  if (pendingTasks(next.tasks) === 0) {
    const state = { ...next, phase: 'succeeded' } as const
    return { state, effects: [{ kind: 'openAttempt', stages: [] }, { kind: 'tellClient' }] }
  }
  const { stages, unlaunched } = readyStages(next)
  return { state: { ...next, unlaunched }, effects: [{ kind: 'openAttempt', stages }] }
}

/** Launches the groups whose inputs are complete. */
function launchReady(state: JobState): JobStep {
  const { stages, unlaunched } = readyStages(state)
  if (stages.length === 0) return unchanged(state)
  return { state: { ...state, unlaunched }, effects: [{ kind: 'launch', stages }] }
}

/** Those of the groups whose inputs are complete, and the groups that are left. */
function readyStages({ tasks, unlaunched }: JobState): { stages: number[]; unlaunched: LaunchGroup[] } {
  const isReady = (group: LaunchGroup): boolean => group.needs.every(stage => hasEnded(tasks, stage))
  return {
    stages: unlaunched.filter(isReady).flatMap(group => group.stages),
    unlaunched: unlaunched.filter(group => !isReady(group)),
  }
}

function taskEnded(state: JobState, event: Extract<JobEvent, { kind: 'taskEnded' }>): JobStep {
  const executor = executorOf(state.tasks, event.report)
  const isTheirs = executor !== undefined && state.executors.get(executor) === event.incarnation
  if (state.phase !== 'running' || state.attempt !== event.attempt || !isTheirs) return unchanged(state)
  const tasks = withEnded(state.tasks, event.report)
  const reports = [...state.reports, event.report]
  // A failed task stays pending: the executor may yet be lost, and then it is a suspect.
  if (event.error !== undefined) return attemptFailed({ ...state, reports }, event.error)
  if (pendingTasks(tasks) > 0) return launchReady({ ...state, tasks, reports })
  if (state.commits)
    return {
      state: { ...state, phase: 'committing', tasks, reports },
      effects: [{ kind: 'endAttempt' }, { kind: 'commit' }],
    }
  return {
    state: { ...state, phase: 'succeeded', tasks, reports },
    effects: [{ kind: 'endAttempt' }, { kind: 'tellClient' }],
  }
}

function committed(state: JobState, error: BallistaError | undefined): JobStep {
  if (error === undefined) return { state: { ...state, phase: 'succeeded' }, effects: [{ kind: 'tellClient' }] }
  return { state: { ...state, phase: 'failed', failure: error }, effects: [{ kind: 'tellClient', error }] }
}

const isCurrent = (state: JobState, event: { attempt: number; incarnation: string }): boolean =>
  event.attempt === state.attempt && [...state.executors.values()].includes(event.incarnation)

function executorLost(state: JobState, event: Extract<JobEvent, { kind: 'executorLost' }>): JobStep {
  if (state.executors.get(event.id) !== event.incarnation) return unchanged(state)
  const fallen = event.crashed ? runningOn(state, event.id) : []
  const error = fail('EXECUTOR_LOST', [event.id, event.reason])
  const executors = new Map(state.executors)
  executors.delete(event.id)
  const suspects = new Map(state.suspects)
  for (const task of fallen) suspects.set(task, new Map(suspects.get(task)).set(event.id, event.reason))
  const next = { ...state, executors, suspects }
  if (state.phase === 'running') return awaitCulprit(attemptFailed(next, error))
  // It explains the network failure that was seen first.
  const failure = state.failure?.code === 'NETWORK' ? error : state.failure
  if (failure !== undefined && state.attempt >= state.maxAttempts) return failed(next, failure)
  const explained = unchanged(failure === undefined ? next : { ...next, failure })
  return fallen.length === 0 ? explained : awaitCulprit(explained)
}

/** Where a task may have ended two executors, it takes no third one before it is known whether they are dead. */
const awaitCulprit = ({ state, effects }: JobStep): JobStep =>
  state.phase === 'waiting' && culpritOf(state) !== undefined
    ? { state, effects: [...effects, { kind: 'awaitReturn' }] }
    : { state, effects }

/** It was a connection that broke; when that leaves no culprit, nothing has to be waited for. */
function executorReturned(state: JobState, id: string): JobStep {
  if (![...state.suspects.values()].some(lost => lost.has(id))) return unchanged(state)
  const suspects = new Map(
    Array.from(state.suspects, ([task, lost]) => [task, new Map([...lost].filter(([other]) => other !== id))]),
  )
  const next = { ...state, suspects }
  const isCleared = state.phase === 'waiting' && culpritOf(state) !== undefined && culpritOf(next) === undefined
  return isCleared ? nextAttempt(next) : unchanged(next)
}

/** A task under which two executors were lost that have not come back, and how the last of them was. */
function culpritOf({ suspects }: JobState): { task: string; reason: string } | undefined {
  for (const [task, lost] of suspects) if (lost.size > 1) return { task, reason: [...lost.values()][lost.size - 1] }
  return undefined
}

/** Tasks that have been launched there and have not ended. */
function runningOn({ tasks, unlaunched }: JobState, executorId: string): string[] {
  const later = new Set(unlaunched.flatMap(group => group.stages))
  return pendingOn(tasks, executorId)
    .filter(task => !later.has(task.stage))
    .map(task => `stage ${task.stage}, partition ${task.partition}`)
}

/** A user's error ends the job; the cluster's leads to another attempt while there are any. */
function attemptFailed(state: JobState, error: BallistaError): JobStep {
  const isLast = state.attempt >= state.maxAttempts
  if (!isRepeated(error) || (isLast && error.code !== 'NETWORK')) return failed(state, error)
  return {
    state: { ...state, phase: 'waiting', failure: error },
    effects: [
      { kind: 'endAttempt', reason: error },
      { kind: 'awaitRetry', isLast },
    ],
  }
}

const failed = (state: JobState, error: BallistaError): JobStep => ({
  state: { ...state, phase: 'failed', failure: error },
  effects: [
    { kind: 'endAttempt', reason: error },
    { kind: 'tellClient', error },
  ],
})
