/** `ballista executor`: runs the tasks that a scheduler gives it. */
import { totalmem } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { fail } from '../common/errors.js'
import { EXECUTOR_FLAGS } from './flags/executor-flags.js'
import type { FlagValues } from './flags/flag.js'
import { addServerCommand } from './flags/server-command.js'
import { dataRootsOf, securityOf } from './flags/server-flags.js'
import { logFile } from './log-file.js'
import { stopSignal } from './options.js'
import { loadRegistry } from './registry.js'

export const executorCommand = (program: Command): void =>
  addServerCommand(program, {
    name: 'executor',
    description: 'start an executor; it says that it listens when its scheduler has accepted it',
    flags: EXECUTOR_FLAGS,
    run,
  })

async function run(flags: FlagValues<typeof EXECUTOR_FLAGS>): Promise<void> {
  const { restrictToRoots } = await import('../runtime/data-roots.js')
  restrictToRoots(dataRootsOf(flags))
  const { startExecutor } = await import('../cluster/executor/server.js')
  const registry = await loadRegistry(flags.extension)
  const executor = await startExecutor({
    host: flags.bindHost,
    port: flags.bindPort,
    ...(flags.externalHost === undefined ? {} : { advertiseHost: flags.externalHost }),
    schedulerHost: flags.schedulerHost,
    schedulerPort: flags.schedulerPort,
    slots: flags.concurrentTasks,
    ...memoryOf(flags),
    heartbeatMs: flags.executorHeartbeatIntervalSeconds && flags.executorHeartbeatIntervalSeconds * 1000,
    workDir: flags.workDir,
    ...(flags.maxTempSize === undefined ? {} : { maxTempBytes: flags.maxTempSize }),
    allowsUserCode: flags.allowUdf,
    operators: registry.operators,
    extensions: registry.extensions,
    security: securityOf(flags),
    logLevel: flags.logLevelSetting,
    ...(flags.logDir === undefined ? {} : { writeLog: logFile(flags.logDir, 'executor', flags.logRotationPolicy) }),
  })
  const stopped = stopSignal()
  // Who reads this line may send queries at once: they use this executor.
  const listening = executor.registered.then(() => {
    process.stdout.write(`ballista executor listening on ${executor.address}\n`)
  })
  const seconds = flags.schedulerConnectTimeoutSeconds
  if (!(await happens(Promise.race([listening, stopped]), seconds))) {
    await executor.close()
    throw fail('NETWORK', [`no scheduler has accepted this executor for ${seconds} s`])
  }
  await stopped
  // A second signal ends it at once.
  await Promise.race([executor.drain(flags.executorTerminationGracePeriod * 1000), stopSignal()])
  await executor.close()
}

type Flags = FlagValues<typeof EXECUTOR_FLAGS>

/** What containers are allowed; 0 or very much where there is no limit. */
const constrainedMemory = (): number => process.constrainedMemory() || Infinity

function memoryOf({ memoryPoolFraction, memoryPoolSize }: Flags): { readonly memoryLimit?: number } {
  if (memoryPoolSize !== undefined) return { memoryLimit: memoryPoolSize }
  if (memoryPoolFraction === undefined) return {}
  return { memoryLimit: Math.floor(memoryPoolFraction * Math.min(totalmem(), constrainedMemory())) }
}

/** False when it takes longer; 0 seconds: as long as it takes. */
async function happens(event: Promise<unknown>, seconds: number): Promise<boolean> {
  if (seconds === 0) return event.then(() => true)
  const late = new AbortController()
  const timeout = setTimeout(seconds * 1000, false, { signal: late.signal }).catch(() => false)
  const happened = await Promise.race([event.then(() => true), timeout])
  late.abort()
  return happened
}
