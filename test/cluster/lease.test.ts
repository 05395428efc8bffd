/** Executors whose scheduler falls silent without a broken connection: they give up their tasks when its lease has run out. */
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import test from 'ava'
import { seededRng, type Clock } from '../../src/common/clock.js'
import { createLogger } from '../../src/common/log.js'
import type { BallistaError } from '../../src/common/errors.js'
import type { ExecutorJobs } from '../../src/cluster/executor/executor-jobs.js'
import { SchedulerLink } from '../../src/cluster/executor/scheduler-link.js'
import type { ExecutorMessage, NodeStats, SchedulerMessage } from '../../src/exchange/proto/messages.js'
import { OWN_VERSION } from '../../src/exchange/protocol.js'
import { grpcTransport, type Transport } from '../../src/exchange/transport.js'
import { NOTHING_HELD } from '../helpers/node-watch.js'

/** Time that passes when the test says so. */
class ManualClock implements Clock {
  private now = 0
  private readonly timers = new Set<{ atMs: number; action: () => void }>()

  nowMs = (): number => this.now
  wallMs = (): number => this.now

  after(delayMs: number, action: () => void): { cancel(): void } {
    const timer = { atMs: this.now + delayMs, action }
    this.timers.add(timer)
    return { cancel: () => this.timers.delete(timer) }
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms
    for (;;) {
      const due = [...this.timers].filter(timer => timer.atMs <= end).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.timers.delete(due)
      this.now = due.atMs
      due.action()
      await new Promise(setImmediate)
    }
    this.now = end
  }
}

/** The scheduler's end of a stream to it. */
class FakeCall extends PassThrough {
  readonly sent: ExecutorMessage[] = []

  constructor() {
    super({ objectMode: true })
  }

  override write(message: unknown): boolean {
    this.sent.push(message as ExecutorMessage)
    return true
  }

  say(message: SchedulerMessage): void {
    this.push(message)
  }

  cancel(): void {
    this.destroy()
  }
}

const NOTHING: NodeStats = {
  role: 'executor',
  executors: 0,
  exposed: 0,
  bytesRead: 0,
  bytesSent: 0,
  cpuMs: 0,
  peakRssBytes: 0,
  ...NOTHING_HELD,
}

const silent = createLogger({ level: 'silent', clock: new ManualClock(), write: () => undefined })

function start(clock: ManualClock): { link: SchedulerLink; calls: FakeCall[]; ended: string[] } {
  const calls: FakeCall[] = []
  const ended: string[] = []
  const work = (): FakeCall => {
    const call = new FakeCall()
    calls.push(call)
    return call
  }
  const client = Object.assign(new EventEmitter(), { work, close: () => undefined })
  const jobs = {
    runningTasks: 1,
    progress: () => [],
    endAll: async (reason: BallistaError) => void ended.push(reason.message),
  }
  const link = new SchedulerLink({
    scheduler: 'scheduler:1',
    identity: { executorId: 'a', host: 'a', port: 1, slots: 1 },
    knows: () => true,
    stats: () => NOTHING,
    jobs: jobs as unknown as ExecutorJobs,
    clock,
    rng: seededRng(1),
    transport: { ...grpcTransport, scheduler: async () => client } as unknown as Transport,
    log: silent,
  })
  return { link, calls, ended }
}

test('tasks are given up when the scheduler has been silent for its lease, and not while it answers', async t => {
  const clock = new ManualClock()
  const { link, calls, ended } = start(clock)
  await new Promise(setImmediate)
  const [call] = calls
  call.say({
    registered: { ...OWN_VERSION, heartbeatMs: 2_000, leaseMs: 15_000, address: 'a:1', stateId: '', epoch: 0 },
  })
  await link.registered
  for (let second = 0; second < 60; second++) {
    await clock.advance(1_000)
    call.say({ lease: {} })
    await new Promise(setImmediate)
  }
  t.deepEqual(ended, [])
  t.true(call.sent.filter(message => message.heartbeat !== undefined).length >= 60)
  await clock.advance(14_000)
  t.deepEqual(ended, [])
  await clock.advance(2_000)
  t.deepEqual(ended, ['executor a was lost: it lost its scheduler'])
  await clock.advance(10_000)
  t.is(calls.length, 2, 'it registers anew')
  const closing = link.close()
  await clock.advance(2_000)
  await closing
})

test('an executor that has served a scheduler refuses the one before it, and one that begins anew not', async t => {
  const clock = new ManualClock()
  const { link, calls } = start(clock)
  const registeredBy = async (call: number, stateId: string, epoch: number): Promise<boolean> => {
    while (calls.length <= call) await clock.advance(1_000)
    calls[call].say({
      registered: { ...OWN_VERSION, heartbeatMs: 2_000, leaseMs: 15_000, address: 'a:1', stateId, epoch },
    })
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    const { isRegistered } = link
    calls[call].end()
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    return isRegistered
  }
  t.true(await registeredBy(0, 'a', 2))
  t.false(await registeredBy(1, 'a', 1))
  t.true(await registeredBy(2, 'b', 1))
  t.true(await registeredBy(3, 'a', 3))
  await link.close()
})
