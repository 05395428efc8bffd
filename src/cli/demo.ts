/** What `npm start` does: TPC-H data once, a cluster of real processes, queries on it compared with DuckDB, and a killed executor. */
import { availableParallelism } from 'node:os'
import { dataDirectory } from '../../tpch/data-directory.js'
import { findDataFiles, registerDataFiles } from '../../tpch/data-files.js'
import { hasDuckDb } from '../../tpch/duckdb.js'
import { QUERY_COUNT, readQuery } from '../../tpch/queries.js'
import { isGood, reportHeader, reportLine } from '../../tpch/report.js'
import { runTpch } from '../../tpch/run.js'
import { startClusterProcesses, type ClusterProcesses } from '../cluster/processes.js'
import { BallistaError } from '../common/errors.js'
import { formatError, splitStatements } from '../parser/parse.js'
import { SessionContext } from '../session/context.js'
import { given } from '../session/dataframe.js'
import { tableWriter } from '../session/output/table.js'
import { showKill } from './kill-show.js'
import { showProgress } from './tpch.js'

export interface DemoOptions {
  /** The checkout; data are kept in its folder `data`. */
  readonly root: string
  /** Run these instead of the TPC-H queries. */
  readonly sql: readonly string[]
  /** TPC-H scale factor of the data; default 1. */
  readonly scale?: number
}

const SCALE = 1
const EXECUTORS = 2
const QUERIES = Array.from({ length: QUERY_COUNT }, (_, i) => i + 1)
/** A join of six tables, long enough to be disturbed. */
const KILLED_QUERY = 9
const MAX_ROWS = 40
/** As a shell counts a process that SIGINT ended. */
const INTERRUPTED_STATUS = 130

/**
 * Exit status: 0; 1 if a query failed or an answer differs from DuckDB's; 130 after Ctrl-C or SIGTERM. Every process it started is
 * gone when it resolves or rejects.
 */
export async function demo({ root, sql, scale = SCALE }: DemoOptions): Promise<number> {
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    const onStart = (directory: string): void => print(`making TPC-H data, scale ${scale}, in ${directory} …\n`)
    const data = await dataDirectory({ root, scale, signal: stop.signal, onStart, onProgress: showProgress })
    return await onCluster(data, sql, stop.signal)
  } catch (error) {
    if (stop.signal.aborted) return INTERRUPTED_STATUS
    throw error
  } finally {
    process.removeListener('SIGINT', onSignal)
    process.removeListener('SIGTERM', onSignal)
  }
}

async function onCluster(data: string, sql: readonly string[], signal: AbortSignal): Promise<number> {
  // As many tasks at once as DuckDB has threads.
  const slots = Math.max(1, Math.floor(availableParallelism() / EXECUTORS))
  const cluster = await startClusterProcesses({ executors: EXECUTORS, slots, signal })
  try {
    print(`scheduler ${cluster.url} and ${EXECUTORS} executors with ${slots} task slot(s) each\n\n`)
    const ctx = await SessionContext.remote(cluster.url)
    try {
      if (sql.length > 0) return await runSql(ctx, data, sql, signal)
      const status = await runQueries(ctx, data, signal)
      return status === 0 ? await runWithKill(ctx, cluster, signal) : status
    } finally {
      await ctx.close()
    }
  } finally {
    await cluster.close()
  }
}

async function runQueries(ctx: SessionContext, data: string, signal: AbortSignal): Promise<number> {
  const duckDb = (await hasDuckDb()) ? { duckDbThreads: availableParallelism() } : {}
  const options = { ctx, data, queries: QUERIES, iterations: 1, signal, ...duckDb }
  print(`TPC-H queries, one run each, milliseconds\n${reportHeader()}\n`)
  let good = true
  for await (const report of runTpch(options)) {
    print(`${reportLine(report)}\n`)
    good &&= isGood(report)
  }
  print(good ? '\nall answers are right\n' : '\nsome queries failed or gave a wrong answer\n')
  return good ? 0 : 1
}

/** On the tables that are registered. */
async function runWithKill(ctx: SessionContext, cluster: ClusterProcesses, signal: AbortSignal): Promise<number> {
  const { name, statements } = readQuery(KILLED_QUERY)
  print(`\n${name} once more, and an executor is killed in the middle of it\n`)
  const isEqual = await showKill({ ctx, cluster, sql: statements[0], signal, print: line => print(`${line}\n`) })
  print(isEqual ? '\nthe answer is the same\n' : '\nthe answer has changed\n')
  return isEqual ? 0 : 1
}

async function runSql(ctx: SessionContext, data: string, sql: readonly string[], signal: AbortSignal): Promise<number> {
  await registerDataFiles(ctx, findDataFiles(data))
  for (const { text } of sql.flatMap(script => splitStatements(script))) {
    try {
      await printRows(ctx, text, signal)
    } catch (error) {
      if (!(error instanceof BallistaError) || signal.aborted) throw error
      process.stderr.write(`${formatError(error, text)}\n`)
      return 1
    }
  }
  return 0
}

async function printRows(ctx: SessionContext, statement: string, signal: AbortSignal): Promise<void> {
  const started = performance.now()
  const frame = await ctx.sql(statement, { signal })
  const { schema, batches } = await frame.execute({ signal })
  const writer = tableWriter(MAX_ROWS)
  await writer.start(schema)
  let rows = 0
  for await (const batch of given(batches)) {
    rows += batch.rowCount
    writer.batch(batch)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(3)
  print(`${String(await writer.end())}${rows} row(s) in ${seconds} seconds\n\n`)
}

const print = (text: string): void => void process.stdout.write(text)
