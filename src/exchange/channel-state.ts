/**
 * The two ends of a channel between processes as pure state machines: `(state, event) → { state, effects }`. The invariants of the
 * protocol are here: credits never shrink, no frame when the credit is used up, sequence numbers without gaps, an end with agreeing
 * totals; after a connection broke, frames that did not arrive are sent again, and those that did are dropped.
 */
import type { ErrorCode } from '../common/errors.js'
import { invariant, unreachable } from '../common/invariant.js'

export interface FrameTotals {
  readonly frames: number
  readonly batches: number
  readonly rows: number
  readonly bytes: number
}

const NOTHING_SENT: FrameTotals = { frames: 0, batches: 0, rows: 0, bytes: 0 }

/** One frame, its payload apart. `rows` counts when the frame completes its batch. */
export interface FrameHeader {
  readonly seq: number
  readonly rows: number
  readonly more: boolean
  readonly bytes: number
}

const withFrame = (totals: FrameTotals, frame: FrameHeader): FrameTotals => ({
  frames: totals.frames + 1,
  batches: totals.batches + (frame.more ? 0 : 1),
  rows: totals.rows + (frame.more ? 0 : frame.rows),
  bytes: totals.bytes + frame.bytes,
})

/** `done`: acknowledged, cancelled or failed; nothing more is sent. `received`: frames that the consumer said it has. */
export interface SenderState {
  readonly phase: 'streaming' | 'eosSent' | 'done'
  readonly creditBytes: number
  readonly sent: FrameTotals
  readonly received: number
}

export type SenderEvent =
  | { readonly kind: 'credit'; readonly creditBytes: number; readonly received: number }
  /** Only when `canSend`. */
  | { readonly kind: 'send'; readonly bytes: number; readonly rows: number; readonly more: boolean }
  /** The producer has ended and everything has been sent. */
  | { readonly kind: 'end' }
  | { readonly kind: 'bye'; readonly batches: number; readonly rows: number }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'fail' }
  /** The consumer is back on another connection: what followed the first `received` frames is lost. */
  | { readonly kind: 'resume'; readonly creditBytes: number; readonly received: number }

export type SenderEffect =
  | { readonly kind: 'sendFrame'; readonly frame: FrameHeader }
  /** Send again what was sent from frame `from` on. */
  | { readonly kind: 'resend'; readonly from: number }
  | { readonly kind: 'sendEos'; readonly totals: FrameTotals }
  | { readonly kind: 'sendFailure' }
  /** The first `received` frames will not be sent again. */
  | { readonly kind: 'forget'; readonly received: number }
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'cancelled' }
  /** The consumer broke the protocol. */
  | { readonly kind: 'violated'; readonly found: string }

export interface Step<State, Effect> {
  readonly state: State
  readonly effects: readonly Effect[]
}

export const newSender = (creditBytes: number): SenderState => ({
  phase: 'streaming',
  creditBytes,
  sent: NOTHING_SENT,
  received: 0,
})

/** There is credit left. The last frame may exceed it: a window smaller than a frame lets one frame through at a time. */
export const canSend = (state: SenderState): boolean =>
  state.phase === 'streaming' && state.sent.bytes < state.creditBytes

export function stepSender(state: SenderState, event: SenderEvent): Step<SenderState, SenderEffect> {
  if (state.phase === 'done') return { state, effects: [] }
  switch (event.kind) {
    case 'credit':
      return granted(state, event)
    case 'send': {
      invariant(canSend(state), 'a frame without credit')
      const frame = { seq: state.sent.frames, rows: event.rows, more: event.more, bytes: event.bytes }
      return { state: { ...state, sent: withFrame(state.sent, frame) }, effects: [{ kind: 'sendFrame', frame }] }
    }
    case 'end':
      if (state.phase === 'eosSent') return { state, effects: [] }
      return { state: { ...state, phase: 'eosSent' }, effects: [{ kind: 'sendEos', totals: state.sent }] }
    case 'bye': {
      const agrees = state.phase === 'eosSent' && event.batches === state.sent.batches && event.rows === state.sent.rows
      if (agrees) return done(state, { kind: 'acknowledged' })
      const found = `it ended with ${event.batches} batches and ${event.rows} rows of ${state.sent.batches} and ${state.sent.rows}`
      return done(state, { kind: 'violated', found })
    }
    case 'cancel':
      return done(state, { kind: 'cancelled' })
    case 'fail':
      return done(state, { kind: 'sendFailure' })
    case 'resume':
      return resumed(state, event)
    default:
      return unreachable(event)
  }
}

type SenderStep = Step<SenderState, SenderEffect>

const done = (state: SenderState, effect: SenderEffect): SenderStep => ({
  state: { ...state, phase: 'done' },
  effects: [effect],
})

/** Credits that overtook each other change nothing. */
function granted(state: SenderState, { creditBytes, received }: { creditBytes: number; received: number }): SenderStep {
  if (received > state.sent.frames) {
    return done(state, {
      kind: 'violated',
      found: `it has ${received} of the ${state.sent.frames} frames that were sent`,
    })
  }
  const next = {
    ...state,
    creditBytes: Math.max(state.creditBytes, creditBytes),
    received: Math.max(state.received, received),
  }
  return { state: next, effects: next.received > state.received ? [{ kind: 'forget', received: next.received }] : [] }
}

function resumed(state: SenderState, event: { creditBytes: number; received: number }): SenderStep {
  if (event.received < state.received)
    return done(state, { kind: 'violated', found: `it lost ${state.received - event.received} frames that it had` })
  const step = granted(state, event)
  if (step.state.phase === 'done') return step
  const effects: SenderEffect[] = [...step.effects]
  if (event.received < state.sent.frames) effects.push({ kind: 'resend', from: event.received })
  if (state.phase === 'eosSent') effects.push({ kind: 'sendEos', totals: state.sent })
  return { state: step.state, effects }
}

