/** The executor process: runs the tasks a scheduler gives it, and serves their output to other executors and clients. */
import { bytesInUse } from '../../arrow/memory.js'
import { systemClock, systemRng, type Clock, type Rng } from '../../common/clock.js'
import { deferred } from '../../common/deferred.js'
import { fail } from '../../common/errors.js'
import { newExecutorId } from '../../common/ids.js'
import { configOf } from '../../common/option.js'
import { ExchangeHub } from '../../exchange/exchange-hub.js'
import { ExchangeServer } from '../../exchange/exchange-server.js'
import { hostPort, type ExchangeCall } from '../../exchange/grpc.js'
import { EXCHANGE_OPERATORS } from '../../exchange/operators.js'
import type { NodeStats } from '../../exchange/node-stats.js'
import { RemoteExchange } from '../../exchange/remote-exchange.js'
import { sharedLimit, sharedMemoryPool, type SharedLimit } from '../../exchange/shared-memory-pool.js'
import { inlineHost, type TaskHost } from '../../exchange/task-host.js'
import { threadHost } from '../../exchange/thread-host.js'
import { isExposed, type Security } from '../../exchange/security.js'
import { networkTransport, type Transport } from '../../exchange/transport.js'
import type { OperatorDefinition } from '../../physical/plan.js'
import { ioStats } from '../../runtime/io-counters.js'
import { processUse, type ProcessUse } from '../../runtime/process-use.js'
import { memoryLimit } from '../../runtime/options.js'
import type { SpillFs } from '../../runtime/spill-fs.js'
import { spillPlace, spillSpace, type SpillPlace } from '../../runtime/spill-space.js'
import { operatorTable, type OperatorTable } from '../../runtime/run-pipelines.js'
import { warnIfExposed } from '../exposure.js'
import { serverLogger } from '../server-logger.js'
import { httpListener } from '../http/listener.js'
import { EXECUTOR_ROUTES } from './executor-routes.js'
import { ExecutorJobs } from './executor-jobs.js'
import { SchedulerLink } from './scheduler-link.js'

export interface ExecutorOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** By what name other processes reach this host; default: `host`, or the address it dials from when that is a wildcard. */
  readonly advertiseHost?: string
  readonly schedulerHost: string
  readonly schedulerPort: number
  /** Worker threads, and what it announces to the scheduler. */
  readonly slots: number
  /** Directory for temporary files. */
  readonly workDir: string
  readonly logLevel?: string
  /** Where its log goes, in whole lines; default: standard error. */
  readonly writeLog?: (line: string) => void
  /** How often it reports to the scheduler; default: as often as that asks, which is also the least. */
  readonly heartbeatMs?: number | undefined
  /** Bytes that the operators of all tasks together may hold. */
  readonly memoryLimit?: number
  /** Bytes that temporary files may take. */
  readonly maxTempBytes?: number
  /** Whether functions that clients send as code may run here; default: no. */
  readonly allowsUserCode?: boolean
  /** URLs of extensions that its threads load; their operators are in `operators`. */
  readonly extensions?: readonly string[]
  /** Of the tasks on the main thread, and of the exchange. */
  readonly spillFs?: SpillFs
  readonly processUse?: () => ProcessUse
  /** Threads that run tasks; default `slots`; 0: the main thread, for tests. */
  readonly threads?: number
  /** Default: all operators of the engine. A thread has those of its entry. */
  readonly operators?: readonly OperatorDefinition[]
  readonly workerEntry?: URL
  readonly clock?: Clock
  readonly rng?: Rng
  /** Default: plain text without a token, on a loopback address. */
  readonly security?: Security
  readonly transport?: Transport
}

export interface RunningExecutor {
  /** `host:port` of its exchange service. */
  readonly address: string
  readonly id: string
  /** Resolves when the scheduler has accepted it for the first time. */
  readonly registered: Promise<void>
  /** `peakBytes`: the most that one task had queued. Arena and files are those of the process. */
  stats(): NodeStats & { readonly peakBytes: number }
  /**
   * Takes no more tasks; resolves when those it has are finished and their output is read, or after `timeoutMs`. It stays
   * registered, and is to be closed then.
   */
  drain(timeoutMs: number): Promise<void>
  /** Stops tasks and closes every stream, thread and handle. */
  close(): Promise<void>
}

