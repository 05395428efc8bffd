/** The executor's stream to its scheduler: registers, reports, obeys; when it breaks, all its jobs end and it dials again. */
import type { Clock, Rng, Timer } from '../../common/clock.js'
import { deferred, type Deferred } from '../../common/deferred.js'
import { fail } from '../../common/errors.js'
import { newIncarnation } from '../../common/ids.js'
import type { Logger } from '../../common/log.js'
import { decodeWire, encodeWire } from '../../common/wire.js'
import type { SchedulerClient } from '../../exchange/grpc.js'
import type { Transport } from '../../exchange/transport.js'
import type {
  ExecutorMessage,
  LaunchTasks,
  NodeStats,
  Registered,
  SchedulerMessage,
} from '../../exchange/proto/messages.js'
import { checkVersion, decodeError, encodeError, OWN_VERSION, PieceJoiner } from '../../exchange/protocol.js'
import type { TaskReport } from '../../exchange/stage.js'
import { jobDefinitionOf, taskSpecsOf } from '../job-definition.js'
import type { ExecutorJobs } from './executor-jobs.js'

export interface SchedulerLinkOptions {
  /** `host:port`. */
  readonly scheduler: string
  readonly identity: {
    readonly executorId: string
    readonly host: string
    readonly port: number
    readonly slots: number
  }
  /** More often than the scheduler asks. */
  readonly heartbeatMs?: number | undefined
  readonly knows: (kind: string) => boolean
  readonly jobs: ExecutorJobs
  /** For each heartbeat. */
  readonly stats: () => NodeStats
  readonly clock: Clock
  readonly rng: Rng
  readonly transport: Transport
  readonly log: Logger
}

/** Plans of one job on one executor, with tables inline. */
const MAX_DEFINITION_BYTES = 256 * 1024 ** 2

/** Between attempts to reach the scheduler: doubled from the first to the last, with full jitter. */
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000

/** How often an executor with tasks says what they have counted, and looks at its lease. */
const PROGRESS_MS = 500

/** For the scheduler's answer to a leave. */
const LEAVE_MS = 1_000

type Call = ReturnType<SchedulerClient['work']>

export class SchedulerLink {
  /** Resolves with the first registration. */
  readonly registered: Promise<void>
  private readonly options: SchedulerLinkOptions
  private readonly peer: string
  private readonly firstRegistration = deferred<void>()
  private readonly stopped = deferred<void>()
  private readonly running: Promise<void>
  private session: Session | undefined
  private closing = false
  /** Resolves when the scheduler has promised to send no more tasks, or cannot. */
  private draining: Deferred<void> | undefined
  private complained = false
  /** The highest that was seen, by state. */
  private readonly epochs = new Map<string, number>()

  constructor(options: SchedulerLinkOptions) {
    this.options = options
    this.peer = `scheduler ${options.scheduler}`
    this.registered = this.firstRegistration.promise
    this.running = this.run()
  }

  /** The scheduler takes it for a member, and it is not leaving. */
  get isRegistered(): boolean {
    return !this.closing && this.session?.accepted === true
  }

  /** Asks for no more tasks; resolves when none will come. */
  async drain(): Promise<void> {
    this.draining = deferred()
    if (this.session?.accepted !== true) this.draining.resolve()
    this.session?.drain()
    await this.draining.promise
  }

  /** Leaves the scheduler, which fails the executor's jobs; resolves when the stream is closed and no task runs. */
  async close(): Promise<void> {
    this.closing = true
    this.stopped.resolve()
    this.session?.leave()
    const lastResort = this.options.clock.after(LEAVE_MS, () => this.session?.close())
    await this.running
    lastResort.cancel()
  }

  private async run(): Promise<void> {
    const client = await this.options.transport.scheduler(this.options.scheduler)
    let retryMs = FIRST_RETRY_MS
    while (!this.closing) {
      const reached = await this.runSession(client)
      // To another attempt this is one executor less, not an end.
      const { executorId } = this.options.identity
      await this.options.jobs.endAll(fail('EXECUTOR_LOST', [executorId, 'it lost its scheduler']))
      if (this.closing) break
      retryMs = reached ? FIRST_RETRY_MS : Math.min(2 * retryMs, LAST_RETRY_MS)
      await this.pause(retryMs * this.options.rng.next())
    }
    client.close()
  }

  /** One stream from registration to its end; true if the scheduler accepted it. */
  private async runSession(client: SchedulerClient): Promise<boolean> {
    const session = new Session(this.options, this.peer, client.work())
    this.session = session
    try {
      for await (const message of session.call as AsyncIterable<SchedulerMessage>) {
        if (message.registered !== undefined) this.checkEpoch(message.registered)
        if (message.drain !== undefined) this.draining?.resolve()
        if (!session.receive(message)) continue
        this.firstRegistration.resolve()
        if (this.draining !== undefined) session.drain()
      }
      this.report('the scheduler ended the stream', session.accepted)
    } catch (error) {
      this.report((error as Error).message, session.accepted)
    } finally {
      session.close()
      this.session = undefined
      this.draining?.resolve()
    }
    return session.accepted
  }

  /** One that was thought dead may still dispatch tasks of jobs that its successor runs. */
  private checkEpoch({ epoch, stateId }: Registered): void {
    const latest = this.epochs.get(stateId) ?? 0
    if (epoch < latest)
      throw fail('PROTOCOL', [this.peer, `its epoch is ${epoch}; a scheduler with epoch ${latest} has taken its place`])
    this.epochs.set(stateId, epoch)
  }

