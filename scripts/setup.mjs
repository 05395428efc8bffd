/**
 * Everything a fresh clone needs before it can run: packages and build. Runs under a lock, so that two commands started
 * at the same moment do not step on each other: the second waits, finds everything done and goes on.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const lock = join(root, '.setup-lock')
/** A lock whose holder has not touched it for this long is abandoned (its process was killed). */
const STALE_LOCK_MS = 20_000
const POLL_MS = 200

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Runs `action` alone among all processes that use this checkout. */
async function locked(action) {
  for (;;) {
    try {
      mkdirSync(lock)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0)
      if (age > STALE_LOCK_MS && !holderAlive()) rmSync(lock, { recursive: true, force: true })
      else await sleep(POLL_MS)
    }
  }
  writeFileSync(join(lock, 'pid'), String(process.pid))
  const touch = setInterval(() => utimesSync(lock, new Date(), new Date()), STALE_LOCK_MS / 4)
  try {
    return await action()
  } finally {
    clearInterval(touch)
    rmSync(lock, { recursive: true, force: true })
  }
}

function holderAlive() {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** `npm ci` unless node_modules is already that of this lockfile. */
function install() {
  const stamp = join(root, 'node_modules', '.ballista-installed')
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  process.stderr.write('installing packages …\n')
  // npm is a script of its own where npm started us; otherwise the shell finds it.
  const npm = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const options = { cwd: root, stdio: ['ignore', 2, 2] }
  const result = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  if (result.status !== 0) throw new Error(`npm ci failed with status ${result.status ?? result.signal}`)
  writeFileSync(stamp, wanted)
}

/** Packages and build, whatever of them is missing or out of date. */
export function setup() {
  return locked(async () => {
    install()
    const { build } = await import('./build.mjs')
    const started = performance.now()
    if (build()) process.stderr.write(`built in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
  })
}
