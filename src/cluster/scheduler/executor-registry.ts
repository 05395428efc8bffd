/** The scheduler's executors: their streams, and what the membership machine says of them. */
import type { Clock, Timer } from '../../common/clock.js'
import { deferred } from '../../common/deferred.js'
import { BallistaError, fail } from '../../common/errors.js'
import type { Logger } from '../../common/log.js'
import { decodeWire } from '../../common/wire.js'
import type { HeldStore } from '../../kv/take-over.js'
import { hostPort, messagesOf, type WorkCall } from '../../exchange/grpc.js'
import { FRAME_BYTES } from '../../exchange/options.js'
import type {
  ExecutorMessage,
  Heartbeat,
  NodeStats,
  Register,
  SchedulerMessage,
  TaskStatus,
} from '../../exchange/proto/messages.js'
import { checkVersion, decodeError, OWN_VERSION, pieces, PROTOCOL_VERSION } from '../../exchange/protocol.js'
import type { TaskReport } from '../../exchange/stage.js'
import { taskReportOf } from '../job-definition.js'
import { stageProgressOf, type StageProgress } from '../stage-progress.js'
import {
  HEARTBEAT_MS,
  noMembers,
  placeable,
  SILENCE_LIMIT_MS,
  stepMembership,
  type Member,
  type MembershipEvent,
  type MembershipState,
} from './membership-state.js'
import type { ExecutorPlace } from './placement.js'
import type { ExecutorView } from './rest/scheduler-view.js'

/** What the jobs want to hear; `attemptId` as in common/ids.ts. */
export interface RegistryListener {
  launchFailed(attemptId: string, incarnation: string, error: BallistaError): void
  taskEnded(attemptId: string, member: Member, report: TaskReport): void
  /** `crashed`: its stream broke, and its process may have ended. */
  executorLost(member: Member, reason: string, crashed: boolean): void
  /** The process of this id lives; it may have been lost before. */
  executorRegistered(id: string): void
  /** What the tasks of an executor have counted so far, those that have ended too. */
  progress(executorId: string, stages: readonly StageProgress[]): void
}

/** Of one executor: each is a thread. What is placed and planned grows with them. */
const MAX_SLOTS = 1_024

export interface ExecutorRegistryOptions {
  readonly clock: Clock
  readonly log: Logger
  /** After such a silence an executor is lost; default SILENCE_LIMIT_MS. */
  readonly silenceLimitMs?: number | undefined
  /** How often it is looked for silent executors; default HEARTBEAT_MS. */
  readonly checkMs?: number | undefined
  /** Of a scheduler whose state outlives it. */
  readonly holding?: Pick<HeldStore, 'epoch' | 'stateId'> | undefined
}

export class ExecutorRegistry {
  /** Executors that spoke another version of the protocol. */
  rejectedByVersion = 0
  private readonly clock: Clock
  private readonly log: Logger
  private readonly silenceLimitMs: number
  private readonly holding: Pick<HeldStore, 'epoch' | 'stateId'>
  private readonly checkMs: number
  /** By incarnation. */
  private readonly streams = new Map<string, WorkCall>()
  /** What the last heartbeat said, by incarnation. */
  private readonly heard = new Map<string, { readonly stats: NodeStats; readonly atMs: number }>()
  private readonly arrivals = new Set<() => void>()
  private state: MembershipState = noMembers
  private listener: RegistryListener | undefined
  private ticker: Timer

  constructor(options: ExecutorRegistryOptions) {
    this.clock = options.clock
    this.log = options.log
    this.holding = options.holding ?? { epoch: 0, stateId: '' }
    this.silenceLimitMs = options.silenceLimitMs ?? SILENCE_LIMIT_MS
    this.checkMs = options.checkMs ?? HEARTBEAT_MS
    this.ticker = this.clock.after(this.checkMs, () => this.tick())
  }

  listen(listener: RegistryListener): void {
    this.listener = listener
  }

  members(): readonly Member[] {
    return [...this.state.members.values()]
  }

  /** As people see them. */
  views(): readonly ExecutorView[] {
    const nowMs = this.clock.nowMs()
    return Array.from(this.state.members.values(), member => {
      const { id, address, version, slots, phase } = member
      const heard = this.heard.get(member.incarnation)
      const heartbeat = heard === undefined ? {} : { heartbeat: { stats: heard.stats, ageMs: nowMs - heard.atMs } }
      const silentMs = nowMs - member.lastSeenMs
      return { id, address, version, slots, silentMs, isDraining: phase === 'draining', ...heartbeat }
    })
  }

  /** Where new tasks may run. */
  places(): readonly ExecutorPlace[] {
    return placeable(this.state)
  }

  /** Of those places. */
  slots(): number {
    return this.places().reduce((sum, place) => sum + place.slots, 0)
  }

  incarnationOf(id: string): string | undefined {
    return this.state.members.get(id)?.incarnation
  }

  /** Resolves when there is a place for tasks, true, or after `timeoutMs`, false. */
  async someone(timeoutMs: number): Promise<boolean> {
    if (this.places().length > 0) return true
    const arrival = deferred<boolean>()
    const arrived = (): void => arrival.resolve(true)
    this.arrivals.add(arrived)
    const timer = this.clock.after(timeoutMs, () => arrival.resolve(false))
    const found = await arrival.promise
    timer.cancel()
    this.arrivals.delete(arrived)
    return found
  }

  /** `definition`: as definitionEncoder() gives it. */
  launch(id: string, jobId: string, definition: Uint8Array): void {
    for (const piece of pieces(definition, FRAME_BYTES)) this.send(id, { launchTasks: { jobId, ...piece } })
  }

