/** The jobs of one executor: starts their tasks, and lets go of everything when they end. */
import { sharedAbortController } from '../../common/abort.js'
import { fail, type BallistaError } from '../../common/errors.js'
import { Gate } from '../../common/gate.js'
import type { Logger } from '../../common/log.js'
import type { ExchangeHub } from '../../exchange/exchange-hub.js'
import { shareScans } from '../../exchange/shared-scans.js'
import type { TaskReport, TaskSpec } from '../../exchange/stage.js'
import type { RemoteExchange } from '../../exchange/remote-exchange.js'
import type { TaskHost } from '../../exchange/task-host.js'
import type { MetricsRow } from '../../runtime/metrics.js'
import { sumByPath, type StageProgress } from '../stage-progress.js'

interface RunningJob {
  readonly controller: AbortController
  readonly tasks: Promise<void>[]
  /** What tasks that have ended have counted, by stage. */
  readonly counted: Map<number, readonly MetricsRow[]>
}

export class ExecutorJobs {
  private readonly hub: ExchangeHub
  private readonly remote: RemoteExchange
  private readonly host: TaskHost
  private readonly log: Logger
  private readonly jobs = new Map<string, RunningJob>()
  private readonly ending = new Set<Promise<void>>()
  /** A job has ended. */
  private readonly changed = new Gate()
  runningTasks = 0

  constructor(options: { hub: ExchangeHub; remote: RemoteExchange; host: TaskHost; log: Logger }) {
    this.hub = options.hub
    this.remote = options.remote
    this.host = options.host
    this.log = options.log
  }

  /** Jobs that have not ended, or whose tasks have not. */
  get count(): number {
    return this.jobs.size + this.ending.size
  }

  /** Starts tasks of a job, all at once; `onEnd` hears of each one's end. A job that was cancelled before stays so. */
  launch(jobId: string, specs: readonly TaskSpec[], onEnd: (report: TaskReport) => void): void {
    if (!this.hub.openJob(jobId)) return
    const job: RunningJob = this.jobs.get(jobId) ?? {
      controller: sharedAbortController(),
      tasks: [],
      counted: new Map(),
    }
    this.jobs.set(jobId, job)
    this.log.debug('tasks launched', { job: jobId, tasks: specs.length })
    for (const spec of shareScans(specs)) job.tasks.push(this.run(spec, job, onEnd))
  }

  /** Aborts what runs, drops what is buffered. Without a reason the job has succeeded, and nothing runs. */
  end(jobId: string, reason: BallistaError = fail('CANCELLED', ['the job has ended'])): void {
    const job = this.jobs.get(jobId)
    this.jobs.delete(jobId)
    job?.controller.abort(reason)
    const closed = this.hub.closeJob(jobId, reason)
    const ended = Promise.all([closed, ...(job?.tasks ?? [])]).then(() => {
      this.host.endJob(jobId)
      this.remote.endJob(jobId)
      this.ending.delete(ended)
      this.changed.notify()
    })
    this.ending.add(ended)
  }

  /** Resolves when no job is left; they end as they would. */
  async idle(): Promise<void> {
    while (this.count > 0) await this.changed.wait()
  }

  /** Ends all jobs; resolves when no task runs. Other executors hear of `reason`, and tell the scheduler. */
  async endAll(reason: BallistaError): Promise<void> {
    for (const jobId of this.jobs.keys()) this.end(jobId, reason)
    await Promise.all(this.ending)
  }

  /** By job and stage, what tasks have counted, those that have ended too. */
  progress(): StageProgress[] {
    const running = this.host.counters()
    return Array.from(this.jobs, ([attemptId, { counted }]) => {
      const rows = new Map(Array.from(counted, ([stage, sums]) => [stage, [...sums]]))
      for (const { jobId, stage, operators } of running) {
        if (jobId !== attemptId) continue
        const all = rows.get(stage) ?? []
        all.push(...operators)
        rows.set(stage, all)
      }
      return Array.from(rows, ([stage, all]) => ({ attemptId, stage, operators: sumByPath(all) }))
    }).flat()
  }

  private async run(spec: TaskSpec, job: RunningJob, onEnd: (report: TaskReport) => void): Promise<void> {
    this.runningTasks++
    const report = await this.host.run(spec, job.controller.signal)
    this.runningTasks--
    job.counted.set(spec.stage, sumByPath([...(job.counted.get(spec.stage) ?? []), ...report.operators]))
    this.log.debug('task ended', {
      job: spec.jobId,
      stage: spec.stage,
      partition: spec.partition,
      code: report.error?.code,
    })
    onEnd(report)
  }
}
