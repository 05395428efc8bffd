/** The scheduler's jobs: one per open SubmitQuery call, which is its lease. Performs what the job machine decides. */
import type { Schema } from '../../arrow/schema.js'
import type { Clock, Rng, Timer } from '../../common/clock.js'
import { BallistaError, fail, toBallistaError } from '../../common/errors.js'
import { attemptId, newJobId, parseAttemptId } from '../../common/ids.js'
import { configOf, type Settings } from '../../common/option.js'
import type { Logger } from '../../common/log.js'
import { encodeWire } from '../../common/wire.js'
import type { SubmitCall } from '../../exchange/grpc.js'
import { retryPolicy } from '../../exchange/options.js'
import type { QueryEvent } from '../../exchange/proto/messages.js'
import { encodeError } from '../../exchange/protocol.js'
import type { StagePlan, TaskReport } from '../../exchange/stage.js'
import { receiveRequest, type ClientRequest } from './client-request.js'
import type { ExecutorRegistry } from './executor-registry.js'
import { isOver, newJob, stepJob, type JobEffect, type JobEvent, type JobState } from './job-state.js'
import { jobDefinitions, placeTasks, type Placement } from './placement.js'
import { backoffMs, isRepeatable, MAX_ATTEMPTS, VERDICT_WAIT_MS } from './retry.js'
import { pendingTasks } from './task-table.js'

/** What the injected planner makes of a request. */
export interface PlannedQuery {
  readonly schema: Schema
  /** As `fragment` gives them; empty: the query has no rows and nothing runs. */
  readonly stages: readonly StagePlan[]
  /** Called after success: rows for the client that stand for the result (EXPLAIN ANALYZE). */
  readonly explain?: (reports: readonly TaskReport[]) => readonly (readonly string[])[]
}

export interface JobRunnerOptions {
  readonly executors: ExecutorRegistry
  readonly planner: (
    request: unknown,
    cluster: { readonly slots: number; readonly wallMs: number },
  ) => Promise<PlannedQuery>
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Logger
  /** How long a query waits for the first executor. */
  readonly executorWaitMs: number
  /** How long a query that has lost all executors waits for another one. */
  readonly lossGraceMs: number
}

interface Job {
  readonly id: string
  readonly call: SubmitCall
  state: JobState
  planned?: { readonly query: PlannedQuery; readonly settings: Settings }
  /** Of the current attempt. */
  placement: Placement
  retry?: Timer
}

export class JobRunner {
  private readonly options: JobRunnerOptions
  private readonly jobs = new Map<string, Job>()
  /** Calls of clients that have not been closed on both sides. */
  openCalls = 0

  constructor(options: JobRunnerOptions) {
    this.options = options
    options.executors.listen({
      launchFailed: (id, incarnation, error) =>
        this.attemptEvent(id, attempt => ({ kind: 'launchFailed', attempt, incarnation, error })),
      taskEnded: (id, incarnation, report) => {
        const error = report.error === undefined ? {} : { error: new BallistaError(report.error) }
        this.attemptEvent(id, attempt => ({ kind: 'taskEnded', attempt, incarnation, report, ...error }))
      },
      executorLost: ({ id, incarnation }, reason, crashed) => {
        for (const job of this.jobs.values()) this.step(job, { kind: 'executorLost', id, incarnation, reason, crashed })
      },
    })
  }

  get running(): number {
    return this.jobs.size
  }

  /** Tasks that have been placed and have not ended. */
  get runningTasks(): number {
    return [...this.jobs.values()].reduce((sum, job) => sum + pendingTasks(job.state.tasks), 0)
  }

  /** Handles one client's call from its request to the verdict; never rejects. */
  async serve(call: SubmitCall): Promise<void> {
    const job: Job = { id: newJobId(this.options.rng), call, state: newJob, placement: new Map() }
    this.jobs.set(job.id, job)
    this.openCalls++
    call.once('close', () => this.openCalls--)
    call.on('error', () => undefined)
    call.on('cancelled', () => this.step(job, { kind: 'clientGone' }))
    try {
      const request = await receiveRequest(call)
      if (request !== undefined) await this.plan(job, request)
      else this.step(job, { kind: 'clientGone' })
    } catch (error) {
      this.step(job, { kind: 'refused', error: toBallistaError(error) })
    }
  }

  close(): void {
    for (const job of this.jobs.values()) this.step(job, { kind: 'cancelled', why: 'the scheduler is shutting down' })
  }

