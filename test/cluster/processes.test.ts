/** Servers that another process keeps by an IPC channel. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const BIN = fileURLToPath(new URL('../../bin/ballista.js', import.meta.url))

/** A server with a channel to this process. */
const start = (args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [BIN, ...args, '--bind-port', '0', '--log-level', 'error'], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })

/** The port in its line `ballista … listening on host:port`. */
async function portOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no output to read')
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume()
    return line.slice(line.lastIndexOf(':') + 1)
  }
  throw new Error('the server ended before it listened')
}

test('they end by themselves when they are told to, while the channel is open', async t => {
  t.timeout(60_000)
  const scheduler = start(['scheduler'])
  t.teardown(() => scheduler.kill('SIGKILL'))
  const executor = start(['executor', '--scheduler-port', await portOf(scheduler)])
  t.teardown(() => executor.kill('SIGKILL'))
  await portOf(executor)
  for (const server of [executor, scheduler]) {
    const exited = once(server, 'exit')
    server.kill('SIGTERM')
    t.deepEqual(await exited, [0, null])
  }
})
