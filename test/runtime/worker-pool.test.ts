/** The threads of a process, apart from what they are for. */
import { once } from 'node:events'
import test from 'ava'
import { WorkerPool } from '../../src/runtime/worker-pool.js'

/** A thread that starts, and does nothing. */
const IDLE = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads'
    parentPort.on('message', () => {})
    parentPort.postMessage({ kind: 'ready' })`)}`,
)

test.serial('a thread that thousands of tasks want ended is ended once, without a warning', async t => {
  const warnings: string[] = []
  const warned = (warning: Error): void => void warnings.push(warning.name)
  process.on('warning', warned)
  const pool = new WorkerPool({
    entry: IDLE,
    threads: 1,
    data: {},
    onMessage() {},
    onLost() {},
  })
  await pool.start()
  for (let task = 0; task < 4_000; task++) pool.terminate(0)
  await pool.close()
  // Warnings come in a later turn.
  process.emitWarning('the last one')
  await once(process, 'warning')
  process.off('warning', warned)
  t.deepEqual(warnings, ['Warning'])
})
