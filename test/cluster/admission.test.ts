/** Which jobs run, wait and are refused: the machine by itself, and in a scheduler. */
import test from 'ava'
import fc from 'fast-check'
import { nobody, runningLimit, stepAdmission, type AdmissionEvent } from '../../src/cluster/scheduler/admission.js'
import type { Jobs } from '../../src/cluster/scheduler/job-record.js'
import { startStandalone } from '../../src/cluster/standalone.js'
import { BallistaError } from '../../src/common/errors.js'
import { SessionContext } from '../../src/session/context.js'
import { planForCluster } from '../../src/session/plan-for-cluster.js'
import { until } from '../helpers/node-watch.js'

const arrives = (jobId: string, nowMs = 0): AdmissionEvent => ({ kind: 'arrives', jobId, nowMs })
const ends = (jobId: string): AdmissionEvent => ({ kind: 'ends', jobId })
const expires = (jobId: string, nowMs: number): AdmissionEvent => ({ kind: 'expires', jobId, nowMs })

const cases: readonly { name: string; events: readonly AdmissionEvent[]; effects: readonly string[] }[] = [
  { name: 'two run', events: [arrives('a'), arrives('b')], effects: ['admit a', 'admit b'] },
  {
    name: 'the third waits for one to end, and the queue keeps its order',
    events: [arrives('a'), arrives('b'), arrives('c'), arrives('d'), ends('b'), ends('a')],
    effects: ['admit a', 'admit b', 'enqueue c', 'enqueue d', 'admit c', 'admit d'],
  },
  {
    name: 'who leaves the queue makes place in it',
    events: [arrives('a'), arrives('b'), arrives('c'), arrives('d'), ends('c'), arrives('e'), ends('a')],
    effects: ['admit a', 'admit b', 'enqueue c', 'enqueue d', 'enqueue e', 'admit d'],
  },
  {
    name: 'a full queue refuses, with the time that the first has waited as a hint',
    events: [arrives('a'), arrives('b'), arrives('c', 1_000), arrives('d', 2_000), arrives('e', 5_000)],
    effects: ['admit a', 'admit b', 'enqueue c', 'enqueue d', 'refuse e after 4000: 2 queries run and 2 wait'],
  },
  {
    name: 'who has waited too long is refused; who has been admitted is not',
    events: [arrives('a'), arrives('b'), arrives('c'), expires('a', 60_000), expires('c', 60_000), ends('a')],
    effects: [
      'admit a',
      'admit b',
      'enqueue c',
      'refuse c after 30000: 1 queries wait, and this one has waited for 60 s',
    ],
  },
]

for (const { name, events, effects } of cases) {
  test(`admission: ${name}`, t => {
    let state = nobody
    const seen: string[] = []
    for (const event of events) {
      const step = stepAdmission(state, event, { maxRunning: 2, maxQueued: 2 })
      state = step.state
      for (const effect of step.effects) {
        const why = effect.kind === 'refuse' ? ` after ${effect.retryAfterMs}: ${effect.found}` : ''
        seen.push(`${effect.kind} ${effect.jobId}${why}`)
      }
    }
    t.deepEqual(seen, [...effects])
  })
}

