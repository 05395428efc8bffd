/** The demo of `npm start` as a child process, on little data: its answers, and that nothing of it stays behind. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import test from 'ava'

const MODULE = new URL('../../src/cli/demo.js', import.meta.url).href

const root = await mkdtemp(join(tmpdir(), 'ballista-demo-'))
test.after.always(() => rm(root, { recursive: true, force: true }))

/** In a process group of its own, to which its scheduler and executors belong. */
function start(sql: readonly string[]): ChildProcess {
  const options = JSON.stringify({ root, sql, scale: 0.001 })
  const program = `import(${JSON.stringify(MODULE)}).then(m => m.demo(${options})).then(status => (process.exitCode = status))`
  return spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
}

/** Whether a process of the child's group still runs. */
function hasLeftOvers({ pid }: ChildProcess): boolean {
  try {
    process.kill(-(pid ?? 0), 0)
    return true
  } catch {
    return false
  }
}

async function run(sql: readonly string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = start(sql)
  if (child.stdout === null || child.stderr === null) throw new Error('no output to read')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (hasLeftOvers(child)) throw new Error('a process of the demo is still running')
  return { status: child.exitCode, stdout, stderr }
}

test.serial('every query gives the answer of DuckDB; the data are made once, and nothing else stays', async t => {
  t.timeout(180_000)
  // As a process leaves it that was killed; no process has that number.
  await mkdir(join(root, 'data', '.tpch-0.001.99999999.tmp'), { recursive: true })
  const { status, stdout, stderr } = await run([])
  t.is(status, 0, stdout + stderr)
  t.is(stderr, '')
  const lines = stdout.split('\n')
  t.regex(lines[0], /^making TPC-H data, scale 0\.001, in /)
  t.regex(lines[1], /^scheduler df:\/\/127\.0\.0\.1:\d+ and 2 executors with \d+ task slot\(s\) each$/)
  const equal = lines.filter(line => /^q\d\d .* yes$/.test(line)).map(line => line.slice(0, 3))
  t.deepEqual(
    equal,
    Array.from({ length: 22 }, (_, i) => `q${String(i + 1).padStart(2, '0')}`),
  )
  const killed = stdout.slice(stdout.indexOf('q09 once more'))
  t.regex(
    killed,
    /^executor 127\.0\.0\.1:\d+ \(process \d+\) was killed after \d+\.\d\d s: \d+ of \d+ tasks had ended$/m,
  )
  t.regex(killed, /^with a kill: \d+\.\d\d s, attempt [2-4]: completed in /m)
  t.regex(killed, /^rows: +\d+, the same as before\n\nthe answer is the same\n$/m)
  t.deepEqual(await readdir(join(root, 'data')), ['tpch-0.001'])
})

test.serial('SQL of its own', async t => {
  t.timeout(60_000)
  const { status, stdout } = await run(['select count(*) as n from lineitem; select 1 as x', "select 'last' as y"])
  t.is(status, 0)
  const tables = stdout.split('\n').filter(line => line.startsWith('|'))
  t.deepEqual(tables, ['| n    |', '| 6005 |', '| x |', '| 1 |', '| y    |', '| last |'])
})

test.serial('SQL that fails', async t => {
  t.timeout(60_000)
  const { status, stderr } = await run(['select nope', 'select 1 as x'])
  t.is(status, 1)
  t.is(stderr, "column 'nope' not found [COLUMN_NOT_FOUND]\nline 1: select nope\n               ^^^^\n")
})

test.serial('Ctrl-C in the middle stops everything', async t => {
  t.timeout(60_000)
  const child = start([])
  const closed = once(child, 'close')
  if (child.stdout === null) throw new Error('no output to read')
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('q01')) break
  child.stdout.resume()
  child.kill('SIGINT')
  await closed
  t.is(child.exitCode, 130)
  t.false(hasLeftOvers(child))
})
