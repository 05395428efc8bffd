/** A cluster of real processes for tests: one scheduler and some executors on free ports. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/ballista.js', import.meta.url))

export interface Cluster {
  readonly url: string
  /** `host:port` of the scheduler. */
  readonly address: string
  readonly scheduler: ChildProcess
  readonly executors: readonly ChildProcess[]
  /** `host:port` of each executor. */
  readonly executorAddresses: readonly string[]
  /** One more, with as many slots as the others; resolves when it is registered. */
  addExecutor(flags?: readonly string[]): Promise<ExecutorProcess>
  close(): Promise<void>
}

export interface ExecutorProcess {
  readonly child: ChildProcess
  /** `host:port`. */
  readonly address: string
}

/** Starts the processes, each with the `common` flags, and waits until each says that it listens, which an executor does when it is registered. */
export async function startCluster(executorCount = 2, slots = 2, common: readonly string[] = []): Promise<Cluster> {
  const scheduler = start(['scheduler', '--bind-port', '0', '--log-level', 'warn', ...common])
  const started = [scheduler]
  try {
    const address = await listening(scheduler)
    const port = address.slice(address.lastIndexOf(':') + 1)
    const flags = [
      '--bind-port',
      '0',
      '--scheduler-port',
      port,
      '--concurrent-tasks',
      String(slots),
      '--log-level',
      'warn',
      ...common,
    ]
    const addExecutor = async (more: readonly string[] = []): Promise<ExecutorProcess> => {
      const child = start(['executor', ...flags, ...more])
      started.push(child)
      return { child, address: await listening(child) }
    }
    const executors = await Promise.all(Array.from({ length: executorCount }, () => addExecutor()))
    return {
      url: `df://${address}`,
      address,
      scheduler,
      executors: executors.map(executor => executor.child),
      executorAddresses: executors.map(executor => executor.address),
      addExecutor,
      close: () => stop(started),
    }
  } catch (error) {
    await stop(started)
    throw error
  }
}

const start = (args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })

/** The address in the line `ballista … listening on host:port`. */
async function listening(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no output to read')
  for await (const line of createInterface({ input: child.stdout })) {
    const match = /listening on (\S+)$/.exec(line)
    if (match) {
      child.stdout.resume()
      return match[1]
    }
  }
  throw new Error(`a process of the cluster ended before it listened (status ${child.exitCode})`)
}

async function stop(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    // A stopped process takes no other signal.
    child.kill('SIGCONT')
    await exited
  }
}
