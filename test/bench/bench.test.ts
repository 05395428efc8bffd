/** The benchmark end to end on little data: every mode runs, answers are compared, files are written. No time is judged. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test from 'ava'
import type { ArenaReport } from '../../bench/arena.js'
import type { Latency } from '../../bench/latency.js'
import type { Report } from '../../bench/report.js'
import { generateTpch } from '../../tpch/generate.js'

const MODULE = new URL('../../bench/index.js', import.meta.url).href

const directory = await mkdtemp(join(tmpdir(), 'ballista-bench-'))
test.after.always(() => rm(directory, { recursive: true, force: true }))
const data = join(directory, 'data')
test.before(() => generateTpch({ scale: 0.001, out: data, format: 'parquet' }))

async function bench(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const call = `main(${JSON.stringify(directory)}, ${JSON.stringify(args)})`
  const program = `import(${JSON.stringify(MODULE)}).then(({ main }) => ${call}).then(status => (process.exitCode = status))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { status: child.exitCode, stdout, stderr }
}

test('tpch runs pairs, compares the answers and writes a report with three charts', async t => {
  t.timeout(120_000)
  const out = join(directory, 'tpch')
  const flags = ['--vs', 'duckdb', '--pairs', '1', '--data', data, '--queries', '1,15', '--out', out]
  const { status, stdout, stderr } = await bench('tpch', ...flags)
  t.is(status, 0, stdout + stderr)
  t.regex(stdout, /^q15 /m)
  t.regex(stdout, /^geometric mean of the ratios: /m)
  t.deepEqual((await readdir(out)).sort(), [
    'tpch-1-thread-overall.svg',
    'tpch-1-thread-per-query.svg',
    'tpch-1-thread-relative.svg',
    'tpch-1-thread.json',
  ])
  const json = await readFile(join(out, 'tpch-1-thread.json'), 'utf8')
  t.false(json.includes(directory), 'no path')
  const report = JSON.parse(json) as Report
  t.deepEqual(
    report.workloads.map(({ name, ours, theirs }) => [
      name,
      ours?.runs.length,
      ours?.cold.rowCount,
      theirs?.runs.length,
    ]),
    [
      ['q01', 1, 4, 1],
      ['q15', 1, theirsOf(report, 'q15')?.cold.rowCount, 1],
    ],
  )
  for (const { ours, theirs } of report.workloads) {
    for (const side of [ours, theirs]) {
      t.true(side !== undefined && side.medianMs > 0 && side.userMs + side.systemMs > 0 && (side.peakBytes ?? 0) > 1e7)
    }
  }
  t.deepEqual(Object.keys(report.versions).sort(), ['ballista', 'duckdb', 'node'])
})

const theirsOf = (report: Report, name: string): Report['workloads'][number]['theirs'] =>
  report.workloads.find(workload => workload.name === name)?.theirs

test('scan reads the columns alone too', async t => {
  t.timeout(120_000)
  const { status, stdout, stderr } = await bench('scan', '--pairs', '1', '--data', data, '--columns', 'l_comment')
  t.is(status, 0, stdout + stderr)
  t.regex(stdout, /^max of l_comment +\d/m)
})

test('cluster compares two executors with one process and with one executor', async t => {
  t.timeout(120_000)
  const out = join(directory, 'cluster')
  const { status, stdout, stderr } = await bench(
    'cluster',
    '--pairs',
    '1',
    '--data',
    data,
    '--queries',
    '1',
    '--out',
    out,
  )
  t.is(status, 0, stdout + stderr)
  t.regex(stdout, /^ *q01( +[\d.]+){9} +[\d.]+-[\d.]+/m)
  const report = JSON.parse(await readFile(join(out, 'cluster-2-threads.json'), 'utf8')) as Report
  const [{ ours, theirs }] = report.workloads
  // The answer went from an executor to the client.
  t.true((ours?.exchangedBytes ?? 0) > 0)
  t.is(theirs?.exchangedBytes, undefined)
  t.true((ours?.peakBytes ?? 0) > (theirs?.peakBytes ?? Infinity), 'four processes')
  t.true((await readdir(out)).includes('executors-2-threads.json'))
})

test('latency measures small statements on a cluster and in the process', async t => {
  t.timeout(120_000)
  const out = join(directory, 'latency')
  const { status, stdout, stderr } = await bench('latency', '--runs', '3', '--data', data, '--out', out)
  t.is(status, 0, stdout + stderr)
  t.regex(stdout, /^cluster +SELECT 1 +median [\d.]+ ms, p99 [\d.]+ ms/m)
  const { latencies } = JSON.parse(await readFile(join(out, 'latency.json'), 'utf8')) as { latencies: Latency[] }
  t.is(latencies.length, 6)
  t.true(latencies.every(({ medianMs, p99Ms }) => medianMs > 0 && p99Ms >= medianMs))
})

test('kernels give what plain JavaScript gives', async t => {
  t.timeout(120_000)
  const out = join(directory, 'kernels')
  const flags = ['--vs', 'duckdb', '--pairs', '1', '--rows', '5000', '--out', out]
  const { status, stdout, stderr } = await bench('kernels', ...flags)
  t.is(status, 0, stdout + stderr)
  t.is(stderr, '')
  const report = JSON.parse(await readFile(join(out, 'kernels.json'), 'utf8')) as Report
  t.deepEqual(
    report.workloads.map(({ name, problem }) => [name, problem]),
    ['snappy', 'hash aggregate', 'join', 'LIKE', 'sort'].map(name => [name, undefined]),
  )
  t.deepEqual((await readdir(out)).sort(), [
    'kernels-duckdb-per-query.svg',
    'kernels-duckdb-relative.svg',
    'kernels-duckdb.json',
    'kernels-per-query.svg',
    'kernels-relative.svg',
    'kernels.json',
  ])
})

test('arena runs mixed queries, finds nothing left behind, and draws it', async t => {
  t.timeout(120_000)
  const out = join(directory, 'arena')
  const { status, stdout, stderr } = await bench('arena', '--queries', '40', '--data', data, '--out', out)
  // So few queries are still warming up: whether memory is flat is not judged here.
  t.true(status === 0 || status === 1, stdout + stderr)
  t.is(stderr, '')
  const report = JSON.parse(await readFile(join(out, 'arena.json'), 'utf8')) as ArenaReport
  t.is(report.samples.length, 41)
  t.true(report.samples.every(({ arenaBytes }) => arenaBytes === 0))
  t.is(
    Object.values(report.kinds).reduce((sum, count) => sum + count, 0),
    40,
  )
  t.regex(await readFile(join(out, 'arena.svg'), 'utf8'), /<polyline class="ours" [^<>]*points="70\.0,/)
})

test('a query that fails is reported with its reason, and the status says so', async t => {
  t.timeout(120_000)
  const few = join(directory, 'few')
  await generateTpch({ scale: 0.001, out: few, format: 'parquet', tables: ['region'] })
  const { status, stdout } = await bench('tpch', '--pairs', '1', '--data', few, '--queries', '1')
  t.is(status, 1)
  t.regex(stdout, /^ {2}table 'lineitem' not found.*\[TABLE_NOT_FOUND\]/m)
})

test('wrong flags are told', async t => {
  const { status, stderr } = await bench('tpch', '--pairs', '0')
  t.is(status, 2)
  t.regex(stderr, /expected at least 1/)
})
