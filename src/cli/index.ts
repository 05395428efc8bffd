/** The command line: one subcommand a file; only the one that runs is loaded. */
import { Command, CommanderError } from 'commander'
import { ERRORS } from '../common/errors.js'

/** Wrong usage (flags, arguments), as opposed to a statement that failed. */
const USAGE_STATUS = 2
const FAILED_STATUS = 1

type AddCommand = (program: Command, setStatus: (status: number) => void) => void

/** In the order of the help. */
const COMMANDS: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ['sql', async () => (await import('./sql.js')).sqlCommand],
  ['scheduler', async () => (await import('./scheduler.js')).schedulerCommand],
  ['executor', async () => (await import('./executor.js')).executorCommand],
  ['tpch', async () => (await import('./tpch.js')).tpchCommand],
  ['trace', async () => (await import('./trace.js')).traceCommand],
])

/** Runs `ballista …` and gives the exit status: 0, 1 for a failed statement, 2 for wrong usage, 130 for an interrupted one. */
export async function main(argv: readonly string[]): Promise<number> {
  let status = 0
  const setStatus = (value: number): void => {
    status = value
  }
  const program = new Command('ballista')
    .description('A distributed SQL query engine for Parquet, CSV, JSON and Arrow files.')
    .version('0.1.0', '-V, --version')
    .exitOverride()
    .showHelpAfterError('(add --help for the flags)')
  try {
    // The help, and hints after a mistyped name, need all of them.
    const named = COMMANDS.get(argv[2])
    for (const load of named === undefined ? COMMANDS.values() : [named]) (await load())(program, setStatus)
    await program.parseAsync(argv.slice(2), { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_STATUS
    process.stderr.write(`${errorText(error)}\n`)
    return FAILED_STATUS
  }
}

/** How a failure reads on standard error: its text, then its code. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && String(error.code) in ERRORS ? ` [${String(error.code)}]` : ''
  return `Error: ${error.message}${code}`
}