/** NETWORK if the address cannot be had; a scheduler that is not there yet is dialled again until it is. */
export async function startExecutor(options: ExecutorOptions): Promise<RunningExecutor> {
  const clock = options.clock ?? systemClock
  const rng = options.rng ?? systemRng
  const log = serverLogger(options.logLevel ?? 'info', clock, options.writeLog)
  const operators = operatorTable(options.operators ?? (await engineOperators()), EXCHANGE_OPERATORS)
  const hub = new ExchangeHub({
    clock,
    memoryLimit: options.memoryLimit ?? configOf({}).get(memoryLimit),
    space: spillSpace(tempPlace(options), options.spillFs),
  })
  const transport = options.transport ?? networkTransport(options.security ?? {})
  const exchange = new ExchangeServer({ hub, clock })
  const remote = new RemoteExchange({ transport, clock, rng })
  const memory = sharedLimit(options.memoryLimit ?? configOf({}).get(memoryLimit), options.threads ?? options.slots)
  const host = taskHost(options, { hub, remote, operators, memory, temp: tempPlace(options) })
  const jobs = new ExecutorJobs({ hub, remote, host, log })
  let served = 0
  const serve = async (call: ExchangeCall): Promise<void> => {
    served++
    await exchange.serve(call)
    served--
  }
  const stats = executorStats({
    hub,
    jobs,
    memory,
    use: options.processUse ?? processUse,
    openCalls: () => served + remote.openCalls,
    exposed: isExposed(options.host, options.security ?? {}) ? 1 : 0,
  })
  let link: SchedulerLink | undefined
  const { listener } = httpListener({
    routes: EXECUTOR_ROUTES,
    state: { isReady: () => link?.isRegistered === true, stats },
    guard: { hostNames: [options.host, options.advertiseHost ?? ''] },
    clock,
    log,
  })
  const services = { exchange: (call: ExchangeCall) => void serve(call), stats, http: listener }
  const server = await transport.serve(options.host, options.port, services).catch(async (error: unknown) => {
    await host.close()
    throw error
  })
  const { port } = server
  const id = newExecutorId(rng)
  link = new SchedulerLink({
    scheduler: hostPort(options.schedulerHost, options.schedulerPort),
    identity: { executorId: id, host: advertisedHost(options), port, slots: options.slots },
    heartbeatMs: options.heartbeatMs,
    knows: kind => operators.has(kind),
    jobs,
    stats,
    clock,
    rng,
    transport,
    log,
  })
  const address = hostPort(options.host, port)
  log.info('executor started', { id, address, slots: options.slots })
  warnIfExposed(log, options.host, options.security ?? {})
  return {
    address,
    id,
    registered: link.registered,
    stats: () => ({ ...stats(), peakBytes: hub.stats().peakBytes }),
    async drain(timeoutMs) {
      log.info('executor drains', { id, jobs: jobs.count })
      const late = deferred()
      const timer = clock.after(timeoutMs, () => late.resolve())
      await Promise.race([link.drain().then(() => jobs.idle()), late.promise])
      timer.cancel()
    },
    async close() {
      await link.close()
      await jobs.endAll(fail('EXECUTOR_LOST', [id, 'it is shutting down']))
      await remote.close()
      await server.close(clock)
      await host.close()
      log.info('executor stopped', { id })
    },
  }
}

/** Loaded only here: a test with operators of its own needs none of the engine's. */
async function engineOperators(): Promise<readonly OperatorDefinition[]> {
  const { OPERATORS } = await import('../../physical/operators/index.js')
  return OPERATORS
}

const tempPlace = ({ workDir, maxTempBytes }: ExecutorOptions): SpillPlace => ({
  directory: workDir,
  maxBytes: maxTempBytes ?? spillPlace(configOf({})).maxBytes,
})

function taskHost(
  options: ExecutorOptions,
  parts: {
    hub: ExchangeHub
    remote: RemoteExchange
    operators: OperatorTable
    memory: SharedLimit
    temp: SpillPlace
  },
): TaskHost {
  const threads = options.threads ?? options.slots
  const { memory, temp } = parts
  const remote: typeof parts.remote.open = (address, key) => parts.remote.open(address, key)
  const host = options.advertiseHost ?? options.host
  const { allowsUserCode = false, extensions = [] } = options
  if (threads === 0) {
    const environment = {
      operators: parts.operators,
      memory: sharedMemoryPool(memory),
      spill: spillSpace(temp, options.spillFs),
      host,
      allowsUserCode,
      streams: new Map(),
    }
    return inlineHost({ hub: parts.hub, remote, environment })
  }
  const entry = options.workerEntry === undefined ? {} : { workerEntry: options.workerEntry }
  const clock = options.clock ?? systemClock
  return threadHost({
    hub: parts.hub,
    remote,
    threads,
    memory,
    temp,
    host,
    clock,
    allowsUserCode,
    extensions,
    ...entry,
  })
}

function executorStats(parts: {
  hub: ExchangeHub
  jobs: ExecutorJobs
  memory: SharedLimit
  use: () => ProcessUse
  openCalls: () => number
  exposed: number
}): () => NodeStats {
  const pool = sharedMemoryPool(parts.memory)
  return () => ({
    role: 'executor',
    executors: 0,
    jobs: parts.jobs.count,
    runningTasks: parts.jobs.runningTasks,
    openCalls: parts.openCalls(),
    queuedBytes: parts.hub.stats().queuedBytes,
    arenaBytes: bytesInUse(),
    reservedBytes: pool.reserved,
    exposed: parts.exposed,
    ...ioStats(),
    ...parts.use(),
  })
}

/** Empty: the scheduler sees where it dials from. */
const advertisedHost = ({ advertiseHost, host }: ExecutorOptions): string =>
  advertiseHost ?? (isWildcard(host) ? '' : host)

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::'
