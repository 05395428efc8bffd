/** Queries that end badly, on real processes and in one process: no stream, file, handle or arena byte stays on any node. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { startStandalone } from '../../src/cluster/standalone.js'
import { BallistaError } from '../../src/common/errors.js'
import { SessionContext } from '../../src/session/context.js'
import type { DataFrame } from '../../src/session/dataframe.js'
import { planForCluster } from '../../src/session/plan-for-cluster.js'
import { startCluster } from '../helpers/cluster.js'
import { linkedLineitem, type LinkedTable } from '../helpers/linked-table.js'
import { afterwards, descriptorCount, NOTHING_HELD, openBelow, until } from '../helpers/node-watch.js'

const BIN = fileURLToPath(new URL('../../bin/ballista.js', import.meta.url))
const CLIENT = fileURLToPath(new URL('./client-process.js', import.meta.url))
const FILES = 20
const ALL = 'SELECT * FROM lineitem'
/** Order keys are 1 .. 60 000 in each file: the last batch of the first file of every task fails. */
const FAILS_LATE = 'SELECT l_orderkey / (l_orderkey - 60000) FROM lineitem'

interface Nodes {
  readonly url: string
  /** Scheduler first. */
  readonly addresses: readonly string[]
  /** Of the nodes' processes, this one not among them. */
  readonly pids: readonly number[]
}

interface Case extends Nodes {
  readonly ctx: SessionContext
  readonly table: LinkedTable
}

/** What a failing iteration threw. */
async function errorOf(run: () => Promise<unknown>): Promise<BallistaError> {
  try {
    await run()
  } catch (error) {
    if (error instanceof BallistaError) return error
    throw error
  }
  throw new Error('the query did not fail')
}

/** Reads a frame to its end; `atFirst` runs while the first batch is held and the query waits. */
async function readAll(frame: DataFrame, atFirst?: () => void, signal?: AbortSignal): Promise<number> {
  let rows = 0
  for await (const batch of frame.stream(signal === undefined ? {} : { signal })) {
    if (rows === 0) atFirst?.()
    rows += batch.numRows
  }
  return rows
}

async function abortedByItsSignal(t: ExecutionContext, { ctx }: Case): Promise<void> {
  const controller = new AbortController()
  const frame = await ctx.sql(ALL)
  const error = await errorOf(() => readAll(frame, () => controller.abort(), controller.signal))
  t.is(error.code, 'CANCELLED')
}

async function leftAfterTheFirstBatch(t: ExecutionContext, { ctx }: Case): Promise<void> {
  for await (const batch of (await ctx.sql(ALL)).stream()) {
    t.true(batch.numRows > 0)
    break
  }
}

async function failsByADivision(t: ExecutionContext, { ctx }: Case): Promise<void> {
  const frame = await ctx.sql(FAILS_LATE)
  const error = await errorOf(() => readAll(frame))
  t.is(error.code, 'DIVIDE_BY_ZERO')
  t.regex(error.context.join('; '), /stage 0, partition \d+/)
}

async function failsByAMissingFile(t: ExecutionContext, { ctx, table }: Case): Promise<void> {
  const frame = await ctx.sql(ALL)
  const lost = table.files.slice(FILES / 2)
  try {
    const error = await errorOf(() => readAll(frame, () => lost.forEach(file => unlinkSync(file))))
    t.is(error.code, 'FILE_NOT_READABLE')
  } finally {
    for (const file of lost) copyFileSync(table.files[0], file)
  }
}

async function failsByACorruptFile(t: ExecutionContext, { ctx, table }: Case): Promise<void> {
  const last = table.files[FILES - 1]
  const whole = readFileSync(last)
  // Another inode: all other files are one.
  unlinkSync(last)
  writeFileSync(last, Buffer.from(whole).fill(0xff, 4, whole.length >> 1))
  try {
    const error = await errorOf(async () => readAll(await ctx.sql(ALL)))
    t.is(error.code, 'FILE_INVALID')
  } finally {
    writeFileSync(last, whole)
  }
}

