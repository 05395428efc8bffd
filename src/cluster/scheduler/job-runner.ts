/** The scheduler's jobs: one per open SubmitQuery call, which is its lease. */
import type { Schema } from '../../arrow/schema.js'
import type { Clock, Rng, Timer } from '../../common/clock.js'
import { BallistaError, fail, toBallistaError } from '../../common/errors.js'
import { newJobId } from '../../common/ids.js'
import type { Settings } from '../../common/option.js'
import type { Logger } from '../../common/log.js'
import { decodeWire, encodeWire } from '../../common/wire.js'
import { messagesOf, type SubmitCall } from '../../exchange/grpc.js'
import type { QueryEvent, QueryRequest } from '../../exchange/proto/messages.js'
import { checkVersion, encodeError, PieceJoiner } from '../../exchange/protocol.js'
import type { StagePlan, TaskReport } from '../../exchange/stage.js'
import { objectOf, stringOf } from '../../exchange/validate.js'
import type { ExecutorRegistry } from './executor-registry.js'
import {
  isOver,
  newJob,
  stepJob,
  taskKey,
  VERDICT_WAIT_MS,
  type JobEffect,
  type JobEvent,
  type JobState,
} from './job-state.js'
import { jobDefinitions, placeTasks, type Placement } from './placement.js'

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
  readonly executorWaitMs: number
}

/** A request with its tables inline. */
const MAX_REQUEST_BYTES = 256 * 1024 ** 2

interface Job {
  readonly id: string
  readonly call: SubmitCall
  state: JobState
  planned?: { readonly query: PlannedQuery; readonly settings: Settings; readonly placement: Placement }
  verdict?: Timer
}

export class JobRunner {
  private readonly options: JobRunnerOptions
  private readonly jobs = new Map<string, Job>()
  /** Calls of clients that have not been closed on both sides. */
  openCalls = 0

  constructor(options: JobRunnerOptions) {
    this.options = options
    options.executors.listen({
      launchFailed: (jobId, incarnation, error) => {
        const job = this.jobs.get(jobId)
        if (job !== undefined) this.step(job, { kind: 'launchFailed', incarnation, error })
      },
      taskEnded: (jobId, incarnation, report) => {
        const job = this.jobs.get(jobId)
        if (job === undefined) return
        const error = report.error === undefined ? {} : { error: new BallistaError(report.error) }
        this.step(job, { kind: 'taskEnded', incarnation, report, ...error })
      },
      executorLost: (member, reason) => {
        const { id, incarnation } = member
        for (const job of this.jobs.values()) this.step(job, { kind: 'executorLost', id, incarnation, reason })
      },
    })
  }

  get running(): number {
    return this.jobs.size
  }

  /** Tasks that have been placed and have not ended. */
  get runningTasks(): number {
    return [...this.jobs.values()].reduce((sum, job) => sum + job.state.pending.size, 0)
  }

  /** Handles one client's call from its request to the verdict; never rejects. */
  async serve(call: SubmitCall): Promise<void> {
    const job: Job = { id: newJobId(this.options.rng), call, state: newJob }
    this.jobs.set(job.id, job)
    this.openCalls++
    call.once('close', () => this.openCalls--)
    call.on('error', () => undefined)
    call.on('cancelled', () => this.step(job, { kind: 'clientGone' }))
    try {
      const request = await receiveRequest(call)
      if (request !== undefined) await this.start(job, request)
      else this.step(job, { kind: 'clientGone' })
    } catch (error) {
      this.step(job, { kind: 'planFailed', error: toBallistaError(error) })
    }
  }

  close(): void {
    for (const job of this.jobs.values()) this.step(job, { kind: 'schedulerClosing' })
  }

  private async start(job: Job, request: unknown): Promise<void> {
    const { clock, executors, executorWaitMs, planner } = this.options
    const { planOnly, settings } = requestParts(request)
    if (!planOnly && !(await executors.someone(executorWaitMs))) throw fail('NO_EXECUTORS')
    const query = await planner(request, { slots: Math.max(1, executors.slots()), wallMs: clock.wallMs() })
    if (isOver(job.state)) return
    const places = executors.places()
    if (query.stages.length > 0 && places.length === 0) throw fail('NO_EXECUTORS')
    job.planned = { query, settings, placement: placeTasks(query.stages, places) }
    this.step(job, {
      kind: 'launched',
      executors: this.incarnations(job.planned.placement),
      tasks: tasksOf(query.stages),
    })
  }

