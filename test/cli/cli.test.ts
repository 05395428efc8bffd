/** The command line as a child process, one at a time: exit status, standard output and standard error. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { ipcStreamWriter } from '../../src/arrow/arrow-js.js'
import { batchFromValues, releaseBatch } from '../../src/arrow/column.js'
import { field } from '../../src/arrow/schema.js'
import { INT64 } from '../../src/arrow/types.js'

const BIN = fileURLToPath(new URL('../../bin/ballista.js', import.meta.url))

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

async function ballista(args: readonly string[], input: string | Uint8Array = ''): Promise<Outcome> {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: 'pipe' })
  child.stdin.end(input)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { status: child.exitCode, stdout, stderr }
}

interface Case {
  readonly title: string
  readonly args: readonly string[]
  readonly input?: string
  readonly status: number
  readonly stdout?: string
  readonly stderr?: string
}

const QUIET = ['sql', '-q', '--format', 'csv']

const CASES: readonly Case[] = [
  { title: 'a table, quietly', args: ['sql', '-q', '-c', "select 1 as x, 'ab' as name"], status: 0, stdout: '+---+------+\n| x | name |\n+---+------+\n| 1 | ab   |\n+---+------+\n', stderr: '' },
  { title: 'SQL on standard input', args: QUIET, input: 'select 1 as x;\nselect 2 as y', status: 0, stdout: 'x\n1\ny\n2\n', stderr: '' },
  { title: 'several -c in order', args: [...QUIET, '-c', 'select 1 as x', '-c', 'select 2 as y'], status: 0, stdout: 'x\n1\ny\n2\n', stderr: '' },
  { title: 'nothing to run', args: QUIET, input: ' \n', status: 2, stdout: '', stderr: 'nothing to run: give -c SQL, -f FILE, or SQL on standard input\n' },
  { title: 'a statement that fails ends the run', args: [...QUIET, '-c', 'select 1 as x; selec 2; select 3'], status: 1, stdout: 'x\n1\n' },
  { title: 'a failing query', args: [...QUIET, '-c', 'select 1 / 0 as x'], status: 1 },
  { title: 'an unknown flag', args: ['sql', '--nope'], status: 2, stdout: '', stderr: "error: unknown option '--nope'\n(add --help for the flags)\n" },
  { title: 'an unknown command', args: ['nope'], status: 2, stdout: '', stderr: "error: unknown command 'nope'\n(add --help for the flags)\n" },
  { title: 'an unknown format', args: ['sql', '--format', 'xml', '-c', 'select 1'], status: 2, stdout: '' },
  { title: 'an unknown setting', args: [...QUIET, '--set', 'ballista.nope=1', '-c', 'select 1'], status: 2, stdout: '', stderr: "error: option '--set <key=value>' argument 'ballista.nope=1' is invalid. option 'ballista.nope': no such setting; SHOW ALL lists them\n(add --help for the flags)\n" },
  { title: 'a setting without a value', args: [...QUIET, '--set', 'ballista.nope', '-c', 'select 1'], status: 2, stdout: '', stderr: "error: option '--set <key=value>' argument 'ballista.nope' is invalid. expected key=value\n(add --help for the flags)\n" },
  { title: 'batches of no rows', args: [...QUIET, '-b', '0', '-c', 'select 1'], status: 2, stdout: '' },
  { title: 'a memory limit for a cluster', args: [...QUIET, '--port', '1', '-m', '64MB', '-c', 'select 1'], status: 2, stdout: '' },
  { title: 'a memory limit that is no size', args: [...QUIET, '-m', 'lots', '-c', 'select 1'], status: 2, stdout: '' },
  { title: 'a data path that is no directory', args: [...QUIET, '-p', '/dev/null', '-c', 'select 1'], status: 2, stdout: '', stderr: "error: option '-p, --data-path <dir>' argument '/dev/null' is invalid. expected a directory\n(add --help for the flags)\n" },
  { title: 'a data path', args: [...QUIET, '-p', 'test', '-c', "select count(*) as n from 'data/example.csv'"], status: 0, stdout: 'n\n7\n', stderr: '' },
  { title: 'a batch size and a memory limit', args: [...QUIET, '-b', '2', '-m', '64MB', '-c', "select count(*) as n from 'test/data/example.csv'; show ballista.execution.batch_size; show ballista.memory.limit"], status: 0, stdout: 'n\n7\nname,value\nballista.execution.batch_size,2\nname,value\nballista.memory.limit,64MB\n', stderr: '' },
  { title: 'a host that is none', args: [...QUIET, '--host', 'a/b', '-c', 'select 1'], status: 2, stdout: '', stderr: "error: option '--host <host>' argument 'a/b' is invalid. expected a host\n(add --help for the flags)\n" },
  { title: 'a cluster that is not there', args: [...QUIET, '--host', '::1', '--port', '1', '-c', 'select 1'], status: 1, stdout: '', stderr: 'no connection to scheduler [::1]:1: No connection established. Last error: Error: connect ECONNREFUSED ::1:1. [NETWORK]\n' },
  { title: 'no task slots', args: ['executor', '--bind-port', '0', '-c', '0'], status: 2, stdout: '', stderr: "error: option '-c, --concurrent-tasks <slots>' argument '0' is invalid. expected at least 1\n(add --help for the flags)\n" },
  { title: 'a log level that is none', args: ['scheduler', '--bind-port', '0', '--log-level', 'loud'], status: 2, stdout: '', stderr: "error: option '--log-level <level>' argument 'loud' is invalid. Allowed choices are silent, error, warn, info, debug.\n(add --help for the flags)\n" },
  { title: 'an error with its place and code', args: [...QUIET, '-c', 'select 1 as x;\nselect nope'], status: 1, stdout: 'x\n1\n', stderr: "column 'nope' not found [COLUMN_NOT_FOUND]\nline 1: select nope\n               ^^^^\n" },
  { title: 'rows on standard input', args: [...QUIET, '-c', 'select sum(x) as s from stdin'], input: 'x\n1\n2\n', status: 0, stdout: 's\n3\n', stderr: '' },
  { title: 'an empty standard input as a table', args: [...QUIET, '-c', 'select * from stdin'], status: 1, stdout: '' },
  { title: 'a version', args: ['--version'], status: 0, stdout: '0.1.0\n', stderr: '' },
  { title: 'a wrong scale', args: ['tpch', 'generate', '--scale', '0', '--out', 'x'], status: 2, stdout: '', stderr: "error: option '--scale <factor>' argument '0' is invalid. expected a number above 0, at most 357\n(add --help for the flags)\n" },
  { title: 'an unknown TPC-H table', args: ['tpch', 'generate', '--scale', '1', '--out', 'x', '--tables', 'part,parts'], status: 2, stdout: '', stderr: "error: option '--tables <names>' argument 'part,parts' is invalid. 'parts' is none of region, nation, supplier, customer, part, partsupp, orders, lineitem\n(add --help for the flags)\n" },
  { title: 'query 23', args: ['tpch', 'run', '--data', 'x', '--query', '1,23'], status: 2, stdout: '', stderr: "error: option '--query <numbers>' argument '1,23' is invalid. '23' is not a query from 1 to 22\n(add --help for the flags)\n" },
  { title: 'no data', args: ['tpch', 'run', '--data', '/nonexistent', '--query', '6'], status: 1, stdout: '', stderr: "Error: '/nonexistent' holds no TPC-H table; make them with: ballista tpch generate [INVALID_ARGUMENT]\n" },
] // oxfmt-ignore

for (const { title, args, input, status, stdout, stderr } of CASES) {
  test.serial(title, async t => {
    const outcome = await ballista(args, input)
    t.is(outcome.status, status, outcome.stderr)
    if (stdout !== undefined) t.is(outcome.stdout, stdout)
    if (stderr === undefined) t.not(outcome.stderr, '')
    else t.is(outcome.stderr, stderr)
  })
}

for (const command of [[], ['sql'], ['scheduler'], ['executor'], ['tpch'], ['tpch', 'generate'], ['tpch', 'run']]) {
  test.serial(`${['ballista', ...command].join(' ')} --help tells its usage`, async t => {
    const { status, stdout, stderr } = await ballista([...command, '--help'])
    t.is(status, 0)
    t.is(
      stdout.split('\n')[0].replace(/ (?:\[options\] ?)?(?:\[command\])?$/, ''),
      ['Usage: ballista', ...command].join(' '),
    )
    t.is(stderr, '')
  })
}

test.serial(
  'files and commands run in the order of the flags, and a file that is not there is wrong usage',
  async t => {
    const directory = await mkdtemp(join(tmpdir(), 'ballista-cli-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    const file = join(directory, 'query.sql')
    await writeFile(file, "-- two statements\nselect 1 as x;\nselect 'a;b' as y;\n")
    t.deepEqual(await ballista([...QUIET, '-f', file]), { status: 0, stdout: 'x\n1\ny\na;b\n', stderr: '' })
    const ordered = await ballista([...QUIET, '-c', 'select 0 as x', '-f', file, '-c', 'select 3 as x'])
    t.deepEqual(ordered, { status: 0, stdout: 'x\n0\nx\n1\ny\na;b\nx\n3\n', stderr: '' })
    const nope = join(directory, 'nope.sql')
    t.deepEqual(await ballista([...QUIET, '-c', 'select 1 as x', '-f', nope]), {
      status: 2,
      stdout: '',
      stderr: `error: option '-f, --file <file>' argument '${nope}' is invalid. cannot read it: ENOENT: no such file or directory, open '${nope}'\n(add --help for the flags)\n`,
    })
  },
)

/** Rows enough for a query to run until it is stopped. */
const ENDLESS = `create table d as select column1 as d from (values ${Array.from({ length: 20 }, (_, i) => `(${i})`).join()}) v;
  select 'started' as s; select a.d from d a, d b, d c, d e, d f, d g, d h`

