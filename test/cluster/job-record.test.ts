/** What the scheduler says of its jobs: records, the feed, and cancelling. */
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { startStandalone, type Standalone } from '../../src/cluster/standalone.js'
import type { JobFeedEvent, JobRecord } from '../../src/cluster/scheduler/job-record.js'
import { systemClock, type Clock } from '../../src/common/clock.js'
import { JobHistory } from '../../src/cluster/scheduler/job-history.js'
import { SessionContext } from '../../src/session/context.js'
import { planForCluster } from '../../src/session/plan-for-cluster.js'
import { until } from '../helpers/node-watch.js'

const DATA = join(process.cwd(), 'test', 'data')

async function withCluster(
  t: ExecutionContext,
  body: (cluster: Standalone, ctx: SessionContext) => Promise<void>,
): Promise<void> {
  const cluster = await startStandalone({ executors: 2, slots: 1, planner: planForCluster, logLevel: 'silent' })
  const ctx = await SessionContext.remote(`df://${cluster.address}`)
  try {
    await body(cluster, ctx)
  } finally {
    await ctx.close()
    await cluster.close()
  }
  t.pass()
}

const COUNTS = 'SELECT value % 10 AS d, count(*) AS n FROM generate_series(1, 100000) GROUP BY value % 10'
const ENDLESS =
  'SELECT a.value FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a.value + b.value < 0'

const ended = ({ scheduler }: Standalone): Promise<JobRecord> =>
  until('the record of the job', () => {
    const [newest] = scheduler.jobs.list()
    return newest?.endedAtMs === undefined ? undefined : scheduler.jobs.get(newest.jobId)
  })

test.serial('a job that succeeded: its stages, tasks, counters and plans', async t => {
  await withCluster(t, async (cluster, ctx) => {
    const events: JobFeedEvent[] = []
    const stop = cluster.scheduler.jobs.subscribe(event => events.push(event))
    t.is((await (await ctx.sql(COUNTS)).rows()).length, 10)
    const record = await ended(cluster)
    stop()
    t.is(record.sql, COUNTS)
    t.is(record.phase, 'succeeded')
    t.is(record.attempt, 1)
    t.deepEqual(record.stages, { total: record.stageRecords.length, finished: record.stageRecords.length })
    t.is(record.tasks.finished, record.tasks.total)
    t.true(record.elapsedMs > 0)
    t.true((record.endedAtMs ?? 0) >= record.submittedAtMs)
    t.regex(record.plans.physical, /AggregateExec/)
    t.regex(record.plans.logical, /Aggregate/)
    const last = record.stageRecords[record.stageRecords.length - 1]
    t.is(last.operators[0].kind, 'ExchangeSinkExec')
    t.is(last.operators[1].counters.outputRows, 10)
    for (const stage of record.stageRecords) {
      t.is(stage.phase, 'finished')
      t.true(stage.tasks.every(task => task.phase === 'finished' && task.executorId.startsWith('executor-')))
    }
    t.deepEqual(
      events.filter(({ kind }) => kind === 'phase').map(({ job }) => job.phase),
      ['queued', 'planning', 'running', 'succeeded'],
    )
  })
})

test.serial('a job that fails keeps its error; asking for a schema leaves no record', async t => {
  await withCluster(t, async (cluster, ctx) => {
    await ctx.registerCsv('example', join(DATA, 'example.csv'))
    t.deepEqual(cluster.scheduler.jobs.list(), [])
    await t.throwsAsync(async () => (await ctx.sql('SELECT 1 / (value - 5) FROM generate_series(1, 10)')).rows())
    const record = await ended(cluster)
    t.is(record.phase, 'failed')
    t.is(record.error?.code, 'DIVIDE_BY_ZERO')
  })
})

test.serial('a job is cancelled by its id; nothing of it runs on', async t => {
  await withCluster(t, async (cluster, ctx) => {
    const { jobs } = cluster.scheduler
    const running = t.throwsAsync(async () => (await ctx.sql(ENDLESS)).rows())
    const [{ jobId }] = await until('the job to run', () => {
      const [job] = jobs.list()
      return job?.phase === 'running' ? [job] : undefined
    })
    t.is(jobs.get(jobId)?.stageRecords.at(-1)?.phase, 'running')
    t.is(jobs.cancel(jobId, 'by a test'), 'cancelled')
    t.like(await running, { code: 'CANCELLED', message: 'query cancelled: by a test' })
    t.is(jobs.cancel(jobId, 'again'), 'over')
    t.is(jobs.cancel('job-x', 'no such'), 'unknown')
    await until('tasks to end', () =>
      cluster.executors.every(executor => executor.stats().jobs === 0) ? true : undefined,
    )
    t.is((await ended(cluster)).phase, 'cancelled')
  })
})

test('history is bounded by jobs and by tasks', t => {
  const common = {
    name: '',
    sql: '',
    phase: 'succeeded',
    submittedAtMs: 0,
    elapsedMs: 0,
    attempt: 1,
    settings: {},
  } as const
  const plans = { logical: '', physical: '', operators: new Map() }
  const record = (jobId: string, total: number): JobRecord => ({
    ...common,
    jobId,
    stages: { total: 1, finished: 1 },
    tasks: { total, finished: total },
    scanned: { rows: 0, bytes: 0 },
    stageRecords: [],
    failures: [],
    plans,
  })
  let nowMs = 0
  const clock: Clock = { ...systemClock, nowMs: () => nowMs }
  const history = new JobHistory({ clock, keepMs: 3_600_000 })
  for (let i = 0; i < 1_010; i++) history.add(record(`job-${i}`, 1))
  t.is(history.list().length, 1_000)
  t.is(history.list()[0].jobId, 'job-1009')
  t.is(history.get('job-9'), undefined)
  history.add(record('large', 100_000))
  t.deepEqual(
    history.list().map(({ jobId }) => jobId),
    ['large'],
  )
  nowMs = 3_600_000
  t.deepEqual(history.list(), [])
})
