/**
 * Bundles what starts often: the command line, bin/ballista.js of the given build, in its place, and the entry of worker threads as
 * threads/task-worker.js. Loading the engine from a few files takes half the time of loading its modules one by one, as the library does.
 */
import { mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { build } from 'esbuild'

const out = realpathSync(process.argv[2])
const src = join(out, 'src')

/** Parts that are loaded late only because a module costs a file: in the bundle, more files would cost more than their code. */
const PARTS = 'analyze|column-defaults|explain|local-tasks|plan-changes|show-stats|summarize|table|verify'
const JOINED = new RegExp(`await import\\('(\\./(?:${PARTS})\\.js)'\\)`, 'g')

/** The source with these parts imported at once. */
function joined(source) {
  const parts = []
  const text = source.replace(JOINED, (_, file) => {
    const at = parts.indexOf(file)
    return `joined${at < 0 ? parts.push(file) - 1 : at}`
  })
  return parts.map((file, at) => `import * as joined${at} from '${file}'\n`).join('') + text
}

/**
 * Parts that are loaded late, as few programs need them, but together: shared code makes a file for each set of parts that share it.
 * Threads need few of them, each by itself.
 */
const GROUPS = {
  files: [
    'commit/committers',
    'commit/file-system',
    'commit/store-intents',
    'commit/table-files',
    'delta/delta-format',
    'formats/format-options',
    'formats/listing-table',
    'formats/logged-table',
    'formats/open-row-table',
    'formats/open-scan',
    'formats/open-writer',
    'kv/lmdb-store',
    'kv/take-over',
    'session/local-write',
    'session/plan-create-table',
    'session/plan-insert',
    'session/plan-scan-bytes',
    'session/warehouse',
    'session/write-target',
    'storage/extension-store',
    'storage/http-store',
    'storage/s3-objects',
    'storage/s3-store',
  ],
  servers: [
    'cli/executor',
    'cli/scheduler',
    'cluster/executor/server',
    'cluster/scheduler/placement-policies',
    'cluster/scheduler/server',
    'cluster/standalone',
    'exchange/thread-host',
    'session/plan-for-cluster',
    'session/remote-backend',
  ],
}
const groupOf = new Map(Object.entries(GROUPS).flatMap(([group, parts]) => parts.map(part => [part, group])))
const exportName = part => part.replaceAll(/[^a-z]/g, '_')

/** The source of `src/<module>` with imports of parts of a group turned into imports of their group. */
const grouped = (source, module) =>
  source.replaceAll(/import\('(\.{1,2}\/[^']+)\.js'\)/g, (whole, file) => {
    const part = join(dirname(module), file)
    const group = groupOf.get(part)
    return group === undefined ? whole : `import('group:${group}').then(group => group.${exportName(part)})`
  })

const groups = {
  name: 'groups',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^group:/ }, ({ path }) => ({ path: path.slice('group:'.length), namespace: 'group' }))
    onLoad({ filter: /./, namespace: 'group' }, ({ path }) => ({
      contents: GROUPS[path].map(part => `export * as ${exportName(part)} from './${part}.js'`).join('\n'),
      resolveDir: src,
    }))
  },
}

/** In a bundle, `import.meta.url` stays the URL of the module it is written in: workers, kernels and protos are found from there. */
const ownUrl = (folder, change) => ({
  name: 'own-url',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      const module = relative(folder, path).split(sep).join('/')
      const source = change(readFileSync(path, 'utf8'), relative(src, path).split(sep).join('/'))
      return { contents: source.replaceAll('import.meta.url', `new URL('${module}', import.meta.url).href`) }
    })
  },
})

/** The module `entry` and all it imports, into files of `folder`; the entry keeps its name. `change` may edit a source. */
async function bundle(entry, folder, change) {
  const outdir = join(out, folder)
  mkdirSync(outdir, { recursive: true })
  for (const file of readdirSync(outdir).filter(name => PART.test(name))) rmSync(join(outdir, file))
  await build({
    entryPoints: [join(out, entry)],
    outdir,
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    plugins: [groups, ownUrl(outdir, change)],
    logLevel: 'warning',
  })
}

/** All parts lie beside the entry, so that relative URLs mean the same in each. */
const PART = /-[0-9A-Z]{8}\.js$/

await bundle('bin/ballista.js', 'bin', (source, module) => grouped(joined(source), module))
await bundle('src/exchange/task-worker.js', 'threads', source => source)

// It describes the file that the bundle replaced.
rmSync(join(out, 'bin/ballista.js.map'), { force: true })
