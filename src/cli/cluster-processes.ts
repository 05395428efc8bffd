/** A cluster of real processes on this machine, for as long as its starter wants it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { fail } from '../common/errors.js'

export interface ClusterProcesses {
  /** `df://host:port` of the scheduler. */
  readonly url: string
  /** `host:port` of the scheduler, then of the executors. */
  readonly nodes: readonly string[]
  /** Stops every process and waits until it is gone. Never throws. */
  close(): Promise<void>
}

export interface ClusterShape {
  readonly executors: number
  /** Task slots of each executor. */
  readonly slots: number
  readonly signal?: AbortSignal
}

const BIN = fileURLToPath(new URL('../../bin/ballista.js', import.meta.url))
/** An executor ends its tasks first; one that takes longer than this hangs. */
const STOP_TIMEOUT_MS = 10_000

/** Resolves when all of them listen. NETWORK if one ends before; nothing is left running then. */
export async function startClusterProcesses({ executors, slots, signal }: ClusterShape): Promise<ClusterProcesses> {
  const children: ChildProcess[] = []
  const start = async (args: readonly string[]): Promise<string> => {
    // Warnings are left out: when the cluster stops, its members report each other as lost.
    const child = spawn(process.execPath, [BIN, ...args, '--bind-port', '0', '--log-level', 'error'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    return listening(child, args[0])
  }
  const close = async (): Promise<void> => {
    await Promise.all(children.toReversed().map(stop))
  }
  const onAbort = (): void => void close()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const address = await start(['scheduler'])
    const port = address.slice(address.lastIndexOf(':') + 1)
    const flags = ['executor', '--scheduler-port', port, '--concurrent-tasks', String(slots)]
    const nodes = [address, ...(await Promise.all(Array.from({ length: executors }, () => start(flags))))]
    return { url: `df://${address}`, nodes, close }
  } catch (error) {
    await close()
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

/** The address in the line `ballista … listening on host:port`. */
async function listening(child: ChildProcess, name: string): Promise<string> {
  const failed = new Promise<never>((_, reject) => child.once('error', reject))
  const { stdout } = child
  const address = async (): Promise<string> => {
    if (stdout === null) throw fail('INTERNAL', [`the ${name} process has no output to read`])
    for await (const line of createInterface({ input: stdout })) {
      const match = /listening on (\S+)$/.exec(line)
      if (match === null) continue
      stdout.resume()
      return match[1]
    }
    throw fail('NETWORK', [`the ${name} process ended before it listened`])
  }
  return Promise.race([address(), failed])
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const lastResort = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(lastResort)
}
