/**
 * The crash matrix of writes on the simulated cluster: the scheduler, an executor, all executors or the client are killed, or the disk is
 * full, at each step of the protocol and between. A polling reader sees the old or the new content; what was acknowledged is there; the
 * write that comes again with its key is there once; nothing stays staged. A sample of the steps, BALLISTA_TEST_FULL=1: all. SEED=n
 * replays one.
 */
import test from 'ava'
import { seededRng } from '../../../src/common/clock.js'
import type { ErrorCode } from '../../../src/common/errors.js'
import { endText, runCrash, TARGETS, type End, type Target } from './write-crash.js'
import { WRITE_KINDS, type WriteKind } from './write-kinds.js'

const FULL = process.env.BALLISTA_TEST_FULL === '1'
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

/** What the first client may hear instead of its count. */
const ENDS: Readonly<Record<Target, readonly (ErrorCode | 'died')[]>> = {
  // Before it has ever answered.
  scheduler: ['NETWORK'],
  executor: [],
  // Between the plan and the first task.
  executors: ['NO_EXECUTORS'],
  client: ['died'],
  connection: ['NETWORK'],
  disk: ['FILE_NOT_WRITABLE', 'STORE_FAILED', 'WRITE_UNFINISHED'],
}

const codeOf = (end: End): string => (typeof end === 'object' ? end.code : String(end))

/** Of each kind, the steps of a write that nothing befalls. */
const stepsOf = new Map<WriteKind, readonly string[]>()

test.before(async () => {
  // Modules that are loaded when they are first needed take real time.
  for (const kind of WRITE_KINDS) await runCrash(kind, SEED)
})

for (const [index, kind] of WRITE_KINDS.entries()) {
  test.serial(`${kind.name}: nothing happens`, async t => {
    t.log(`seed ${SEED}`)
    const { end, steps, violations } = await runCrash(kind, SEED)
    t.deepEqual(violations, [])
    t.is(typeof end, 'number', endText(end))
    t.true(steps.length >= 60, `${steps.length} steps`)
    if (index === 0) t.deepEqual((await runCrash(kind, SEED)).steps, steps, 'the same again')
    stepsOf.set(kind, steps)
  })

  for (const [turn, target] of TARGETS.entries()) {
    if (!FULL && (index + turn + SEED) % 2 !== 0) continue
    test.serial(`${kind.name}: ${target}`, async t => {
      const steps = stepsOf.get(kind) ?? (await runCrash(kind, SEED)).steps
      const some = Math.floor(seededRng(SEED + turn).next() * steps.length)
      for (const step of FULL ? steps.keys() : [some]) {
        const place = `SEED=${SEED}, step ${step} of ${steps.length} (${steps[step]})`
        const { end, violations } = await runCrash(kind, SEED, { target, step })
        t.deepEqual(violations, [], place)
        const mayEndSo = typeof end === 'number' || ENDS[target].some(code => code === codeOf(end))
        t.true(mayEndSo, `${place}: ${endText(end)}`)
      }
    })
  }
}
