/** What the command line loads: a small query must not wait for parts of the engine that it does not use. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test from 'ava'

const ROOT = new URL('../../', import.meta.url)
const BIN = fileURLToPath(new URL('bin/ballista.js', ROOT))

/**
 * Loading one takes up to a millisecond, and all of `select 1` has 200. The command that users start is bundled into a few. The entries of
 * the registration lists do not count: there is one for every function, operator and rule.
 */
const MAX_MODULES = 225
const LISTED = /\/(?:functions|operators|rules)\//
const MAX_BUNDLED = 50
/** Of the code that a thread loads for a small query; the parser alone has 475 000, which no task needs. */
const MAX_THREAD_BYTES = 1_000_000

const directory = mkdtempSync(join(tmpdir(), 'ballista-startup-'))
test.after.always(() => rm(directory, { recursive: true, force: true }))

const csv = join(directory, 'two.csv')
writeFileSync(csv, 'n\n1\n2\n')

/** The command without its bundle. */
const entry = join(directory, 'entry.mjs')
writeFileSync(
  entry,
  `import { main } from ${JSON.stringify(new URL('src/cli/index.js', ROOT).href)}
process.exitCode = await main(process.argv)
`,
)

/** Module customization hooks that append the URL of every module to the file in LOADED. */
const hooks = join(directory, 'hooks.mjs')
writeFileSync(
  hooks,
  `import { appendFileSync } from 'node:fs'
export function load(url, context, next) {
  appendFileSync(process.env.LOADED, url + '\\n')
  return next(url, context)
}
`,
)
const register = join(directory, 'register.mjs')
writeFileSync(
  register,
  `import { register } from 'node:module'
register(${JSON.stringify(pathToFileURL(hooks).href)})
`,
)

interface Loaded {
  readonly stdout: string
  /** Of the engine: paths below the build's root. */
  readonly modules: readonly string[]
  /** The folders of those below src, and `tpch`, sorted. */
  readonly parts: readonly string[]
  /** Installed packages, sorted. */
  readonly packages: readonly string[]
}

/** Runs a statement and tells what was loaded for it. */
async function load(name: string, sql: string, program = entry): Promise<Loaded> {
  const list = join(directory, name)
  const args = ['--import', pathToFileURL(register).href, program, 'sql', '-q', '-c', sql]
  const env = { ...process.env, LOADED: list }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (child.exitCode !== 0) throw new Error(`exit status ${child.exitCode}: ${stderr}`)
  const urls = (await readFile(list, 'utf8')).trimEnd().split('\n')
  const modules = urls.filter(url => url.startsWith(ROOT.href)).map(url => url.slice(ROOT.href.length))
  const parts = modules.map(path => path.replace(/^src\//, '').split('/')[0]).filter(part => part !== 'bin')
  const packages = urls.flatMap(url => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  return { stdout, modules, parts: [...new Set(parts)].sort(), packages: [...new Set(packages)].sort() }
}

const CORE = [
  'arrow',
  'catalog',
  'cli',
  'common',
  'exchange',
  'expr',
  'kv',
  'logical',
  'optimizer',
  'parser',
  'physical',
  'runtime',
  'session',
  'storage',
]

test.serial('a query without files loads no format, no other command and no package but commander', async t => {
  const { stdout, modules, parts, packages } = await load('query', 'select 1 as x')
  t.is(stdout, '+---+\n| x |\n+---+\n| 1 |\n+---+\n')
  t.deepEqual(parts, CORE)
  t.deepEqual(packages, ['commander'])
  const unused = /\/(?:arrow-js|grpc|thread-host|worker-pool|remote-backend|scheduler|executor|tpch)\.js$/
  t.deepEqual(
    modules.filter(path => unused.test(path)),
    [],
  )
  const counted = modules.filter(path => !LISTED.test(path)).length
  t.true(counted <= MAX_MODULES, `${counted} modules; load what few queries need when they need it`)
})

test.serial('a query of a CSV file loads the formats, and neither Parquet, Arrow nor gRPC packages', async t => {
  const { stdout, parts, packages } = await load('csv', `select sum(n) as x from '${csv}'`)
  t.is(stdout, '+---+\n| x |\n+---+\n| 3 |\n+---+\n')
  t.deepEqual(parts, [...CORE, 'formats'].sort())
  t.deepEqual(
    packages.filter(name => /arrow|parquet|grpc/.test(name)),
    [],
  )
})

test.serial('the widths of Unicode characters are loaded for a table that has some', async t => {
  const { stdout, packages } = await load('width', "select '日本' as x")
  t.is(stdout, '+------+\n| x    |\n+------+\n| 日本 |\n+------+\n')
  t.true(packages.includes('string-width'))
})

test.serial('the encoder of zstd is loaded for a file that is compressed with it', async t => {
  for (const [ending, isLoaded] of [
    ['csv.gz', false],
    ['csv.zst', true],
  ] as const) {
    const { packages } = await load('written', `copy (select 1 as x) to '${join(directory, `written.${ending}`)}'`)
    t.is(packages.includes('@bokuweb/zstd-wasm'), isLoaded, ending)
  }
})

test.serial('the command is a bundle of few files, whose threads find their modules and their kernels', async t => {
  const { stdout, modules, packages } = await load('bundle', 'select 1 as x', BIN)
  t.is(stdout, '+---+\n| x |\n+---+\n| 1 |\n+---+\n')
  t.deepEqual(
    modules.filter(path => !path.startsWith('bin/')),
    [],
  )
  t.true(modules.length <= MAX_BUNDLED, `${modules.length} files`)
  t.deepEqual(packages, ['commander'])
  const numbers = join(directory, 'numbers')
  mkdirSync(numbers)
  for (const file of ['a.csv', 'b.csv']) writeFileSync(join(numbers, file), 'n\n1\n2\n')
  const split = "set ballista.optimizer.repartition_file_min_size = '1'"
  const query = `select n, count(*) as x from '${numbers}/' group by n order by n`
  const threads = await load('threads', `${split}; ${query}`, BIN)
  t.is(threads.stdout, '+---+---+\n| n | x |\n+---+---+\n| 1 | 2 |\n| 2 | 2 |\n+---+---+\n')
  t.true(threads.modules.includes('threads/task-worker.js'))
  t.deepEqual(
    threads.modules.filter(path => path.startsWith('src/')),
    [],
  )
  const parts = new Set(threads.modules.filter(path => path.startsWith('threads/')))
  const bytes = [...parts].reduce((sum, path) => sum + statSync(new URL(path, ROOT)).size, 0)
  t.true(bytes <= MAX_THREAD_BYTES, `${bytes} bytes`)
})
