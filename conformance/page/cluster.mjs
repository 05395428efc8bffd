/** A scheduler and executors as processes of the build in dist/, on free ports. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../dist/bin/ballista.js', import.meta.url))

/** `address` is the scheduler's `host:port`; `close` ends all processes. */
export async function startCluster({ executors, slots }) {
  const processes = []
  const start = async (...args) => {
    const child = spawn(process.execPath, [BIN, ...args, '--bind-port', '0', '--log-level', 'error'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    processes.push(child)
    for await (const line of createInterface({ input: child.stdout })) {
      const [, address] = /listening on (\S+)$/.exec(line) ?? []
      if (address === undefined) continue
      child.stdout.resume()
      return address
    }
    throw new Error(`ballista ${args[0]} ended with status ${child.exitCode}`)
  }
  const close = async () => {
    for (const child of processes.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    }
  }
  try {
    const address = await start('scheduler')
    const [, port] = address.split(':')
    const flags = ['--scheduler-port', port, '--concurrent-tasks', String(slots)]
    await Promise.all(Array.from({ length: executors }, () => start('executor', ...flags)))
    return { address, close }
  } catch (error) {
    await close()
    throw error
  }
}
