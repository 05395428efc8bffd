/** A cluster of real processes on this machine, for as long as its starter wants it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../common/clock.js'
import { fail } from '../common/errors.js'

export interface ClusterProcesses {
  /** `df://host:port` of the scheduler. */
  readonly url: string
  /** `host:port` of the scheduler, then of the executors that it was started with. */
  readonly nodes: readonly string[]
  /** Those that run; a new list when it changes. */
  executors(): readonly ExecutorProcess[]
  /** One more; resolves when the scheduler has accepted it. */
  addExecutor(): Promise<ExecutorProcess>
  /** Stops every process and waits until it is gone. Never throws. */
  close(): Promise<void>
}

export interface ExecutorProcess {
  /** `host:port`. */
  readonly address: string
  readonly pid: number
  /** SIGKILL: it can clean up nothing and tell nobody. */
  kill(): void
}

export interface ClusterShape {
  readonly executors: number
  /** Task slots of each executor. */
  readonly slots: number
  /** Flags of every executor, beside these. */
  readonly executorFlags?: readonly string[]
  readonly schedulerFlags?: readonly string[]
  readonly signal?: AbortSignal
}

const BIN = fileURLToPath(new URL('../../bin/ballista.js', import.meta.url))
/** An executor ends its tasks first; one that takes longer than this hangs. */
const STOP_TIMEOUT_MS = 10_000

/**
 * Resolves when all of them listen. NETWORK if one ends before; nothing is left running then. The processes end with this one, even
 * if it is killed.
 */
export async function startClusterProcesses(shape: ClusterShape): Promise<ClusterProcesses> {
  const { executors: count, slots, executorFlags = [], schedulerFlags = [], signal } = shape
  const children: ChildProcess[] = []
  const running = new Set<ExecutorProcess>()
  const start = async (args: readonly string[]): Promise<{ address: string; child: ChildProcess }> => {
    const child = startServer(args)
    children.push(child)
    return { address: await listening(child, args[0]), child }
  }
  const close = async (): Promise<void> => {
    await Promise.all(children.toReversed().map(stop))
  }
  const onAbort = (): void => void close()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const { address } = await start(['scheduler', ...schedulerFlags])
    const port = address.slice(address.lastIndexOf(':') + 1)
    const flags = ['executor', '--scheduler-port', port, '--concurrent-tasks', String(slots), ...executorFlags]
    const addExecutor = async (): Promise<ExecutorProcess> => {
      const started = await start(flags)
      const executor: ExecutorProcess = {
        address: started.address,
        pid: started.child.pid ?? 0,
        kill: () => void (running.delete(executor) && started.child.kill('SIGKILL')),
      }
      running.add(executor)
      started.child.once('exit', () => running.delete(executor))
      return executor
    }
    const first = await Promise.all(Array.from({ length: count }, addExecutor))
    const nodes = [address, ...first.map(executor => executor.address)]
    return { url: `df://${address}`, nodes, executors: () => [...running], addExecutor, close }
  } catch (error) {
    await close()
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Warnings are left out: when the cluster stops, its members report each other as lost. The channel ends with this process. */
const startServer = (args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [BIN, ...args, '--bind-port', '0', '--log-level', 'error'], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })

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
  const lastResort = systemClock.after(STOP_TIMEOUT_MS, () => child.kill('SIGKILL'))
  await exited
  lastResort.cancel()
}
