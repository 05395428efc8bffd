/** `ballista tpch`: makes TPC-H data and runs its queries. */
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { OUTPUT_FORMATS, type OutputFormat } from '../../tpch/generate-job.js'
import type { GenerateProgress } from '../../tpch/generate.js'
import { QUERY_COUNT } from '../../tpch/queries.js'
import { MAX_SCALE, TABLES, type TableName } from '../../tpch/schema.js'
import { interruptible } from './interrupt.js'
import { host, port, positive, setting } from './options.js'

type SetStatus = (status: number) => void

interface GenerateFlags {
  readonly scale: number
  readonly out: string
  readonly format: OutputFormat
  readonly tables?: readonly TableName[]
  readonly threads?: number
}

interface RunFlags {
  readonly data: string
  readonly query?: readonly number[]
  readonly iterations: number
  readonly host?: string
  readonly port?: number
  readonly set?: Readonly<Record<string, string>>
  readonly vs?: 'duckdb'
  readonly json?: string
}

/** Numbers of all queries. */
export const QUERIES = Array.from({ length: QUERY_COUNT }, (_, i) => i + 1)

export function tpchCommand(program: Command, setStatus: SetStatus): void {
  const tpch = program.command('tpch').description('make TPC-H data and run its queries')
  tpch
    .command('generate')
    .description('make the tables, byte for byte those of the reference generator')
    .requiredOption('--scale <factor>', 'scale factor; 1 is 6 million lineitem rows', scaleFactor)
    .requiredOption('--out <dir>', 'directory of the files; those in it are replaced')
    .addOption(new Option('--format <format>', 'file format').choices(OUTPUT_FORMATS).default('parquet'))
    .option('--tables <names>', 'only these tables, separated by commas', tableNames)
    .option('--threads <count>', 'threads (default: one a core)', positive)
    .action(async (flags: GenerateFlags) => setStatus(await generate(flags)))
  tpch
    .command('run')
    .description('run the queries, locally or on a cluster, and report their times')
    .requiredOption('--data <dir>', 'directory of the tables, Parquet or CSV')
    .option('--query <numbers>', 'only these queries, such as 1,3,5', queryNumbers)
    .option('--iterations <count>', 'runs of each query', positive, 3)
    .option('--host <host>', 'scheduler to run on; without --host and --port the queries run in this process', host)
    .option('--port <port>', 'port of the scheduler (default 50050)', port)
    .option('--set <key=value>', 'a setting (repeatable)', setting)
    .addOption(new Option('--vs <engine>', 'run the same on another engine and compare').choices(['duckdb']))
    .option('--json <file>', 'write the report to this file too')
    .action(async (flags: RunFlags) => setStatus(await run(flags)))
}

async function generate(flags: GenerateFlags): Promise<number> {
  const { generateTpch } = await import('../../tpch/generate.js')
  return interruptible(async signal => {
    const started = performance.now()
    const tables = await generateTpch({ ...flags, signal, onProgress: showProgress })
    for (const { path, rows, bytes } of tables) process.stdout.write(`${path}: ${rows} rows, ${bytes} bytes\n`)
    process.stdout.write(`done in ${((performance.now() - started) / 1000).toFixed(1)} seconds\n`)
    return 0
  })
}

/** One line that changes, on a terminal only. */
export function showProgress({ table, chunksDone, chunks }: GenerateProgress): void {
  if (!process.stderr.isTTY) return
  const percent = Math.floor((100 * chunksDone) / chunks)
  process.stderr.write(chunksDone === chunks ? '\r\u001b[K' : `\r\u001b[K${percent} % (${table})`)
}

async function run(flags: RunFlags): Promise<number> {
  const { SessionContext } = await import('../session/context.js')
  const { runTpch } = await import('../../tpch/run.js')
  const { isGood, reportHeader, reportJson, reportLine, totalMs } = await import('../../tpch/report.js')
  const options = { settings: flags.set ?? {} }
  const remote = flags.host !== undefined || flags.port !== undefined
  return interruptible(async signal => {
    await using ctx = remote
      ? await SessionContext.remote(`df://${flags.host ?? '127.0.0.1'}:${flags.port ?? 50050}`, options)
      : new SessionContext(options)
    const reports = []
    const duckDb = flags.vs === undefined ? {} : { duckDbThreads: availableParallelism() }
    const { data, iterations, query: queries = QUERIES } = flags
    for await (const report of runTpch({ ctx, data, queries, iterations, signal, ...duckDb })) {
      if (reports.length === 0) process.stdout.write(`${reportHeader()}\n`)
      process.stdout.write(`${reportLine(report)}\n`)
      reports.push(report)
    }
    process.stdout.write(`sum of the best times: ${totalMs(reports).toFixed(1)} ms\n`)
    if (flags.json !== undefined) await writeFile(flags.json, reportJson(reports))
    return reports.every(isGood) ? 0 : 1
  })
}

const list = (value: string): string[] => value.split(',').map(item => item.trim())

export function scaleFactor(value: string): number {
  const number = Number(value)
  if (!(number > 0 && number <= MAX_SCALE))
    throw new InvalidArgumentError(`expected a number above 0, at most ${MAX_SCALE}`)
  return number
}

function tableNames(value: string): TableName[] {
  return list(value).map(name => {
    const table = TABLES.find(known => known === name)
    if (table === undefined) throw new InvalidArgumentError(`'${name}' is none of ${TABLES.join(', ')}`)
    return table
  })
}

export function queryNumbers(value: string): number[] {
  return list(value).map(item => {
    const number = Number(item.replace(/^q/i, ''))
    if (!QUERIES.includes(number)) throw new InvalidArgumentError(`'${item}' is not a query from 1 to ${QUERY_COUNT}`)
    return number
  })
}
