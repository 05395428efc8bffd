/** The scheduler's jobs: one per open SubmitQuery call, which is its lease. Performs what the job machine decides. */
import type { CommittedWrite } from '../../catalog/table-write.js'
import type { WriteCoordinator } from '../../commit/coordinator.js'
import type { Clock, Rng, Timer } from '../../common/clock.js'
import { BallistaError, fail, toBallistaError, withContext, type ErrorInfo } from '../../common/errors.js'
import { attemptId, newJobId, parseAttemptId } from '../../common/ids.js'
import { configOf, type Settings } from '../../common/option.js'
import type { Logger } from '../../common/log.js'
import { encodeWire } from '../../common/wire.js'
import type { SubmitCall } from '../../exchange/grpc.js'
import { retryPolicy } from '../../exchange/options.js'
import { encodeError } from '../../exchange/protocol.js'
import { definitionEncoder } from '../job-definition.js'
import type { StageProgress } from '../stage-progress.js'
import { nobody, runningLimit, stepAdmission, type AdmissionEvent, type AdmissionLimits } from './admission.js'
import { failedEvent, finishedEvent, progressEvent, tell } from './client-events.js'
import { receiveRequest, type ClientRequest } from './client-request.js'
import type { ExecutorRegistry } from './executor-registry.js'
import { JobHistory } from './job-history.js'
import type { JobStore } from './job-store.js'
import type { JobFeedEvent, JobRecord, Jobs, JobSummary } from './job-record.js'
import { isOver, newJob, stepJob, type JobEffect, type JobEvent, type JobState } from './job-state.js'
import { JobWatch } from './job-watch.js'
import type { Member } from './membership-state.js'
import { jobDefinitions, launchGroups, type Placement, type PlacementPolicy } from './placement.js'
import type { Planner } from './planned-query.js'
import { backoffMs, RETURN_WAIT_MS, VERDICT_WAIT_MS } from './retry.js'
import { pendingTasks } from './task-table.js'

export interface JobRunnerOptions {
  readonly executors: ExecutorRegistry
  readonly planner: Planner
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Logger
  /** Of a query whose retry policy allows more than one. */
  readonly maxAttempts: number
  /** How long the records of jobs that have ended are kept; 0: as long as there is room. */
  readonly keepJobsMs: number
  /** How long a query waits for the first executor. */
  readonly executorWaitMs: number
  /** How long a query that has lost all executors waits for another one. */
  readonly lossGraceMs: number
  readonly admission: AdmissionLimits
  readonly placement: PlacementPolicy
  /** By the settings of the session that writes. */
  readonly writes: (settings: Settings) => WriteCoordinator
  /** Absent: jobs end with the scheduler. */
  readonly store?: JobStore | undefined
}

interface Job {
  readonly id: string
  readonly call: SubmitCall
  readonly watch: JobWatch
  state: JobState
  /** Of the current attempt. */
  placement: Placement
  /** Commits its write, by the settings of its session. */
  writes?: WriteCoordinator
  /** What its write has come to. */
  written?: CommittedWrite | undefined
  /** Of its place in the queue, or of the next attempt. */
  timer?: Timer
}

export class JobRunner implements Jobs {
  private readonly options: JobRunnerOptions
  private readonly live = new Map<string, Job>()
  private readonly history: JobHistory
  private admission = nobody
  /** Attempts that have been placed. */
  private turn = 0
  private readonly listeners = new Set<(event: JobFeedEvent) => void>()
  /** Calls of clients that have not been closed on both sides. */
  openCalls = 0

  constructor(options: JobRunnerOptions) {
    this.options = options
    this.history = new JobHistory({ clock: options.clock, keepMs: options.keepJobsMs, store: options.store })
    options.executors.listen({
      launchFailed: (id, incarnation, error) =>
        this.attemptEvent(id, attempt => ({ kind: 'launchFailed', attempt, incarnation, error })),
      taskEnded: (id, member, report) => {
        const { incarnation } = member
        const error = report.error === undefined ? {} : { error: placedError(report.error, id, member) }
        this.attemptEvent(id, attempt => ({ kind: 'taskEnded', attempt, incarnation, report, ...error }))
      },
      executorLost: ({ id, incarnation }, reason, crashed) => {
        for (const job of this.live.values()) this.step(job, { kind: 'executorLost', id, incarnation, reason, crashed })
      },
      executorRegistered: id => {
        for (const job of this.live.values()) this.step(job, { kind: 'executorReturned', id })
      },
      progress: (executorId, stages) => this.progressed(executorId, stages),
    })
  }

