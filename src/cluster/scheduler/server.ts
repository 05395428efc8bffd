/** The scheduler process: serves executors and clients over gRPC, and performs what the state machines decide. */
import { bytesInUse } from '../../arrow/memory.js'
import { systemClock, systemRng, type Clock, type Rng } from '../../common/clock.js'
import type { Logger } from '../../common/log.js'
import type { Settings } from '../../common/option.js'
import type { RegisteredTableFormat } from '../../catalog/table-format.js'
import { writeCoordinator, type CoordinatorParts } from '../../commit/committers.js'
import type { WriteCoordinator } from '../../commit/coordinator.js'
import { hostPort, type SubmitCall, type WorkCall } from '../../exchange/grpc.js'
import { isExposed, type Security } from '../../exchange/security.js'
import { PROBE_PATHS } from '../../exchange/token-gate.js'
import { networkTransport, type Transport } from '../../exchange/transport.js'
import type { NodeStats } from '../../exchange/node-stats.js'
import { StoreIntents } from '../../commit/store-intents.js'
import type { HeldStore } from '../../kv/take-over.js'
import { ioStats } from '../../runtime/io-counters.js'
import { processUse, type ProcessUse } from '../../runtime/process-use.js'
import { httpListener, type HttpListener } from '../http/listener.js'
import { warnIfExposed } from '../exposure.js'
import { serverLogger } from '../server-logger.js'
import { DEFAULT_ADMISSION, type AdmissionLimits } from './admission.js'
import { ExecutorRegistry } from './executor-registry.js'
import { JobStore } from './job-store.js'
import type { Jobs } from './job-record.js'
import { SCHEDULER_ROUTES } from './rest/routes.js'
import { SchedulerMetrics } from './scheduler-metrics.js'
import { JobRunner } from './job-runner.js'
import type { PlacementPolicy } from './placement.js'
import { PLACEMENT_POLICIES } from './placement-policies.js'
import type { Planner } from './planned-query.js'
import { MAX_ATTEMPTS } from './retry.js'

export interface SchedulerOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Plans what a client sent (validating it) for a cluster with so many task slots; its errors go to the client. */
  readonly planner: Planner
  readonly logLevel?: string
  readonly clock?: Clock
  readonly rng?: Rng
  /** Default: plain text without a token, on a loopback address. */
  readonly security?: Security
  readonly transport?: Transport
  readonly processUse?: () => ProcessUse
  /** Names of this host that browsers may use, beside its addresses; see http/guard.ts. */
  readonly hostNames?: readonly string[]
  /** Origins of other pages that may use the HTTP API. */
  readonly corsAllowedOrigins?: readonly string[]
  /** Answers over HTTP only whether it is alive and ready. */
  readonly disableRestApi?: boolean
  /** How many executors make it ready (/readyz); default 1. */
  readonly minReadyExecutors?: number
  /** After such a silence an executor is lost. */
  readonly executorTimeoutMs?: number
  /** How often it is looked for silent executors. */
  readonly expireExecutorsMs?: number
  /** Of a query that is run again when an executor is lost. */
  readonly maxAttempts?: number
  /** How long the records of jobs that have ended are kept; 0: as long as there is room. Default: an hour. */
  readonly keepJobsMs?: number
  /** Where its log goes, in whole lines; default: standard error. */
  readonly writeLog?: (line: string) => void
  /** How long a query waits for the first executor before NO_EXECUTORS. */
  readonly executorWaitMs?: number
  /** How long a query that has lost all executors waits for another one before NO_EXECUTORS. */
  readonly lossGraceMs?: number
  /** How many queries run and wait at the same time. */
  readonly admission?: Partial<AdmissionLimits>
  /** Default: round-robin. */
  readonly placement?: PlacementPolicy
  /** Kinds of tables with a log, which it writes. */
  readonly tableFormats?: readonly RegisteredTableFormat[]
  /** What commits its writes; default: on the disk and in the stores that there are. */
  readonly writes?: (parts: CoordinatorParts) => WriteCoordinator
  /** What outlives it, which its owner closes after it; absent: nothing does. */
  readonly state?: HeldStore
}

export interface RunningScheduler {
  /** `host:port` that executors and clients dial. */
  readonly address: string
  readonly jobs: Jobs
  /** Executors that are registered, and jobs that have not ended. */
  stats(): NodeStats & { readonly slots: number }
  /** Fails running jobs with CANCELLED and closes every stream and handle. */
  close(): Promise<void>
}

