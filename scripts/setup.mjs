/**
 * Everything a fresh clone needs before it can run: packages and build. Runs under a lock, so that two commands started
 * at the same moment do not step on each other: the second waits, finds everything done and goes on.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { locked } from './lock.mjs'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** `npm ci` unless node_modules is already that of this lockfile. */
async function install(onChild) {
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
  const child = npm?.endsWith('.js')
    ? spawn(process.execPath, [npm, ...args], options)
    : spawn('npm', args, { ...options, shell: process.platform === 'win32' })
  if (child.pid !== undefined) onChild(child.pid)
  const [status, signal] = await once(child, 'exit')
  if (status !== 0) throw new Error(`npm ci failed with status ${status ?? signal}`)
  writeFileSync(stamp, wanted)
}

/** Packages and build, whatever of them is missing or out of date. */
export function setup() {
  return locked(join(root, '.setup-lock'), async onChild => {
    await install(onChild)
    const { build } = await import('./build.mjs')
    const started = performance.now()
    if (await build({ onChild })) {
      process.stderr.write(`built in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
    }
  })
}
