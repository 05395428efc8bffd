/** `bench tpch`, `bench scan` and `bench writes`: statements on both engines, pair by pair. */
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { directory, positive, setting } from '../src/cli/options.js'
import { interruptible } from '../src/cli/interrupt.js'
import { QUERIES, queryNumbers, scaleFactor } from '../src/cli/tpch.js'
import { findDataFiles, type DataFile } from '../tpch/data-files.js'
import { hasDuckDb } from '../tpch/duckdb.js'
import { SCHEMAS } from '../tpch/schema.js'
import { benchData } from './bench-data.js'
import { charts } from './charts.js'
import type { EngineName } from './engine.js'
import { machine, ownVersions } from './machine.js'
import { measure, RECORD_PAIRS, type Measurement, type Workload } from './pairs.js'
import { headerLine, overallLines, workloadLine } from './report-text.js'
import { reportJson, reportOf, workloadReport, type Report } from './report.js'
import { scanWorkloads, SINGLE_COLUMNS, tpchWorkloads, writeWorkloads } from './workloads.js'

export interface CompareFlags {
  readonly vs?: EngineName
  readonly threads: number
  readonly pairs: number
  readonly scale: number
  readonly data?: string
  readonly set?: Readonly<Record<string, string>>
  readonly out?: string
}

export function comparisonCommands(program: Command, root: string, setStatus: (status: number) => void): void {
  compareCommand(program, 'tpch', 'the 22 queries of TPC-H')
    .option('--queries <numbers>', 'only these, such as 1,3,5', queryNumbers)
    .action(async (flags: CompareFlags & { queries?: readonly number[] }) => {
      const all = flags.queries === undefined
      setStatus(await compare({ mode: 'tpch', workloads: tpchWorkloads(flags.queries ?? QUERIES), all, root }, flags))
    })
  compareCommand(program, 'scan', 'columns of lineitem, decoded')
    .option('--columns <names>', 'beside those of Q1 only these, such as l_tax,l_comment', columnNames)
    .action(async (flags: CompareFlags & { columns?: readonly string[] }) => {
      const all = flags.columns === undefined
      const workloads = scanWorkloads(flags.columns ?? SINGLE_COLUMNS)
      setStatus(await compare({ mode: 'scan', workloads, all, root }, flags))
    })
  compareCommand(program, 'writes', 'lineitem, written into files').action(async (flags: CompareFlags) => {
    const directory = await mkdtemp(join(tmpdir(), 'ballista-bench-'))
    try {
      setStatus(await compare({ mode: 'writes', workloads: writeWorkloads(directory), all: true, root }, flags))
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
}

const compareCommand = (program: Command, name: string, description: string): Command =>
  program
    .command(name)
    .description(description)
    .addOption(new Option('--vs <engine>', 'the engine to compare with').choices(['duckdb']))
    .option('--threads <count>', 'threads of each engine', positive, 1)
    .option('--pairs <count>', 'pairs of runs: ours, theirs, ours …', positive, RECORD_PAIRS)
    .option('--scale <factor>', 'TPC-H scale factor of the data, made once in data/', scaleFactor, 1)
    .option('--data <dir>', 'TPC-H tables to use instead, Parquet or CSV', directory)
    .option('--set <key=value>', 'a setting of our engine (repeatable)', setting)
    .option(
      '--out <dir>',
      'where JSON and charts go; default: docs/benchmarks for a whole run of 9 pairs or more, else nowhere',
    )

interface Comparison {
  readonly mode: string
  readonly workloads: readonly Workload[]
  /** Not a part of the mode's workloads. */
  readonly all: boolean
  readonly root: string
}

async function compare({ mode, workloads, all, root }: Comparison, flags: CompareFlags): Promise<number> {
  if (flags.vs === 'duckdb' && !(await hasDuckDb())) {
    process.stderr.write('the package @duckdb/node-api is not installed\n')
    return 1
  }
  return interruptible(async signal => {
    const files = findDataFiles(flags.data ?? (await benchData(root, flags.scale, signal)))
    const versions: Record<string, string> = { ...ownVersions() }
    const measurements: Measurement[] = []
    print(`${headerLine()}\n`)
    for (const workload of workloads) {
      const measurement = await measure(workload, {
        pairs: flags.pairs,
        engine: { files, threads: flags.threads, settings: flags.set ?? {} },
        ...(flags.vs === undefined ? {} : { versus: flags.vs }),
        signal,
        onVersion: (engine, version) => (versions[engine] = version),
      })
      measurements.push(measurement)
      print(`${workloadLine(workloadReport(measurement))}\n`)
    }
    const { threads, pairs, set: settings = {} } = flags
    const data = await dataLabel(files, flags)
    const report = reportOf(
      { mode, versus: 'DuckDB', data, threads, pairs, settings, machine: machine(), versions },
      measurements,
    )
    print(overallLines(report))
    if (report.machine.load > report.machine.cores + 1) print('the machine is busy: look at the CPU times\n')
    const record = all && flags.vs !== undefined && pairs >= RECORD_PAIRS && report.overall !== undefined
    const out = flags.out ?? (record ? join(root, 'docs/benchmarks') : undefined)
    if (out !== undefined) await writeReport(report, out, flags.scale)
    return measurements.some(({ problem }) => problem !== undefined) ? 1 : 0
  })
}

function columnNames(value: string): string[] {
  const known = SCHEMAS.lineitem.fields.map(({ name }) => name)
  return value.split(',').map(name => {
    if (!known.includes(name)) throw new InvalidArgumentError(`lineitem has no column '${name}'`)
    return name
  })
}

/** What the files are, without their path. */
export async function dataLabel(
  files: readonly DataFile[],
  { scale, data }: Pick<CompareFlags, 'scale' | 'data'>,
): Promise<string> {
  const sizes = await Promise.all(files.map(async ({ path }) => (await stat(path)).size))
  const megabytes = (sizes.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(0)
  const formats = [...new Set(files.map(({ format }) => (format === 'parquet' ? 'Parquet' : 'CSV')))]
  return `TPC-H${data === undefined ? ` scale ${scale}` : ''}, ${formats.join(' and ')}, ${megabytes} MB`
}

/** `<mode>-<threads>-threads.json`, with the scale if it is not 1, and the charts beside it. */
export async function writeReport(report: Report, out: string, scale: number): Promise<void> {
  await mkdir(out, { recursive: true })
  const name = `${report.mode}-${report.threads}-thread${report.threads === 1 ? '' : 's'}${scale === 1 ? '' : `-scale-${scale}`}`
  const files = [
    [`${name}.json`, reportJson(report)],
    ...[...charts(report)].map(([kind, svg]) => [`${name}-${kind}.svg`, svg]),
  ]
  for (const [file, text] of files) await writeFile(join(out, file), text)
  print(`wrote ${files.map(([file]) => file).join(', ')}\n`)
}

const print = (text: string): void => void process.stdout.write(text)
