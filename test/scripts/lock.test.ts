/** The lock of the setup among processes: one at a time, and no kill leaves it taken. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import test from 'ava'

/** Tests run from the checkout's root. */
const MODULE = pathToFileURL(join(process.cwd(), 'scripts/lock.mjs')).href

const directory = await mkdtemp(join(tmpdir(), 'ballista-lock-'))
test.after.always(() => rm(directory, { recursive: true, force: true }))

/** A process that holds the lock in `lock` and runs `action` there; `onChild` is in its scope. */
function holder(lock: string, action: string): ChildProcess {
  const program = `import { spawn } from 'node:child_process'
    import { readFileSync, writeFileSync } from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    import { locked } from ${JSON.stringify(MODULE)}
    await locked(${JSON.stringify(lock)}, async onChild => { ${action} })`
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('no output to read')
  for await (const line of createInterface({ input: stdout })) return line
  throw new Error('the process ended without a word')
}

test.serial('of processes that start together one runs at a time, and nothing is left', async t => {
  t.timeout(60_000)
  const lock = join(directory, 'together')
  const counter = join(directory, 'counter')
  await writeFile(counter, '0')
  const path = JSON.stringify(counter)
  const increment = `const n = Number(readFileSync(${path})); await sleep(20); writeFileSync(${path}, String(n + 1))`
  const closed = Array.from({ length: 6 }, () => once(holder(lock, increment), 'close'))
  t.deepEqual(
    await Promise.all(closed),
    Array.from({ length: 6 }, () => [0, null]),
  )
  t.is(readFileSync(counter, 'utf8'), '6')
  t.false(existsSync(lock))
})

test.serial('a holder that is killed holds it no longer, but its child does until it ends', async t => {
  t.timeout(60_000)
  const lock = join(directory, 'killed')
  const forever = `spawn(process.execPath, ['-e', 'setInterval(() => 0, 1e6)'], { stdio: 'ignore' })`
  const first = holder(lock, `const { pid } = ${forever}; onChild(pid); console.log(pid); await sleep(1e6)`)
  const orphan = Number(await firstLine(first))
  first.kill('SIGKILL')
  await once(first, 'exit')
  const second = holder(lock, `console.log('in')`)
  const entered = firstLine(second)
  t.is(await Promise.race([entered, new Promise(resolve => setTimeout(resolve, 1_000, 'waits'))]), 'waits')
  process.kill(orphan, 'SIGKILL')
  t.is(await entered, 'in')
})