  list(): JobSummary[] {
    const live = [...this.live.values()].filter(isShown).map(job => job.watch.summary(job.state))
    return [...live.reverse(), ...this.history.list()]
  }

  get(jobId: string): JobRecord | undefined {
    const job = this.live.get(jobId)
    return job === undefined ? this.history.get(jobId) : job.watch.record(job.state)
  }

  cancel(jobId: string, why: string): 'cancelled' | 'over' | 'unknown' {
    const job = this.live.get(jobId)
    if (job === undefined && this.history.get(jobId) === undefined) return 'unknown'
    if (job === undefined || isOver(job.state)) return 'over'
    this.step(job, { kind: 'cancelled', why })
    return 'cancelled'
  }

  subscribe(listener: (event: JobFeedEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  get running(): number {
    return this.live.size
  }

  /** Tasks that have been placed and have not ended. */
  get runningTasks(): number {
    return [...this.live.values()].reduce((sum, job) => sum + pendingTasks(job.state.tasks), 0)
  }

  /** Handles one client's call from its request to the verdict; never rejects. */
  async serve(call: SubmitCall): Promise<void> {
    const id = newJobId(this.options.rng)
    const watch = new JobWatch(id, this.options.clock)
    const job: Job = { id, call, watch, state: newJob, placement: new Map() }
    this.live.set(job.id, job)
    this.openCalls++
    call.once('close', () => this.openCalls--)
    call.on('error', () => undefined)
    call.on('cancelled', () => this.step(job, { kind: 'clientGone' }))
    try {
      const request = await receiveRequest(call)
      if (request === undefined) return this.step(job, { kind: 'clientGone' })
      // The client left with its last words: a job that is over would hold its place among those that run for ever.
      if (isOver(job.state)) return
      job.watch.request = request
      if (isShown(job)) this.options.store?.began(job.watch.record(job.state))
      this.publish(job, 'phase')
      // A schema is asked for and gone; it runs nowhere.
      if (request.planOnly) await this.plan(job, request)
      else this.admit({ kind: 'arrives', jobId: job.id, nowMs: this.options.clock.nowMs() })
    } catch (error) {
      this.refuse(job, error)
    }
  }

  close(): void {
    const { store } = this.options
    const event: JobEvent =
      store === undefined ? { kind: 'cancelled', why: 'the scheduler is shutting down' } : { kind: 'schedulerEnds' }
    for (const job of this.live.values()) this.step(job, event)
  }

  private admit(event: AdmissionEvent): void {
    const { admission, clock, executors } = this.options
    const maxRunning = runningLimit(admission, executors.slots())
    const { state, effects } = stepAdmission(this.admission, event, { ...admission, maxRunning })
    this.admission = state
    for (const effect of effects) {
      const { jobId } = effect
      const job = this.live.get(jobId)
      if (job?.watch.request === undefined) continue
      switch (effect.kind) {
        case 'admit':
          job.timer?.cancel()
          this.plan(job, job.watch.request).catch(error => this.refuse(job, error))
          break
        case 'enqueue':
          job.timer = clock.after(admission.queueTimeoutMs, () =>
            this.admit({ kind: 'expires', jobId, nowMs: clock.nowMs() }),
          )
          break
        case 'refuse': {
          const { found, retryAfterMs } = effect
          this.refuse(job, fail('RESOURCE_EXHAUSTED', [found, Math.round(retryAfterMs)], { retryAfterMs }))
        }
      }
    }
  }

  private refuse(job: Job, error: unknown): void {
    this.step(job, { kind: 'refused', error: toBallistaError(error) })
  }

  private async plan(job: Job, request: ClientRequest): Promise<void> {
    const { clock, executors, executorWaitMs, planner } = this.options
    const { body, planOnly, settings } = request
    this.step(job, { kind: 'admitted' })
    if (!planOnly && !(await executors.someone(executorWaitMs))) throw fail('NO_EXECUTORS')
    const query = await planner(body, { slots: Math.max(1, executors.slots()), wallMs: clock.wallMs() })
    if (query.write !== undefined) {
      job.writes = this.options.writes(settings)
      job.written = await job.writes.begin(query.write)
    }
    // What an earlier write with the same key has done is not done again.
    const stages = job.written === undefined ? query.stages : []
    // From here on whatever ends the job ends its write.
    job.watch.planned = { ...query, stages }
    if (stages.length > 0 && executors.places().length === 0) throw fail('NO_EXECUTORS')
    if (isOver(job.state)) return this.abortWrite(job)
    const retries = configOf(settings).get(retryPolicy) === 'query'
    this.step(job, {
      kind: 'planned',
      groups: launchGroups(stages),
      maxAttempts: retries ? this.options.maxAttempts : 1,
      commits: query.write !== undefined,
    })
  }

  private progressed(executorId: string, stages: readonly StageProgress[]): void {
    for (const id of new Set(stages.map(stage => stage.attemptId))) {
      const { jobId, attempt } = parseAttemptId(id)
      const job = this.live.get(jobId)
      if (job?.state.attempt !== attempt || isOver(job.state)) continue
      job.watch.progressed(
        executorId,
        stages.filter(stage => stage.attemptId === id),
      )
      this.publish(job, 'progress')
    }
  }

  private publish(job: Job, kind: JobFeedEvent['kind']): void {
    const isWanted = job.watch.request?.wantsProgress === true
    if (!isShown(job) || (!isWanted && this.listeners.size === 0)) return
    const summary = job.watch.summary(job.state)
    for (const listener of this.listeners) listener({ kind, job: summary })
    if (isWanted) tell(job.call, progressEvent(summary))
  }

  private attemptEvent(id: string, event: (attempt: number) => JobEvent): void {
    const { jobId, attempt } = parseAttemptId(id)
    const job = this.live.get(jobId)
    if (job !== undefined) this.step(job, event(attempt))
  }

  private step(job: Job, event: JobEvent): void {
    const before = job.state
    const { state, effects } = stepJob(before, event)
    if (state === before) return
    job.state = state
    if (event.kind === 'taskEnded' && state.reports !== before.reports) job.watch.taskEnded(event.report)
    if (isOver(state)) this.retire(job)
    // Before the effects, which may be steps of their own. That a task has ended is told with the next heartbeat: there may be thousands.
    if (state.phase !== before.phase || state.attempt !== before.attempt) this.publish(job, 'phase')
    for (const effect of effects) this.perform(job, effect)
  }

  /** The record is made when the client has its answer; what the plan holds may go then. */
  private retire(job: Job): void {
    job.timer?.cancel()
    job.watch.over()
    this.admit({ kind: 'ends', jobId: job.id })
    this.abortWrite(job)
    if (!isShown(job)) return void this.live.delete(job.id)
    this.options.clock.after(0, () => {
      this.live.delete(job.id)
      this.history.add(job.watch.record(job.state))
    })
  }

  private perform(job: Job, effect: JobEffect): void {
    switch (effect.kind) {
      case 'place':
        return this.place(job)
      case 'openAttempt':
        return this.openAttempt(job, effect.stages)
      case 'launch':
        return this.send(job, effect.stages, false)
      case 'endAttempt': {
        const reason = effect.reason === undefined ? new Uint8Array(0) : encodeError(effect.reason)
        for (const id of job.state.executors.keys()) this.options.executors.endJob(id, this.attemptId(job), reason)
        return
      }
      case 'awaitRetry':
        return this.awaitRetry(job, effect.isLast)
      case 'awaitReturn':
        job.timer?.cancel()
        job.timer = this.options.clock.after(RETURN_WAIT_MS, () => this.step(job, { kind: 'returnOver' }))
        return
      case 'commit':
        return void this.commit(job)
      case 'tellClient':
        return this.tellClient(job, effect.error)
    }
  }

  private async commit(job: Job): Promise<void> {
    const { onWritten, write } = job.watch.planned ?? {}
    const parts = job.state.reports.flatMap(({ parts: staged = [] }) => staged)
    try {
      if (write !== undefined) job.written = await job.writes?.commit(write, parts)
      await onWritten?.()
      this.step(job, { kind: 'committed' })
    } catch (error) {
      this.step(job, { kind: 'committed', error: toBallistaError(error) })
    }
  }

  /** After the end of the job; without effect when its write has ended too. */
  private abortWrite(job: Job): void {
    const { write } = job.watch.planned ?? {}
    if (write === undefined) return
    void job.writes?.abort(write, job.state.failure ?? fail('CANCELLED', ['the client has gone']))
  }

  private place(job: Job): void {
    const { executors, placement } = this.options
    const { stages = [] } = job.watch.planned ?? {}
    job.placement = placement(stages, executors.places(), this.turn)
    // Asking for a schema, as clients do before each query, takes no turn.
    if (stages.length > 0) this.turn++
    const used = [...job.placement.values()].flat()
    this.step(job, {
      kind: 'placed',
      attempt: job.state.attempt,
      executors: new Map(used.map(({ id }) => [id, executors.incarnationOf(id) ?? ''])),
      tasks: new Map(Array.from(job.placement, ([stage, places]) => [stage, places.map(place => place.id)])),
    })
  }

  private openAttempt(job: Job, stageIds: readonly number[]): void {
    const { onWritten, schema = { fields: [] }, stages = [], write } = job.watch.planned ?? {}
    job.watch.attemptOpened()
    const { attempt, executors } = job.state
    // Known to all of them from now on, so that who asks for the output of a later stage waits.
    this.send(job, stageIds, true)
    const root = stages[stages.length - 1]
    const address = job.placement.get(root?.id ?? -1)?.[0].address ?? ''
    const edge = root?.plan.outputs[0].edge ?? 0
    const once = write !== undefined && (onWritten !== undefined || this.options.store === undefined)
    tell(job.call, { accepted: { jobId: job.id, attempt, address, edge, schema: encodeWire(schema), once } })
    const { log } = this.options
    if (root === undefined) log.debug('query described', { job: job.id })
    else log.info('job started', { job: job.id, attempt, stages: stages.length, executors: executors.size })
  }

  /** Sends tasks of these stages to their executors; `toAll`: executors of the attempt without any hear of the job, too. */
  private send(job: Job, stageIds: readonly number[], toAll: boolean): void {
    const { planned, request } = job.watch
    if (planned === undefined || request === undefined) return
    job.watch.launched(stageIds)
    const definition = { jobId: this.attemptId(job), settings: request.settings, stages: planned.stages }
    const encode = definitionEncoder()
    for (const [id, tasks] of jobDefinitions(definition, job.placement, stageIds)) {
      if (tasks.stages.length > 0 || toAll) this.options.executors.launch(id, tasks.jobId, encode(tasks))
    }
  }

  private awaitRetry(job: Job, isLast: boolean): void {
    const { clock, executors, log, lossGraceMs, rng } = this.options
    const { attempt, failure } = job.state
    const delayMs = isLast ? VERDICT_WAIT_MS : backoffMs(attempt, rng.next())
    job.watch.attemptFailed(job.state)
    log.warn('attempt failed', { job: job.id, attempt, code: failure?.code ?? '', error: failure?.message ?? '' })
    job.timer?.cancel()
    job.timer = clock.after(delayMs, () => {
      if (isLast) return this.step(job, { kind: 'retryDue' })
      void executors.someone(lossGraceMs).then(found => this.step(job, { kind: found ? 'retryDue' : 'noExecutors' }))
    })
  }

  private tellClient(job: Job, error: BallistaError | undefined): void {
    const { log } = this.options
    if (error === undefined) {
      const { reports } = job.state
      const explanation = job.watch.planned?.explain?.(reports)
      tell(job.call, finishedEvent({ explanation, written: job.written }))
      if (reports.length > 0) log.info('job finished', { job: job.id })
    } else {
      tell(job.call, failedEvent(error))
      log.info('job failed', { job: job.id, code: error.code, error: error.message })
    }
    job.call.end()
  }

  private attemptId(job: Job): string {
    return attemptId(job.id, job.state.attempt)
  }
}

/** The error of a task, which names its stage and operator, with the job and the executor. */
const placedError = (info: ErrorInfo, attemptId: string, { id, address }: Member): BallistaError =>
  withContext(withContext(new BallistaError(info), `executor ${id} at ${address}`), attemptId)

/** Jobs that only ask for a schema are nobody's business. */
const isShown = ({ watch: { request } }: Job): boolean => request !== undefined && !request.planOnly
