/** `ballista sql`: runs statements and prints their rows. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { BallistaError, fail, toBallistaError } from '../common/errors.js'
import { formatError, splitStatements } from '../parser/parse.js'
import { given } from '../session/dataframe.js'
import { SessionContext } from '../session/context.js'
import { collect, integer, port, rows, setting } from './options.js'
import { readsStdin, registerStdin } from './stdin-table.js'
import { FORMATS, resultWriter, type Format } from './output/result-writer.js'

interface SqlFlags {
  readonly command?: readonly string[]
  readonly file?: readonly string[]
  readonly host?: string
  readonly port?: number
  readonly format: Format
  readonly quiet?: boolean
  readonly maxrows: number
  readonly dataPath?: string
  readonly batchSize?: number
  readonly memoryLimit?: string
  readonly set?: Readonly<Record<string, string>>
}

export function sqlCommand(program: Command, setStatus: (status: number) => void): void {
  program
    .command('sql')
    .description('run SQL, locally or on a cluster')
    .option('-c, --command <sql>', 'run these statements (repeatable)', collect)
    .option('-f, --file <file>', 'run the statements of a file (repeatable)', collect)
    .option('--host <host>', 'scheduler to run on; without --host and --port the query runs in this process')
    .option('--port <port>', 'port of the scheduler (default 50050)', port)
    .addOption(new Option('--format <format>', 'how rows are printed').choices(FORMATS).default('table'))
    .option('-q, --quiet', 'print results only')
    .option('--maxrows <rows>', 'rows that a table shows, or inf', rows, 40)
    .option('-p, --data-path <dir>', 'directory from which relative paths are meant')
    .option('-b, --batch-size <rows>', 'rows per batch', integer)
    .option('-m, --memory-limit <size>', 'memory limit, such as 512MB')
    .option('--set <key=value>', 'a setting (repeatable)', setting)
    .action(async (flags: SqlFlags) => setStatus(await runSql(flags)))
}

async function runSql(flags: SqlFlags): Promise<number> {
  const overrides = {
    ...(flags.batchSize === undefined ? {} : { 'ballista.execution.batch_size': String(flags.batchSize) }),
    ...(flags.memoryLimit === undefined ? {} : { 'ballista.memory.limit': flags.memoryLimit }),
    ...flags.set,
  }
  const scripts = await readScripts(flags)
  if (scripts.length === 0) {
    process.stderr.write('nothing to run: give -c SQL, -f FILE, or SQL on standard input\n')
    return 2
  }
  const options = { settings: overrides, ...(flags.dataPath === undefined ? {} : { baseDirectory: flags.dataPath }) }
  const remote = flags.host !== undefined || flags.port !== undefined
  const ctx = remote
    ? await SessionContext.remote(`df://${flags.host ?? '127.0.0.1'}:${flags.port ?? 50050}`, options)
    : new SessionContext(options)
  const interrupt = new AbortController()
  const onInterrupt = (): void => interrupt.abort()
  process.once('SIGINT', onInterrupt)
  try {
    if (stdinIsData(flags) && scripts.some(readsStdin)) await registerStdin(ctx, process.stdin)
    for (const script of scripts) {
      for (const statement of splitStatements(script)) {
        if (!(await runStatement(ctx, statement.text, flags, interrupt.signal))) return 1
      }
    }
    return 0
  } catch (error) {
    process.stderr.write(`${formatError(toBallistaError(error), '')}\n`)
    return 1
  } finally {
    process.removeListener('SIGINT', onInterrupt)
    await ctx.close()
  }
}

/** Standard input is a table when the SQL comes from elsewhere. */
const stdinIsData = (flags: SqlFlags): boolean => (flags.command ?? flags.file) !== undefined

/** The SQL texts in the order -c, then -f, then standard input when neither was given. */
async function readScripts(flags: SqlFlags): Promise<string[]> {
  const scripts = [...(flags.command ?? [])]
  for (const file of flags.file ?? []) {
    scripts.push(
      await readFile(file, 'utf8').catch((error: Error) => {
        throw fail('INVALID_ARGUMENT', [`cannot read '${file}': ${error.message}`])
      }),
    )
  }
  if (stdinIsData(flags) || process.stdin.isTTY) return scripts
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  return text.trim() === '' ? [] : [text]
}

/** Prints one statement's rows as they come; false (with the error on standard error) when it failed. */
async function runStatement(ctx: SessionContext, sql: string, flags: SqlFlags, signal: AbortSignal): Promise<boolean> {
  const started = performance.now()
  try {
    const frame = await ctx.sql(sql, { signal })
    const { schema, batches } = await frame.execute({ signal })
    const writer = await resultWriter(flags.format, flags.maxrows)
    let rowCount = 0
    await print(await writer.start(schema))
    for await (const batch of given(batches)) {
      rowCount += batch.rowCount
      await print(writer.batch(batch))
    }
    await print(await writer.end())
    if (flags.quiet !== true && flags.format === 'table') {
      const seconds = ((performance.now() - started) / 1000).toFixed(3)
      await print(`${rowCount} row(s) fetched.\nElapsed ${seconds} seconds.\n\n`)
    }
    return true
  } catch (error) {
    if (isBrokenPipe(error)) return true
    const coded = error instanceof BallistaError ? error : toBallistaError(error)
    process.stderr.write(`${formatError(coded, sql)}\n`)
    return false
  }
}

/** Writes to standard output, waiting for a slow reader. */
async function print(chunk: string | Uint8Array): Promise<void> {
  if (chunk.length > 0 && !process.stdout.write(chunk)) await once(process.stdout, 'drain')
}

/** The reader of our output went away (`ballista sql … | head`): not a failure. */
const isBrokenPipe = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EPIPE'
