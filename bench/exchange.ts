/** `bench exchange`: batches from a task of one process to a task of another, beside a raw gRPC stream of the same bytes. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Command } from 'commander'
import { releaseBatch } from '../src/arrow/column.js'
import { encodeBatch } from '../src/arrow/frame.js'
import { positive } from '../src/cli/options.js'
import type { EdgePartitioning, ExchangeSinkExec, ExchangeSourceExec, TaskSpec } from '../src/exchange/stage.js'
import type { PhysicalPlan } from '../src/physical/plan.js'
import { countOf, items, ITEMS, itemsBatch } from './exchange-operators.js'
import type { ProcessReply, ProcessRequest, Usage } from './exchange-messages.js'
import { machine, machineText } from './machine.js'
import { medianEstimate } from './statistics.js'

const PROGRAM = new URL('./exchange-process.js', import.meta.url)
const MB = 1e6
const DEFAULT_MEGABYTES = 500
const DEFAULT_PAIRS = 9
const SINGLE: EdgePartitioning = { kind: 'single' }

interface ExchangeFlags {
  readonly pairs: number
  readonly megabytes: number
  readonly rows: number
}

/** One run: throughput, and processor time of both processes. */
interface Run {
  readonly ms: number
  readonly mainMs: number
  readonly processMs: number
}

export function exchangeCommand(program: Command): void {
  program
    .command('exchange')
    .description('batches between two processes, beside a raw gRPC stream of the same bytes')
    .option('--pairs <count>', 'interleaved pairs of runs', positive, DEFAULT_PAIRS)
    .option('--megabytes <count>', 'of one run', positive, DEFAULT_MEGABYTES)
    .option('--rows <count>', 'of a batch', positive, 65_536)
    .action(exchange)
}

async function exchange({ pairs, megabytes, rows }: ExchangeFlags): Promise<void> {
  const batchBytes = encodedBytes(rows)
  const batches = Math.max(1, Math.round((megabytes * MB) / batchBytes))
  const bytes = batches * batchBytes
  const [producer, consumer] = [start(), start()]
  try {
    const places = await ask(producer, { kind: 'open' }, 'opened')
    const sides = {
      ours: () => exchangeOnce({ producer, consumer, address: places.exchange, rows, batches }),
      raw: () => ask(consumer, { kind: 'readRaw', address: places.raw, bytes }, 'ran'),
    }
    await ask(consumer, { kind: 'open' }, 'opened')
    const runs: { ours: Run[]; raw: Run[] } = { ours: [], raw: [] }
    // The first pair warms up.
    for (let pair = 0; pair <= pairs; pair++) {
      for (const side of ['ours', 'raw'] as const) {
        const run = await timed([producer, consumer], sides[side])
        if (pair > 0) runs[side].push(run)
      }
    }
    process.stdout.write(summary(runs, bytes, rows))
  } finally {
    await Promise.all([producer, consumer].map(stop))
  }
}

function encodedBytes(rows: number): number {
  const batch = itemsBatch(rows)
  const { length } = encodeBatch(batch)
  releaseBatch(batch)
  return length
}

let job = 0

async function exchangeOnce(parts: {
  producer: ChildProcess
  consumer: ChildProcess
  address: string
  rows: number
  batches: number
}): Promise<{ ms: number }> {
  const { producer, consumer, address, rows, batches } = parts
  const jobId = `bench-${++job}`
  const source: ExchangeSourceExec = {
    kind: 'ExchangeSourceExec',
    schema: ITEMS,
    children: [],
    edge: 0,
    partitionCount: 1,
    producerCount: 1,
  }
  const reading = task({
    jobId,
    stage: 1,
    child: countOf(source),
    inputs: [{ edge: 0, producers: [{ task: 0, address }] }],
  })
  const writing = task({ jobId, stage: 0, child: items({ rows, batches }), inputs: [] })
  const [read] = await Promise.all([
    ask(consumer, { kind: 'run', spec: reading, resultEdge: 1 }, 'ran'),
    ask(producer, { kind: 'run', spec: writing }, 'ran'),
  ])
  if (read.result !== rows * batches) throw new Error(`${read.result} of ${rows * batches} rows arrived`)
  return read
}

function task(parts: { jobId: string; stage: number; child: PhysicalPlan; inputs: TaskSpec['inputs'] }): TaskSpec {
  const { jobId, stage, child, inputs } = parts
  const plan: ExchangeSinkExec = {
    kind: 'ExchangeSinkExec',
    schema: child.schema,
    children: [child],
    outputs: [{ edge: stage, partitioning: SINGLE }],
  }
  return { jobId, stage, partition: 0, partitionCount: 1, plan, settings: {}, inputs }
}

async function timed(processes: readonly ChildProcess[], work: () => Promise<{ ms: number }>): Promise<Run> {
  const used = async (): Promise<Usage[]> =>
    Promise.all(processes.map(async child => (await ask(child, { kind: 'usage' }, 'usage')).usage))
  const before = await used()
  const { ms } = await work()
  const after = await used()
  const sum = (field: keyof Usage): number =>
    after.reduce((total, usage, child) => total + usage[field] - before[child][field], 0)
  return { ms, mainMs: sum('mainMs'), processMs: sum('processMs') }
}

function summary({ ours, raw }: { ours: readonly Run[]; raw: readonly Run[] }, bytes: number, rows: number): string {
  const ratio = medianEstimate(ours.map((run, pair) => raw[pair].ms / run.ms))
  const percent = (value: number): string => `${(100 * value).toFixed(0)} %`
  const side = (name: string, runs: readonly Run[]): string => {
    const { median: ms } = medianEstimate(runs.map(run => run.ms))
    const perGb = (field: 'mainMs' | 'processMs'): string =>
      ((medianEstimate(runs.map(run => run[field])).median / bytes) * 1e6).toFixed(2)
    return (
      `${name.padEnd(10)}${(bytes / ms / 1000).toFixed(0).padStart(6)} MB/s, ` +
      `processor seconds per GB: ${perGb('processMs')} in both processes, ${perGb('mainMs')} on their main threads\n`
    )
  }
  return (
    `${(bytes / MB).toFixed(0)} MB in batches of ${rows} rows, ${ours.length} pairs; ${machineText(machine())}\n` +
    side('exchange', ours) +
    side('raw gRPC', raw) +
    `exchange / raw: ${percent(ratio.median)} (${percent(ratio.low)} to ${percent(ratio.high)})\n`
  )
}

const start = (): ChildProcess => fork(PROGRAM, [], { serialization: 'advanced' })

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.disconnect()
  await exit
}

async function ask<K extends ProcessReply['kind']>(
  child: ChildProcess,
  request: ProcessRequest,
  wanted: K,
): Promise<Extract<ProcessReply, { kind: K }>> {
  const exited = new AbortController()
  const gone = once(child, 'exit', { signal: exited.signal }).then(() => {
    throw new Error('a process of the benchmark ended')
  })
  gone.catch(() => undefined)
  const reply = once(child, 'message') as Promise<[ProcessReply]>
  child.send(request)
  const [answer] = await Promise.race([reply, gone])
  exited.abort()
  if (answer.kind === 'failed') throw new Error(answer.message)
  if (answer.kind !== wanted) throw new Error(`a process of the benchmark answered ${answer.kind} to ${request.kind}`)
  return answer as Extract<ProcessReply, { kind: K }>
}
