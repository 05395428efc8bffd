/**
 * Builds everything that is missing or older than its sources: the parser (peggy), the kernels (AssemblyScript), the
 * TypeScript and of that the command line once more as a bundle (bundle.mjs). `--out DIR` builds into another folder than dist.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
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
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Runs a command line of this checkout with this Node, so that no shell or PATH is involved. */
function run(name, file, args) {
  const result = spawnSync(process.execPath, [join(root, file), ...args], {
    cwd: root,
    encoding: 'utf8',
  })
  if (result.status !== 0) throw new Error(`${name} failed:\n${result.stdout}${result.stderr}`)
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

/** Runs `action` unless `stamp` says it already ran on the same sources. */
function step(out, name, sources, product, action) {
  const stamp = join(out, `.${name}.stamp`)
  const now = fingerprint([...sources, 'package.json'])
  if (existsSync(product) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return false
  mkdirSync(dirname(product), { recursive: true })
  action()
  writeFileSync(stamp, now)
  return true
}

/** Parser, kernels and TypeScript into `out`; each only when its sources changed. True if anything was built. */
export function build(out = join(root, 'dist')) {
  mkdirSync(out, { recursive: true })
  const parser = join(out, 'src/parser/generated/sql.js')
  const parserBuilt = step(out, 'parser', ['grammar'], parser, () => {
    // The declarations go beside the sources that import them, the code beside the compiled ones.
    const source = join(root, 'src/parser/generated/sql.js')
    mkdirSync(dirname(source), { recursive: true })
    run('peggy', 'node_modules/peggy/bin/peggy.js', ['--format', 'es', '--dts', '-o', source, 'grammar/sql.peggy'])
    copyFileSync(source, parser)
  })
  const wasm = join(out, 'src/kernels.wasm')
  const kernelsBuilt = step(out, 'kernels', ['src/kernels'], wasm, () => {
    run('asc', 'node_modules/assemblyscript/bin/asc.js', [
      'src/kernels/index.ts',
      '--outFile',
      wasm,
      '--runtime',
      'stub',
      '-O3',
      '--enable',
      'simd',
      '--enable',
      'bulk-memory',
      '--enable',
      'threads',
      '--importMemory',
      '--sharedMemory',
      '--initialMemory',
      '65536',
      '--maximumMemory',
      '65536',
      '--noAssert',
    ])
  })
  const typescriptBuilt = step(
    out,
    'typescript',
    ['src', 'bin', 'test', 'tpch', 'examples', 'tsconfig.json', 'scripts/bundle.mjs'],
    join(out, 'src/index.js'),
    () => {
      run('tsc', 'node_modules/typescript/bin/tsc', ['--outDir', out])
      const proto = 'src/exchange/proto'
      for (const file of readdirSync(join(root, proto)).filter(name => name.endsWith('.proto'))) {
        copyFileSync(join(root, proto, file), join(out, proto, file))
      }
      run('bundle', 'scripts/bundle.mjs', [out])
    },
  )
  return parserBuilt || kernelsBuilt || typescriptBuilt
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf('--out')
  if (process.argv.includes('--clean')) rmSync(join(root, 'dist'), { recursive: true, force: true })
  try {
    build(at > 0 ? join(root, process.argv[at + 1]) : undefined)
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
