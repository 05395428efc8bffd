/** The prompt on the terminal of this process. */
import type { SessionContext } from '../../session/context.js'
import type { SqlFlags } from '../sql.js'
import { historyFile } from './history.js'
import { runPrompt, type PromptTerminal } from './prompt.js'

/** Standard input is a terminal; rows go to standard output, everything else to the terminal. */
export async function promptOnTerminal(ctx: SessionContext, flags: SqlFlags, signal: AbortSignal): Promise<number> {
  const terminal = processTerminal()
  return runPrompt({
    ctx,
    terminal,
    settings: { format: flags.format, maxRows: flags.maxrows, quiet: flags.quiet === true, timing: true },
    historyFile: historyFile(),
    signal,
    onImpatience: () => {
      process.stdin.setRawMode(false)
      terminal.output.write('\n')
      process.exit(130)
    },
  })
}

function processTerminal(): PromptTerminal {
  const { stdin, stdout, stderr, env } = process
  const output = stdout.isTTY ? stdout : stderr
  const isDumb = env.TERM === 'dumb'
  return {
    input: stdin,
    output,
    results: stdout,
    // Node itself looks at NO_COLOR, FORCE_COLOR and TERM.
    colors: output.isTTY && output.hasColors(),
    cursor: output.isTTY && !isDumb,
    width: () => (stdout.isTTY ? stdout.columns : undefined),
    unicode: isUnicode(env),
  }
}

/** The locale of a POSIX terminal; those of Windows and macOS have been Unicode for long. */
function isUnicode(env: NodeJS.ProcessEnv): boolean {
  if (process.platform === 'win32' || process.platform === 'darwin') return true
  return /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '')
}