  /** `reason`: an encoded error, or nothing when the job succeeded. */
  endJob(id: string, jobId: string, reason: Uint8Array): void {
    this.send(id, { cancelJob: { jobId, reason } })
  }

  /** Handles one executor's stream from registration to its end; never rejects. */
  async serve(call: WorkCall): Promise<void> {
    let member: Member | undefined
    let reason = 'its stream ended'
    call.on('error', () => undefined)
    try {
      for await (const message of messagesOf<ExecutorMessage>(call)) {
        if ((message.register === undefined) === (member === undefined))
          throw fail('PROTOCOL', [call.getPeer(), 'its first message, and no other, is Register'])
        if (message.register !== undefined) member = this.register(call, message.register)
        else if (member !== undefined) this.receive(member, message)
      }
    } catch (error) {
      reason = (error as Error).message
      if (error instanceof BallistaError) this.log.warn('executor refused', { peer: call.getPeer(), error: reason })
    }
    if (member !== undefined) {
      this.step({ kind: 'streamEnded', id: member.id, incarnation: member.incarnation, reason })
      this.streams.delete(member.incarnation)
      this.heard.delete(member.incarnation)
    }
    call.end()
  }

  close(): void {
    this.ticker.cancel()
    for (const call of this.streams.values()) call.end()
  }

  private register(call: WorkCall, register: Register): Member {
    call.write({
      registered: {
        ...OWN_VERSION,
        heartbeatMs: HEARTBEAT_MS,
        leaseMs: this.silenceLimitMs,
        stateId: this.holding.stateId,
        epoch: this.holding.epoch,
        address: addressOf(call, register),
      },
    })
    if (register.protocolVersion !== PROTOCOL_VERSION) this.rejectedByVersion++
    checkVersion(register, `executor ${register.executorId}`)
    if (this.streams.has(register.incarnation))
      throw fail('PROTOCOL', [call.getPeer(), `another stream has registered incarnation ${register.incarnation}`])
    const { executorId: id, incarnation, version } = register
    const slots = Math.max(1, register.slots)
    if (slots > MAX_SLOTS)
      throw fail('PROTOCOL', [`executor ${id}`, `${slots} slots, which are more than ${MAX_SLOTS}`])
    const member: Member = {
      id,
      incarnation,
      version,
      slots,
      phase: 'active',
      address: addressOf(call, register),
      lastSeenMs: this.clock.nowMs(),
    }
    this.streams.set(incarnation, call)
    this.step({ kind: 'registered', member })
    this.log.info('executor registered', { id, address: member.address, slots })
    this.listener?.executorRegistered(id)
    for (const arrived of this.arrivals) arrived()
    return member
  }

  private receive(member: Member, message: ExecutorMessage): void {
    const { id, incarnation } = member
    if (message.leave !== undefined) return this.step({ kind: 'leaves', id, incarnation })
    if (message.drain !== undefined) {
      this.log.info('executor drains', { id })
      this.step({ kind: 'drains', id, incarnation })
      this.send(id, { drain: {} })
    }
    this.step({ kind: 'heartbeat', id, incarnation, nowMs: this.clock.nowMs() })
    if (message.heartbeat !== undefined) this.heartbeat(member, message.heartbeat)
    if (message.taskStatus !== undefined) this.taskStatus(member, message.taskStatus)
    if (message.launchFailed !== undefined) {
      const { jobId, error } = message.launchFailed
      this.listener?.launchFailed(jobId, incarnation, decodeError(error, `executor ${id}`))
    }
  }

  private heartbeat({ id, incarnation, version }: Member, { progress, stats }: Heartbeat): void {
    this.send(id, { lease: {} })
    if (stats !== undefined) this.heard.set(incarnation, { stats, atMs: this.clock.nowMs() })
    if (progress.length === 0) return
    const name = `executor ${id}`
    this.listener?.progress(id, stageProgressOf(decodeWire(progress, name), { name, version }))
  }

  private taskStatus(member: Member, status: TaskStatus): void {
    const name = `executor ${member.id}`
    const report = taskReportOf(decodeWire(status.report, name), { name, version: member.version })
    this.listener?.taskEnded(status.jobId, member, report)
  }

  private tick(): void {
    this.ticker = this.clock.after(this.checkMs, () => this.tick())
    this.step({ kind: 'tick', nowMs: this.clock.nowMs(), silenceLimitMs: this.silenceLimitMs })
  }

  private step(event: MembershipEvent): void {
    const { state, effects } = stepMembership(this.state, event)
    this.state = state
    for (const { kind, member, reason } of effects) {
      const who = { id: member.id, address: member.address }
      if (kind === 'left') this.log.info('executor left', who)
      else this.log.warn('executor lost', { ...who, reason })
      // An executor that still runs sees its stream end, stops its tasks and registers anew.
      this.streams.get(member.incarnation)?.end()
      // Who drains does not register again: that it is gone says nothing of its tasks.
      this.listener?.executorLost(member, reason, kind === 'crashed' && member.phase !== 'draining')
    }
  }

  private send(id: string, message: SchedulerMessage): void {
    const call = this.streams.get(this.incarnationOf(id) ?? '')
    if (call?.writable) call.write(message)
  }
}

/** An executor that names no host is reached where it dials from. */
function addressOf(call: WorkCall, register: Register): string {
  const peer = call.getPeer()
  const dialled = peer.slice(0, peer.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
  return hostPort(register.host === '' ? dialled : register.host, register.port)
}
