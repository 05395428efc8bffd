/** `ballista sql`: runs statements and prints their rows. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { addAbortSignal } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { toBallistaError } from '../common/errors.js'
import type { Settings } from '../common/option.js'
import { formatError, splitStatements } from '../parser/parse.js'
import { batchSize, memoryLimit } from '../runtime/options.js'
import { SessionContext } from '../session/context.js'
import { given as givenAway } from '../session/dataframe.js'
import { interruptible } from './interrupt.js'
import { directory, host, port, rows, setting, settingOf } from './options.js'
import { FORMATS, resultWriter, type Format } from './output/result-writer.js'
import { readsStdin, registerStdin } from './stdin-table.js'

interface SqlFlags {
  readonly host?: string
  readonly port?: number
  readonly format: Format
  readonly quiet?: boolean
  readonly maxrows: number
  readonly dataPath?: string
  readonly batchSize?: Settings
  readonly memoryLimit?: Settings
  readonly set?: Settings
}

export function sqlCommand(program: Command, setStatus: (status: number) => void): void {
  const scripts: string[] = []
  program
    .command('sql')
    .description('run SQL, locally or on a cluster')
    .option('-c, --command <sql>', 'run these statements (repeatable)', text => scripts.push(text))
    .option('-f, --file <file>', 'run the statements of a file (repeatable)', file => scripts.push(scriptOf(file)))
    .option('--host <host>', 'scheduler to run on; without --host and --port the query runs in this process', host)
    .option('--port <port>', 'port of the scheduler (default 50050)', port)
    .addOption(new Option('--format <format>', 'how rows are printed').choices(FORMATS).default('table'))
    .option('-q, --quiet', 'print results only')
    .option('--maxrows <rows>', 'rows that a table shows, or inf', rows, 40)
    .option('-p, --data-path <dir>', 'directory from which relative paths are meant', directory)
    .option('-b, --batch-size <rows>', 'rows per batch', value => settingOf(batchSize.key, value))
    .option('-m, --memory-limit <size>', 'memory limit, such as 512MB', value => settingOf(memoryLimit.key, value))
    .option('--set <key=value>', 'a setting (repeatable)', setting)
    .action(async (flags: SqlFlags) => setStatus(await runSql(flags, scripts)))
}

/** Runs the scripts in the order in which they were given; standard input is the SQL if there are none, else it may be a table. */
async function runSql(flags: SqlFlags, given: readonly string[]): Promise<number> {
  const scripts = given.length > 0 ? given : await scriptOnStdin()
  if (scripts.length === 0) {
    process.stderr.write('nothing to run: give -c SQL, -f FILE, or SQL on standard input\n')
    return 2
  }
  const settings = { ...flags.batchSize, ...flags.memoryLimit, ...flags.set }
  const options = { settings, ...(flags.dataPath === undefined ? {} : { baseDirectory: flags.dataPath }) }
  const remote = flags.host !== undefined || flags.port !== undefined
  if (remote && memoryLimit.key in settings) {
    process.stderr.write('the memory limit of a cluster is that of its executors: ballista executor --memory-limit\n')
    return 2
  }
  return interruptible(async signal => {
    await using ctx = remote
      ? await SessionContext.remote(`df://${flags.host ?? '127.0.0.1'}:${flags.port ?? 50050}`, options)
      : new SessionContext(options)
    try {
      if (given.length > 0 && scripts.some(readsStdin)) {
        await registerStdin(ctx, addAbortSignal(signal, process.stdin))
      }
      for (const script of scripts) {
        for (const { text } of splitStatements(script)) {
          if (!(await runStatement(ctx, text, flags, signal))) return 1
        }
      }
      return 0
    } catch (error) {
      if (isBrokenPipe(error)) return 0
      throw error
    }
  })
}

function scriptOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new InvalidArgumentError(`cannot read it: ${(error as Error).message}`)
  }
}

async function scriptOnStdin(): Promise<string[]> {
  if (process.stdin.isTTY) return []
  const text = await textOf(process.stdin)
  return text.trim() === '' ? [] : [text]
}

/** Prints one statement's rows as they come; false (with the error on standard error) when it failed. Throws EPIPE. */
async function runStatement(ctx: SessionContext, sql: string, flags: SqlFlags, signal: AbortSignal): Promise<boolean> {
  const started = performance.now()
  try {
    const frame = await ctx.sql(sql, { signal })
    const { schema, batches } = await frame.execute({ signal })
    const writer = await resultWriter(flags.format, flags.maxrows)
    let rowCount = 0
    await print(await writer.start(schema), signal)
    for await (const batch of givenAway(batches)) {
      rowCount += batch.rowCount
      await print(writer.batch(batch), signal)
    }
    await print(await writer.end(), signal)
    if (flags.quiet !== true && flags.format === 'table') {
      const seconds = ((performance.now() - started) / 1000).toFixed(3)
      await print(`${rowCount} row(s) fetched.\nElapsed ${seconds} seconds.\n\n`, signal)
    }
    return true
  } catch (error) {
    if (isBrokenPipe(error)) throw error
    process.stderr.write(`${formatError(toBallistaError(error), sql)}\n`)
    return false
  }
}

/** Writes to standard output, waiting for a slow reader. */
async function print(chunk: string | Uint8Array, signal: AbortSignal): Promise<void> {
  if (chunk.length > 0 && !process.stdout.write(chunk)) await once(process.stdout, 'drain', { signal })
}

/** The reader of our output went away (`ballista sql … | head`): not a failure. */
const isBrokenPipe = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EPIPE'
