/** What a reader has to know of the machine: no names of hosts, users or paths. */
import { availableParallelism, cpus, totalmem } from 'node:os'

export interface Machine {
  readonly cpu: string
  /** That this process may use. */
  readonly cores: number
  readonly memoryGiB: number
  readonly platform: string
}

export const machine = (): Machine => ({
  cpu: cpus().at(0)?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round((totalmem() / 1024 ** 3) * 10) / 10,
  platform: `${process.platform} ${process.arch}`,
})
