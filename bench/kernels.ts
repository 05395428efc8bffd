/** `bench kernels`: kernel families beside plain JavaScript, run for run, and on demand beside DuckDB. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Option, type Command } from 'commander'
import { positive } from '../src/cli/options.js'
import { interruptible } from '../src/cli/interrupt.js'
import { charts } from './charts.js'
import { EngineClient } from './engine-client.js'
import type { EngineName, Run } from './engine.js'
import { kernelFamilies, type KernelFamily } from './kernel-families.js'
import { machine, ownVersions } from './machine.js'
import { RECORD_PAIRS, type Measured, type Measurement } from './pairs.js'
import { headerLine, workloadLine } from './report-text.js'
import { reportJson, reportOf, workloadReport, type Report } from './report.js'

interface KernelFlags {
  readonly vs?: EngineName
  readonly pairs: number
  readonly rows: number
  readonly out?: string
}

const ROWS = 2_000_000

export function kernelsCommand(program: Command, root: string, setStatus: (status: number) => void): void {
  program
    .command('kernels')
    .description('kernel families beside plain JavaScript: decoding, hash aggregate, join, LIKE, sort')
    .addOption(new Option('--vs <engine>', 'beside this engine too, on tables in memory').choices(['duckdb']))
    .option('--pairs <count>', 'runs of each', positive, RECORD_PAIRS)
    .option('--rows <count>', 'rows of the largest inputs', positive, ROWS)
    .option(
      '--out <dir>',
      `where JSON and charts go; default: docs/benchmarks for ${RECORD_PAIRS} runs of ${ROWS} rows or more, else nowhere`,
    )
    .action(async (flags: KernelFlags) => setStatus(await runKernels(root, flags)))
}

interface Measurements {
  readonly javascript: Measurement
  readonly duckdb?: Measurement
}

async function runKernels(root: string, flags: KernelFlags): Promise<number> {
  return interruptible(async signal => {
    const versions: Record<string, string> = { ...ownVersions() }
    const duckdb = flags.vs && (await EngineClient.start(flags.vs, { files: [], threads: 1, settings: {} }, signal))
    if (duckdb !== undefined) versions.duckdb = duckdb.version
    const all: Measurements[] = []
    try {
      process.stdout.write(`${headerLine()}\n`)
      for (const make of kernelFamilies(flags.rows)) {
        const measured = await measureFamily(make(), flags.pairs, duckdb)
        all.push(measured)
        for (const measurement of Object.values(measured)) {
          process.stdout.write(`${workloadLine(workloadReport(measurement))}\n`)
        }
        signal.throwIfAborted()
      }
    } finally {
      await duckdb?.close()
    }
    const isRecord = flags.pairs >= RECORD_PAIRS && flags.rows >= ROWS
    const out = flags.out ?? (isRecord ? join(root, 'docs/benchmarks') : undefined)
    const data = `${flags.rows} rows, one thread`
    const info = { data, threads: 1, pairs: flags.pairs, settings: {}, machine: machine(), versions }
    const ours = all.map(({ javascript }) => javascript)
    const theirs = all.flatMap(({ duckdb: measurement }) => measurement ?? [])
    if (out !== undefined) {
      await write(out, reportOf({ mode: 'kernels', versus: 'plain JavaScript', ...info }, ours))
      if (theirs.length > 0) await write(out, reportOf({ mode: 'kernels-duckdb', versus: 'DuckDB', ...info }, theirs))
    }
    return ours.some(({ problem }) => problem !== undefined) ? 1 : 0
  })
}

/** Kernel, JavaScript, DuckDB, kernel … */
async function measureFamily(
  family: KernelFamily,
  pairs: number,
  duckdb: EngineClient | undefined,
): Promise<Measurements> {
  const { name, sql } = family
  try {
    if (sql !== undefined) await duckdb?.run(sql.setup, { consume: 'drop', rows: false })
    const runs: Run[][] = []
    let problem: string | undefined
    // Once cold, once more for the compilers.
    for (let round = 0; round < pairs + 2; round++) {
      const [kernel, reference] = [timed(() => family.kernel()), timed(() => family.reference())]
      if (kernel.result !== reference.result) problem = `the kernel gives ${kernel.result}, not ${reference.result}`
      const third = sql && (await duckdb?.run([sql.statement], { consume: 'keep', rows: false }))
      runs.push([kernel.run, reference.run, ...(third ? [third.run] : [])])
    }
    const [ours, javascript, theirs] = runs[0].map((_, side) => measuredOf(runs.map(round => round[side])))
    return {
      javascript: { name, ours, theirs: javascript, ...(problem === undefined ? {} : { problem }) },
      ...(theirs === undefined ? {} : { duckdb: { name: `${name} (DuckDB)`, ours, theirs } }),
    }
  } finally {
    family.close()
    if (sql !== undefined) await duckdb?.run(dropsOf(sql.setup), { consume: 'drop', rows: false })
  }
}

function timed(run: () => number): { run: Run; result: number } {
  const cpu = process.cpuUsage()
  const started = performance.now()
  const result = run()
  const ms = performance.now() - started
  const { user, system } = process.cpuUsage(cpu)
  return { run: { ms, userMs: user / 1000, systemMs: system / 1000, rowCount: 1 }, result }
}

const measuredOf = ([cold, , ...runs]: readonly Run[]): Measured => ({ cold, runs })

const dropsOf = (setup: readonly string[]): string[] =>
  setup.map(statement => statement.replace(/^CREATE TABLE (\w+) .*$/s, 'DROP TABLE $1'))

async function write(out: string, report: Report): Promise<void> {
  await mkdir(out, { recursive: true })
  // Families of different sizes have no sum.
  const drawn = [...charts(report)]
    .filter(([kind]) => kind !== 'overall')
    .map(([kind, svg]) => [`${report.mode}-${kind}.svg`, svg] as const)
  for (const [file, text] of [[`${report.mode}.json`, reportJson(report)] as const, ...drawn]) {
    await writeFile(join(out, file), text)
  }
}
