/**
 * `npm test`: sets up what is missing, then runs every check: lint, format and all test files (build and layers included).
 * `--full` runs the full numbers instead of the seeded sample, and the slt files in both debug modes of the arena. Further arguments are test file patterns.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root, setup } from './setup.mjs'

const full = process.argv.includes('--full')
const patterns = process.argv.slice(2).filter(argument => argument !== '--full')

/** Runs a package's command line with this Node; true when it passed. `env` is added to the environment. */
function run(name, file, args, env = {}) {
  const result = spawnSync(process.execPath, [join(root, 'node_modules', file), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, BALLISTA_TEST_FULL: full ? '1' : '', ...env },
  })
  if (result.status !== 0) process.stderr.write(`${name} failed\n`)
  return result.status === 0
}

/** What makes mistakes with memory fail: blocks that are poisoned when freed, and positions above 2^31. */
const ARENA_MODES = [{ BALLISTA_ARENA_DEBUG: '1' }, { BALLISTA_ARENA_BASE: '3GiB' }]

function runSlt(env) {
  const [[key, value]] = Object.entries(env)
  return run(`slt with ${key}=${value}`, 'ava/entrypoints/cli.mjs', ['dist/test/slt.test.js'], env)
}

try {
  await setup()
  const steps =
    patterns.length > 0
      ? [() => run('ava', 'ava/entrypoints/cli.mjs', patterns)]
      : [
          () =>
            run('lint', 'oxlint/bin/oxlint', [
              '--type-aware',
              '--deny-warnings',
              'src',
              'bin',
              'test',
              'tpch',
              'bench',
              'scripts',
            ]),
          () =>
            run('format', 'oxfmt/bin/oxfmt', [
              '--list-different',
              '{src,bin,test,tpch,scripts,examples,bench}/**/*.{ts,mjs}',
            ]),
          () => run('ava', 'ava/entrypoints/cli.mjs', []),
          ...(full ? ARENA_MODES.map(env => () => runSlt(env)) : []),
        ]
  process.exitCode = steps.map(step => step()).every(Boolean) ? 0 : 1
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
