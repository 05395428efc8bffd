/** Which jobs may run and which wait: a pure state machine with a bounded queue, first come, first served. */
import { unreachable } from '../../common/invariant.js'

export interface AdmissionLimits {
  /** Jobs that run at the same time; absent: twice the slots, at least MIN_RUNNING. */
  readonly maxRunning?: number
  /** Jobs that wait; another one is refused. */
  readonly maxQueued: number
  /** A job that has waited so long is refused. */
  readonly queueTimeoutMs: number
}

/** Short queries leave slots free while they plan and while their clients read. */
const MIN_RUNNING = 16

export const DEFAULT_ADMISSION: AdmissionLimits = { maxQueued: 1_000, queueTimeoutMs: 300_000 }

/** How many jobs may run on a cluster with so many task slots. */
export const runningLimit = (limits: AdmissionLimits, slots: number): number =>
  limits.maxRunning ?? Math.max(MIN_RUNNING, 2 * slots)

export interface AdmissionState {
  readonly running: ReadonlySet<string>
  /** Since when each waits, by job, oldest first. */
  readonly queue: ReadonlyMap<string, number>
}

export type AdmissionEvent =
  | { readonly kind: 'arrives'; readonly jobId: string; readonly nowMs: number }
  /** It is over, whether it ran or waited. */
  | { readonly kind: 'ends'; readonly jobId: string }
  /** It has waited for the queue timeout. */
  | { readonly kind: 'expires'; readonly jobId: string; readonly nowMs: number }

export type AdmissionEffect =
  | { readonly kind: 'admit'; readonly jobId: string }
  /** Send `expires` after the queue timeout. */
  | { readonly kind: 'enqueue'; readonly jobId: string }
  | { readonly kind: 'refuse'; readonly jobId: string; readonly found: string; readonly retryAfterMs: number }

export interface AdmissionStep {
  readonly state: AdmissionState
  readonly effects: readonly AdmissionEffect[]
}

export const nobody: AdmissionState = { running: new Set(), queue: new Map() }

/** `maxRunning` may change from event to event, as executors come and go. */
export function stepAdmission(
  state: AdmissionState,
  event: AdmissionEvent,
  { maxRunning, maxQueued }: { readonly maxRunning: number; readonly maxQueued: number },
): AdmissionStep {
  switch (event.kind) {
    case 'arrives': {
      if (state.running.size >= maxRunning && state.queue.size >= maxQueued)
        return refuse(state, event, `${state.running.size} queries run and ${state.queue.size} wait`)
      const queue = new Map(state.queue).set(event.jobId, event.nowMs)
      const step = admitNext({ ...state, queue }, maxRunning)
      if (!step.state.queue.has(event.jobId)) return step
      return { ...step, effects: [...step.effects, { kind: 'enqueue', jobId: event.jobId }] }
    }
    case 'ends':
      return admitNext(without(state, event.jobId), maxRunning)
    case 'expires': {
      const sinceMs = state.queue.get(event.jobId)
      if (sinceMs === undefined) return { state, effects: [] }
      const seconds = Math.round((event.nowMs - sinceMs) / 1000)
      const step = refuse(state, event, `${state.queue.size} queries wait, and this one has waited for ${seconds} s`)
      return { ...step, state: without(state, event.jobId) }
    }
    default:
      return unreachable(event)
  }
}

function admitNext(state: AdmissionState, maxRunning: number): AdmissionStep {
  const next = [...state.queue.keys()].slice(0, Math.max(0, maxRunning - state.running.size))
  if (next.length === 0) return { state, effects: [] }
  const queue = new Map(state.queue)
  for (const jobId of next) queue.delete(jobId)
  return {
    state: { running: new Set([...state.running, ...next]), queue },
    effects: next.map(jobId => ({ kind: 'admit', jobId })),
  }
}

function without(state: AdmissionState, jobId: string): AdmissionState {
  const running = new Set(state.running)
  const queue = new Map(state.queue)
  running.delete(jobId)
  queue.delete(jobId)
  return { running, queue }
}

const LEAST_RETRY_MS = 1_000
const MOST_RETRY_MS = 30_000

/** The hint is how long the first of the queue has waited: about what a place in it costs now. */
function refuse(
  state: AdmissionState,
  { jobId, nowMs }: { jobId: string; nowMs: number },
  found: string,
): AdmissionStep {
  const [oldestMs = nowMs] = state.queue.values()
  const retryAfterMs = Math.min(MOST_RETRY_MS, Math.max(LEAST_RETRY_MS, nowMs - oldestMs))
  return { state, effects: [{ kind: 'refuse', jobId, found, retryAfterMs }] }
}
