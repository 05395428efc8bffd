/** `bench cluster`: the TPC-H queries on two executor processes of one slot, beside two threads of one process and one executor. */
import { join } from 'node:path'
import type { Command } from 'commander'
import { directory, positive, setting } from '../src/cli/options.js'
import { interruptible } from '../src/cli/interrupt.js'
import { QUERIES, queryNumbers, scaleFactor } from '../src/cli/tpch.js'
import { findDataFiles } from '../tpch/data-files.js'
import { benchData } from './bench-data.js'
import { ClusterClient } from './cluster-client.js'
import { dataLabel, writeReport } from './compare.js'
import { EngineClient } from './engine-client.js'
import type { EngineOptions } from './engine.js'
import { machine, ownVersions } from './machine.js'
import { measureSides, RECORD_PAIRS, type Measurement, type SideStart, type Workload } from './pairs.js'
import { overallLines } from './report-text.js'
import { reportOf, workloadReport, type Report, type WorkloadReport } from './report.js'
import { tpchWorkloads } from './workloads.js'

interface ClusterFlags {
  readonly pairs: number
  readonly scale: number
  readonly data?: string
  readonly queries?: readonly number[]
  readonly set?: Readonly<Record<string, string>>
  readonly out?: string
}

/** Task slots of all executors together, and threads of the one process. */
const THREADS = 2
/** Executors live long: each of their threads has compiled what it runs often. */
const WARM_UP = 5

export function clusterCommand(program: Command, root: string, setStatus: (status: number) => void): void {
  program
    .command('cluster')
    .description('TPC-H on two executors of one slot, beside two threads of one process, and beside one executor')
    .option(
      '--pairs <count>',
      'rounds: two executors, one process, one executor, two executors …',
      positive,
      RECORD_PAIRS,
    )
    .option('--scale <factor>', 'TPC-H scale factor of the data, made once in data/', scaleFactor, 1)
    .option('--data <dir>', 'TPC-H tables to use instead, Parquet or CSV', directory)
    .option('--queries <numbers>', 'only these, such as 1,3,5', queryNumbers)
    .option('--set <key=value>', 'a setting of the sessions (repeatable)', setting)
    .option('--out <dir>', 'where JSON and charts go; default: docs/benchmarks for a whole run, else nowhere')
    .action(async (flags: ClusterFlags) => setStatus(await cluster(root, flags)))
}

/** The same runs, seen twice. */
interface ClusterMeasurement {
  readonly besideLocal: Measurement
  readonly besideOne: Measurement
}

async function cluster(root: string, flags: ClusterFlags): Promise<number> {
  return interruptible(async signal => {
    const { pairs, scale, set: settings = {} } = flags
    const files = findDataFiles(flags.data ?? (await benchData(root, scale, signal)))
    const engine = { files, threads: THREADS, settings }
    const measurements: ClusterMeasurement[] = []
    print(`${headerLine}\n`)
    for (const workload of tpchWorkloads(flags.queries ?? QUERIES)) {
      const measurement = await measureCluster(workload, engine, { pairs, signal })
      measurements.push(measurement)
      print(`${measurementLine(measurement)}\n`)
    }
    const data = await dataLabel(files, flags)
    const info = { data, threads: THREADS, pairs, settings, machine: machine(), versions: ownVersions() }
    const reports: readonly Report[] = [
      reportOf(
        { mode: 'cluster', versus: 'one process', ...info },
        measurements.map(({ besideLocal }) => besideLocal),
      ),
      reportOf(
        { mode: 'executors', versus: 'one executor', ...info },
        measurements.map(({ besideOne }) => besideOne),
      ),
    ]
    for (const report of reports) print(`two executors and ${report.versus}\n${overallLines(report)}`)
    if (reports[0].machine.load > reports[0].machine.cores + 1) print('the machine is busy: look at the CPU times\n')
    const isRecord = flags.queries === undefined && pairs >= RECORD_PAIRS && reports[0].overall !== undefined
    const out = flags.out ?? (isRecord ? join(root, 'docs/benchmarks') : undefined)
    if (out !== undefined) for (const report of reports) await writeReport(report, out, scale)
    return measurements.some(({ besideLocal }) => besideLocal.problem !== undefined) ? 1 : 0
  })
}

async function measureCluster(
  workload: Workload,
  engine: EngineOptions,
  options: { readonly pairs: number; readonly signal: AbortSignal },
): Promise<ClusterMeasurement> {
  const { signal } = options
  const statements = workload.ours
  const onExecutors = (executors: number): SideStart => ({
    statements,
    start: () => ClusterClient.start({ executors, slots: 1 }, engine, signal),
  })
  const local = { statements, start: () => EngineClient.start('ballista', engine, signal) }
  const { sides, problem } = await measureSides([onExecutors(2), local, onExecutors(1)], workload, {
    ...options,
    warmUp: WARM_UP,
  })
  const { name } = workload
  const failed = problem === undefined ? {} : { problem }
  if (sides === undefined) return { besideLocal: { name, ...failed }, besideOne: { name, ...failed } }
  const [ours, inOneProcess, onOne] = sides
  return {
    besideLocal: { name, ours, theirs: inOneProcess, ...failed },
    besideOne: { name, ours, theirs: onOne, ...failed },
  }
}

const COLUMNS = [
  ['', 4],
  ['2 executors', 11],
  ['cpu ms', 8],
  ['cold', 8],
  ['peak MB', 8],
  ['sent MB', 8],
  ['1 process', 9],
  ['cpu ms', 8],
  ['peak MB', 8],
  ['ratio', 6],
  ['interval', 10],
  ['1 executor', 10],
  ['cpu ms', 8],
  ['speed-up', 8],
  ['interval', 10],
] as const

const line = (cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(COLUMNS[i][1]) : cell.padStart(COLUMNS[i][1]))).join(' ')

const headerLine = line(COLUMNS.map(([name]) => name))

function measurementLine({ besideLocal, besideOne }: ClusterMeasurement): string {
  const [local, one] = [workloadReport(besideLocal), workloadReport(besideOne)]
  const cells = line(isCompared(local) && isCompared(one) ? comparedCells(local, one) : [local.name])
  return local.problem === undefined ? cells : `${cells.trimEnd()}\n  ${local.problem}`
}

type Compared = WorkloadReport & Required<Pick<WorkloadReport, 'ours' | 'theirs' | 'ratio'>>
const isCompared = (report: WorkloadReport): report is Compared => report.ratio !== undefined

function comparedCells(local: Compared, one: Compared): string[] {
  const { ours, theirs } = local
  return [
    local.name,
    tenths(ours.medianMs),
    tenths(ours.userMs + ours.systemMs),
    tenths(ours.coldMs),
    megabytes(ours.peakBytes),
    megabytes(ours.exchangedBytes, 2),
    tenths(theirs.medianMs),
    tenths(theirs.userMs + theirs.systemMs),
    megabytes(theirs.peakBytes),
    hundredths(local.ratio.median),
    `${hundredths(local.ratio.low)}-${hundredths(local.ratio.high)}`,
    tenths(one.theirs.medianMs),
    tenths(one.theirs.userMs + one.theirs.systemMs),
    // Of the runs of a round, the time of one executor divided by that of two.
    hundredths(1 / one.ratio.median),
    `${hundredths(1 / one.ratio.high)}-${hundredths(1 / one.ratio.low)}`,
  ]
}

const tenths = (value: number): string => value.toFixed(1)
const hundredths = (value: number): string => value.toFixed(2)
const megabytes = (bytes = 0, digits = 0): string => (bytes / 1e6).toFixed(digits)
const print = (text: string): void => void process.stdout.write(text)
