/** Which executors are alive: a pure state machine over registrations, heartbeats, broken streams and the passing of time. */
import { unreachable } from '../../common/invariant.js'
import type { ExecutorPlace } from './placement.js'

/** How often executors report. */
export const HEARTBEAT_MS = 2_000
/** After such a silence an executor gets no new tasks while there are others. */
export const SUSPICION_MS = 6_000
/** After such a silence it is lost; executors that have not heard of the scheduler for so long give up their tasks themselves. */
export const SILENCE_LIMIT_MS = 15_000

/** `suspect`: it has been silent. `draining`: it is shutting down, and takes no new tasks. */
export type MemberPhase = 'active' | 'suspect' | 'draining'

export interface Member extends ExecutorPlace {
  /** Tells the process that registered last from its predecessors of the same id. */
  readonly incarnation: string
  readonly version: string
  readonly phase: MemberPhase
  readonly lastSeenMs: number
}

export interface MembershipState {
  /** By executor id, in order of registration. */
  readonly members: ReadonlyMap<string, Member>
}

export type MembershipEvent =
  | { readonly kind: 'registered'; readonly member: Member }
  | { readonly kind: 'heartbeat'; readonly id: string; readonly incarnation: string; readonly nowMs: number }
  | { readonly kind: 'drains'; readonly id: string; readonly incarnation: string }
  | { readonly kind: 'streamEnded'; readonly id: string; readonly incarnation: string; readonly reason: string }
  | { readonly kind: 'leaves'; readonly id: string; readonly incarnation: string }
  /** `silenceLimitMs`: default SILENCE_LIMIT_MS. */
  | { readonly kind: 'tick'; readonly nowMs: number; readonly silenceLimitMs?: number }

/** The incarnation is no longer a member: its stream is to be closed, its jobs are to fail. */
export interface MembershipEffect {
  /**
   * `crashed`: its stream broke, with its process or the connection. `reconnected`: its process, which an id names, has registered
   * anew. `silent`: it was not heard of for too long. `left`: it said so itself.
   */
  readonly kind: 'crashed' | 'reconnected' | 'silent' | 'left'
  readonly member: Member
  readonly reason: string
}

export interface MembershipStep {
  readonly state: MembershipState
  readonly effects: readonly MembershipEffect[]
}

export const noMembers: MembershipState = { members: new Map() }

/** Where new tasks may run: active executors, or the suspects if there are no others. */
export function placeable({ members }: MembershipState): readonly Member[] {
  const of = (phase: MemberPhase): Member[] => [...members.values()].filter(member => member.phase === phase)
  const active = of('active')
  return active.length > 0 ? active : of('suspect')
}

/** Events of an incarnation that is not the current one change nothing. */
export function stepMembership(state: MembershipState, event: MembershipEvent): MembershipStep {
  switch (event.kind) {
    case 'registered': {
      const before = state.members.get(event.member.id)
      const effects: readonly MembershipEffect[] =
        before === undefined ? [] : [{ kind: 'reconnected', member: before, reason: 'it registered again' }]
      return { state: withMember(without(state, before), event.member), effects }
    }
    case 'heartbeat':
      return changed(state, event, member => ({
        ...member,
        lastSeenMs: event.nowMs,
        phase: member.phase === 'suspect' ? 'active' : member.phase,
      }))
    case 'drains':
      return changed(state, event, member => ({ ...member, phase: 'draining' }))
    case 'streamEnded': {
      const member = current(state, event)
      if (member === undefined) return { state, effects: [] }
      return { state: without(state, member), effects: [{ kind: 'crashed', member, reason: event.reason }] }
    }
    case 'leaves': {
      const member = current(state, event)
      if (member === undefined) return { state, effects: [] }
      return { state: without(state, member), effects: [{ kind: 'left', member, reason: 'it is shutting down' }] }
    }
    case 'tick':
      return tick(state, event.nowMs, event.silenceLimitMs ?? SILENCE_LIMIT_MS)
    default:
      return unreachable(event)
  }
}

function tick(state: MembershipState, nowMs: number, silenceLimitMs: number): MembershipStep {
  let next = state
  const effects: MembershipEffect[] = []
  for (const member of state.members.values()) {
    const silentMs = nowMs - member.lastSeenMs
    if (silentMs >= silenceLimitMs) {
      next = without(next, member)
      effects.push({ kind: 'silent', member, reason: `no heartbeat for ${silenceLimitMs / 1000} s` })
    } else if (silentMs >= SUSPICION_MS && member.phase === 'active') {
      next = withMember(next, { ...member, phase: 'suspect' })
    }
  }
  return { state: next, effects }
}

function current(state: MembershipState, event: { id: string; incarnation: string }): Member | undefined {
  const member = state.members.get(event.id)
  return member?.incarnation === event.incarnation ? member : undefined
}

function changed(
  state: MembershipState,
  event: { id: string; incarnation: string },
  change: (member: Member) => Member,
): MembershipStep {
  const member = current(state, event)
  return { state: member === undefined ? state : withMember(state, change(member)), effects: [] }
}

const withMember = (state: MembershipState, member: Member): MembershipState => ({
  members: new Map(state.members).set(member.id, member),
})

function without(state: MembershipState, member: Member | undefined): MembershipState {
  if (member === undefined) return state
  const members = new Map(state.members)
  members.delete(member.id)
  return { members }
}
