/** What a reader has to know of the machine: no names of hosts, users or paths. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

export interface Machine {
  readonly cpu: string
  /** That this process may use. */
  readonly cores: number
  readonly memoryGiB: number
  readonly platform: string
  /** Of the last minute, when the report was made: above the cores, other work was in the way of both. */
  readonly load: number
}

export const machine = (): Machine => ({
  cpu: cpus().at(0)?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round((totalmem() / 1024 ** 3) * 10) / 10,
  platform: `${process.platform} ${process.arch}`,
  load: Math.round(loadavg()[0] * 10) / 10,
})

/** Processor, cores and memory, and whether the machine had other work. */
export const machineText = ({ cpu, cores, memoryGiB, load }: Machine): string =>
  `${cpu}, ${cores} cores, ${memoryGiB} GiB${load > cores + 1 ? `, busy (load ${load})` : ''}`

/** Ours is that of the package.json beside the build. */
export function ownVersions(): { readonly node: string; readonly ballista: string } {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return { node: process.versions.node, ballista: (JSON.parse(text) as { version: string }).version }
}
