/** What a scheduler and an executor answer over HTTP: real requests to a cluster in this process. */
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import type { JobSummary } from '../../src/cluster/scheduler/job-record.js'
import type { JobPhase } from '../../src/cluster/scheduler/job-state.js'
import { jobJson } from '../../src/cluster/scheduler/rest/job-json.js'
import { startStandalone, type Standalone } from '../../src/cluster/standalone.js'
import { BallistaError } from '../../src/common/errors.js'
import { VERSION } from '../../src/common/version.js'
import { SessionContext } from '../../src/session/context.js'
import { planForCluster } from '../../src/session/plan-for-cluster.js'
import { JOB_KEYS, STAGE_KEYS } from './rest-keys.js'

interface Served {
  readonly cluster: Standalone
  readonly ctx: SessionContext
}

type Json = Record<string, unknown>

/** More than fits into all buffers: it runs until somebody reads or cancels it. */
const ENDLESS = 'SELECT value, repeat(CAST(value AS VARCHAR), 20) FROM generate_series(1, 50000000)'
const HOSTILE = `SELECT '<script>alert("1")</script>' AS "<img src=x onerror=alert(2)>"`

async function served(t: ExecutionContext, body: (parts: Served) => Promise<void>): Promise<void> {
  const cluster = await startStandalone({ executors: 1, slots: 2, planner: planForCluster, logLevel: 'silent' })
  const ctx = await SessionContext.remote(`df://${cluster.address}`)
  try {
    await body({ cluster, ctx })
  } finally {
    await ctx.close()
    await cluster.close()
  }
  t.pass()
}

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** As fetch, but with any header. */
async function ask(
  address: string,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const [host, port] = address.split(':')
  const asked = request({ host, port, path, method, headers, agent: false })
  asked.end(body)
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) }
}

const get = async (address: string, path: string): Promise<Json> => JSON.parse((await ask(address, path)).body) as Json
const list = async (address: string, path: string): Promise<Json[]> =>
  JSON.parse((await ask(address, path)).body) as Json[]
const patch = (address: string, path: string, body = '{"cancelled":true}', headers = {}): Promise<Answer> =>
  ask(address, path, { method: 'PATCH', headers: { 'content-type': 'application/json', ...headers }, body })

/** The job of a query that has given its first batch and waits for its reader; `end` gives what the reader meets. */
async function runningJob({ cluster, ctx }: Served): Promise<{ id: string; end: Promise<unknown> }> {
  const batches = (await ctx.sql(ENDLESS)).stream()[Symbol.asyncIterator]()
  await batches.next()
  const running = (await list(cluster.address, '/api/jobs')).filter(({ status }) => status === 'Running')
  const end = (async () => {
    while (!(await batches.next()).done);
  })().catch((error: unknown) => error)
  return { id: String(running[0].job_id), end }
}

/** The events of a stream as they come. */
async function* eventsOf(address: string, path: string): AsyncGenerator<{ event: string; data: Json }> {
  const response = await fetch(`http://${address}${path}`)
  let rest = ''
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (rest + piece).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? []
      if (event !== undefined) yield { event, data: JSON.parse(data) as Json }
    }
  }
}

test.serial('the state of a scheduler and its executors', async t => {
  await served(t, async ({ cluster }) => {
    const { address } = cluster
    const state = await get(address, '/api/state')
    t.is(state.version, VERSION)
    t.is(state.executors, 1)
    t.is(state.task_slots, 2)
    t.is(state.scheduling_policy, 'push-staged')
    t.true(Math.abs(Number(state.started) - Date.now()) < 60_000)
    t.deepEqual(await get(address, '/api/version'), { version: VERSION })
    const [executor] = await list(address, '/api/executors')
    const { id, host, port, specification, last_seen: lastSeen, status } = executor
    t.is(`${String(host)}:${String(port)}`, cluster.executors[0].address)
    t.deepEqual(specification, { vcores: 2 })
    t.is(status, 'active')
    t.true(Math.abs(Number(lastSeen) - Date.now()) < 60_000)
    t.is((await get(address, `/api/executor/${String(id)}`)).id, id)
    t.is((await ask(address, '/api/executor/nobody')).status, 404)
    t.is((await ask(address, '/healthz')).body, 'ok\n')
    t.is((await ask(address, '/readyz')).body, '1 of 1 executors\n')
    t.is((await ask(cluster.executors[0].address, '/healthz')).body, 'ok\n')
    t.is((await ask(cluster.executors[0].address, '/readyz')).body, 'ready\n')
  })
})

