/** `ballista scheduler`: plans queries and places their tasks on executors. */
import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { FlagValues } from './flags/flag.js'
import { SCHEDULER_FLAGS } from './flags/scheduler-flags.js'
import { addServerCommand } from './flags/server-command.js'
import { dataRootsOf, securityOf } from './flags/server-flags.js'
import { logFile } from './log-file.js'
import { stopSignal } from './options.js'
import { loadRegistry } from './registry.js'

export const schedulerCommand = (program: Command): void =>
  addServerCommand(program, { name: 'scheduler', description: 'start a scheduler', flags: SCHEDULER_FLAGS, run })

async function run(flags: FlagValues<typeof SCHEDULER_FLAGS>): Promise<void> {
  const { restrictToRoots } = await import('../runtime/data-roots.js')
  const roots = dataRootsOf(flags)
  const own = flags.dataDir === undefined ? [] : [realDirectory(join(flags.dataDir, 'warehouse'))]
  restrictToRoots(roots?.directories === undefined ? roots : { ...roots, directories: [...roots.directories, ...own] })
  const { startScheduler } = await import('../cluster/scheduler/server.js')
  const { PLACEMENT_POLICIES } = await import('../cluster/scheduler/placement-policies.js')
  const { clusterPlanner } = await import('../session/plan-for-cluster.js')
  const { openState } = await import('../session/open-catalog.js')
  const { optimizeLess } = await import('../runtime/optimize-less.js')
  optimizeLess()
  const registry = await loadRegistry(flags.extension)
  const { state, ...catalog } = await openState(flags.dataDir)
  const scheduler = await startScheduler({
    host: flags.bindHost,
    port: flags.bindPort,
    planner: clusterPlanner({ allowsUserCode: flags.allowUdf, registry, ...catalog }),
    ...(flags.dataDir === undefined ? {} : { state }),
    hostNames: flags.externalHost === undefined ? [] : [flags.externalHost],
    corsAllowedOrigins: flags.corsAllowedOrigins,
    disableRestApi: flags.disableRestApi,
    minReadyExecutors: flags.minReadyExecutors,
    security: securityOf(flags),
    tableFormats: registry.tableFormats,
    placement: registry.placement ?? PLACEMENT_POLICIES[flags.taskDistribution],
    admission: {
      ...(flags.maxRunningJobs === undefined ? {} : { maxRunning: flags.maxRunningJobs }),
      maxQueued: flags.maxQueuedJobs,
      queueTimeoutMs: flags.queueTimeoutSeconds * 1000,
    },
    executorTimeoutMs: flags.executorTimeoutSeconds * 1000,
    expireExecutorsMs: flags.expireDeadExecutorIntervalSeconds * 1000,
    maxAttempts: flags.taskMaxFailures,
    keepJobsMs: flags.finishedJobStateCleanUpIntervalSeconds * 1000,
    lossGraceMs: flags.noExecutorsGracePeriodSeconds * 1000,
    logLevel: flags.logLevelSetting,
    ...(flags.logDir === undefined ? {} : { writeLog: logFile(flags.logDir, 'scheduler', flags.logRotationPolicy) }),
  })
  process.stdout.write(`ballista scheduler listening on ${scheduler.address}\n`)
  await stopSignal()
  await scheduler.close()
  await state.store.close()
}

/** Of the scheduler's own tables, which its executors need to reach too: made if it is missing, as data roots are real paths. */
function realDirectory(path: string): string {
  mkdirSync(path, { recursive: true })
  return realpathSync(path)
}