test.serial('a reader that leaves ends the run quietly, and later statements do not run', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'ballista-cli-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const copy = `copy (select 1 as x) to '${join(directory, 'late.csv')}'`
  const child = spawn(process.execPath, [BIN, ...QUIET, '-c', ENDLESS, '-c', copy], { stdio: 'pipe' })
  child.stdin.end()
  const closed = once(child, 'close')
  const stderr = text(child.stderr)
  await once(child.stdout, 'data')
  child.stdout.destroy()
  await closed
  t.is(await stderr, '')
  t.is(child.exitCode, 0)
  t.deepEqual(await readdir(directory), [])
})

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test.serial(`${signal} stops a query in order`, async t => {
    const directory = await mkdtemp(join(tmpdir(), 'ballista-cli-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    const [table, started, query] = ENDLESS.split(';')
    const copy = `${table};${started};copy (${query}) to '${join(directory, 'endless.csv')}'`
    const child = spawn(process.execPath, [BIN, ...QUIET, '-c', copy], { stdio: 'pipe' })
    const closed = once(child, 'close')
    const stderr = text(child.stderr)
    await once(child.stdout, 'data')
    child.kill(signal)
    await closed
    t.is(await stderr, 'query cancelled: interrupted [CANCELLED]\n')
    t.is(child.exitCode, status)
    t.deepEqual(await readdir(directory), [])
  })
}

test.serial('SIGINT ends the wait for rows on standard input', async t => {
  const temporary = await mkdtemp(join(tmpdir(), 'ballista-cli-'))
  t.teardown(() => rm(temporary, { recursive: true, force: true }))
  const env = { ...process.env, TMPDIR: temporary }
  const watcher = watch(temporary)
  const changed = once(watcher, 'change')
  const child = spawn(process.execPath, [BIN, ...QUIET, '-c', 'select * from stdin'], { stdio: 'pipe', env })
  const closed = once(child, 'close')
  child.stdin.write('x\n1\n')
  if ((await readdir(temporary)).length === 0) await changed
  watcher.close()
  child.kill('SIGINT')
  await closed
  t.is(child.exitCode, 130)
  t.deepEqual(await readdir(temporary), [])
})

/** An Arrow stream that goes on until nobody reads it. */
async function* endlessArrow(): AsyncGenerator<Uint8Array> {
  const schema = { fields: [field('x', INT64)] }
  const writer = await ipcStreamWriter(schema)
  for (let i = 0n; ; i++) {
    const batch = batchFromValues(schema, [[2n * i, 2n * i + 1n]])
    yield* writer.write(batch)
    releaseBatch(batch)
  }
}

test.serial('an Arrow stream on standard input is read while the query runs', async t => {
  const child = spawn(process.execPath, [BIN, ...QUIET, '-c', 'select x from stdin where x > 2 limit 3'], {
    stdio: 'pipe',
  })
  const written = pipeline(endlessArrow(), child.stdin).catch((error: NodeJS.ErrnoException) => error.code)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  t.is(stderr, '')
  t.is(stdout, 'x\n3\n4\n5\n')
  t.is(await written, 'EPIPE')
})

test.serial('an Arrow stream that is named twice is kept', async t => {
  const schema = { fields: [field('x', INT64)] }
  const writer = await ipcStreamWriter(schema)
  const batch = batchFromValues(schema, [[1n, 2n, null]])
  const input = Buffer.concat([...writer.write(batch), ...writer.finish()])
  releaseBatch(batch)
  const sql = 'select count(*) as n, sum(a.x) as s from stdin a join stdin b on a.x = b.x'
  t.deepEqual(await ballista([...QUIET, '-c', sql], input), { status: 0, stdout: 'n,s\n2,3\n', stderr: '' })
})

test.serial('a trace outside of the checkout, of the files that are named', async t => {
  const args = [BIN, 'trace', '-t', `t=${join(process.cwd(), 'test/data/example.csv')}`, 'SELECT a FROM t']
  const child = spawn(process.execPath, args, { stdio: 'pipe', cwd: tmpdir() })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  t.is(stderr, '')
  t.regex(stdout, /^SQL\n {2}SELECT a FROM t\n/)
  t.is(child.exitCode, 0)
})

test.serial('tpch: data, their rows, and a benchmark that compares with DuckDB', async t => {
  t.timeout(120_000)
  const out = await mkdtemp(join(tmpdir(), 'ballista-cli-'))
  t.teardown(() => rm(out, { recursive: true, force: true }))
  const made = await ballista(['tpch', 'generate', '--scale', '0.001', '--out', out, '--tables', 'part,lineitem'])
  t.is(made.status, 0, made.stderr)
  const [part, lineitem, done] = made.stdout.split('\n')
  t.regex(part, /\/part\.parquet: 200 rows, \d+ bytes$/)
  t.regex(lineitem, /\/lineitem\.parquet: 6005 rows, \d+ bytes$/)
  t.regex(done, /^done in \d+\.\d seconds$/)
  t.deepEqual((await readdir(out)).toSorted(), ['lineitem.parquet', 'part.parquet'])

  const json = join(out, 'report.json')
  const flags = ['--data', out, '--vs', 'duckdb', '--iterations', '2', '--json', json]
  const run = await ballista(['tpch', 'run', '--query', '6,q14', ...flags])
  t.is(run.status, 0, run.stdout + run.stderr)
  const report = JSON.parse(await readFile(json, 'utf8')) as { queries: { query: string; rows: number; ms: number[]; duckDb: { equal: boolean } }[]; totalMs: number } // oxfmt-ignore
  t.deepEqual(
    report.queries.map(({ query, rows, ms, duckDb }) => [query, rows, ms.length, duckDb.equal]),
    [['q06', 1, 2, true], ['q14', 1, 2, true]],
  ) // oxfmt-ignore
  const best = report.queries.reduce((sum, { ms }) => sum + Math.min(...ms), 0)
  t.is(report.totalMs, best)
})

test.serial('tpch: a query that fails does not stop the others, and is not a success', async t => {
  t.timeout(120_000)
  const out = await mkdtemp(join(tmpdir(), 'ballista-cli-'))
  t.teardown(() => rm(out, { recursive: true, force: true }))
  t.is(
    (await ballista(['tpch', 'generate', '--scale', '0.001', '--out', out, '--tables', 'lineitem', '--format', 'csv']))
      .status,
    0,
  )
  const run = await ballista(['tpch', 'run', '--data', out, '--query', '14,6', '--iterations', '1'])
  t.is(run.status, 1)
  const lines = run.stdout.split('\n')
  t.regex(lines[1], /^q14 +failed/)
  t.regex(lines[2], /^ +table 'part' not found.* \[TABLE_NOT_FOUND\]$/)
  t.regex(lines[3], /^q06 +1 +\d/)
})