test('admission: limits hold, nobody is lost, and the queue is served in order', t => {
  const event = fc.record({
    kind: fc.constantFrom('arrives', 'ends', 'expires'),
    job: fc.nat(12),
    limit: fc.integer({ min: 1, max: 4 }),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), events => {
      let state = nobody
      const waiting: string[] = []
      const alive = new Set<string>()
      for (const [nowMs, { kind, job, limit }] of events.entries()) {
        const jobId = String(job)
        if (kind === 'arrives' && alive.has(jobId)) continue
        if (kind === 'arrives') alive.add(jobId)
        if (kind === 'ends') alive.delete(jobId)
        if (kind === 'ends' && waiting.includes(jobId)) waiting.splice(waiting.indexOf(jobId), 1)
        const before = state.running.size
        const made: AdmissionEvent =
          kind === 'ends' ? ends(jobId) : kind === 'arrives' ? arrives(jobId, nowMs) : expires(jobId, nowMs)
        const step = stepAdmission(state, made, { maxRunning: limit, maxQueued: 3 })
        state = step.state
        for (const effect of step.effects) {
          if (effect.kind === 'enqueue') waiting.push(effect.jobId)
          if (effect.kind === 'refuse') {
            alive.delete(effect.jobId)
            if (waiting.includes(effect.jobId)) waiting.splice(waiting.indexOf(effect.jobId), 1)
          }
          // Straight from its arrival, or the first that waits.
          if (effect.kind === 'admit' && effect.jobId !== jobId && waiting.shift() !== effect.jobId) return false
        }
        const known = new Set([...state.running, ...state.queue.keys()])
        if (known.size !== alive.size || [...alive].some(id => !known.has(id))) return false
        if (state.running.size > Math.max(before, limit) || state.queue.size > 3) return false
      }
      return true
    }),
    { numRuns: 300 },
  )
  t.pass()
})

test('admission: at least sixteen run, twice the slots where these are many', t => {
  const limits = { maxQueued: 1, queueTimeoutMs: 1 }
  t.is(runningLimit(limits, 2), 16)
  t.is(runningLimit(limits, 40), 80)
  t.is(runningLimit({ ...limits, maxRunning: 1 }, 40), 1)
})

const cancelRunning = (jobs: Jobs): unknown =>
  jobs.cancel(jobs.list().find(job => job.phase === 'running')?.jobId ?? '', 'it has to make place')

test.serial('a busy scheduler lets a query wait, and refuses the next one with a hint', async t => {
  const cluster = await startStandalone({
    executors: 1,
    slots: 1,
    planner: planForCluster,
    logLevel: 'silent',
    scheduler: { admission: { maxRunning: 1, maxQueued: 1 } },
  })
  const ctx = await SessionContext.remote(`df://${cluster.address}`)
  const { jobs } = cluster.scheduler
  const count = async (): Promise<unknown> => (await ctx.sql('SELECT count(*) AS n FROM range(1000)')).rows()
  try {
    const endless = t.throwsAsync(
      async () => (await ctx.sql('SELECT count(*) FROM range(1000000) a, range(1000000) b')).rows(),
      { instanceOf: BallistaError },
    )
    await until('the first to run', () => (jobs.list()[0]?.phase === 'running' ? true : undefined))
    const waiting = count()
    await until('the second to wait', () => (jobs.list()[0]?.phase === 'queued' ? true : undefined))
    const refused = await t.throwsAsync(count, { instanceOf: BallistaError })
    t.is(refused?.code, 'RESOURCE_EXHAUSTED')
    t.true((refused?.retryAfterMs ?? 0) >= 1_000)
    cancelRunning(jobs)
    t.is((await endless)?.code, 'CANCELLED')
    t.deepEqual(await waiting, [{ n: 1000n }])
  } finally {
    await ctx.close()
    await cluster.close()
  }
})

test.serial('a query that has waited too long is refused', async t => {
  const cluster = await startStandalone({
    executors: 1,
    slots: 1,
    planner: planForCluster,
    logLevel: 'silent',
    scheduler: { admission: { maxRunning: 1, queueTimeoutMs: 10 } },
  })
  const ctx = await SessionContext.remote(`df://${cluster.address}`)
  const { jobs } = cluster.scheduler
  try {
    const endless = t.throwsAsync(async () =>
      (await ctx.sql('SELECT count(*) FROM range(1000000) a, range(1000000) b')).rows(),
    )
    await until('the first to run', () => (jobs.list()[0]?.phase === 'running' ? true : undefined))
    const error = await t.throwsAsync(async () => (await ctx.sql('SELECT 1')).rows(), { instanceOf: BallistaError })
    t.is(error?.code, 'RESOURCE_EXHAUSTED')
    cancelRunning(jobs)
    await endless
  } finally {
    await ctx.close()
    await cluster.close()
  }
})