  private incarnations(placement: Placement): Map<string, string> {
    const { executors } = this.options
    return new Map([...placement.values()].flat().map(place => [place.id, executors.incarnationOf(place.id) ?? '']))
  }

  private step(job: Job, event: JobEvent): void {
    const { state, effects } = stepJob(job.state, event)
    job.state = state
    if (isOver(state)) {
      this.jobs.delete(job.id)
      job.verdict?.cancel()
    }
    for (const effect of effects) this.perform(job, effect)
  }

  private perform(job: Job, effect: JobEffect): void {
    switch (effect.kind) {
      case 'launch':
        return this.launch(job)
      case 'endOnExecutors': {
        const reason = effect.reason === undefined ? new Uint8Array(0) : encodeError(effect.reason)
        for (const id of job.state.executors.keys()) this.options.executors.endJob(id, job.id, reason)
        return
      }
      case 'tellClient':
        return this.tellClient(job, effect.error)
      case 'awaitVerdict':
        job.verdict = this.options.clock.after(VERDICT_WAIT_MS, () => this.step(job, { kind: 'verdictDue' }))
        return
    }
  }

  private launch(job: Job): void {
    if (job.planned === undefined) return
    const { placement, query, settings } = job.planned
    const definitions = jobDefinitions({ jobId: job.id, settings, stages: query.stages }, placement)
    for (const [id, definition] of definitions) this.options.executors.launch(id, definition)
    const root = query.stages[query.stages.length - 1]
    const address = placement.get(root?.id ?? -1)?.[0].address ?? ''
    const edge = root?.output.edge ?? 0
    send(job, { accepted: { jobId: job.id, address, edge, schema: encodeWire(query.schema) } })
    const { log } = this.options
    if (root === undefined) log.debug('query described', { job: job.id })
    else log.info('job started', { job: job.id, stages: query.stages.length, executors: definitions.size })
  }

  private tellClient(job: Job, error: BallistaError | undefined): void {
    const { log } = this.options
    if (error === undefined) {
      const { reports } = job.state
      const rows = job.planned?.query.explain?.(reports)
      const explanation = rows === undefined ? new Uint8Array(0) : encodeWire(rows)
      send(job, { finished: { reports: encodeWire(reports), explanation } })
      if (job.state.reports.length > 0) log.info('job finished', { job: job.id })
    } else {
      send(job, { failed: { error: encodeError(error) } })
      log.info('job failed', { job: job.id, code: error.code, error: error.message })
    }
    job.call.end()
  }
}

/** All pieces of the request; undefined if the client left before the last one. */
async function receiveRequest(call: SubmitCall): Promise<unknown> {
  const peer = `client ${call.getPeer()}`
  const joiner = new PieceJoiner(MAX_REQUEST_BYTES, peer)
  let whole: Uint8Array | undefined
  for await (const piece of messagesOf<QueryRequest>(call)) {
    checkVersion(piece, peer)
    whole = joiner.add(piece) ?? whole
  }
  return whole === undefined ? undefined : decodeWire(whole, peer)
}

/** The part of a request that the scheduler itself understands; the rest is the planner's. */
function requestParts(request: unknown): { planOnly: boolean; settings: Settings } {
  const peer = { name: 'client', version: 'unknown' }
  const { planOnly, settings } = objectOf(request, 'a request', peer)
  const values = objectOf(settings ?? {}, 'settings', peer)
  for (const value of Object.values(values)) stringOf(value, 'a setting', peer)
  return { planOnly: planOnly === true, settings: values as Settings }
}

function send(job: Job, event: QueryEvent): void {
  if (job.call.writable) job.call.write(event)
}

const tasksOf = (stages: readonly StagePlan[]): string[] =>
  stages.flatMap(stage =>
    Array.from({ length: stage.taskCount }, (_, partition) => taskKey({ stage: stage.id, partition })),
  )