/** NETWORK if the address cannot be had. */
export async function startScheduler(options: SchedulerOptions): Promise<RunningScheduler> {
  const clock = options.clock ?? systemClock
  const log = serverLogger(options.logLevel ?? 'info', clock, options.writeLog)
  const { security = {} } = options
  const exposed = isExposed(options.host, security) ? 1 : 0
  const executors = new ExecutorRegistry({
    clock,
    log,
    silenceLimitMs: options.executorTimeoutMs,
    checkMs: options.expireExecutorsMs,
    holding: options.state,
  })
  const { state } = options
  const store = state && (await JobStore.open({ store: state.store, clock, log }))
  const intents = state && new StoreIntents(state.store, clock)
  const { tableFormats = [], writes: coordinator = writeCoordinator } = options
  const writes = (settings: Settings): WriteCoordinator =>
    coordinator({ settings, tableFormats, ...(intents === undefined ? {} : { intents }) })
  const lossGraceMs = options.lossGraceMs ?? DEFAULT_LOSS_GRACE_MS
  const executorWaitMs = options.executorWaitMs ?? DEFAULT_EXECUTOR_WAIT_MS
  const jobs = new JobRunner({
    executors,
    planner: options.planner,
    clock,
    rng: options.rng ?? systemRng,
    log,
    maxAttempts: options.maxAttempts ?? MAX_ATTEMPTS,
    keepJobsMs: options.keepJobsMs ?? KEEP_JOBS_MS,
    // Executors of the scheduler before are on their way.
    executorWaitMs: state !== undefined && state.epoch > 1 ? Math.max(executorWaitMs, lossGraceMs) : executorWaitMs,
    lossGraceMs,
    placement: options.placement ?? PLACEMENT_POLICIES['round-robin'],
    admission: { ...DEFAULT_ADMISSION, ...options.admission },
    writes,
    store,
  })
  const stats = (): NodeStats => ({
    exposed,
    ...schedulerStats(executors, jobs),
    ...(options.processUse ?? processUse)(),
  })
  const http = schedulerHttp(options, { executors, jobs, stats, clock, log })
  const transport = options.transport ?? networkTransport(security)
  const services = {
    scheduler: {
      work: (call: WorkCall) => void executors.serve(call),
      submitQuery: (call: SubmitCall) => void jobs.serve(call),
    },
    stats,
    http: http.listener,
  }
  const server = await transport.serve(options.host, options.port, services).catch((error: unknown) => {
    executors.close()
    throw error
  })
  const address = hostPort(options.host, server.port)
  log.info('scheduler started', { address })
  // A write to one of their targets ends them first.
  if (state !== undefined)
    writes({})
      .recover()
      .catch((error: unknown) => log.warn('writes were not ended', { error: (error as Error).message }))
  warnIfExposed(log, options.host, security)
  return {
    address,
    jobs,
    stats: () => ({ ...stats(), slots: executors.slots() }),
    async close() {
      jobs.close()
      executors.close()
      http.close()
      await server.close(clock)
      log.info('scheduler stopped')
    },
  }
}

function schedulerHttp(
  options: SchedulerOptions,
  parts: {
    readonly executors: ExecutorRegistry
    readonly jobs: JobRunner
    readonly stats: () => NodeStats
    readonly clock: Clock
    readonly log: Logger
  },
): HttpListener {
  const { executors, jobs, stats, clock, log } = parts
  const metrics = new SchedulerMetrics({
    jobs,
    clock,
    stats,
    slots: () => executors.slots(),
    rejected: () => executors.rejectedByVersion,
  })
  const isServed = ({ path }: { path: string }): boolean => options.disableRestApi !== true || PROBE_PATHS.has(path)
  return httpListener({
    routes: SCHEDULER_ROUTES.filter(isServed),
    state: {
      clock,
      startedAtMs: clock.wallMs(),
      jobs,
      executors: () => executors.views(),
      stats,
      metrics,
      minReadyExecutors: options.minReadyExecutors ?? 1,
    },
    guard: {
      hostNames: [options.host, ...(options.hostNames ?? [])],
      corsAllowedOrigins: options.corsAllowedOrigins,
    },
    clock,
    log,
  })
}

const schedulerStats = (
  executors: ExecutorRegistry,
  jobs: JobRunner,
): Omit<NodeStats, keyof ProcessUse | 'exposed'> => ({
  role: 'scheduler',
  executors: executors.places().length,
  jobs: jobs.running,
  runningTasks: jobs.runningTasks,
  openCalls: jobs.openCalls,
  queuedBytes: 0,
  arenaBytes: bytesInUse(),
  reservedBytes: 0,
  ...ioStats(),
})

/** An hour. */
const KEEP_JOBS_MS = 3_600_000

/** Time to start `ballista executor` in another terminal, not so long that one thinks it hangs. */
const DEFAULT_EXECUTOR_WAIT_MS = 5_000

/** Time for a supervisor to start executors again. */
const DEFAULT_LOSS_GRACE_MS = 15_000