  private report(reason: string, accepted: boolean): void {
    if (this.closing) return
    const { log, scheduler } = this.options
    if (accepted) log.warn('scheduler lost', { scheduler, reason })
    else if (this.complained) log.debug('scheduler not reached', { scheduler, reason })
    else log.warn('scheduler not reached, trying on', { scheduler, reason })
    this.complained = true
  }

  private async pause(delayMs: number): Promise<void> {
    const over = deferred<void>()
    const timer = this.options.clock.after(delayMs, () => over.resolve())
    await Promise.race([over.promise, this.stopped.promise])
    timer.cancel()
  }
}

class Session {
  readonly call: Call
  accepted = false
  private readonly options: SchedulerLinkOptions
  private readonly peer: string
  private readonly joiners = new Map<string, PieceJoiner>()
  private registered: Registered | undefined
  private heartbeat: Timer | undefined
  private beatenAtMs = 0
  private heardAtMs = 0

  constructor(options: SchedulerLinkOptions, peer: string, call: Call) {
    this.options = options
    this.peer = peer
    this.call = call
    // Late errors of a broken call; whoever iterates has seen it end.
    call.on('error', () => undefined)
    this.send({ register: { ...OWN_VERSION, ...options.identity, incarnation: newIncarnation(options.rng) } })
  }

  /** True when the message is the scheduler's acceptance. */
  receive(message: SchedulerMessage): boolean {
    this.heardAtMs = this.options.clock.nowMs()
    if (message.registered !== undefined) {
      this.register(message.registered)
      return true
    }
    if (message.launchTasks !== undefined) this.launch(message.launchTasks)
    if (message.cancelJob !== undefined) {
      const { jobId, reason } = message.cancelJob
      this.joiners.delete(jobId)
      this.options.jobs.end(jobId, reason.length === 0 ? undefined : decodeError(reason, this.peer))
    }
    return false
  }

  drain(): void {
    if (this.accepted) this.send({ drain: {} })
  }

  /** The scheduler ends the stream; one that has not accepted this executor does not miss it. */
  leave(): void {
    if (!this.accepted) return this.close()
    this.send({ leave: {} })
    this.call.end()
  }

  close(): void {
    this.heartbeat?.cancel()
    this.call.cancel()
  }

  private register(registered: Registered): void {
    checkVersion(registered, this.peer)
    this.registered = registered
    this.accepted = true
    this.beatenAtMs = this.options.clock.nowMs()
    const { heartbeatMs, leaseMs } = registered
    this.watch({ heartbeatMs: Math.min(heartbeatMs, this.options.heartbeatMs ?? Infinity), leaseMs })
    this.options.log.info('registered', { scheduler: this.options.scheduler, address: registered.address })
  }

  /** Beats while the scheduler answers; a lease that has run out ends the session, and with it the tasks. */
  private watch(times: { readonly heartbeatMs: number; readonly leaseMs: number }): void {
    const { heartbeatMs, leaseMs } = times
    this.heartbeat = this.options.clock.after(PROGRESS_MS, () => {
      const { clock, jobs, log } = this.options
      const nowMs = clock.nowMs()
      if (nowMs - this.heardAtMs >= leaseMs) {
        log.warn('the scheduler is silent; its tasks are given up', { silentMs: Math.round(nowMs - this.heardAtMs) })
        return this.close()
      }
      if (jobs.runningTasks > 0 || nowMs - this.beatenAtMs >= heartbeatMs) this.beat(nowMs)
      this.watch(times)
    })
  }

  private beat(nowMs: number): void {
    this.beatenAtMs = nowMs
    const { runningTasks } = this.options.jobs
    const progress = this.options.jobs.progress()
    this.send({
      heartbeat: {
        runningTasks,
        stats: this.options.stats(),
        progress: progress.length === 0 ? new Uint8Array(0) : encodeWire(progress),
      },
    })
  }

  /** A definition that cannot be used fails its job, not the executor. */
  private launch(piece: LaunchTasks): void {
    const { jobId } = piece
    const joiner = this.joiners.get(jobId) ?? new PieceJoiner(MAX_DEFINITION_BYTES, this.peer)
    this.joiners.set(jobId, joiner)
    const whole = joiner.add(piece)
    if (whole === undefined) return
    this.joiners.delete(jobId)
    try {
      this.start(jobId, whole)
    } catch (error) {
      this.send({ launchFailed: { jobId, error: encodeError(error) } })
    }
  }

  private start(jobId: string, definitionBytes: Uint8Array): void {
    const peer = { name: this.peer, version: this.registered?.version ?? 'unknown' }
    const definition = jobDefinitionOf(decodeWire(definitionBytes, this.peer), this.options.knows, peer)
    if (definition.jobId !== jobId)
      throw fail('PROTOCOL', [this.peer, `tasks of job ${definition.jobId} under the name ${jobId}`])
    const specs = taskSpecsOf(definition, this.registered?.address ?? '')
    this.options.jobs.launch(jobId, specs, report => this.status(jobId, report))
  }

  private status(jobId: string, report: TaskReport): void {
    this.send({ taskStatus: { jobId, report: encodeWire(report) } })
  }

  private send(message: ExecutorMessage): void {
    if (this.call.writable) this.call.write(message)
  }
}
