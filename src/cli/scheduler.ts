/** `ballista scheduler`: plans queries and places their tasks on executors. */
import type { Command } from 'commander'
import { logLevel, port, stopSignal } from './options.js'

interface SchedulerFlags {
  readonly bindHost: string
  readonly bindPort: number
  readonly logLevel: string
}

export function schedulerCommand(program: Command): void {
  program
    .command('scheduler')
    .description('start a scheduler')
    .option('--bind-host <host>', 'address to listen on', '127.0.0.1')
    .option('--bind-port <port>', 'port to listen on; 0 picks a free one', port, 50050)
    .addOption(logLevel())
    .action(async (flags: SchedulerFlags) => {
      const { startScheduler } = await import('../cluster/scheduler/server.js')
      const { planForCluster } = await import('../session/plan-statement.js')
      const scheduler = await startScheduler({
        host: flags.bindHost,
        port: flags.bindPort,
        planner: planForCluster,
        logLevel: flags.logLevel,
      })
      process.stdout.write(`ballista scheduler listening on ${scheduler.address}\n`)
      await stopSignal()
      await scheduler.close()
    })
}
