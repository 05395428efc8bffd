/** `ballista sql`: runs statements and prints their rows. */
import { addAbortSignal } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import { Option, type Command } from 'commander'
import { toBallistaError } from '../common/errors.js'
import type { Settings } from '../common/option.js'
import { formatError, splitStatements } from '../parser/parse.js'
import { batchSize, memoryLimit } from '../runtime/options.js'
import { SessionContext } from '../session/context.js'
import { interruptible } from './interrupt.js'
import { addRemoteFlags, remoteSession, type RemoteFlags } from './remote-flags.js'
import { directory, fileText, rows, setting, settingOf, collect } from './options.js'
import { FORMATS, resultWriter, type Format } from '../session/output/result-writer.js'
import type { LoadedExtension } from '../session/extensions.js'
import { runStatement, skippedNote, statementFooter } from './run-statement.js'
import type { ProgressWatch } from './prompt/progress.js'

export interface SqlFlags extends RemoteFlags {
  readonly format: Format
  readonly quiet?: boolean
  readonly maxrows: number
  readonly dataPath?: string
  readonly dataDir?: string
  readonly batchSize?: Settings
  readonly memoryLimit?: Settings
  readonly set?: Settings
  readonly extension?: readonly string[]
}

export function sqlCommand(program: Command, setStatus: (status: number) => void): void {
  const scripts: string[] = []
  const command = program
    .command('sql')
    .description('run SQL, locally or on a cluster; without -c and -f that of standard input, on a terminal a prompt')
    .option('-c, --command <sql>', 'run these statements (repeatable)', text => scripts.push(text))
    .option('-f, --file <file>', 'run the statements of a file (repeatable)', file => scripts.push(fileText(file)))
    .addOption(new Option('--format <format>', 'how rows are printed').choices(FORMATS).default('table'))
    .option('-q, --quiet', 'print results only')
    .option('--maxrows <rows>', 'rows that a table shows, or inf', rows, 40)
    .option('-p, --data-path <dir>', 'directory from which relative paths are meant', directory)
    .option('--data-dir <dir>', 'directory of a catalog that lasts; for queries of this process')
    .option('-b, --batch-size <rows>', 'rows per batch', value => settingOf(batchSize.key, value))
    .option('-m, --memory-limit <size>', 'memory limit, such as 512MB', value => settingOf(memoryLimit.key, value))
    .option('--set <key=value>', 'a setting (repeatable)', setting)
    .option('--extension <file>', 'module that extends the engine (repeatable)', collect)
  addRemoteFlags(command).action(async (flags: SqlFlags) => setStatus(await runSql(flags, scripts)))
}

/**
 * Runs the scripts in the order in which they were given. Without any: SQL on standard input, or on a terminal the prompt. Given
 * scripts, standard input may be a table.
 */
async function runSql(flags: SqlFlags, given: readonly string[]): Promise<number> {
  const interactive = given.length === 0 && process.stdin.isTTY
  const scripts = given.length > 0 || interactive ? given : await scriptOnStdin()
  if (scripts.length === 0 && !interactive) {
    process.stderr.write('nothing to run: give -c SQL, -f FILE, or SQL on standard input\n')
    return 2
  }
  const settings = { ...flags.batchSize, ...flags.memoryLimit, ...flags.set }
  const extensions = await loadExtensions(flags.extension ?? [])
  const { dataDir, dataPath } = flags
  const options = {
    settings,
    extensions,
    ...(dataPath === undefined ? {} : { baseDirectory: dataPath }),
    ...(dataDir === undefined ? {} : { dataDir }),
  }
  const remote = flags.host !== undefined || flags.port !== undefined
  if (remote && memoryLimit.key in settings) {
    process.stderr.write('the memory limit of a cluster is that of its executors: ballista executor --memory-limit\n')
    return 2
  }
  if (remote && dataDir !== undefined) {
    process.stderr.write('the catalog of a cluster is that of its scheduler: ballista scheduler --data-dir\n')
    return 2
  }
  return interruptible(async signal => {
    await using ctx = remote ? await remoteSession(flags, options) : new SessionContext(options)
    if (interactive) return await (await import('./prompt/on-terminal.js')).promptOnTerminal(ctx, flags, signal)
    return await runScripts(ctx, scripts, { flags, signal, stdinIsFree: given.length > 0 })
  })
}

/** The loader is for those who have some. */
async function loadExtensions(paths: readonly string[]): Promise<LoadedExtension[]> {
  if (paths.length === 0) return []
  const { loadExtension } = await import('../exchange/extension.js')
  return Promise.all(paths.map(loadExtension))
}

async function runScripts(
  ctx: SessionContext,
  scripts: readonly string[],
  { flags, signal, stdinIsFree }: { flags: SqlFlags; signal: AbortSignal; stdinIsFree: boolean },
): Promise<number> {
  let release = (): Promise<void> => Promise.resolve()
  try {
    if (stdinIsFree && scripts.some(script => /stdin/i.test(script))) {
      const { registerStdin, stdinMentions } = await import('./stdin-table.js')
      const mentions = scripts.reduce((sum, script) => sum + stdinMentions(script), 0)
      const isLocal = flags.host === undefined && flags.port === undefined
      if (mentions > 0) release = await registerStdin(ctx, addAbortSignal(signal, process.stdin), { mentions, isLocal })
    }
    for (const script of scripts) {
      for (const { text } of splitStatements(script)) {
        if (!(await runAndReport(ctx, text, flags, signal))) return 1
      }
    }
    return 0
  } catch (error) {
    if (isBrokenPipe(error)) return 0
    throw error
  } finally {
    await release()
  }
}

async function scriptOnStdin(): Promise<string[]> {
  const text = await textOf(process.stdin)
  return text.trim() === '' ? [] : [text]
}

/** Prints one statement's rows as they come; false (with the error on standard error) when it failed. Throws EPIPE. */
async function runAndReport(ctx: SessionContext, sql: string, flags: SqlFlags, signal: AbortSignal): Promise<boolean> {
  const started = performance.now()
  const progress = await progressOnStderr()
  try {
    const writer = await resultWriter(flags.format, flags.maxrows)
    const { rowCount, skippedRecords } = await runStatement(ctx, sql, {
      writer,
      output: process.stdout,
      signal,
      ...progress,
    })
    progress?.onWrite()
    if (flags.quiet !== true && flags.format === 'table') {
      process.stdout.write(statementFooter(rowCount, performance.now() - started))
    }
    process.stderr.write(skippedNote(skippedRecords))
    return true
  } catch (error) {
    progress?.onWrite()
    if (isBrokenPipe(error)) throw error
    process.stderr.write(`${formatError(toBallistaError(error), sql)}\n`)
    return false
  }
}

/** A line that is taken away before anything else is written; none where standard error is no terminal. */
async function progressOnStderr(): Promise<ProgressWatch | undefined> {
  if (!process.stderr.isTTY || process.env.TERM === 'dumb') return undefined
  return (await import('./prompt/progress.js')).watchProgress(process.stderr)
}

/** The reader of our output went away (`ballista sql … | head`): not a failure. */
const isBrokenPipe = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EPIPE'
