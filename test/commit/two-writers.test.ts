/**
 * Two processes that write to one target at once, and a reader, in every order that chance gives; either writer may be killed at any
 * operation. Each write is seen whole or not at all, and an overwrite replaces all that it found. SEED=n replays one.
 */
import test, { type ExecutionContext } from 'ava'
import { BallistaError } from '../../src/common/errors.js'
import { seededRng, type Rng } from '../../src/common/clock.js'
import type { WriteMode } from '../../src/catalog/table-write.js'
import { CRASH_CASES, CrashWorld, type CrashCase, type Writer } from './crash-cases.js'
import { Crash } from './crashing-fs.js'

const SEED = process.env['SEED'] === undefined ? undefined : Number(process.env['SEED'])
const SEEDS = process.env['BALLISTA_TEST_FULL'] === '1' ? 2_000 : 15

/** Seeds that have shown bugs. */
const BUGS: readonly (readonly [number, string])[] = [
  [27, 'an overwrite kept the rows of a new directory whose manifest was still there'],
  [261, 'the same, without partitions'],
  [229, 'an overwrite replaced a part of an append that was moving its files'],
  [89, 'a write to a log that was refused and killed while it cleaned was taken for one that goes forward, for ever'],
  [324, 'the same, overwriting'],
]

/** Lets one of those who wait go on, when nobody else does anything. */
class Turns {
  readonly #waiting: { readonly weight: number; readonly go: () => void }[] = []
  readonly #rng: Rng

  constructor(rng: Rng) {
    this.#rng = rng
  }

