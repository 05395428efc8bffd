/**
 * Builds everything that is missing or older than its sources: the parser (peggy), the kernels (AssemblyScript), the
 * TypeScript and of that the command line once more as a bundle (bundle.mjs). `--out DIR` builds into another folder than dist.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Runs a command line of this checkout with this Node, so that no shell or PATH is involved. */
async function run({ name, file, args, onChild }) {
  const child = spawn(process.execPath, [join(root, file), ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  if (child.pid !== undefined) onChild(child.pid)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (child.exitCode !== 0) throw new Error(`${name} failed:\n${stdout}${stderr}`)
}

/** Fingerprint of the names and contents of all files under the given paths. */
function fingerprint(paths) {
  const hash = createHash('sha256')
  const visit = path => {
    if (!existsSync(path)) return
    if (statSync(path).isDirectory())
      return readdirSync(path)
        .sort()
        .forEach(name => visit(join(path, name)))
    hash.update(relative(root, path)).update('\0').update(readFileSync(path)).update('\0')
  }
  paths.forEach(path => visit(join(root, path)))
  return hash.digest('hex')
}

/** Runs `action` unless `stamp` says it already ran on the same sources and ended. */
async function step({ out, name, sources, products }, action) {
  const stamp = join(out, `.${name}.stamp`)
  const now = fingerprint([...sources, 'package.json'])
  if (products.every(existsSync) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return false
  rmSync(stamp, { force: true })
  for (const product of products) mkdirSync(dirname(product), { recursive: true })
  await action()
  writeFileSync(stamp, now)
  return true
}

/** Memory is imported, shared by all threads, and as large as 32 bits of address allow. */
const ASC_FLAGS =
  '--runtime stub -O3 --noAssert --enable simd --enable bulk-memory --enable threads --importMemory --sharedMemory ' +
  '--initialMemory 65536 --maximumMemory 65536'

const SOURCES = ['src', 'bin', 'test', 'tpch', 'bench', 'examples']

/**
 * Parser, kernels and TypeScript into `out`; each only when its sources changed. True if anything was built. `onChild` hears the
 * process id of every child.
 */
export async function build({ out = join(root, 'dist'), onChild = () => undefined } = {}) {
  mkdirSync(out, { recursive: true })
  // The declarations go beside the sources that import them, the code beside the compiled ones.
  const parser = join(root, 'src/parser/generated/sql.js')
  const parserCopy = join(out, 'src/parser/generated/sql.js')
  const keywords = join(root, 'src/parser/generated/keywords.ts')
  const parserStep = { out, name: 'parser', sources: ['grammar'], products: [parser, parserCopy, keywords] }
  const parserBuilt = await step(parserStep, async () => {
    const args = ['--format', 'es', '--dts', '-o', parser, 'grammar/sql.peggy']
    await run({ name: 'peggy', file: 'node_modules/peggy/bin/peggy.js', args, onChild })
    copyFileSync(parser, parserCopy)
    writeFileSync(keywords, keywordModule(readFileSync(join(root, 'grammar/sql.peggy'), 'utf8')))
  })
  const wasm = join(out, 'src/kernels.wasm')
  const kernelsStep = { out, name: 'kernels', sources: ['src/kernels'], products: [wasm] }
  const kernelsBuilt = await step(kernelsStep, async () => {
    const args = ['src/kernels/index.ts', '--outFile', wasm, ...ASC_FLAGS.split(' ')]
    await run({ name: 'asc', file: 'node_modules/assemblyscript/bin/asc.js', args, onChild })
  })
  const sources = [...SOURCES, 'tsconfig.json', 'scripts/bundle.mjs']
  const typescriptStep = { out, name: 'typescript', sources, products: [join(out, 'src/index.js')] }
  const typescriptBuilt = await step(typescriptStep, async () => {
    removeOrphans(out)
    await run({ name: 'tsc', file: 'node_modules/typescript/bin/tsc', args: ['--outDir', out], onChild })
    copyFiles(out, 'src/exchange/proto', /\.proto$/)
    copyFiles(out, 'src/cluster/scheduler/ui', /\.(?:css|html|mjs|svg)$/)
    await run({ name: 'bundle', file: 'scripts/bundle.mjs', args: [out], onChild })
  })
  return parserBuilt || kernelsBuilt || typescriptBuilt
}

/** What is used as it is, beside the compiled modules; a copy whose source is gone goes. */
function copyFiles(out, folder, names) {
  mkdirSync(join(out, folder), { recursive: true })
  for (const file of readdirSync(join(out, folder)).filter(name => names.test(name))) rmSync(join(out, folder, file))
  for (const file of readdirSync(join(root, folder)).filter(name => names.test(name))) {
    copyFileSync(join(root, folder, file), join(out, folder, file))
  }
}

/** The words of the grammar's keyword rules, such as `ALL = @"all"i !part`. */
function keywordModule(grammar) {
  const words = Array.from(grammar.matchAll(/^[A-Z_]+ += @"([a-z_]+)"i !part$/gm), ([, word]) => `'${word}'`)
  return `/** Made from the grammar. */\nexport const KEYWORDS: readonly string[] = [${[...new Set(words)].sort().join(', ')}]\n`
}

/** Compiled modules whose source is gone: a test that was removed would run on. */
function removeOrphans(out) {
  for (const folder of SOURCES.filter(name => name !== 'bin' && existsSync(join(out, name)))) {
    for (const path of readdirSync(join(out, folder), { recursive: true })) {
      const module = /^(.*)\.(?:js|js\.map|d\.ts)$/.exec(join(folder, path))
      const isOrphan = module !== null && !existsSync(join(root, `${module[1]}.ts`))
      if (isOrphan && !existsSync(join(root, `${module[1]}.js`))) rmSync(join(out, folder, path), { force: true })
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf('--out')
  const out = at > 0 ? { out: join(root, process.argv[at + 1]) } : {}
  try {
    if (process.argv.includes('--clean')) rmSync(join(root, 'dist'), { recursive: true, force: true })
    await build(out)
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
