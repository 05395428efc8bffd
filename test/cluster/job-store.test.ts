/** Records of jobs that outlive their scheduler. */
import test from 'ava'
import { systemClock } from '../../src/common/clock.js'
import type { Logger } from '../../src/common/log.js'
import { JobHistory } from '../../src/cluster/scheduler/job-history.js'
import { NO_PLANS, type JobRecord } from '../../src/cluster/scheduler/job-record.js'
import { JobStore } from '../../src/cluster/scheduler/job-store.js'
import { MemoryStore } from '../../src/kv/memory-store.js'

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

const record = (jobId: string, more: Partial<JobRecord> = {}): JobRecord => ({
  jobId,
  name: '',
  sql: `SELECT '${jobId}'`,
  phase: 'running',
  submittedAtMs: systemClock.wallMs() - 5_000,
  elapsedMs: 5_000,
  attempt: 1,
  stages: { total: 0, finished: 0 },
  tasks: { total: 2, finished: 0 },
  scanned: { rows: 0, bytes: 0 },
  settings: {},
  stageRecords: [],
  failures: [],
  plans: NO_PLANS,
  ...more,
})

const ended = (jobId: string, endedAtMs: number): JobRecord =>
  record(jobId, {
    phase: 'succeeded',
    endedAtMs,
    plans: { logical: 'l', physical: 'p', operators: new Map([[3, [{ path: '0', kind: 'LimitExec', details: '' }]]]) },
  })

const open = (store: MemoryStore): Promise<JobStore> => JobStore.open({ store, clock: systemClock, log: silent })

test('jobs that were alive have failed when the next scheduler comes; those that had ended are as they were', async t => {
  const store = new MemoryStore()
  const jobs = await open(store)
  const done = ended('job-a', systemClock.wallMs())
  jobs.began(record('job-a'))
  jobs.began(record('job-b'))
  jobs.hasEnded(done)
  const next = await open(store)
  const [first, second] = next.ended()
  t.deepEqual(first, done)
  t.is(second.jobId, 'job-b')
  t.is(second.phase, 'failed')
  t.is(second.error?.code, 'SCHEDULER_RESTARTED')
  t.true((second.endedAtMs ?? 0) >= second.submittedAtMs)
  t.deepEqual(
    (await open(store)).ended().map(({ jobId }) => jobId),
    ['job-a', 'job-b'],
  )
})

test('a history begins with what is stored, and what it drops is dropped there too', async t => {
  const store = new MemoryStore()
  const jobs = await open(store)
  const nowMs = systemClock.wallMs()
  for (let i = 0; i < 10_000; i++) jobs.hasEnded(ended(`job-${i}`, nowMs - 20_000 + i))
  jobs.hasEnded(ended('job-old', nowMs - 3_700_000))
  const history = new JobHistory({ clock: systemClock, keepMs: 3_600_000, store: await open(store) })
  t.is(history.get('job-old'), undefined)
  t.is(history.list().length, 1_000)
  t.is(history.list()[0].jobId, 'job-9999')
  t.is(jobs.ended().length, 1_000)
  history.add(ended('job-new', nowMs))
  t.is((await open(store)).ended().at(-1)?.jobId, 'job-new')
})