/** `heldBytes`: payload of complete batches that the consumer has not yet used. */
export interface ReceiverState {
  readonly phase: 'open' | 'ended' | 'cancelled' | 'failed'
  readonly windowBytes: number
  readonly creditBytes: number
  readonly received: FrameTotals
  readonly partialBytes: number
  readonly heldBytes: number
}

export type ReceiverEvent =
  | { readonly kind: 'frame'; readonly frame: FrameHeader }
  /** The consumer has taken a batch of `bytes` payload. */
  | { readonly kind: 'used'; readonly bytes: number }
  | { readonly kind: 'eos'; readonly totals: FrameTotals }
  | { readonly kind: 'cancel' }
  /** The producer failed, the connection broke, or a frame is corrupt. */
  | { readonly kind: 'fail' }

export type ReceiverEffect =
  /** Keep the payload: the batch is not complete. */
  | { readonly kind: 'keep' }
  /** The payload completes a batch of `bytes`: decode it. */
  | { readonly kind: 'deliver'; readonly bytes: number }
  | { readonly kind: 'sendCredit'; readonly creditBytes: number; readonly received: number }
  | { readonly kind: 'sendBye'; readonly batches: number; readonly rows: number }
  | { readonly kind: 'sendCancel' }
  /** The producer broke the protocol: fail with `code`, naming `found`. */
  | { readonly kind: 'reject'; readonly code: ErrorCode; readonly found: string }

/** One batch as it travels: more than any batch of the engine, less than what could exhaust an arena. */
export const MAX_BATCH_BYTES = 1024 ** 3

export const newReceiver = (windowBytes: number): ReceiverState => ({
  phase: 'open',
  windowBytes,
  creditBytes: windowBytes,
  received: NOTHING_SENT,
  partialBytes: 0,
  heldBytes: 0,
})

export function stepReceiver(state: ReceiverState, event: ReceiverEvent): Step<ReceiverState, ReceiverEffect> {
  switch (event.kind) {
    case 'frame':
      return receiveFrame(state, event.frame)
    case 'used':
      return grant({ ...state, heldBytes: state.heldBytes - event.bytes }, [])
    case 'eos':
      return receiveEos(state, event.totals)
    case 'cancel':
      return state.phase === 'open'
        ? { state: { ...state, phase: 'cancelled' }, effects: [{ kind: 'sendCancel' }] }
        : { state, effects: [] }
    case 'fail':
      return state.phase === 'open' ? { state: { ...state, phase: 'failed' }, effects: [] } : { state, effects: [] }
    default:
      return unreachable(event)
  }
}

type ReceiverStep = Step<ReceiverState, ReceiverEffect>

/** A frame that is there already was sent again after a connection broke. After a cancel or failure nothing counts. */
function receiveFrame(state: ReceiverState, frame: FrameHeader): ReceiverStep {
  const { received } = state
  const isKnown = frame.seq < received.frames
  if (isKnown || state.phase === 'cancelled' || state.phase === 'failed') return { state, effects: [] }
  if (state.phase === 'ended') return reject(state, 'PROTOCOL', 'a frame after the end')
  if (frame.seq !== received.frames)
    return reject(state, 'PROTOCOL', `frame ${frame.seq} came where frame ${received.frames} was due`)
  if (received.bytes >= state.creditBytes)
    return reject(state, 'PROTOCOL', `frame ${frame.seq} of ${frame.bytes} bytes came without credit`)
  const batchBytes = state.partialBytes + frame.bytes
  if (batchBytes > MAX_BATCH_BYTES) return reject(state, 'PROTOCOL', `a batch is larger than ${MAX_BATCH_BYTES} bytes`)
  const next = { ...state, received: withFrame(received, frame) }
  if (frame.more) return grant({ ...next, partialBytes: batchBytes }, [{ kind: 'keep' }])
  return grant({ ...next, partialBytes: 0, heldBytes: state.heldBytes + batchBytes }, [
    { kind: 'deliver', bytes: batchBytes },
  ])
}

/** The end comes again when the answer to it was lost. */
function receiveEos(state: ReceiverState, totals: FrameTotals): ReceiverStep {
  const { received } = state
  if (state.phase === 'cancelled' || state.phase === 'failed') return { state, effects: [] }
  const agrees = (Object.keys(received) as (keyof FrameTotals)[]).every(key => received[key] === totals[key])
  if (!agrees || state.partialBytes > 0) {
    const found = `the end came after ${received.rows} of ${totals.rows} rows, ${received.frames} of ${totals.frames} frames`
    return reject(state, 'DATA_CORRUPTION', found)
  }
  return {
    state: { ...state, phase: 'ended' },
    effects: [{ kind: 'sendBye', batches: totals.batches, rows: totals.rows }],
  }
}

const reject = (state: ReceiverState, code: ErrorCode, found: string): ReceiverStep => ({
  state: { ...state, phase: 'failed' },
  effects: [{ kind: 'reject', code, found }],
})

/**
 * Raises the credit to one window beyond what is held, in steps of half a window. The bytes of an unfinished batch do not
 * count as held, else a batch larger than the window would never come to its end; MAX_BATCH_BYTES bounds them.
 */
function grant(state: ReceiverState, effects: ReceiverEffect[]): ReceiverStep {
  const creditBytes = state.received.bytes - state.heldBytes + state.windowBytes
  if (state.phase !== 'open' || creditBytes - state.creditBytes < state.windowBytes / 2) return { state, effects }
  const credit = { kind: 'sendCredit', creditBytes, received: state.received.frames } as const
  return { state: { ...state, creditBytes }, effects: [...effects, credit] }
}
