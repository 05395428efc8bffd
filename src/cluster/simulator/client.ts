/** The programs that use the simulated cluster: each runs one query in its own manner and says what came of it. */
import type { Batch } from '../../arrow/batch.js'
import type { Rng } from '../../common/clock.js'
import { toBallistaError, type BallistaError } from '../../common/errors.js'
import type { Settings } from '../../common/option.js'
import { clusterClient } from '../../exchange/remote-query.js'
import { SCHEDULER_ADDRESS } from './cluster.js'
import type { Machine } from './machine.js'
import { simulatedTransport } from './transport.js'
import { takeRows, type Query, type Workload } from './workload.js'
import type { World } from './world.js'

/**
 * `collect`: reads as fast as it can. `slow`: rests after each batch. `stall`: does not read for a long while, after some batches.
 * `leave`: wants no more after some batches. `abort`: aborts its signal. `die`: its process is killed. `cancelled`: somebody cancels the job at the scheduler.
 */
export type Manner = 'collect' | 'slow' | 'stall' | 'leave' | 'abort' | 'die' | 'cancelled'

export interface ClientPlan {
  readonly host: string
  readonly startMs: number
  readonly query: Query
  readonly manner: Manner
  /** It keeps the rows to itself until the end, and can drop those of an attempt that failed. */
  readonly holds: boolean
  /** The cluster may start the query again. */
  readonly retries: boolean
  /** Batches after which it stalls or leaves. */
  readonly afterBatches: number
  /** How long it rests or stalls, or after what time it aborts or dies. */
  readonly delayMs: number
  readonly windowBytes: number
  readonly settings: Settings
}

export interface Outcome {
  readonly plan: ClientPlan
  readonly endMs: number
  /** All rows; absent when it failed or did not read to the end. */
  readonly rows?: readonly string[]
  readonly error?: BallistaError
}

/** The start of clients is spread over this time. */
const STARTS_MS = 6_000

export function drawClient(rng: Rng, host: string, queries: readonly Query[]): ClientPlan {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(rng.next() * list.length)]
  const dice = rng.next()
  const manner = MANNERS.find(([, share]) => dice < share)?.[0] ?? 'collect'
  const delays: Readonly<Record<Manner, number>> = {
    collect: 0,
    slow: 100,
    stall: 40_000,
    leave: 0,
    abort: 500,
    die: 500,
    cancelled: 500,
  }
  const retries = rng.next() < 0.9
  const windowBytes = pick([64, 100, 500, 3_000, 4 * 1024 ** 2])
  return {
    host,
    startMs: STARTS_MS * rng.next(),
    query: pick(queries),
    manner,
    retries,
    holds: rng.next() < 0.7,
    afterBatches: Math.floor(3 * rng.next()),
    delayMs: delays[manner] * rng.next() ** 2,
    windowBytes,
    settings: {
      'ballista.execution.target_partitions': String(pick([1, 2, 2, 3, 4])),
      'ballista.exchange.read_window': String(pick([64, 100, 500, 3_000, 4 * 1024 ** 2])),
      'ballista.retry_policy': retries ? 'query' : 'none',
      'ballista.exchange.materialize': rng.next() < 0.2 ? 'always' : 'auto',
      'ballista.exchange.write_buffer': String(pick([1, 500, 5_000, 16 * 1024 ** 2])),
      'ballista.execution.batch_size': String(pick([3, 10, 8192])),
    },
  }
}

/** Cumulative shares. */
const MANNERS: readonly (readonly [Manner, number])[] = [
  ['collect', 0.55],
  ['slow', 0.65],
  ['stall', 0.72],
  ['leave', 0.82],
  ['abort', 0.9],
  ['cancelled', 0.95],
  ['die', 1],
]

export interface ClientWorld {
  readonly world: World
  readonly workload: Workload
  /** At the scheduler, as its page would. */
  cancelJob(jobId: string): void
}

/** Resolves with what came of it when nothing of the client is left. */
export async function runClient(
  { cancelJob, workload, world }: ClientWorld,
  machine: Machine,
  plan: ClientPlan,
): Promise<Outcome> {
  const { manner, query, settings, windowBytes } = plan
  const client = clusterClient({
    address: SCHEDULER_ADDRESS,
    windowBytes,
    clock: machine.clock,
    rng: machine.rng,
    transport: simulatedTransport(world, machine),
  })
  const controller = new AbortController()
  const end = machine.clock.after(plan.delayMs, () => {
    if (manner === 'abort') controller.abort()
    if (manner === 'die') {
      world.kill(machine, plan.afterBatches === 0)
      controller.abort()
    }
  })
  if (manner !== 'abort' && manner !== 'die') end.cancel()
  try {
    const held: string[] = []
    const restart = plan.holds ? { onRestart: () => void held.splice(0) } : {}
    const { batches, jobId } = await client.submit({
      request: workload.request(query, settings),
      signal: controller.signal,
      ...restart,
    })
    if (manner === 'cancelled') void machine.pause(plan.delayMs).then(() => cancelJob(jobId))
    const isWhole = await readRows(batches, machine, plan, held)
    return { plan, endMs: machine.clock.nowMs(), ...(isWhole ? { rows: held } : {}) }
  } catch (error) {
    return { plan, endMs: machine.clock.nowMs(), error: toBallistaError(error) }
  } finally {
    end.cancel()
    await client.close()
  }
}

/** Adds the rows to those that are held; false when the client left before the end. */
async function readRows(
  batches: AsyncIterable<Batch>,
  machine: Machine,
  plan: ClientPlan,
  held: string[],
): Promise<boolean> {
  let count = 0
  for await (const batch of batches) {
    held.push(...takeRows(batch))
    const isDue = count++ === plan.afterBatches
    if (plan.manner === 'leave' && isDue) return false
    if (plan.manner === 'slow' || (plan.manner === 'stall' && isDue)) await machine.pause(plan.delayMs)
  }
  return true
}
