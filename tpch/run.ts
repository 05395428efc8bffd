/** Runs the TPC-H queries on a session, and on DuckDB for comparison. */
import type { Batch } from '../src/arrow/batch.js'
import { columnValues, releaseBatch } from '../src/arrow/column.js'
import type { DataType, Value } from '../src/arrow/types.js'
import { BallistaError, toBallistaError } from '../src/common/errors.js'
import { valueText } from '../src/expr/value-text.js'
import type { SessionContext } from '../src/session/context.js'
import { compareRows, type Cell, type Rows } from './compare.js'
import { duckDbViews, findDataFiles, registerDataFiles } from './data-files.js'
import { openDuckDb, type DuckDb } from './duckdb.js'
import { readQuery, type TpchQuery } from './queries.js'

export interface RunOptions {
  readonly ctx: SessionContext
  /** Directory of the tables. */
  readonly data: string
  /** Numbers, run in this order. */
  readonly queries: readonly number[]
  /** Runs of each query, at least 1. */
  readonly iterations: number
  /** Compare with DuckDB on so many threads. */
  readonly duckDbThreads?: number
  readonly signal?: AbortSignal
}

export interface QueryReport {
  /** `q01` to `q22`. */
  readonly query: string
  readonly rows: number
  /** One per iteration; empty if the query failed. */
  readonly ms: readonly number[]
  /** Until the first row, of the fastest iteration; absent if there was no row. */
  readonly firstRowMs?: number
  /** Why the query did not run. */
  readonly error?: string
  readonly duckDb?: {
    readonly ms: readonly number[]
    /** Undefined if our query failed. */
    readonly equal: boolean | undefined
    readonly difference?: string
  }
}

/**
 * One report after the other. A query that fails is reported and does not stop the others; CANCELLED does, and so does data that
 * cannot be registered. Leaving the loop closes DuckDB; the session stays the caller's.
 */
export async function* runTpch(options: RunOptions): AsyncGenerator<QueryReport> {
  const queries = options.queries.map(readQuery)
  const files = findDataFiles(options.data)
  await registerDataFiles(options.ctx, files)
  const duckDb = options.duckDbThreads === undefined ? undefined : await openDuckDb(options.duckDbThreads)
  try {
    await duckDb?.run(duckDbViews(files))
    for (const query of queries) yield await runQuery(query, options, duckDb)
  } finally {
    duckDb?.close()
  }
}

async function runQuery(query: TpchQuery, options: RunOptions, duckDb: DuckDb | undefined): Promise<QueryReport> {
  const runs: OneRun[] = []
  let error: string | undefined
  try {
    for (let i = 0; i < options.iterations; i++) runs.push(await runOnce(options.ctx, query, options.signal))
  } catch (cause) {
    if (options.signal?.aborted) throw cause
    const coded = toBallistaError(cause)
    error = `${coded.message} [${coded.code}]`
  }
  const fastest = runs.toSorted((left, right) => left.ms - right.ms).at(0)
  const report: QueryReport = {
    query: query.name,
    rows: fastest?.rows.length ?? 0,
    ms: error === undefined ? runs.map(run => run.ms) : [],
    ...(fastest?.firstRowMs === undefined ? {} : { firstRowMs: fastest.firstRowMs }),
    ...(error === undefined ? {} : { error }),
  }
  if (duckDb === undefined) return report
  const ms: number[] = []
  let theirs: Rows = []
  for (let i = 0; i < options.iterations; i++) {
    const run = await duckDb.run(query.statements)
    ms.push(run.ms)
    theirs = run.rows
  }
  if (error !== undefined) return { ...report, duckDb: { ms, equal: undefined } }
  // Every run counts, not only the last: a race would show in some of them.
  const difference = runs
    .map(({ rows }) => answerDifference(query.name, rows, theirs))
    .find(found => found !== undefined)
  return {
    ...report,
    duckDb: { ms, equal: difference === undefined, ...(difference === undefined ? {} : { difference }) },
  }
}

/** Their ORDER BY leaves ties open; the others have to come in the same order too. */
const OPEN_ORDER: readonly string[] = ['q03', 'q05', 'q10', 'q11', 'q18']

/** What differs between two answers of a query, in the rows or in their order where the query fixes it; undefined: nothing. */
export function answerDifference(query: string, ours: Rows, theirs: Rows): string | undefined {
  const comparison = compareRows(ours, theirs)
  if (!comparison.equal) return comparison.difference
  return comparison.sameOrder || OPEN_ORDER.includes(query) ? undefined : 'the rows come in another order'
}

interface OneRun {
  readonly rows: Rows
  readonly ms: number
  readonly firstRowMs: number | undefined
}

/** All statements in order; the rows of those that give any. The clock stops when the last batch has come. */
async function runOnce(
  ctx: SessionContext,
  { statements }: TpchQuery,
  signal: AbortSignal | undefined,
): Promise<OneRun> {
  const options = signal === undefined ? {} : { signal }
  const held: Batch[] = []
  const started = performance.now()
  let firstRowMs: number | undefined
  let done = 0
  try {
    for (const statement of statements) {
      const { batches } = await (await ctx.sql(statement, options)).execute(options)
      for await (const batch of batches) {
        if (batch.rowCount > 0) firstRowMs ??= performance.now() - started
        held.push(batch)
      }
      done++
    }
    const ms = performance.now() - started
    return { rows: held.flatMap(batchCells), ms, firstRowMs }
  } finally {
    held.forEach(releaseBatch)
    // What the first statements made (a view) must not be left for the next run.
    if (done < statements.length) await cleanUp(ctx, statements.slice(Math.max(1, done + 1)))
  }
}

async function cleanUp(ctx: SessionContext, statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    await ctx.sql(statement).catch((error: unknown) => {
      if (!(error instanceof BallistaError)) throw error
    })
  }
}

export function batchCells(batch: Batch): (readonly Cell[])[] {
  const columns = batch.columns.map(column => columnValues(column).map(value => cellOf(value, column.type)))
  return Array.from({ length: batch.rowCount }, (_, row) => columns.map(column => column[row]))
}

function cellOf(value: Value, type: DataType): Cell {
  if (value === null) return null
  if (type.kind === 'float') return { kind: 'approximate', number: value as number }
  return { kind: type.kind === 'int' || type.kind === 'decimal' ? 'exact' : 'text', text: valueText(value, type) }
}
