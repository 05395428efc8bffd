/** `ballista executor`: runs the tasks that a scheduler gives it. */
import { availableParallelism, tmpdir } from 'node:os'
import type { Command } from 'commander'
import { directory, logLevel, port, positive, size, stopSignal } from './options.js'

interface ExecutorFlags {
  readonly bindHost: string
  readonly bindPort: number
  readonly advertiseHost?: string
  readonly schedulerHost: string
  readonly schedulerPort: number
  readonly concurrentTasks: number
  readonly memoryLimit?: number
  readonly workDir: string
  readonly logLevel: string
}

export function executorCommand(program: Command): void {
  program
    .command('executor')
    .description('start an executor; it says that it listens when its scheduler has accepted it')
    .option('--bind-host <host>', 'address to listen on', '127.0.0.1')
    .option('--bind-port <port>', 'port to listen on; 0 picks a free one', port, 50051)
    .option('--advertise-host <host>', 'address that other nodes dial (default: the bind host)')
    .option('--scheduler-host <host>', 'host of the scheduler', '127.0.0.1')
    .option('--scheduler-port <port>', 'port of the scheduler', port, 50050)
    .option(
      '-c, --concurrent-tasks <slots>',
      'task slots: worker threads of this executor',
      positive,
      availableParallelism(),
    )
    .option('-m, --memory-limit <size>', 'memory limit of all its tasks, such as 4GB (default: 2GB)', size)
    .option('--work-dir <dir>', 'directory for temporary files', directory, tmpdir())
    .addOption(logLevel())
    .action(async (flags: ExecutorFlags) => {
      const { startExecutor } = await import('../cluster/executor/server.js')
      const executor = await startExecutor({
        host: flags.bindHost,
        port: flags.bindPort,
        ...(flags.advertiseHost === undefined ? {} : { advertiseHost: flags.advertiseHost }),
        schedulerHost: flags.schedulerHost,
        schedulerPort: flags.schedulerPort,
        slots: flags.concurrentTasks,
        ...(flags.memoryLimit === undefined ? {} : { memoryLimit: flags.memoryLimit }),
        workDir: flags.workDir,
        logLevel: flags.logLevel,
      })
      const stopped = stopSignal()
      // Who reads this line may send queries at once: they use this executor.
      const listening = executor.registered.then(() => {
        process.stdout.write(`ballista executor listening on ${executor.address}\n`)
      })
      await Promise.race([listening, stopped])
      await stopped
      await executor.close()
    })
}
