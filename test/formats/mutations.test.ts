/**
 * Files of every format, writer and codec, each broken in some way: a coded error within a second or rows, nothing left behind.
 * 200 of them, 2 000 in full.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { openDuck } from './duckdb.js'
import type { Outcome } from './mutations/child.js'
import { writeCorpus } from './mutations/corpus.js'

const COUNT = process.env['BALLISTA_TEST_FULL'] === '1' ? 2000 : 200
/** Processor time of one file; the first of a process also loads what reads it. */
const CPU_LIMIT_MS = 1000
/** Without a word from the child for this long, it hangs: the machine may be busy with other tests. */
const SILENCE_LIMIT_MS = 20_000

const CHILD = fileURLToPath(new URL('mutations/child.js', import.meta.url))

/** Runs mutations `first` to before `COUNT`; the next number, which is less than COUNT if the child hung or died. */
async function runChild(directory: string, seed: number, first: number, problems: string[]): Promise<number> {
  const child = spawn(process.execPath, [CHILD, directory, String(seed), String(first), String(COUNT)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exited = once(child, 'close')
  let last: Partial<Outcome> = {}
  let watchdog = setTimeout(() => undefined, 0)
  for await (const line of createInterface({ input: child.stdout })) {
    last = JSON.parse(line) as Partial<Outcome>
    clearTimeout(watchdog)
    watchdog = setTimeout(() => child.kill('SIGKILL'), SILENCE_LIMIT_MS)
    if (last.outcome !== undefined) problems.push(...problemsOf(last as Outcome))
  }
  clearTimeout(watchdog)
  const [code] = (await exited) as [number | null]
  if (code === 0) return COUNT
  const how = code === null ? 'hung or was killed' : `ended with ${code}`
  problems.push(`${JSON.stringify(last)}: the reader ${how} ${stderr.slice(-500)}`)
  return (last.number ?? first) + 1
}

function* problemsOf(outcome: Outcome): Generator<string> {
  const where = `${outcome.mutation} in ${outcome.file} (number ${outcome.number})`
  if (outcome.outcome.startsWith('uncoded')) yield `${where}: ${outcome.outcome}`
  if (outcome.cpuMs > CPU_LIMIT_MS) yield `${where}: ${outcome.cpuMs} ms of processor time`
  if (outcome.arenaBytes !== 0) yield `${where}: ${outcome.arenaBytes} bytes left in the arena`
  if (outcome.openFiles !== 0) yield `${where}: ${outcome.openFiles} files left open`
}

test.serial('a broken file gives a coded error within a second, or rows, and leaves nothing behind', async t => {
  t.timeout(600_000)
  const seed = Number(process.env['BALLISTA_TEST_SEED'] ?? Date.now() % 2 ** 31)
  t.log(`BALLISTA_TEST_SEED=${seed}`)
  const duck = await openDuck()
  t.teardown(() => duck.close())
  t.is((await writeCorpus(duck)).length, 20)
  const problems: string[] = []
  for (let next = 0; next < COUNT;) next = await runChild(duck.directory, seed, next, problems)
  t.deepEqual(problems, [])
})
