/** `bench latency`: how long small statements take over a warm connection to a cluster, one after the other. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { releaseBatch } from '../src/arrow/column.js'
import { startClusterProcesses } from '../src/cluster/processes.js'
import { directory, positive } from '../src/cli/options.js'
import { interruptible } from '../src/cli/interrupt.js'
import { scaleFactor } from '../src/cli/tpch.js'
import { SessionContext } from '../src/session/context.js'
import { findDataFiles, registerDataFiles } from '../tpch/data-files.js'
import { benchData } from './bench-data.js'
import { dataLabel } from './compare.js'
import { machine, machineText, ownVersions } from './machine.js'
import { quantile } from './statistics.js'

interface LatencyFlags {
  readonly runs: number
  readonly scale: number
  readonly data?: string
  readonly out?: string
}

/** A run of fewer statements is a look, not a record. */
const RECORD_RUNS = 500
/** Of each statement and session, not counted. */
const WARM_UP = 100
const EXECUTORS = 2

const STATEMENTS = [
  { name: 'SELECT 1', sql: 'SELECT 1', until: 'end' },
  { name: 'lookup of 3 rows', sql: 'SELECT * FROM nation WHERE n_nationkey IN (3, 7, 11)', until: 'end' },
  { name: 'first batch', sql: 'SELECT * FROM lineitem', until: 'first batch' },
] as const

export interface Latency {
  readonly statement: string
  readonly sql: string
  readonly until: 'end' | 'first batch'
  readonly session: 'cluster' | 'this process'
  readonly medianMs: number
  readonly p99Ms: number
  readonly minMs: number
  readonly maxMs: number
}

export function latencyCommand(program: Command, root: string, setStatus: (status: number) => void): void {
  program
    .command('latency')
    .description('small statements over a warm connection to two executors: median and 99th percentile')
    .option('--runs <count>', 'of each statement', positive, RECORD_RUNS)
    .option('--scale <factor>', 'TPC-H scale factor of the data, made once in data/', scaleFactor, 1)
    .option('--data <dir>', 'TPC-H tables to use instead', directory)
    .option(
      '--out <dir>',
      `where latency.json goes; default: docs/benchmarks for ${RECORD_RUNS} runs or more, else nowhere`,
    )
    .action(async (flags: LatencyFlags) => setStatus(await latency(root, flags)))
}

async function latency(root: string, flags: LatencyFlags): Promise<number> {
  return interruptible(async signal => {
    const files = findDataFiles(flags.data ?? (await benchData(root, flags.scale, signal)))
    const cluster = await startClusterProcesses({ executors: EXECUTORS, slots: 1, signal })
    try {
      await using remote = await SessionContext.remote(cluster.url)
      await using local = new SessionContext()
      const latencies: Latency[] = []
      for (const [session, ctx] of [
        ['cluster', remote],
        ['this process', local],
      ] as const) {
        await registerDataFiles(ctx, files)
        for (const statement of STATEMENTS) {
          const found = { session, ...(await measureStatement(ctx, statement, flags.runs, signal)) }
          latencies.push(found)
          process.stdout.write(`${latencyLine(found)}\n`)
        }
      }
      const data = await dataLabel(files, flags)
      const report = { mode: 'latency', data, runs: flags.runs, machine: machine(), versions: ownVersions(), latencies }
      process.stdout.write(`${machineText(report.machine)}\n`)
      const out = flags.out ?? (flags.runs >= RECORD_RUNS ? join(root, 'docs/benchmarks') : undefined)
      if (out === undefined) return 0
      await mkdir(out, { recursive: true })
      await writeFile(join(out, 'latency.json'), `${JSON.stringify(report, undefined, 2)}\n`)
      return 0
    } finally {
      await cluster.close()
    }
  })
}

async function measureStatement(
  ctx: SessionContext,
  { name, sql, until }: (typeof STATEMENTS)[number],
  runs: number,
  signal: AbortSignal,
): Promise<Omit<Latency, 'session'>> {
  const times: number[] = []
  for (let run = -Math.min(WARM_UP, runs); run < runs; run++) {
    const ms = await timed(ctx, sql, until)
    if (run >= 0) times.push(ms)
    signal.throwIfAborted()
  }
  const [minMs, medianMs, p99Ms, maxMs] = [0, 0.5, 0.99, 1].map(fraction => rounded(quantile(times, fraction)))
  return { statement: name, sql, until, medianMs, p99Ms, minMs, maxMs }
}

/** From the text to the last batch, or to the first; the query is over when this resolves. */
async function timed(ctx: SessionContext, sql: string, until: Latency['until']): Promise<number> {
  const started = performance.now()
  let first: number | undefined
  const { batches } = await (await ctx.sql(sql)).execute()
  for await (const batch of batches) {
    first ??= performance.now() - started
    releaseBatch(batch)
    if (until === 'first batch') break
  }
  return until === 'first batch' && first !== undefined ? first : performance.now() - started
}

/** To microseconds. */
const rounded = (ms: number): number => Math.round(ms * 1000) / 1000

const latencyLine = ({ statement, session, medianMs, p99Ms, minMs, maxMs }: Latency): string =>
  `${session.padEnd(12)} ${statement.padEnd(18)} median ${medianMs.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, ${minMs.toFixed(2)} to ${maxMs.toFixed(2)} ms`