  /** Who has more weight has more turns. */
  of(weight: number): () => Promise<void> {
    return () => new Promise(go => void this.#waiting.push({ weight, go }))
  }

  async run(all: Promise<unknown>): Promise<void> {
    let isOver = false
    const over = all.finally(() => (isOver = true))
    while (!isOver) {
      await new Promise(setImmediate)
      let dice = this.#rng.next() * this.#waiting.reduce((sum, { weight }) => sum + weight, 0)
      const chosen = this.#waiting.findIndex(({ weight }) => (dice -= weight) < 0)
      if (chosen >= 0) this.#waiting.splice(chosen, 1)[0].go()
    }
    await over
  }
}

type End = 'acknowledged' | 'crashed' | BallistaError

interface Write {
  readonly label: 'A ' | 'B '
  readonly mode: WriteMode
}

const isCrash = (error: unknown): boolean =>
  error instanceof Crash || (error instanceof Error && error.cause !== undefined && isCrash(error.cause))

async function write(world: CrashWorld, { coordinator, end }: Writer, { label, mode }: Write): Promise<End> {
  try {
    await world.write(coordinator, label.trim(), { key: label, label, mode })
    return 'acknowledged'
  } catch (error) {
    if (error instanceof BallistaError && !isCrash(error)) return error
    if (!isCrash(error)) throw error
    end()
    return 'crashed'
  }
}

/** The writes that are there, as `old`, `A`, `A+old`, …; a write of which only a part is there is `between`. */
function seenOf(texts: readonly string[], crashCase: CrashCase): string {
  const old = Object.values(crashCase.before ?? {})
  const own = crashCase.parts.map(({ text }) => text)
  const groups = { A: own.map(text => `A ${text}`), B: own.map(text => `B ${text}`), old }
  const whole = Object.entries(groups).filter(([, all]) => all.length > 0 && all.every(text => texts.includes(text)))
  const count = whole.reduce((sum, [, all]) => sum + all.length, 0)
  return count === texts.length ? whole.map(([name]) => name).join('+') : `between: ${texts.join()}`
}

/** What may be there when these writes are, or are not. */
function allowed(crashCase: CrashCase, [a, b]: readonly Write[]): ReadonlySet<string> {
  const old = crashCase.before === undefined ? '' : 'old'
  const states = new Set([old])
  const name = (...parts: readonly string[]): string =>
    [...new Set(parts)]
      .filter(part => part !== '')
      .sort()
      .join('+')
  const after = (state: string, { label, mode }: Write): string =>
    name(...(mode === 'overwrite' ? [] : state.split('+')), label.trim())
  for (const [first, second] of [
    [a, b],
    [b, a],
  ]) {
    states.add(after(old, first))
    states.add(after(after(old, first), second))
  }
  return states
}

async function run(
  t: ExecutionContext,
  crashCase: CrashCase,
  writes: readonly [Write, Write],
  seed: number,
): Promise<void> {
  const place = `SEED=${seed}, ${crashCase.name}, ${writes.map(({ mode }) => mode).join(' and ')}`
  const rng = seededRng(Math.imul(seed + 1, 0x9e3779b1))
  for (let i = 0; i < 8; i++) rng.next()
  const world = new CrashWorld(crashCase)
  const turns = new Turns(rng)
  const states = allowed(crashCase, writes)
  const check = (texts: readonly string[], when: string): string => {
    const seen = seenOf(texts, crashCase)
    if (!states.has(seen)) t.fail(`${place}: ${when}: ${seen}`)
    return seen
  }
  const actors = writes.map(each => {
    const faults = rng.next() < 0.4 ? { crashAt: Math.floor(80 * rng.next()) } : {}
    return write(world, world.startBeside({ ...faults, before: turns.of(0.1 + rng.next()) }), each)
  })
  let isOver = false
  const both = Promise.all(actors).finally(() => (isOver = true))
  const reader = async (): Promise<void> => {
    const before = turns.of(0.1 + rng.next())
    while (!isOver) {
      await before()
      check(await world.visible(before), 'a reader')
    }
  }
  await turns.run(Promise.all([both, reader()]))
  const ends = await both

  for (const end of ends)
    if (end instanceof BallistaError && !['WRITE_CONFLICT', 'FILE_EXISTS'].includes(end.code))
      t.fail(`${place}: ${end.code} ${end.message}`)
  const { coordinator } = world.start()
  await t.notThrowsAsync(coordinator.recover(world.intent('').target), place)
  const seen = check(await world.visible(), 'after recovery')
  t.deepEqual(world.staged(), [], place)
  for (const [i, { label }] of writes.entries()) {
    const other = writes[1 - i]
    // Unless the other one has replaced it.
    const mayBeGone = other.mode === 'overwrite' && seen.includes(other.label.trim())
    if (ends[i] === 'acknowledged' && !mayBeGone)
      t.true(seen.includes(label.trim()), `${place}: ${label}is acknowledged, and there is ${seen}`)
    if (ends[i] instanceof BallistaError)
      t.false(seen.includes(label.trim()), `${place}: ${label}has failed, and there is ${seen}`)
  }
  for (const each of writes) {
    const end = await write(world, world.start(), each)
    // It would have to be planned anew.
    const isOutdated = crashCase.target.kind === 'log' && end instanceof BallistaError
    if (!isOutdated) t.is(end, 'acknowledged', `${place}: again`)
  }
  check(await world.visible(), 'again')
  t.deepEqual(world.staged(), [], `${place}: again`)
}

const MODES: readonly (readonly [WriteMode, WriteMode])[] = [
  ['overwrite', 'overwrite'],
  ['append', 'overwrite'],
  ['append', 'append'],
]

for (const crashCase of CRASH_CASES) {
  test(`two writers: ${crashCase.name}`, async t => {
    const modes = crashCase.target.kind === 'file' ? MODES.slice(0, 1) : MODES
    const all = [...Array(SEEDS).keys(), ...BUGS.map(([seed]) => seed)]
    const seeds = SEED === undefined ? all : [SEED]
    for (const seed of seeds) {
      const [one, other] = modes[seed % modes.length]
      await run(
        t,
        crashCase,
        [
          { label: 'A ', mode: one },
          { label: 'B ', mode: other },
        ],
        seed,
      )
    }
    t.pass()
  })
}
