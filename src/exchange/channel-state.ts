/**
 * The two ends of a channel between processes as pure state machines: `(state, event) → { state, effects }`. The invariants of the
 * protocol are here: credits never shrink, no frame without credit, sequence numbers without gaps, an end with agreeing totals.
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

/** `done`: acknowledged, cancelled or failed; nothing more is sent. */
export interface SenderState {
  readonly phase: 'streaming' | 'eosSent' | 'done'
  readonly creditBytes: number
  readonly sent: FrameTotals
}

export type SenderEvent =
  | { readonly kind: 'credit'; readonly creditBytes: number }
  /** Only when `canSend`. */
  | { readonly kind: 'send'; readonly bytes: number; readonly rows: number; readonly more: boolean }
  /** The producer has ended and everything has been sent. */
  | { readonly kind: 'end' }
  | { readonly kind: 'bye'; readonly batches: number; readonly rows: number }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'fail' }

export type SenderEffect =
  | { readonly kind: 'sendFrame'; readonly frame: FrameHeader }
  | { readonly kind: 'sendEos'; readonly totals: FrameTotals }
  | { readonly kind: 'sendFailure' }
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'cancelled' }
  /** The consumer broke the protocol. */
  | { readonly kind: 'violated'; readonly found: string }

export interface Step<State, Effect> {
  readonly state: State
  readonly effects: readonly Effect[]
}

export const newSender = (creditBytes: number): SenderState => ({ phase: 'streaming', creditBytes, sent: NOTHING_SENT })

/** A frame of `bytes` is covered by credit. */
export const canSend = (state: SenderState, bytes: number): boolean =>
  state.phase === 'streaming' && state.sent.bytes + bytes <= state.creditBytes

export function stepSender(state: SenderState, event: SenderEvent): Step<SenderState, SenderEffect> {
  const done = { ...state, phase: 'done' } as const
  if (state.phase === 'done') return { state, effects: [] }
  switch (event.kind) {
    case 'credit':
      return { state: { ...state, creditBytes: Math.max(state.creditBytes, event.creditBytes) }, effects: [] }
    case 'send': {
      invariant(canSend(state, event.bytes), 'a frame without credit')
      const frame = { seq: state.sent.frames, rows: event.rows, more: event.more, bytes: event.bytes }
      return { state: { ...state, sent: withFrame(state.sent, frame) }, effects: [{ kind: 'sendFrame', frame }] }
    }
    case 'end':
      if (state.phase === 'eosSent') return { state, effects: [] }
      return { state: { ...state, phase: 'eosSent' }, effects: [{ kind: 'sendEos', totals: state.sent }] }
    case 'bye': {
      const agrees = state.phase === 'eosSent' && event.batches === state.sent.batches && event.rows === state.sent.rows
      if (agrees) return { state: done, effects: [{ kind: 'acknowledged' }] }
      const found = `it ended with ${event.batches} batches and ${event.rows} rows of ${state.sent.batches} and ${state.sent.rows}`
      return { state: done, effects: [{ kind: 'violated', found }] }
    }
    case 'cancel':
      return { state: done, effects: [{ kind: 'cancelled' }] }
    case 'fail':
      return { state: done, effects: [{ kind: 'sendFailure' }] }
    default:
      return unreachable(event)
  }
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
  | { readonly kind: 'sendCredit'; readonly creditBytes: number }
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
      return state.phase === 'open' ? receiveFrame(state, event.frame) : late(state, 'a frame after the end')
    case 'used':
      return grant({ ...state, heldBytes: state.heldBytes - event.bytes }, [])
    case 'eos':
      return state.phase === 'open' ? receiveEos(state, event.totals) : late(state, 'a second end')
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

function receiveFrame(state: ReceiverState, frame: FrameHeader): ReceiverStep {
  const { received } = state
  if (frame.seq !== received.frames)
    return reject(state, 'PROTOCOL', `frame ${frame.seq} came where frame ${received.frames} was due`)
  if (received.bytes + frame.bytes > state.creditBytes)
    return reject(state, 'PROTOCOL', `frame ${frame.seq} of ${frame.bytes} bytes came without credit`)
  const batchBytes = state.partialBytes + frame.bytes
  if (batchBytes > MAX_BATCH_BYTES) return reject(state, 'PROTOCOL', `a batch is larger than ${MAX_BATCH_BYTES} bytes`)
  const next = { ...state, received: withFrame(received, frame) }
  if (frame.more) return grant({ ...next, partialBytes: batchBytes }, [{ kind: 'keep' }])
  return grant({ ...next, partialBytes: 0, heldBytes: state.heldBytes + batchBytes }, [
    { kind: 'deliver', bytes: batchBytes },
  ])
}

function receiveEos(state: ReceiverState, totals: FrameTotals): ReceiverStep {
  const { received } = state
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

/** What is on its way when the consumer cancels is ignored; anything else after an end is a violation. */
const late = (state: ReceiverState, found: string): ReceiverStep =>
  state.phase === 'ended' ? reject(state, 'PROTOCOL', found) : { state, effects: [] }

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
  return { state: { ...state, creditBytes }, effects: [...effects, { kind: 'sendCredit', creditBytes }] }
}
