/** The folder list is the architecture: a file imports its own folder and lower layers only, and packages where they belong. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import test from 'ava'

// Tests run from the project's root.
const src = join(process.cwd(), 'src')

const LAYER: Readonly<Record<string, number>> = {
  common: 0, kernels: 0, arrow: 1, kv: 1, parser: 1, expr: 2, runtime: 2, catalog: 3, storage: 3, formats: 4, logical: 4, optimizer: 5,
  physical: 6, commit: 6, delta: 6, exchange: 7, cluster: 8, session: 9, cli: 10,
} // oxfmt-ignore

/** The only places (path prefixes under src) that may import a package; types are free. */
const PACKAGE_HOMES: Readonly<Record<string, readonly string[]>> = {
  '@bokuweb/zstd-wasm': ['formats/zstd-write.ts'],
  '@grpc/grpc-js': ['exchange/', 'cluster/', 'session/remote-client.ts'],
  '@grpc/proto-loader': ['exchange/', 'cluster/'],
  'apache-arrow': ['arrow/', 'delta/'],
  aws4fetch: ['storage/s3-request.ts'],
  commander: ['cli/'],
  'csv-parse': ['formats/csv'],
  fzstd: ['formats/zstd-stream.ts'],
  lmdb: ['kv/lmdb-store.ts'],
  'p-limit': ['formats/', 'storage/'],
  'parquet-wasm': ['formats/parquet/', 'delta/'],
  re2js: ['expr/regex.ts'],
  'smol-toml': ['cli/flags/'],
  'string-width': ['session/'],
}

interface Import {
  readonly file: string
  readonly target: string
  readonly typeOnly: boolean
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'"\n;]*?(?:\{[^}]*\})?[^'"\n;]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/g

const imports: readonly Import[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts') && !file.startsWith('kernels/') && !file.includes('generated/'))
  .flatMap(file =>
    [...readFileSync(join(src, file), 'utf8').matchAll(IMPORT)].map(match => ({
      file,
      target: match[2] ?? match[3],
      typeOnly: match[1] !== undefined,
    })),
  )

test('a file imports its own folder and lower layers only', t => {
  const wrong = imports.filter(({ file, target }) => {
    if (!target.startsWith('.')) return false
    const from = file.split('/')[0]
    if (from === 'delta') return false
    const to = relative(src, join(src, dirname(file), target)).split('/')[0]
    // The command line also runs what lies beside src: the TPC-H programs.
    const inside = to !== '..' || from !== 'cli'
    return from !== to && from in LAYER && inside && !(LAYER[to] < LAYER[from])
  })
  t.deepEqual(
    wrong.map(({ file, target }) => `${file} imports ${target}`),
    [],
  )
  t.true(imports.length > 100, 'the scan found the imports')
})

test('the Delta extension imports what one outside of the package could', t => {
  const wrong = imports.filter(
    ({ file, target }) => file.startsWith('delta/') && !/^(?:\.\/|\.\.\/index\.js$|[a-z])/.test(target),
  )
  t.deepEqual(
    wrong.map(({ file, target }) => `${file} imports ${target}`),
    [],
  )
})

test('a package is imported only where it belongs', t => {
  const wrong = imports.filter(({ file, target, typeOnly }) => {
    if (target.startsWith('.') || target.startsWith('node:') || typeOnly) return false
    return !(PACKAGE_HOMES[target] ?? []).some(home => file.startsWith(home))
  })
  t.deepEqual(
    wrong.map(({ file, target }) => `${file} imports ${target}`),
    [],
  )
})

test('state machines take time, chance and files from outside', t => {
  const forbidden = /\b(?:Date\.now|setImmediate|setTimeout|setInterval|Math\.random|performance\.now)\b|from 'node:fs/
  const wrong = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter(file => /^(?:cluster|exchange)\/.*\.ts$/.test(file))
    .filter(file => forbidden.test(readFileSync(join(src, file), 'utf8')))
  t.deepEqual(wrong, [])
})

test('what runs in tasks takes its turns from runtime/time-slice.ts, which a simulator replaces', t => {
  const wrong = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter(file => /^(?:arrow|expr|physical|runtime)\/.*\.ts$/.test(file) && file !== 'runtime/time-slice.ts')
    .filter(file => /\bset(?:Immediate|Interval)\b/.test(readFileSync(join(src, file), 'utf8')))
  t.deepEqual(wrong, [])
})

test('Transform is subclassed once', t => {
  const subclasses = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    file => file.endsWith('.ts') && /extends (?:stream\.)?Transform\b/.test(readFileSync(join(src, file), 'utf8')),
  )
  t.deepEqual(subclasses, ['runtime/operator-transform.ts'])
})
