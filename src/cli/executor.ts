/** `ballista executor`: runs the tasks that a scheduler gives it. */
import type { Command } from 'commander'
import { EXECUTOR_FLAGS } from './flags/executor-flags.js'
import type { FlagValues } from './flags/flag.js'
import { addServerCommand } from './flags/server-command.js'
import { dataRootsOf, securityOf } from './flags/server-flags.js'
import { stopSignal } from './options.js'

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
  const executor = await startExecutor({
    host: flags.bindHost,
    port: flags.bindPort,
    ...(flags.externalHost === undefined ? {} : { advertiseHost: flags.externalHost }),
    schedulerHost: flags.schedulerHost,
    schedulerPort: flags.schedulerPort,
    slots: flags.concurrentTasks,
    ...(flags.memoryPoolSize === undefined ? {} : { memoryLimit: flags.memoryPoolSize }),
    workDir: flags.workDir,
    ...(flags.maxTempSize === undefined ? {} : { maxTempBytes: flags.maxTempSize }),
    allowsUserCode: flags.allowUdf,
    security: securityOf(flags),
    logLevel: flags.logLevelSetting,
  })
  const stopped = stopSignal()
  // Who reads this line may send queries at once: they use this executor.
  const listening = executor.registered.then(() => {
    process.stdout.write(`ballista executor listening on ${executor.address}\n`)
  })
  await Promise.race([listening, stopped])
  await stopped
  // A second signal ends it at once.
  await Promise.race([executor.drain(flags.executorTerminationGracePeriod * 1000), stopSignal()])
  await executor.close()
}
