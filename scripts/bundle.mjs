/**
 * Bundles the compiled command line, bin/ballista.js of the given build: loading the engine from a few files takes half the time of
 * loading its modules one by one. Threads and the library load the modules.
 */
import { readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { build } from 'esbuild'

const bin = realpathSync(join(process.argv[2], 'bin'))

/** Parts that are loaded late only because a module costs a file: in the bundle, more files would cost more than their code. */
const JOINED = /await import\('(\.\/(?:explain|local-tasks|plan-changes|summarize|table|verify)\.js)'\)/g

/** The source with these parts imported at once. */
function joined(source) {
  const parts = []
  const text = source.replace(JOINED, (_, file) => {
    const at = parts.indexOf(file)
    return `joined${at < 0 ? parts.push(file) - 1 : at}`
  })
  return parts.map((file, at) => `import * as joined${at} from '${file}'\n`).join('') + text
}

/** In the bundle, `import.meta.url` stays the URL of the module it is written in: workers, kernels and protos are found from there. */
const ownUrl = {
  name: 'own-url',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      const module = relative(bin, path).split(sep).join('/')
      const source = joined(readFileSync(path, 'utf8'))
      return { contents: source.replaceAll('import.meta.url', `new URL('${module}', import.meta.url).href`) }
    })
  },
}

/** All parts lie beside the entry, so that relative URLs mean the same in each. */
const PART = /-[0-9A-Z]{8}\.js$/
for (const file of readdirSync(bin).filter(name => PART.test(name))) rmSync(join(bin, file))

await build({
  entryPoints: [join(bin, 'ballista.js')],
  outdir: bin,
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  plugins: [ownUrl],
  logLevel: 'warning',
})

// It describes the file that the bundle replaced.
rmSync(join(bin, 'ballista.js.map'), { force: true })
