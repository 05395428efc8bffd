/** A whole cluster in one process, on free ports of the loopback interface: for tests and for trying things out. */
import { startExecutor, type ExecutorOptions, type RunningExecutor } from './executor/server.js'
import { startScheduler, type RunningScheduler, type SchedulerOptions } from './scheduler/server.js'

export interface StandaloneOptions {
  readonly executors: number
  /** Of each executor. */
  readonly slots: number
  readonly planner: SchedulerOptions['planner']
  readonly logLevel?: string
  readonly scheduler?: Partial<SchedulerOptions>
  readonly executor?: Partial<ExecutorOptions>
}

export interface Standalone {
  /** `host:port` of the scheduler. */
  readonly address: string
  readonly scheduler: RunningScheduler
  readonly executors: readonly RunningExecutor[]
  /** Leaves no handle, stream or arena byte. */
  close(): Promise<void>
}

const LOOPBACK = '127.0.0.1'

/** Resolves when all executors have registered. */
export async function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  const logLevel = options.logLevel ?? 'error'
  const scheduler = await startScheduler({
    host: LOOPBACK,
    port: 0,
    logLevel,
    planner: options.planner,
    ...options.scheduler,
  })
  const schedulerPort = Number(scheduler.address.slice(scheduler.address.lastIndexOf(':') + 1))
  const common = {
    host: LOOPBACK,
    port: 0,
    schedulerHost: LOOPBACK,
    schedulerPort,
    slots: options.slots,
    workDir: '',
    logLevel,
  }
  const executors = await Promise.all(
    Array.from({ length: options.executors }, () => startExecutor({ ...common, ...options.executor })),
  )
  await Promise.all(executors.map(executor => executor.registered))
  return {
    address: scheduler.address,
    scheduler,
    executors,
    async close() {
      await Promise.all(executors.map(executor => executor.close()))
      await scheduler.close()
    },
  }
}
