/**
 * The cluster on virtual time: each seed is another cluster, with other queries, clients and bad luck. SEED=n replays one;
 * `SEED=n npm run simulate -- --trace` shows what happens in it. BALLISTA_TEST_FULL=1 runs many more, SEEDS=n twice so many.
 */
import test from 'ava'
import { simulate } from '../../../src/cluster/simulator/simulate.js'
import { preparedWorkload, testSeeds, violationsOf } from './seeds.js'

/** Seeds that have shown bugs, at the time. */
const BUGS: readonly (readonly [number, string])[] = [
  [8, 'the end of the call after the verdict took a slow reader its last rows'],
  [67, 'calls that waited for an answer dialled on after their process had closed'],
  [1098, 'an executor that lost its scheduler said CANCELLED to the others, and the job was not tried again'],
  [203188, 'who came after an executor had lost its scheduler heard CANCELLED, and the job was not tried again'],
  [31648, 'a merge of sorted inputs kept what came after one of them had failed'],
  [98979, 'an executor that drained and lost its connection was held for one that a task had ended'],
  [20268, 'what a broken call had sent arrived after another one had opened the channel anew'],
  [300584, 'a consumer that had been given up, and came back, was told that its partition is being read'],
]

testSeeds(0)

for (const [seed, bug] of BUGS) {
  test.serial(`seed ${seed}: ${bug}`, async t => {
    t.deepEqual(await violationsOf(seed), [])
  })
}

test.serial('a seed gives the same trace again', async t => {
  const workload = preparedWorkload()
  for (const seed of [3, 30, 300]) {
    const [first, second] = [[] as string[], [] as string[]]
    const { events } = await simulate({ seed, workload, trace: line => first.push(line) })
    // Another one in between: nothing that it leaves changes the next.
    await simulate({ seed: seed + 1, workload })
    await simulate({ seed, workload, trace: line => second.push(line) })
    t.true(events > 20, `${events} events`)
    t.deepEqual(second, first)
  }
})
