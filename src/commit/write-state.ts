/**
 * The life of one write as a pure state machine. Until its manifest is durable it goes back when something ends it; from then on only
 * forward, whoever goes on with it.
 *
 *   staging ─► sealed ─► prepared ─► decided ─► recorded ─► ended
 *      └──────────┴───── failed ────────┘
 */
import type { ErrorInfo } from '../common/errors.js'
import { unreachable } from '../common/invariant.js'
import type { CommittedWrite, StagedPart } from '../catalog/table-write.js'

/** What a write has come to; kept under its idempotency key. */
export type WriteOutcome =
  | ({ readonly kind: 'committed' } & CommittedWrite)
  /** Nothing of it is, or ever will be, visible. */
  | { readonly kind: 'aborted'; readonly error: ErrorInfo }

export type WriteState =
  /** Tasks stage parts, or nobody does any more. */
  | { readonly phase: 'staging' }
  /** What the coordinator of a process that has ended left behind. */
  | { readonly phase: 'found'; readonly outcome?: WriteOutcome }
  /** One winner for each part is known. */
  | { readonly phase: 'sealed'; readonly parts: readonly StagedPart[] }
  | { readonly phase: 'prepared' }
  /** It is in the table, or never will be. */
  | { readonly phase: 'decided'; readonly outcome: WriteOutcome }
  /** Whoever asks by the idempotency key hears of it. */
  | { readonly phase: 'recorded'; readonly outcome: WriteOutcome }
  | { readonly phase: 'ended'; readonly outcome: WriteOutcome }

export type WriteEvent =
  | { readonly kind: 'sealed'; readonly parts: readonly StagedPart[] }
  | { readonly kind: 'inspected'; readonly isPrepared: boolean }
  | { readonly kind: 'prepared' }
  | { readonly kind: 'published'; readonly written: CommittedWrite }
  | { readonly kind: 'recorded' }
  | { readonly kind: 'cleaned' }
  /** It is given up, or a step has failed for good. */
  | { readonly kind: 'failed'; readonly error: ErrorInfo }

/** What is to be done now; nothing while tasks stage, and after the end. */
export type WriteStep = 'inspect' | 'prepare' | 'publish' | 'record' | 'clean'

export const staging: WriteState = { phase: 'staging' }

export function nextStep(state: WriteState): WriteStep | undefined {
  switch (state.phase) {
    case 'staging':
    case 'ended':
      return undefined
    case 'found':
      return state.outcome === undefined ? 'inspect' : 'clean'
    case 'sealed':
      return 'prepare'
    case 'prepared':
      return 'publish'
    case 'decided':
      return 'record'
    case 'recorded':
      return 'clean'
  }
  return unreachable(state)
}

/** An event that does not belong to the phase changes nothing. */
export function stepWrite(state: WriteState, event: WriteEvent): WriteState {
  switch (event.kind) {
    case 'sealed':
      return state.phase === 'staging' ? { phase: 'sealed', parts: event.parts } : state
    case 'inspected':
      if (state.phase !== 'found') return state
      return event.isPrepared ? { phase: 'prepared' } : gone
    case 'prepared':
      return state.phase === 'sealed' ? { phase: 'prepared' } : state
    case 'published':
      if (state.phase !== 'prepared') return state
      return { phase: 'decided', outcome: { kind: 'committed', ...event.written } }
    case 'recorded':
      return state.phase === 'decided' ? { ...state, phase: 'recorded' } : state
    case 'cleaned': {
      const { outcome } = state as { outcome?: WriteOutcome }
      return outcome === undefined ? state : { phase: 'ended', outcome }
    }
    case 'failed':
      return 'outcome' in state ? state : { phase: 'decided', outcome: { kind: 'aborted', error: event.error } }
  }
  return unreachable(event)
}

const gone: WriteState = {
  phase: 'decided',
  outcome: {
    kind: 'aborted',
    error: { code: 'CANCELLED', message: 'query cancelled: the process that wrote has ended', context: [] },
  },
}
