/** The worker thread's side of thread-host.ts: runs the tasks it is given and answers with their reports. */
import { parentPort, workerData } from 'node:worker_threads'
import { arenaThread, attachArena } from '../arrow/memory.js'
import { sharedAbortController } from '../common/abort.js'
import { BallistaError } from '../common/errors.js'
import { invariant } from '../common/invariant.js'
import type { MetricsRow } from '../runtime/metrics.js'
import type { OperatorTable } from '../runtime/run-pipelines.js'
import { spillSpace, type SpillPlace } from '../runtime/spill-space.js'
import { restrictToRoots } from '../runtime/data-roots.js'
import { attachIoCounters } from '../runtime/io-counters.js'
import { WORKER_STOP, type WorkerReady, type WorkerStart } from '../runtime/worker-pool.js'
import { ReceivedCounts } from './batch-ledger.js'
import { sharedMemoryPool, type SharedLimit } from './shared-memory-pool.js'
import type { TaskSpec } from './stage.js'
import { runTaskSpec, type TaskEnvironment } from './task-run.js'
import { drop, threadPorts, type BatchMessage, type ThreadPorts } from './thread-ports.js'
import type { FromThread, ToThread } from './thread-messages.js'

interface Running {
  readonly controller: AbortController
  readonly ports: ThreadPorts
  operators: () => readonly MetricsRow[]
}

/** What the main thread passes as the `data` of every thread. */
export interface ThreadData {
  readonly memory: SharedLimit
  readonly temp: SpillPlace
  readonly host: string
  readonly allowsUserCode: boolean
  /** URLs of extensions. */
  readonly extensions: readonly string[]
  /** For ReceivedCounts. */
  readonly received: SharedArrayBuffer
}

/** Called once, by the entry module of a worker thread. Messages that arrive for a task that has ended are let go. */
export function serveTasks(operators: OperatorTable): void {
  const port = parentPort
  invariant(port !== null, 'tasks are served on a worker thread')
  const start = workerData as WorkerStart
  attachArena(start.memory)
  attachIoCounters(start.io)
  restrictToRoots(start.roots)
  const data = start.data as ThreadData
  const environment: TaskEnvironment = {
    operators,
    memory: sharedMemoryPool(data.memory, start.thread),
    spill: spillSpace(data.temp),
    host: data.host,
    allowsUserCode: data.allowsUserCode,
    streams: new Map(),
  }
  const received = new ReceivedCounts(data.received)
  const running = new Map<number, Running>()
  const post = (message: FromThread | WorkerReady): void => port.postMessage(message)

  async function run(task: number, spec: TaskSpec, writeLimit: number): Promise<void> {
    const controller = sharedAbortController()
    const ports = threadPorts(task, writeLimit, post)
    const started: Running = { controller, ports, operators: () => [] }
    running.set(task, started)
    const report = await runTaskSpec(spec, ports, controller.signal, environment, operators => {
      started.operators = operators
    })
    ports.close()
    running.delete(task)
    post({ kind: 'done', task, report, received: received.of(start.thread) })
  }

  function dropLate(message: BatchMessage): void {
    drop(message)
    post({ kind: 'batchDropped', task: message.task })
  }

  port.on('message', (message: ToThread | typeof WORKER_STOP) => {
    if (message === WORKER_STOP) return port.close()
    const isBatch = message.kind === 'batch' || message.kind === 'received'
    if (isBatch) received.add(start.thread)
    if (message.kind === 'run') return void run(message.task, message.spec, message.writeLimit)
    const target = running.get(message.task)
    if (target === undefined) return isBatch ? dropLate(message) : undefined
    if (message.kind === 'sample') return post({ kind: 'sampled', task: message.task, operators: target.operators() })
    if (message.kind === 'cancel') return target.controller.abort(new BallistaError(message.reason))
    target.ports.receive(message)
  })
  post({ kind: 'ready', arenaThread: arenaThread() })
}