  private async plan(job: Job, { body, planOnly, settings }: ClientRequest): Promise<void> {
    const { clock, executors, executorWaitMs, planner } = this.options
    this.step(job, { kind: 'admitted' })
    if (!planOnly && !(await executors.someone(executorWaitMs))) throw fail('NO_EXECUTORS')
    const query = await planner(body, { slots: Math.max(1, executors.slots()), wallMs: clock.wallMs() })
    const { stages } = query
    if (stages.length > 0 && executors.places().length === 0) throw fail('NO_EXECUTORS')
    job.planned = { query, settings }
    const retries = configOf(settings).get(retryPolicy) === 'query' && isRepeatable(stages)
    const groups = [{ stages: stages.map(stage => stage.id), needs: [] }]
    this.step(job, { kind: 'planned', groups, maxAttempts: retries ? MAX_ATTEMPTS : 1 })
  }

  private attemptEvent(id: string, event: (attempt: number) => JobEvent): void {
    const { jobId, attempt } = parseAttemptId(id)
    const job = this.jobs.get(jobId)
    if (job !== undefined) this.step(job, event(attempt))
  }

  private step(job: Job, event: JobEvent): void {
    const { state, effects } = stepJob(job.state, event)
    job.state = state
    if (isOver(state)) {
      this.jobs.delete(job.id)
      job.retry?.cancel()
    }
    for (const effect of effects) this.perform(job, effect)
  }

  private perform(job: Job, effect: JobEffect): void {
    switch (effect.kind) {
      case 'place':
        return this.place(job)
      case 'openAttempt':
        return this.openAttempt(job)
      case 'launch':
        return this.send(job, effect.stages)
      case 'endAttempt': {
        const reason = effect.reason === undefined ? new Uint8Array(0) : encodeError(effect.reason)
        for (const id of job.state.executors.keys()) this.options.executors.endJob(id, this.attemptId(job), reason)
        return
      }
      case 'awaitRetry':
        return this.awaitRetry(job, effect.isLast)
      case 'tellClient':
        return this.tellClient(job, effect.error)
    }
  }

  private place(job: Job): void {
    const { executors } = this.options
    job.placement = placeTasks(job.planned?.query.stages ?? [], executors.places())
    const used = [...job.placement.values()].flat()
    this.step(job, {
      kind: 'placed',
      attempt: job.state.attempt,
      executors: new Map(used.map(({ id }) => [id, executors.incarnationOf(id) ?? ''])),
      tasks: new Map(Array.from(job.placement, ([stage, places]) => [stage, places.map(place => place.id)])),
    })
  }

  private openAttempt(job: Job): void {
    const { stages = [], schema = { fields: [] } } = job.planned?.query ?? {}
    const { attempt, executors } = job.state
    // Known there from now on, so that who asks for the output of a later stage waits.
    this.send(job, [])
    const root = stages[stages.length - 1]
    const address = job.placement.get(root?.id ?? -1)?.[0].address ?? ''
    const edge = root?.plan.outputs[0].edge ?? 0
    tell(job, { accepted: { jobId: job.id, attempt, address, edge, schema: encodeWire(schema) } })
    const { log } = this.options
    if (root === undefined) log.debug('query described', { job: job.id })
    else log.info('job started', { job: job.id, attempt, stages: stages.length, executors: executors.size })
  }

  /** Sends tasks of these stages to their executors; of no stages, the bare job to all executors of the attempt. */
  private send(job: Job, stageIds: readonly number[]): void {
    if (job.planned === undefined) return
    const { query, settings } = job.planned
    const definition = { jobId: this.attemptId(job), settings, stages: query.stages }
    for (const [id, tasks] of jobDefinitions(definition, job.placement, stageIds)) {
      if (tasks.stages.length > 0 || stageIds.length === 0) this.options.executors.launch(id, tasks)
    }
  }

  private awaitRetry(job: Job, isLast: boolean): void {
    const { clock, executors, log, lossGraceMs, rng } = this.options
    const { attempt, failure } = job.state
    const delayMs = isLast ? VERDICT_WAIT_MS : backoffMs(attempt, rng.next())
    log.warn('attempt failed', { job: job.id, attempt, code: failure?.code ?? '', error: failure?.message ?? '' })
    job.retry = clock.after(delayMs, () => {
      if (isLast) return this.step(job, { kind: 'retryDue' })
      void executors.someone(lossGraceMs).then(found => this.step(job, { kind: found ? 'retryDue' : 'noExecutors' }))
    })
  }

  private tellClient(job: Job, error: BallistaError | undefined): void {
    const { log } = this.options
    if (error === undefined) {
      const { reports } = job.state
      const rows = job.planned?.query.explain?.(reports)
      const explanation = rows === undefined ? new Uint8Array(0) : encodeWire(rows)
      tell(job, { finished: { reports: encodeWire(reports), explanation } })
      if (reports.length > 0) log.info('job finished', { job: job.id })
    } else {
      tell(job, { failed: { error: encodeError(error) } })
      log.info('job failed', { job: job.id, code: error.code, error: error.message })
    }
    job.call.end()
  }

  private attemptId(job: Job): string {
    return attemptId(job.id, job.state.attempt)
  }
}

function tell(job: Job, event: QueryEvent): void {
  if (job.call.writable) job.call.write(event)
}
