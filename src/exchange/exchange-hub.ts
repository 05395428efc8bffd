/**
 * The exchange of one process, on its main thread: the output buffers of all its tasks, by job and edge. Producers open buffers,
 * consumers (tasks of this process, and peers over gRPC) find them, whoever comes first.
 */
import type { Clock } from '../common/clock.js'
import { deferred, type Deferred } from '../common/deferred.js'
import { fail } from '../common/errors.js'
import { configOf } from '../common/option.js'
import { memoryLimit } from '../runtime/options.js'
import { spillPlace, spillSpace, type SpillSpace } from '../runtime/spill-space.js'
import { ExchangeBudget, exchangeBytes } from './exchange-budget.js'
import { OutputBuffer, type OutputOptions } from './output-buffer.js'
import type { OutputChannel } from './output-channel.js'

/** Names the output of one task: task `producer` of the stage that feeds `edge`. */
export interface OutputKey {
  readonly jobId: string
  readonly edge: number
  readonly producer: number
}

interface Job {
  /** By `edge/producer`. */
  readonly outputs: Map<string, OutputBuffer>
  readonly wanted: Map<string, Deferred<OutputBuffer>>
  /** Whether a consumer has asked for the output (true) or declined it (false). */
  readonly demands: Map<string, Deferred<boolean>>
}

/** A consumer may come this long before the job is known here. */
export const JOB_WAIT_MS = 10_000

/** Ended jobs remembered, so that who comes late hears why at once. */
const ENDED_JOBS = 1_000

export class ExchangeHub {
  readonly budget: ExchangeBudget
  private readonly clock: Clock
  private readonly space: SpillSpace
  private readonly jobs = new Map<string, Job>()
  private readonly awaited = new Map<string, Set<() => void>>()
  /** Why, by job. */
  private readonly ended = new Map<string, Error>()

  /** `memoryLimit`: what operators of the process may hold. `space` is for outputs that do not fit memory. */
  constructor(options: { clock: Clock; memoryLimit?: number; space?: SpillSpace }) {
    const defaults = configOf({})
    this.clock = options.clock
    this.budget = new ExchangeBudget(exchangeBytes(options.memoryLimit ?? defaults.get(memoryLimit)))
    this.space = options.space ?? spillSpace(spillPlace(defaults))
  }

  /** From now on outputs of the job can be opened and waited for; false if it has ended already. Opening twice is harmless. */
  openJob(jobId: string): boolean {
    if (this.jobs.has(jobId) || this.ended.has(jobId)) return this.jobs.has(jobId)
    this.jobs.set(jobId, { outputs: new Map(), wanted: new Map(), demands: new Map() })
    for (const wake of this.awaited.get(jobId) ?? []) wake()
    this.awaited.delete(jobId)
    return true
  }

  /**
   * Forgets the job: queued batches are released, and whoever still waits gets `reason`. Consumers that have acknowledged their
   * end notice nothing. Unknown jobs are remembered as ended, so that a late `openJob` finds them closed. All that happens at once;
   * the promise resolves when no file of the job is left.
   */
  async closeJob(jobId: string, reason: Error = fail('CANCELLED', ['the job has ended'])): Promise<void> {
    const job = this.jobs.get(jobId)
    this.jobs.delete(jobId)
    if (!this.ended.has(jobId)) this.ended.set(jobId, reason)
    if (this.ended.size > ENDED_JOBS) this.ended.delete(this.ended.keys().next().value as string)
    for (const wanted of job?.wanted.values() ?? []) wanted.reject(reason)
    for (const demand of job?.demands.values() ?? []) demand.reject(reason)
    const outputs = [...(job?.outputs.values() ?? [])]
    for (const output of outputs) output.fail(reason)
    for (const wake of this.awaited.get(jobId) ?? []) wake()
    this.awaited.delete(jobId)
    await Promise.all(outputs.map(output => output.close()))
  }

  /** Jobs that have not ended here. */
  get openJobs(): string[] {
    return [...this.jobs.keys()]
  }

