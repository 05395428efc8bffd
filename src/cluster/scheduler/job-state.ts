/** The life of one job as a pure state machine: planning, running on executors, and exactly one end. */
import { fail, type BallistaError } from '../../common/errors.js'
import { unreachable } from '../../common/invariant.js'
import type { TaskReport } from '../../exchange/stage.js'

/** After a network failure the loss of an executor may explain it: how long the verdict waits. */
export const VERDICT_WAIT_MS = 1_000

/**
 * `judging`: a task has failed on the network and everything is being cancelled; the client hears why in a moment.
 */
export type JobPhase = 'planning' | 'running' | 'judging' | 'succeeded' | 'failed' | 'cancelled'

export interface JobState {
  readonly phase: JobPhase
  /** Executors that have been told of the job, by id and incarnation. */
  readonly executors: ReadonlyMap<string, string>
  /** `stage/partition` of tasks that have not ended. */
  readonly pending: ReadonlySet<string>
  readonly reports: readonly TaskReport[]
  readonly failure?: BallistaError
}

export type JobEvent =
  | { readonly kind: 'launched'; readonly executors: ReadonlyMap<string, string>; readonly tasks: readonly string[] }
  | { readonly kind: 'planFailed'; readonly error: BallistaError }
  | { readonly kind: 'launchFailed'; readonly incarnation: string; readonly error: BallistaError }
  | {
      readonly kind: 'taskEnded'
      readonly incarnation: string
      readonly report: TaskReport
      readonly error?: BallistaError
    }
  | { readonly kind: 'executorLost'; readonly id: string; readonly incarnation: string; readonly reason: string }
  | { readonly kind: 'clientGone' }
  | { readonly kind: 'schedulerClosing' }
  | { readonly kind: 'verdictDue' }

export type JobEffect =
  /** Send every executor of the job its tasks. */
  | { readonly kind: 'launch' }
  /** Tell every executor of the job that it has ended; `reason` is absent when it succeeded. */
  | { readonly kind: 'endOnExecutors'; readonly reason?: BallistaError }
  | { readonly kind: 'tellClient'; readonly error?: BallistaError }
  /** Send `verdictDue` after VERDICT_WAIT_MS. */
  | { readonly kind: 'awaitVerdict' }

export interface JobStep {
  readonly state: JobState
  readonly effects: readonly JobEffect[]
}

export const newJob: JobState = { phase: 'planning', executors: new Map(), pending: new Set(), reports: [] }

export const taskKey = (task: { stage: number; partition: number }): string => `${task.stage}/${task.partition}`

export const isOver = (state: JobState): boolean =>
  state.phase === 'succeeded' || state.phase === 'failed' || state.phase === 'cancelled'

/** The first end wins; whatever comes after it changes nothing. */
export function stepJob(state: JobState, event: JobEvent): JobStep {
  if (isOver(state)) return { state, effects: [] }
  switch (event.kind) {
    case 'launched':
      if (state.phase !== 'planning') return { state, effects: [] }
      if (event.tasks.length === 0) {
        return { state: { ...state, phase: 'succeeded' }, effects: [{ kind: 'launch' }, { kind: 'tellClient' }] }
      }
      return {
        state: { ...state, phase: 'running', executors: event.executors, pending: new Set(event.tasks) },
        effects: [{ kind: 'launch' }],
      }
    case 'planFailed':
      return state.phase === 'planning' ? failed(state, event.error) : { state, effects: [] }
    case 'launchFailed':
      return runsOn(state, event.incarnation) ? failed(state, event.error) : { state, effects: [] }
    case 'taskEnded':
      return taskEnded(state, event)
    case 'executorLost':
      if (state.executors.get(event.id) !== event.incarnation) return { state, effects: [] }
      return failed(state, fail('EXECUTOR_LOST', [event.id, event.reason]))
    case 'clientGone':
      return {
        state: { ...state, phase: 'cancelled' },
        effects: [{ kind: 'endOnExecutors', reason: fail('CANCELLED', ['the client has gone']) }],
      }
    case 'schedulerClosing':
      return failed(state, fail('CANCELLED', ['the scheduler is shutting down']))
    case 'verdictDue':
      return state.phase === 'judging' && state.failure !== undefined
        ? failed(state, state.failure)
        : { state, effects: [] }
    default:
      return unreachable(event)
  }
}

function taskEnded(state: JobState, event: Extract<JobEvent, { kind: 'taskEnded' }>): JobStep {
  const key = taskKey(event.report)
  if (state.phase !== 'running' || !runsOn(state, event.incarnation) || !state.pending.has(key))
    return { state, effects: [] }
  const pending = new Set(state.pending)
  pending.delete(key)
  const next: JobState = { ...state, pending, reports: [...state.reports, event.report] }
  if (event.error === undefined) {
    if (pending.size > 0) return { state: next, effects: [] }
    return { state: { ...next, phase: 'succeeded' }, effects: [{ kind: 'endOnExecutors' }, { kind: 'tellClient' }] }
  }
  if (event.error.code !== 'NETWORK') return failed(next, event.error)
  return {
    state: { ...next, phase: 'judging', failure: event.error },
    effects: [{ kind: 'endOnExecutors', reason: event.error }, { kind: 'awaitVerdict' }],
  }
}

const runsOn = (state: JobState, incarnation: string): boolean => [...state.executors.values()].includes(incarnation)

function failed(state: JobState, error: BallistaError): JobStep {
  return {
    state: { ...state, phase: 'failed', failure: error },
    effects: [
      { kind: 'endOnExecutors', reason: error },
      { kind: 'tellClient', error },
    ],
  }
}