async function clientIsKilled(t: ExecutionContext, { url, table }: Case): Promise<void> {
  const client = spawn(process.execPath, [CLIENT, url, table.directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(client.stdout, 'data')) as [Buffer]
  t.is(line.toString(), 'first batch\n')
  client.kill('SIGKILL')
  await once(client, 'exit')
}

async function commandLineIsInterrupted(t: ExecutionContext, { url, table }: Case): Promise<void> {
  const [host, port] = url.slice('df://'.length).split(':')
  const sql = `SELECT * FROM '${table.directory}'`
  const args = [BIN, 'sql', '--host', host, '--port', port, '--format', 'csv', '-c', sql]
  const shell = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  // What it prints stays in the pipe: it is interrupted while it waits for its reader.
  await once(shell.stdout, 'readable')
  shell.kill('SIGINT')
  const exited = once(shell, 'exit')
  shell.stdout.resume()
  let complaint = ''
  for await (const chunk of shell.stderr) complaint += String(chunk)
  t.deepEqual(await exited, [130, null])
  t.is(complaint, 'query cancelled: interrupted [CANCELLED]\n')
}

async function copyFails(t: ExecutionContext, { ctx, table }: Case): Promise<void> {
  const target = join(dirname(table.directory), 'copy')
  const error = await errorOf(() => ctx.sql(`COPY (${FAILS_LATE}) TO '${target}' STORED AS PARQUET`))
  t.is(error.code, 'DIVIDE_BY_ZERO')
  // The error may come before what was staged is gone.
  const left = (): string[] => readdirSync(dirname(target)).filter(name => name.includes('copy'))
  t.true(await until('nothing of the copy is left', () => (left().length === 0 ? true : undefined)))
}

const CASES = {
  'a query aborted by its signal': abortedByItsSignal,
  'a loop that is left after the first batch': leftAfterTheFirstBatch,
  'a division by zero in the middle': failsByADivision,
  'a file that goes missing in the middle': failsByAMissingFile,
  'a corrupt Parquet file': failsByACorruptFile,
  'a client that is killed': clientIsKilled,
  'a COPY that fails': copyFails,
  'ballista sql after Ctrl-C': commandLineIsInterrupted,
}

/** Runs every case in turn; after each, all nodes hold nothing and the next query has all rows. */
async function runCases(t: ExecutionContext, nodes: Nodes, table: LinkedTable): Promise<void> {
  const count = async (): Promise<number> => {
    const ctx = await SessionContext.remote(nodes.url)
    await ctx.registerParquet('lineitem', table.directory)
    try {
      // Without the condition the files' footers would answer, and no executor would dial another.
      const sql = 'SELECT count(*) AS n FROM lineitem WHERE l_linenumber >= 0'
      return Number((await (await ctx.sql(sql)).rows())[0].n)
    } finally {
      await ctx.close()
    }
  }
  // Connections between the executors stay from here on; the last task runs on another one each time.
  for (let turn = 0; turn < nodes.addresses.length; turn++) t.is(await count(), table.rows)
  const descriptors = nodes.pids.map(descriptorCount)
  for (const [name, run] of Object.entries(CASES)) {
    const ctx = await SessionContext.remote(nodes.url)
    try {
      await ctx.registerParquet('lineitem', table.directory)
      await run(t, { ...nodes, ctx, table })
    } finally {
      await ctx.close()
    }
    t.deepEqual(
      await afterwards(nodes.addresses),
      nodes.addresses.map(() => NOTHING_HELD),
      name,
    )
    t.is(bytesInUse(), 0, `${name}: arena of the client`)
    for (const pid of [process.pid, ...nodes.pids]) t.deepEqual(openBelow(table.directory, pid), [], name)
    t.is(await count(), table.rows, name)
    await until(`${name}: descriptors as before`, () =>
      nodes.pids.every((pid, i) => descriptorCount(pid) <= descriptors[i]) ? true : undefined,
    )
  }
}

async function withTable(body: (table: LinkedTable) => Promise<void>): Promise<void> {
  const table = await linkedLineitem(FILES)
  try {
    await body(table)
  } finally {
    table.remove()
  }
}

test.serial('bad ends leave nothing behind on real processes', async t => {
  await withTable(async table => {
    const cluster = await startCluster(2, 2)
    try {
      const pids = [cluster.scheduler, ...cluster.executors].map(child => child.pid ?? 0)
      await runCases(t, { url: cluster.url, addresses: [cluster.address, ...cluster.executorAddresses], pids }, table)
    } finally {
      await cluster.close()
    }
  })
})

test.serial('bad ends leave nothing behind in one process', async t => {
  await withTable(async table => {
    const cluster = await startStandalone({ executors: 2, slots: 1, planner: planForCluster, logLevel: 'silent' })
    const addresses = [cluster.address, ...cluster.executors.map(executor => executor.address)]
    try {
      await runCases(t, { url: `df://${cluster.address}`, addresses, pids: [] }, table)
    } finally {
      await cluster.close()
    }
  })
  const open = (): string[] => process.getActiveResourcesInfo().filter(name => name.startsWith('TCP'))
  t.true(await until('sockets closed', () => (open().length === 0 ? true : undefined)))
})

test.serial('who streams hears of a killed executor; the other one cleans up and goes on', async t => {
  await withTable(async table => {
    const cluster = await startCluster(2, 2)
    const ctx = await SessionContext.remote(cluster.url)
    try {
      await ctx.registerParquet('lineitem', table.directory)
      const frame = await ctx.sql(ALL)
      const error = await errorOf(() => readAll(frame, () => void cluster.executors[1].kill('SIGKILL')))
      t.is(error.code, 'PARTIAL_RESULT_DELIVERED')
      t.true(error.retryable)
      t.deepEqual(await afterwards([cluster.address, cluster.executorAddresses[0]]), [NOTHING_HELD, NOTHING_HELD])
      const [{ n }] = await (await ctx.sql('SELECT count(*) AS n FROM lineitem')).rows()
      t.is(Number(n), table.rows)
    } finally {
      await ctx.close()
      await cluster.close()
    }
  })
  t.is(bytesInUse(), 0)
})
