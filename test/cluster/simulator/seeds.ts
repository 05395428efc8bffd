/** Tests of ranges of seeds, for the two halves that run at the same time. */
import test from 'ava'
import { simulate } from '../../../src/cluster/simulator/simulate.js'
import { prepareWorkload, type Workload } from '../../../src/cluster/simulator/workload.js'
import { OPERATORS } from '../../../src/physical/operators/index.js'
import { planForCluster } from '../../../src/session/plan-for-cluster.js'

/** Of each half. */
const SEEDS = Number(process.env.SEEDS ?? (process.env.BALLISTA_TEST_FULL === '1' ? 50_000 : 1_000))
/** A test each, so that a run that stands still is told from a long one. */
const SEEDS_A_TEST = Math.min(500, SEEDS)

let workload: Workload | undefined

test.before(async () => {
  // The stacks of errors that are part of the game cost more than the game.
  Error.stackTraceLimit = 0
  workload = await prepareWorkload(planForCluster, OPERATORS)
})

/** Inside a test. */
export function preparedWorkload(): Workload {
  if (workload === undefined) throw new Error('the workload is not prepared')
  return workload
}

/** What promises the seed breaks. */
export const violationsOf = async (seed: number): Promise<readonly string[]> =>
  (await simulate({ seed, workload: preparedWorkload() })).violations

/** `half` 0 or 1; with SEED=n that seed only. */
export function testSeeds(half: number): void {
  if (process.env.SEED !== undefined) {
    const seed = Number(process.env.SEED)
    test.serial(`seed ${seed}`, async t => {
      t.deepEqual(await violationsOf(seed), [])
    })
    return
  }
  const first = 1 + half * SEEDS
  for (let from = first; from < first + SEEDS; from += SEEDS_A_TEST) {
    test.serial(`seeds ${from} to ${from + SEEDS_A_TEST - 1} keep every promise`, async t => {
      for (let seed = from; seed < from + SEEDS_A_TEST; seed++)
        t.deepEqual(await violationsOf(seed), [], `SEED=${seed} npm run simulate -- --trace`)
    })
  }
}
