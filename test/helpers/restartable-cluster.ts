/** A cluster of real processes whose scheduler keeps its state in a data directory: any of them is killed and started again. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/ballista.js', import.meta.url))

export const NODES = ['scheduler', 'executor 1', 'executor 2'] as const

export type NodeName = (typeof NODES)[number]

export interface RestartableCluster {
  /** A directory that its servers may read and write. */
  readonly files: string
  readonly url: string
  /** SIGKILL, or another signal that ends it. */
  kill(name: NodeName, signal?: NodeJS.Signals): Promise<void>
  /** What has been killed; resolves when it listens. */
  restart(name: NodeName): Promise<void>
  get(path: string): Promise<unknown>
  close(): Promise<void>
}

/** With these data roots beside `files`. */
export async function startRestartable(dataRoots: readonly string[] = []): Promise<RestartableCluster> {
  // Behind a link, and beside a data root: what the scheduler keeps is within its reach all the same.
  const directory = mkdtempSync(join(tmpdir(), 'ballista-restart-'))
  const dataDir = join(directory, 'link')
  const files = join(directory, 'files')
  mkdirSync(files)
  mkdirSync(join(directory, 'data'))
  symlinkSync(join(directory, 'data'), dataDir)
  const running = new Map<NodeName, ChildProcess>()
  const run = async (name: NodeName, args: readonly string[]): Promise<string> => {
    const child = spawn(process.execPath, [BIN, ...args, '--log-level', 'error'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.set(name, child)
    for await (const line of createInterface(child.stdout)) {
      const match = /listening on (\S+)$/.exec(line)
      if (match === null) continue
      child.stdout.resume()
      return match[1]
    }
    throw new Error(`${name} ended before it listened`)
  }
  const roots = [files, ...dataRoots].flatMap(root => ['--data-root', root])
  const scheduler = (port: string): Promise<string> =>
    run('scheduler', ['scheduler', '--bind-port', port, '--data-dir', dataDir, ...roots])
  const address = await scheduler('0')
  const port = address.slice(address.lastIndexOf(':') + 1)
  const start = (name: NodeName): Promise<string> =>
    name === 'scheduler' ? scheduler(port) : run(name, ['executor', '--bind-port', '0', '--scheduler-port', port])
  const kill = async (name: NodeName, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const child = running.get(name)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
  await Promise.all(NODES.slice(1).map(start))
  return {
    files,
    url: `df://${address}`,
    kill,
    restart: async name => void (await start(name)),
    get: async path => (await fetch(`http://${address}${path}`)).json(),
    async close() {
      for (const name of NODES) await kill(name)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
