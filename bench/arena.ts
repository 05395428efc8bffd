/** `bench arena`: thousands of mixed queries in one process; what they leave behind in the arena and in the process. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { releaseBatch } from '../src/arrow/column.js'
import { bytesInUse, largestFreeRun } from '../src/arrow/memory.js'
import { directory, integer, positive } from '../src/cli/options.js'
import { interruptible } from '../src/cli/interrupt.js'
import { scaleFactor } from '../src/cli/tpch.js'
import { seededRng } from '../src/common/clock.js'
import { BallistaError } from '../src/common/errors.js'
import { SessionContext } from '../src/session/context.js'
import { targetPartitions } from '../src/session/options.js'
import { findDataFiles, registerDataFiles } from '../tpch/data-files.js'
import { benchData } from './bench-data.js'
import { isFlat, trendOf, type Trend } from './flatness.js'
import { machine, ownVersions } from './machine.js'
import { mixedQuery, type MixedQuery } from './mixed-queries.js'
import { arenaChart } from './arena-chart.js'

interface ArenaFlags {
  readonly queries: number
  readonly seed: number
  readonly scale: number
  readonly data?: string
  readonly threads: number
  readonly out?: string
}

export interface Sample {
  /** Queries done before. */
  readonly queries: number
  readonly arenaBytes: number
  readonly largestFreeRun: number
  readonly rssBytes: number
}

export interface ArenaReport {
  readonly mode: 'arena'
  readonly data: string
  readonly queries: number
  readonly seed: number
  readonly kinds: Readonly<Record<string, number>>
  readonly seconds: number
  readonly machine: ReturnType<typeof machine>
  readonly versions: Readonly<Record<string, string>>
  readonly trends: { readonly arenaBytes: Trend; readonly largestFreeRun: Trend; readonly rssBytes: Trend }
  readonly flat: boolean
  readonly samples: readonly Sample[]
}

/** A run of fewer queries is a look, not a record. */
const RECORD_QUERIES = 10_000
const SAMPLES = 200
/** What may be gained in the last half: a page of the arena; what garbage collection leaves of a process's memory. */
const ARENA_TOLERANCE = 64 * 1024
const RSS_TOLERANCE = 32 * 1024 * 1024
/** The longest run may lose a hundredth of 4 GiB in the last half. */
const RUN_TOLERANCE = 40 * 1024 * 1024
const ABORT_AFTER_MS = 5

export function arenaCommand(program: Command, root: string, setStatus: (status: number) => void): void {
  program
    .command('arena')
    .description('mixed queries in one process: whether arena and resident memory stay flat')
    .option('--queries <count>', 'queries to run', positive, RECORD_QUERIES)
    .option('--seed <number>', 'of the sequence of queries', integer, 1)
    .option('--threads <count>', 'a query uses one to so many', positive, 2)
    .option('--scale <factor>', 'TPC-H scale factor of the data, made once in data/', scaleFactor, 0.01)
    .option('--data <dir>', 'TPC-H tables to use instead', directory)
    .option('--out <dir>', 'where JSON and chart go; default: docs/benchmarks for 10000 queries or more, else nowhere')
    .action(async (flags: ArenaFlags) => setStatus(await arena(root, flags)))
}

async function arena(root: string, flags: ArenaFlags): Promise<number> {
  return interruptible(async signal => {
    const files = findDataFiles(flags.data ?? (await benchData(root, flags.scale, signal)))
    await using ctx = new SessionContext()
    await registerDataFiles(ctx, files)
    const rng = seededRng(flags.seed)
    const kinds: Record<string, number> = {}
    const samples: Sample[] = []
    const every = Math.max(1, Math.floor(flags.queries / SAMPLES))
    const started = performance.now()
    for (let done = 0; done <= flags.queries; done++) {
      if (done % every === 0) report(samples, done)
      if (done === flags.queries) break
      const query = mixedQuery(rng, flags.threads)
      kinds[query.kind] = (kinds[query.kind] ?? 0) + 1
      await runMixed(ctx, query, signal)
      signal.throwIfAborted()
    }
    const seconds = (performance.now() - started) / 1000
    const data = `TPC-H${flags.data === undefined ? ` scale ${flags.scale}` : ''}`
    const result = reportOf(samples, { data, seconds, kinds, queries: flags.queries, seed: flags.seed })
    process.stdout.write(summary(result))
    const out = flags.out ?? (flags.queries >= RECORD_QUERIES ? join(root, 'docs/benchmarks') : undefined)
    if (out !== undefined) {
      await mkdir(out, { recursive: true })
      await writeFile(join(out, 'arena.json'), `${JSON.stringify(result, undefined, 2)}\n`)
      await writeFile(join(out, 'arena.svg'), arenaChart(result))
    }
    return result.flat ? 0 : 1
  })
}

