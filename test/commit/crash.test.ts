/** The commit protocol ended at every operation: old or new content, acknowledged means present, tried again means once. */
import test, { type ExecutionContext } from 'ava'
import { BallistaError } from '../../src/common/errors.js'
import { DAY, IS_FULL } from '../helpers/sample.js'
import { CRASH_CASES, CrashWorld, type CrashCase, type Seen } from './crash-cases.js'
import { Crash, type Faults } from './crashing-fs.js'

/** Of so many operations one, another each day. */
const stepOf = (count: number): { step: number; first: number } =>
  IS_FULL ? { step: 1, first: 0 } : { step: count, first: DAY % count }

/** Operations of the write when nothing happens. */
async function operationsOf(crashCase: CrashCase): Promise<number> {
  const world = new CrashWorld(crashCase)
  const { coordinator, fs } = world.start()
  await world.write(coordinator, 'first')
  return fs.operations
}

/** A polling reader: what it saw, which may change once. */
function watched(t: ExecutionContext, world: CrashWorld): { before: () => Promise<void> } {
  let last: Seen = 'old'
  return {
    async before() {
      const seen = await world.read()
      if (seen !== last && !(last === 'old' && seen === 'new')) t.fail(`a reader saw ${last}, then ${seen}`)
      last = seen
    },
  }
}

type End = 'acknowledged' | 'crashed' | BallistaError

async function attempt(world: CrashWorld, writeId: string, faults: Faults): Promise<End> {
  const { coordinator } = world.start(faults)
  try {
    await world.write(coordinator, writeId)
    return 'acknowledged'
  } catch (error) {
    if (isCrash(error)) return 'crashed'
    if (error instanceof BallistaError) return error
    throw error
  }
}

const isCrash = (error: unknown): boolean =>
  error instanceof Crash || (error instanceof Error && error.cause !== undefined && isCrash(error.cause))

/** After whatever happened: a new process makes it whole, and the same write with the same key is there once. */
async function checkRecovered(t: ExecutionContext, world: CrashWorld, end: End, place: string): Promise<void> {
  const { coordinator } = world.start(watched(t, world))
  await coordinator.recover(world.intent('').target)
  const seen = await world.read()
  if (end === 'acknowledged') t.is(seen, 'new', `${place}: acknowledged means present`)
  else t.true(seen === 'old' || seen === 'new', `${place}: ${seen}`)
  if (end instanceof BallistaError) t.is(seen, end.code === 'WRITE_UNFINISHED' ? 'new' : 'old', `${place}: ${end.code}`)
  t.deepEqual(world.staged(), [], `${place}: staging after recovery`)
  t.is(await world.write(coordinator, 'again'), world.rows, `${place}: rows of the retry`)
  t.is(await world.read(), 'new', `${place}: after the retry`)
  t.deepEqual(world.staged(), [], `${place}: staging after the retry`)
}

for (const crashCase of CRASH_CASES) {
  for (const power of ['kept', 'cut'] as const) {
    test(`${crashCase.name}, its process ends at every operation, power ${power}`, async t => {
      const count = await operationsOf(crashCase)
      t.true(count > 15, 'the protocol has steps')
      const { step, first } = stepOf(6)
      for (let crashAt = power === 'cut' ? Math.max(1, first) : first; crashAt <= count; crashAt += step) {
        const world = new CrashWorld(crashCase)
        const end = await attempt(world, 'first', { crashAt, ...watched(t, world) })
        // Once the write is recorded, what is left is to clean.
        t.true(end === 'acknowledged' || (end === 'crashed' && crashAt < count))
        if (power === 'cut') world.disk.cutPower()
        await checkRecovered(t, world, end, `crash at ${crashAt} of ${count}`)
      }
    })
  }

  test(`${crashCase.name}, the process that recovers ends too`, async t => {
    const count = await operationsOf(crashCase)
    const { step, first } = stepOf(13)
    for (let crashAt = Math.max(1, first); crashAt < count; crashAt += step) {
      for (let again = 0; ; again += step) {
        const world = new CrashWorld(crashCase)
        await attempt(world, 'first', { crashAt })
        const { coordinator, fs } = world.start({ crashAt: again, ...watched(t, world) })
        const recovered = await coordinator.recover(world.intent('').target).then(
          () => true,
          () => false,
        )
        await checkRecovered(t, world, 'crashed', `crash at ${crashAt}, then at ${again}`)
        if (recovered && fs.operations < again) break
      }
    }
  })

  test(`${crashCase.name}, the disk is full from every operation on, for a while or until recovery`, async t => {
    const count = await operationsOf(crashCase)
    const { step, first } = stepOf(8)
    for (let fullAt = first; fullAt <= count; fullAt += step) {
      for (const fullCount of IS_FULL ? [1, 2, 3, Infinity] : [1, Infinity]) {
        const world = new CrashWorld(crashCase)
        const end = await attempt(world, 'first', { fullAt, fullCount, ...watched(t, world) })
        t.not(end, 'crashed')
        await checkRecovered(t, world, end, `full at ${fullAt} for ${fullCount}`)
      }
    }
  })
}
