/**
 * The cluster on virtual time: each seed is another cluster, with other queries, clients and bad luck. SEED=n replays one;
 * `SEED=n npm run simulate -- --trace` shows what happens in it. BALLISTA_TEST_FULL=1 runs many more, SEEDS=n so many.
 */
import test from 'ava'
import { simulate } from '../../../src/cluster/simulator/simulate.js'
import { prepareWorkload, type Workload } from '../../../src/cluster/simulator/workload.js'
import { OPERATORS } from '../../../src/physical/operators/index.js'
import { planForCluster } from '../../../src/session/plan-statement.js'

const SEEDS = Number(process.env.SEEDS ?? (process.env.BALLISTA_TEST_FULL === '1' ? 100_000 : 2_000))
/** A test each, so that a run that stands still is told from a long one. */
const SEEDS_A_TEST = Math.min(500, SEEDS)

/** Seeds that have shown bugs, at the time. */
const BUGS: readonly (readonly [number, string])[] = [
  [8, 'the end of the call after the verdict took a slow reader its last rows'],
  [1098, 'an executor that lost its scheduler said CANCELLED to the others, and the job was not tried again'],
]

let workload: Workload

test.before(async () => {
  // The stacks of errors that are part of the game cost more than the game.
  Error.stackTraceLimit = 0
  workload = await prepareWorkload(planForCluster, OPERATORS)
})

const violationsOf = async (seed: number): Promise<readonly string[]> => (await simulate({ seed, workload })).violations

if (process.env.SEED !== undefined) {
  const seed = Number(process.env.SEED)
  test.serial(`seed ${seed}`, async t => {
    t.deepEqual(await violationsOf(seed), [])
  })
} else {
  for (let from = 1; from <= SEEDS; from += SEEDS_A_TEST) {
    test.serial(`seeds ${from} to ${from + SEEDS_A_TEST - 1} keep every promise`, async t => {
      for (let seed = from; seed < from + SEEDS_A_TEST; seed++)
        t.deepEqual(await violationsOf(seed), [], `SEED=${seed} npm run simulate -- --trace`)
    })
  }
  for (const [seed, bug] of BUGS) {
    test.serial(`seed ${seed}: ${bug}`, async t => {
      t.deepEqual(await violationsOf(seed), [])
    })
  }
}

test.serial('a seed gives the same trace again', async t => {
  for (const seed of [3, 30, 300]) {
    const [first, second] = [[] as string[], [] as string[]]
    const one = await simulate({ seed, workload, trace: line => first.push(line) })
    // Another one in between: nothing that it leaves changes the next.
    await simulate({ seed: seed + 1, workload })
    const two = await simulate({ seed, workload, trace: line => second.push(line) })
    t.true(one.events > 20, `${one.events} events`)
    t.deepEqual(second, first)
    t.is(two.hash, one.hash)
  }
})