  /** The buffer of a task that starts. Throws why the job has ended here. */
  openOutput(key: OutputKey, options: OutputOptions): OutputBuffer {
    const job = this.job(key.jobId)
    const name = outputName(key)
    if (job.outputs.has(name)) throw fail('INTERNAL', [`edge ${key.edge} of task ${key.producer} is already open`])
    const output = new OutputBuffer(options, { budget: this.budget, space: this.space, clock: this.clock })
    job.outputs.set(name, output)
    job.wanted.get(name)?.resolve(output)
    job.wanted.delete(name)
    return output
  }

  /** The channel of a consumer; waits for its producer to start, and for the job to be known: NETWORK after 10 s, the reason if it has ended. */
  async channel(key: OutputKey, partition: number): Promise<OutputChannel> {
    await this.jobKnown(key.jobId)
    const job = this.job(key.jobId)
    const name = outputName(key)
    demandOf(job, name).resolve(true)
    const output = job.outputs.get(name) ?? (await this.wantedOutput(job, name))
    const channel = output.channels[partition]
    if (channel === undefined)
      throw fail('PROTOCOL', ['the consumer of an exchange', `edge ${key.edge} has no partition ${partition}`])
    return channel
  }

  /** For the host of a task on demand: true when its consumer wants the output, false when it declines. Rejects when the job ends. */
  async demanded(key: OutputKey): Promise<boolean> {
    return demandOf(this.job(key.jobId), outputName(key)).promise
  }

  /** The only consumer of an output on demand will not ask for it; waits for the job to be known. One that has ended needs nothing. */
  async decline(key: OutputKey): Promise<void> {
    await this.jobKnown(key.jobId).catch(() => undefined)
    const job = this.jobs.get(key.jobId)
    if (job !== undefined) demandOf(job, outputName(key)).resolve(false)
  }

  /** For tests and metrics: what is held now. */
  stats(): { jobs: number; outputs: number; queuedBytes: number; peakBytes: number } {
    const outputs = [...this.jobs.values()].flatMap(job => [...job.outputs.values()])
    return {
      jobs: this.jobs.size,
      outputs: outputs.length,
      queuedBytes: outputs.reduce((sum, output) => sum + output.queuedBytes, 0),
      peakBytes: outputs.reduce((peak, output) => Math.max(peak, output.peakBytes), 0),
    }
  }

  private job(jobId: string): Job {
    const job = this.jobs.get(jobId)
    if (job === undefined) throw this.ended.get(jobId) ?? fail('CANCELLED', [`job ${jobId} has ended`])
    return job
  }

  private async jobKnown(jobId: string): Promise<void> {
    if (this.jobs.has(jobId) || this.ended.has(jobId)) return
    const arrival = deferred()
    const arrived = (): void => arrival.resolve()
    const waiting = this.awaited.get(jobId) ?? new Set()
    this.awaited.set(jobId, waiting.add(arrived))
    const timer = this.clock.after(JOB_WAIT_MS, () => {
      waiting.delete(arrived)
      if (waiting.size === 0 && this.awaited.get(jobId) === waiting) this.awaited.delete(jobId)
      arrival.reject(fail('NETWORK', [`job ${jobId} is not known here after ${JOB_WAIT_MS} ms`]))
    })
    try {
      await arrival.promise
    } finally {
      timer.cancel()
    }
  }

  private wantedOutput(job: Job, name: string): Promise<OutputBuffer> {
    const wanted = job.wanted.get(name) ?? deferred<OutputBuffer>()
    job.wanted.set(name, wanted)
    return wanted.promise
  }
}

function demandOf(job: Job, name: string): Deferred<boolean> {
  const known = job.demands.get(name)
  if (known !== undefined) return known
  const demand = deferred<boolean>()
  // Most outputs are not on demand, and nobody waits for it.
  demand.promise.catch(() => undefined)
  job.demands.set(name, demand)
  return demand
}

const outputName = (key: OutputKey): string => `${key.edge}/${key.producer}`
