/** Kills an executor in the middle of a query, and shows that the answer stays the same. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ClusterProcesses, ExecutorProcess } from '../cluster/processes.js'
import type { JobJson } from '../cluster/scheduler/rest/job-json.js'
import { fail } from '../common/errors.js'
import type { SessionContext } from '../session/context.js'

export interface KillShowOptions {
  readonly ctx: SessionContext
  readonly cluster: ClusterProcesses
  /** Whose order of rows is fixed, without a `;`. */
  readonly sql: string
  readonly signal: AbortSignal
  readonly print: (line: string) => void
}

/** Kills that come too late, because the query is quick, are tried again so often. */
const MAX_TRIES = 8

/** Runs the query once in peace and once with a kill; whether the query survived it with the same rows. The tables are registered. */
export async function showKill(options: KillShowOptions): Promise<boolean> {
  const { print } = options
  const calm = await timedAnswer(options)
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const kill = killMidway(options, calm.ms / 2 ** tries)
    const [answer, killed] = await Promise.all([timedAnswer(options), kill])
    const job = await newestJob(options)
    if (killed === undefined || job === undefined || job.attempt < 2) {
      // It has ended before the kill was felt.
      if (killed !== undefined) await options.cluster.addExecutor()
      continue
    }
    const isEqual = answer.text === calm.text
    print(`in peace:    ${seconds(calm.ms)}`)
    print(`with a kill: ${seconds(answer.ms)}, attempt ${job.attempt}: ${job.job_status.toLowerCase()}`)
    print(`rows:        ${answer.rows}, ${isEqual ? 'the same as before' : 'OTHERS than before'}`)
    return isEqual
  }
  throw fail('INTERNAL', [`the query ended before it could be disturbed, ${MAX_TRIES} times`])
}

interface TimedAnswer {
  readonly text: string
  readonly rows: number
  readonly ms: number
}

async function timedAnswer({ ctx, sql, signal }: KillShowOptions): Promise<TimedAnswer> {
  const started = performance.now()
  const frame = await ctx.sql(sql, { signal })
  const rows = await frame.rows({ signal, bigint: 'string', dates: 'string' })
  return { text: JSON.stringify(rows), rows: rows.length, ms: performance.now() - started }
}

/** Kills who works for the query. Undefined: it has ended before. */
async function killMidway(options: KillShowOptions, afterMs: number): Promise<ExecutorProcess | undefined> {
  const { cluster, print, signal } = options
  await delay(afterMs, undefined, { signal })
  let job = await newestJob(options)
  while (job?.status === 'Queued') job = await newestJob(options)
  if (job?.status !== 'Running') return undefined
  const workers = await executorsOf(options, job.job_id)
  const executor = cluster.executors().find(({ address }) => workers.includes(address))
  if (executor === undefined) return undefined
  executor.kill()
  const done = `${job.completed_tasks} of ${job.num_tasks} tasks had ended`
  print(`executor ${executor.address} (process ${executor.pid}) was killed after ${seconds(afterMs)}: ${done}`)
  return executor
}

/** Undefined: the scheduler does not know it yet. */
async function newestJob(options: KillShowOptions): Promise<JobJson | undefined> {
  const jobs = (await ask(options, '/api/jobs')) as readonly JobJson[]
  const start = options.sql.replace(/\s+/g, ' ').trim().slice(0, PREFIX_LENGTH)
  return jobs.find(job => job.query.startsWith(start))
}

/** Addresses of those that run tasks of the job. */
async function executorsOf(options: KillShowOptions, jobId: string): Promise<string[]> {
  const { stages } = (await ask(options, `/api/job/${jobId}/stages`)) as {
    readonly stages: readonly { readonly tasks: readonly { readonly executor_id: string }[] }[]
  }
  const executors = (await ask(options, '/api/executors')) as readonly {
    readonly id: string
    readonly host: string
    readonly port: number
  }[]
  const ids = new Set(stages.flatMap(stage => stage.tasks.map(task => task.executor_id)))
  return executors.filter(({ id }) => ids.has(id)).map(({ host, port }) => `${host}:${port}`)
}

/** What the scheduler tells everybody. */
async function ask({ cluster, signal }: KillShowOptions, path: string): Promise<unknown> {
  const response = await fetch(`http://${cluster.nodes[0]}${path}`, { signal })
  return response.json()
}

/** The scheduler lists the beginnings of long statements. */
const PREFIX_LENGTH = 100

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