test.serial('a scheduler without executors lives and is not ready', async t => {
  const cluster = await startStandalone({ executors: 0, slots: 1, planner: planForCluster, logLevel: 'silent' })
  t.is((await ask(cluster.address, '/healthz')).status, 200)
  const ready = await ask(cluster.address, '/readyz')
  t.is(ready.status, 503)
  t.is(ready.body, '0 of 1 executors\n')
  await cluster.close()
})

test.serial('a job from its submission to its record', async t => {
  await served(t, async ({ cluster: { address }, ctx }) => {
    await ctx.sql(`SET ballista.job.name = 'nightly'`)
    const rows = await (
      await ctx.sql('SELECT value % 7 AS k, count(*) FROM generate_series(1, 1000) GROUP BY 1')
    ).rows()
    t.is(rows.length, 7)
    const jobs = await list(address, '/api/jobs')
    t.is(jobs.length, 1)
    const [job] = jobs
    t.deepEqual(Object.keys(job), JOB_KEYS)
    t.is(job.status, 'Completed')
    t.is(job.job_name, 'nightly')
    t.is(job.percent_complete, 100)
    t.is(job.completed_stages, job.num_stages)
    t.is(job.error, null)
    t.true(Number(job.end_time) >= Number(job.start_time))
    const detail = await get(address, `/api/job/${String(job.job_id)}`)
    t.is(detail.sql, 'SELECT value % 7 AS k, count(*) FROM generate_series(1, 1000) GROUP BY 1')
    t.regex(String(detail.logical_plan), /Aggregate: groupBy=/)
    t.regex(String(detail.physical_plan), /AggregateExec: /)
    t.regex(String(detail.stage_plan), /^Stage 0: \d+ task\(s\)\n {2}ExchangeSinkExec: edge=0/)
    t.notRegex(String(detail.stage_plan), /output_rows/)
    const measured = await get(address, `/api/job/${String(job.job_id)}?plan_format=metrics`)
    t.regex(String(measured.stage_plan), /AggregateExec: .*metrics=\[output_rows=7,/)
    t.is((await ask(address, `/api/job/${String(job.job_id)}?plan_format=tree`)).status, 400)
    t.is((await get(address, `/api/job/${String(job.job_id)}/config`))['ballista.job.name'], 'nightly')
    t.is((await ask(address, '/api/job/job-none')).status, 404)
  })
})

test.serial('stages, operators, edges and tasks of a job', async t => {
  await served(t, async ({ cluster: { address }, ctx }) => {
    await ctx.sql('SET ballista.optimizer.repartition_file_min_size = 1')
    await ctx.registerCsv('example', 'test/data/example.csv')
    await (await ctx.sql('SELECT a, MIN(b) FROM example WHERE a <= b GROUP BY a')).rows()
    const [{ job_id: id }] = await list(address, '/api/jobs')
    const { stages, edges } = (await get(address, `/api/job/${String(id)}/stages`)) as Record<string, Json[]>
    t.true(stages.length > 1, 'the plan has an exchange')
    for (const stage of stages) {
      t.deepEqual(Object.keys(stage), STAGE_KEYS)
      t.is(stage.stage_status, 'Successful')
      t.is((stage.tasks as Json[]).length, Number(stage.num_tasks))
    }
    t.is(stages.at(-1)?.output_rows, 3)
    t.is(edges.length, stages.length - 1)
    for (const edge of edges) t.is(edge.rows_received, edge.rows_sent)
    const [{ from_stage: from, to_stage: to, partitioning, storage }] = edges
    t.deepEqual([from, to], [0, 1])
    t.regex(String(partitioning), /^hash\(a@0\) into \d$/)
    t.is(storage, 'memory')
    const dot = await ask(address, `/api/job/${String(id)}/dot`)
    t.regex(
      dot.body,
      /^digraph G \{\n[^]*stage_0_0 -> stage_1_0[_0-9]* \[label="edge 0, \d rows", style=bold\];[^]*\}\n$/,
    )
    const one = await ask(address, `/api/job/${String(id)}/stage/0/dot`)
    t.regex(one.body, /DataSourceExec\\nfile_type=csv/)
    t.is((await ask(address, `/api/job/${String(id)}/stage/99/dot`)).status, 404)
  })
})

test.serial('a running job is cancelled once, and its client hears of it', async t => {
  await served(t, async parts => {
    const { address } = parts.cluster
    const { id, end } = await runningJob(parts)
    t.is((await patch(address, `/api/job/${id}`, '{"cancelled":false}')).status, 400)
    t.is((await patch(address, `/api/job/${id}`, 'null')).status, 400)
    t.is((await patch(address, `/api/job/${id}`, '{')).status, 400)
    t.is((await patch(address, '/api/job/job-none')).status, 404)
    const cancelled = await patch(address, `/api/job/${id}`)
    t.is(cancelled.status, 200)
    t.deepEqual(JSON.parse(cancelled.body), { cancelled: true })
    const error = await end
    t.true(error instanceof BallistaError)
    t.is((error as BallistaError).code, 'CANCELLED')
    const again = await patch(address, `/api/job/${id}`)
    t.is(again.status, 409)
    t.is((JSON.parse(again.body) as Json).cancelled, false)
    t.is((await get(address, `/api/job/${id}`)).status, 'Cancelled')
  })
})

test.serial('the events of a job follow it to its end', async t => {
  await served(t, async parts => {
    const { address } = parts.cluster
    const { id, end } = await runningJob(parts)
    const seen: unknown[] = []
    for await (const { event, data } of eventsOf(address, `/api/job/${id}/events`)) {
      t.is(event, 'job')
      t.deepEqual(Object.keys(data), [...JOB_KEYS, 'failures', 'stages', 'edges'])
      if (seen.length === 0) await patch(address, `/api/job/${id}`)
      if (seen.at(-1) !== data.status) seen.push(data.status)
    }
    t.deepEqual(seen, ['Running', 'Cancelled'])
    await end
    t.is((await ask(address, '/api/job/job-none/events')).status, 404)
  })
})

test.serial('the events of all jobs begin with the list', async t => {
  await served(t, async ({ cluster: { address }, ctx }) => {
    await (await ctx.sql('SELECT 1')).rows()
    const events = eventsOf(address, '/api/events')
    const { value: first } = (await events.next()) as IteratorYieldResult<{ event: string; data: Json }>
    t.is(first.event, 'jobs')
    t.is((first.data as unknown as Json[]).length, 1)
    await (await ctx.sql('SELECT 2')).rows()
    for await (const { event, data } of events) {
      t.is(event, 'job')
      t.is(data.query, 'SELECT 2')
      if (data.status === 'Completed') break
    }
  })
})

test.serial('a scheduler that closes ends the streams of events', async t => {
  const cluster = await startStandalone({ executors: 0, slots: 1, planner: planForCluster, logLevel: 'silent' })
  const events = eventsOf(cluster.address, '/api/events')
  t.is((await events.next()).value?.event, 'jobs')
  const rest = events.next()
  await cluster.close()
  t.true((await rest).done)
})

test.serial('a failed job tells its error', async t => {
  await served(t, async ({ cluster: { address }, ctx }) => {
    const frame = await ctx.sql('SELECT 1 / (value - 500) FROM generate_series(1, 1000)')
    await t.throwsAsync(frame.rows(), { code: 'DIVIDE_BY_ZERO' })
    const [{ job_id: id }] = await list(address, '/api/jobs')
    const job = await get(address, `/api/job/${String(id)}`)
    t.is(job.status, 'Failed')
    t.is(job.job_status, 'Failed: division by zero')
    const { code, retryable, context } = job.error as { code: string; retryable: boolean; context: string[] }
    t.is(code, 'DIVIDE_BY_ZERO')
    t.false(retryable)
    t.regex(context.join('; '), /stage 0, partition 0/)
  })
})

test.serial('the failure of an attempt is the error of its job only until the next one runs', t => {
  const failure = { code: 'EXECUTOR_LOST', message: 'executor a was lost', context: [] } as const
  const job = (phase: JobPhase): JobSummary => ({
    jobId: 'job-1',
    name: '',
    sql: '-- a comment\n/* another\none */ SELECT\n  1',
    phase,
    submittedAtMs: 0,
    elapsedMs: 1,
    attempt: 2,
    stages: { total: 1, finished: 0 },
    tasks: { total: 4, finished: 1 },
    scanned: { rows: 0, bytes: 0 },
    error: failure,
  })
  const errors = (['waiting', 'running', 'succeeded', 'failed', 'cancelled'] as const).map(
    phase => jobJson(job(phase)).error?.code,
  )
  t.deepEqual(errors, ['EXECUTOR_LOST', undefined, undefined, 'EXECUTOR_LOST', 'EXECUTOR_LOST'])
  const waiting = jobJson(job('waiting'))
  t.is(waiting.status, 'Running')
  t.is(waiting.job_status, 'Waiting for attempt 3 after EXECUTOR_LOST')
  t.is(waiting.percent_complete, 25)
  t.is(waiting.query, 'SELECT 1', 'comments before the statement are left out')
  t.true(waiting.error?.retryable)
})

test.serial('no answer can be taken for another type, and none is kept', async t => {
  await served(t, async ({ cluster: { address }, ctx }) => {
    await (await ctx.sql(HOSTILE)).rows()
    const [{ job_id: id, query }] = await list(address, '/api/jobs')
    t.is(query, HOSTILE)
    const paths = ['', '/config', '/stages', '/dot', '/stage/0/dot'].map(part => `/api/job/${String(id)}${part}`)
    for (const path of ['/api/jobs', '/api/metrics', '/healthz', '/api/nothing/<script>', ...paths]) {
      const { headers } = await ask(address, path)
      t.regex(String(headers['content-type']), /^(application\/json|text\/plain|text\/vnd\.graphviz);/, path)
      t.is(headers['x-content-type-options'], 'nosniff')
      t.is(headers['cache-control'], 'no-store')
      t.is(headers['access-control-allow-origin'], undefined)
    }
  })
})

test.serial('requests that another site may have sent are refused', async t => {
  await served(t, async parts => {
    const { address } = parts.cluster
    const { id, end } = await runningJob(parts)
    const path = `/api/job/${id}`
    const refused = async (headers: Record<string, string>): Promise<number> =>
      (await patch(address, path, '{"cancelled":true}', headers)).status
    t.is(await refused({ origin: 'http://evil.example' }), 403)
    t.is(await refused({ origin: 'null' }), 403)
    t.is(await refused({ 'sec-fetch-site': 'cross-site' }), 403)
    t.is(await refused({ 'content-type': 'text/plain' }), 415)
    t.is(await refused({ host: 'evil.example' }), 421)
    t.is((await ask(address, '/api/jobs', { headers: { host: 'rebound.example:50050' } })).status, 421)
    t.is((await ask(address, '/api/jobs', { headers: { host: 'localhost:1234' } })).status, 200)
    t.is((await get(address, path)).status, 'Running')
    t.is(await refused({ origin: `http://${address}`, 'sec-fetch-site': 'same-origin' }), 200)
    await end
  })
})

test.serial('methods, bodies and paths that are not served', async t => {
  await served(t, async ({ cluster: { address } }) => {
    const wrong = await ask(address, '/api/jobs', { method: 'PATCH', headers: { 'content-type': 'application/json' } })
    t.is(wrong.status, 405)
    t.is(wrong.headers.allow, 'GET')
    const head = await ask(address, '/api/jobs', { method: 'HEAD' })
    t.is(head.status, 200)
    t.is(head.body, '')
    t.is((await patch(address, '/api/job/x', JSON.stringify('x'.repeat(100_000)))).status, 413)
    for (const path of [
      '/ui/..%2Frest%2Froutes.js',
      '/ui/../rest/routes.js',
      '/ui/%2e%2e/server.js',
      '/ui/%',
      '/ui/',
    ]) {
      t.is((await ask(address, path)).status, 404, path)
    }
  })
})

test.serial('metrics of schedulers and executors are in the format of Prometheus', async t => {
  await served(t, async ({ cluster, ctx }) => {
    await (await ctx.sql('SELECT 1')).rows()
    await t.throwsAsync(async () => (await ctx.sql('SELECT 1 / (value - 1) FROM generate_series(1, 9)')).rows())
    const scheduler = await ask(cluster.address, '/api/metrics')
    t.is(scheduler.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
    const values = metricsOf(t, scheduler.body)
    t.is(values.get('job_submitted_total'), 2)
    t.is(values.get('job_completed_total'), 1)
    t.is(values.get('job_failed_total'), 1)
    t.is(values.get('job_cancelled_total'), 0)
    t.is(values.get('job_exec_time_seconds_bucket{le="+Inf"}'), 1)
    t.is(values.get('job_exec_time_seconds_count'), 1)
    t.is(values.get('planning_time_ms_count'), 2)
    t.is(values.get('pending_task_queue_size'), 0)
    t.is(values.get('ballista_scheduler_executors'), 1)
    const executor = metricsOf(t, (await ask(cluster.executors[0].address, '/api/metrics')).body)
    t.is(executor.get('ballista_executor_running_tasks'), 0)
    t.true((executor.get('process_cpu_seconds_total') ?? 0) > 0)
  })
})

/** Values by name and labels; every sample belongs to the family announced above it. */
function metricsOf(t: ExecutionContext, body: string): Map<string, number> {
  const values = new Map<string, number>()
  let family = ''
  for (const line of body.trimEnd().split('\n')) {
    const [, announced] = /^# (?:HELP|TYPE) (\w+) .+$/.exec(line) ?? []
    if (announced !== undefined) {
      family = announced
      continue
    }
    const [, name, labels = '', value] = /^(\w+)(\{[^}]*\})? (\S+)$/.exec(line) ?? []
    t.true(name?.startsWith(family), line)
    t.false(Number.isNaN(Number(value)), line)
    values.set(`${name}${labels}`, Number(value))
  }
  return values
}
