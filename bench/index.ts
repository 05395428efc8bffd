/** `npm run bench -- tpch|scan|writes|cluster|latency|exchange|kernels|arena`: how fast the engine is, beside DuckDB and plain JavaScript. */
import { Command, CommanderError } from 'commander'
import { arenaCommand } from './arena.js'
import { clusterCommand } from './cluster.js'
import { comparisonCommands } from './compare.js'
import { exchangeCommand } from './exchange.js'
import { kernelsCommand } from './kernels.js'
import { latencyCommand } from './latency.js'

const USAGE_STATUS = 2

/** The exit status: 0, 1 if a workload failed or an answer is wrong, 2 for wrong usage, 130 after Ctrl-C. */
export async function main(root: string, args: readonly string[]): Promise<number> {
  let status = 0
  const setStatus = (value: number): void => {
    status = value
  }
  const program = new Command('npm run bench --').description('benchmarks of the engine').exitOverride()
  comparisonCommands(program, root, setStatus)
  clusterCommand(program, root, setStatus)
  latencyCommand(program, root, setStatus)
  kernelsCommand(program, root, setStatus)
  arenaCommand(program, root, setStatus)
  exchangeCommand(program)
  try {
    await program.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_STATUS
    throw error
  }
}