/** Fails only if a query ends otherwise than its use says. */
async function runMixed(ctx: SessionContext, query: MixedQuery, signal: AbortSignal): Promise<void> {
  await ctx.sql(`SET ${targetPartitions.key} = ${query.partitions}`)
  for (const statement of query.statements) {
    const stop = query.use === 'abort' ? AbortSignal.any([signal, AbortSignal.timeout(ABORT_AFTER_MS)]) : signal
    let failure: unknown
    try {
      const { batches } = await (await ctx.sql(statement, { signal: stop })).execute({ signal: stop })
      for await (const batch of batches) {
        releaseBatch(batch)
        if (query.use === 'leave') break
      }
    } catch (error) {
      failure = error
    }
    if (!isExpected(failure, query)) throw failure ?? new Error(`this did not fail: ${statement}`)
  }
}

/** A query may be done before it is aborted. */
function isExpected(failure: unknown, { use }: MixedQuery): boolean {
  if (failure === undefined) return use !== 'fail'
  if (!(failure instanceof BallistaError)) return false
  return (use === 'fail' && failure.code === 'DIVIDE_BY_ZERO') || (use === 'abort' && failure.code === 'CANCELLED')
}

function report(samples: Sample[], queries: number): void {
  const sample = {
    queries,
    arenaBytes: bytesInUse(),
    largestFreeRun: largestFreeRun(),
    rssBytes: process.memoryUsage.rss(),
  }
  samples.push(sample)
  if (process.stdout.isTTY || queries % 1_000 === 0) process.stdout.write(`${sampleLine(sample)}\n`)
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const sampleLine = ({ queries, arenaBytes, largestFreeRun: run, rssBytes }: Sample): string =>
  `${String(queries).padStart(6)} queries: arena ${megabytes(arenaBytes)}, largest free run ${megabytes(run)}, resident ${megabytes(rssBytes)}`

function reportOf(
  samples: readonly Sample[],
  info: Pick<ArenaReport, 'data' | 'seconds' | 'kinds' | 'queries' | 'seed'>,
): ArenaReport {
  const trends = {
    arenaBytes: trendOf(samples.map(({ arenaBytes }) => arenaBytes)),
    largestFreeRun: trendOf(samples.map(({ largestFreeRun: run }) => run)),
    rssBytes: trendOf(samples.map(({ rssBytes }) => rssBytes)),
  }
  const flat =
    isFlat(trends.arenaBytes, ARENA_TOLERANCE) &&
    isFlat(trends.rssBytes, RSS_TOLERANCE) &&
    isFlat(trends.largestFreeRun, -RUN_TOLERANCE)
  return { mode: 'arena', ...info, machine: machine(), versions: ownVersions(), trends, flat, samples }
}

function summary({ trends, flat, queries, seconds }: ArenaReport): string {
  const line = (name: string, { first, last, min, max, change, standardError }: Trend): string =>
    `${name}: ${megabytes(first)} at first, ${megabytes(last)} at last (${megabytes(min)} to ${megabytes(max)}); ` +
    `${megabytes(change)} ± ${megabytes(standardError)} over the last half\n`
  return (
    `${queries} queries in ${seconds.toFixed(0)} s\n${line('arena in use', trends.arenaBytes)}` +
    `${line('largest free run', trends.largestFreeRun)}${line('resident', trends.rssBytes)}${flat ? 'flat' : 'NOT flat'}\n`
  )
}
