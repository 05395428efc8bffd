/** Which executors are alive: a pure state machine over registrations, heartbeats, broken streams and the passing of time. */
import { unreachable } from '../../common/invariant.js'
import type { ExecutorPlace } from './placement.js'

/** How often executors report, and after which silence one is lost. */
export const HEARTBEAT_MS = 2_000
export const SILENCE_LIMIT_MS = 15_000

export interface Member extends ExecutorPlace {
  /** Tells the process that registered last from its predecessors of the same id. */
  readonly incarnation: string
  readonly version: string
  readonly lastSeenMs: number
}

export interface MembershipState {
  /** By executor id, in order of registration. */
  readonly members: ReadonlyMap<string, Member>
}

export type MembershipEvent =
  | { readonly kind: 'registered'; readonly member: Member }
  | { readonly kind: 'heartbeat'; readonly id: string; readonly incarnation: string; readonly nowMs: number }
  | { readonly kind: 'streamEnded'; readonly id: string; readonly incarnation: string; readonly reason: string }
  | { readonly kind: 'leaves'; readonly id: string; readonly incarnation: string }
  | { readonly kind: 'tick'; readonly nowMs: number }

/** The incarnation is no longer a member: its stream is to be closed, its jobs are to fail. */
export interface MembershipEffect {
  /** Its stream broke, it was not heard of for too long, or it said so itself. */
  readonly kind: 'crashed' | 'silent' | 'left'
  readonly member: Member
  readonly reason: string
}

export interface MembershipStep {
  readonly state: MembershipState
  readonly effects: readonly MembershipEffect[]
}

export const noMembers: MembershipState = { members: new Map() }

/** Events of an incarnation that is not the current one change nothing. */
export function stepMembership(state: MembershipState, event: MembershipEvent): MembershipStep {
  switch (event.kind) {
    case 'registered': {
      const before = state.members.get(event.member.id)
      const effects = before === undefined ? [] : [crashed(before, 'it registered again')]
      return { state: withMember(without(state, before), event.member), effects }
    }
    case 'heartbeat': {
      const member = current(state, event)
      return {
        state: member === undefined ? state : withMember(state, { ...member, lastSeenMs: event.nowMs }),
        effects: [],
      }
    }
    case 'streamEnded': {
      const member = current(state, event)
      if (member === undefined) return { state, effects: [] }
      return { state: without(state, member), effects: [crashed(member, event.reason)] }
    }
    case 'leaves': {
      const member = current(state, event)
      if (member === undefined) return { state, effects: [] }
      return { state: without(state, member), effects: [{ kind: 'left', member, reason: 'it is shutting down' }] }
    }
    case 'tick': {
      const silent = [...state.members.values()].filter(member => event.nowMs - member.lastSeenMs >= SILENCE_LIMIT_MS)
      return {
        state: silent.reduce(without, state),
        effects: silent.map(member => ({
          kind: 'silent',
          member,
          reason: `no heartbeat for ${SILENCE_LIMIT_MS / 1000} s`,
        })),
      }
    }
    default:
      return unreachable(event)
  }
}

const crashed = (member: Member, reason: string): MembershipEffect => ({ kind: 'crashed', member, reason })

function current(state: MembershipState, event: { id: string; incarnation: string }): Member | undefined {
  const member = state.members.get(event.id)
  return member?.incarnation === event.incarnation ? member : undefined
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
