/** Reports of queries as lines of a table and as JSON. */
import type { QueryReport } from './run.js'

const COLUMNS = [
  ['query', 6],
  ['rows', 8],
  ['ms', 10],
  ['first row', 10],
  ['duckdb ms', 10],
  ['ratio', 7],
  ['equal', 6],
] as const

const line = (cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(COLUMNS[i][1]) : cell.padStart(COLUMNS[i][1]))).join(' ')

const best = (ms: readonly number[]): number => Math.min(...ms)
const tenths = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(1))

/** The names of the columns. Times are the best of all iterations; the ratio is ours divided by DuckDB's. */
export const reportHeader = (): string => line(COLUMNS.map(([name]) => name))

/** One line for the query, and below it why it failed or what differs. */
export function reportLine({ query, rows, ms, firstRowMs, error, duckDb }: QueryReport): string {
  const ours = ms.length === 0 ? undefined : best(ms)
  const theirs = duckDb === undefined || duckDb.ms.length === 0 ? undefined : best(duckDb.ms)
  const ratio = ours === undefined || theirs === undefined ? '-' : `${(ours / theirs).toFixed(2)}x`
  const equal = duckDb?.equal === undefined ? '-' : duckDb.equal ? 'yes' : 'NO'
  const cells = line([
    query,
    error === undefined ? String(rows) : 'failed',
    tenths(ours),
    tenths(error === undefined ? firstRowMs : undefined),
    tenths(theirs),
    ratio,
    equal,
  ])
  const remark = error ?? duckDb?.difference
  return remark === undefined ? cells : `${cells}\n       ${remark}`
}

/** Sum of the best milliseconds of the queries that ran. */
export const totalMs = (reports: readonly QueryReport[]): number =>
  reports.reduce((sum, { ms }) => sum + (ms.length === 0 ? 0 : best(ms)), 0)

/** The benchmark file: `{ queries: [{ query, rows, ms, … }], totalMs }`. */
export const reportJson = (reports: readonly QueryReport[]): string =>
  `${JSON.stringify({ queries: reports, totalMs: totalMs(reports) }, undefined, 2)}\n`

/** Whether the query ran and, where it was compared, gave the right rows. */
export const isGood = ({ error, duckDb }: QueryReport): boolean => error === undefined && duckDb?.equal !== false
