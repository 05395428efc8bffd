/** The workloads of the modes that compare whole statements. */
import { readQuery } from '../tpch/queries.js'
import { answerDifference } from '../tpch/run.js'
import { SCHEMAS } from '../tpch/schema.js'
import type { Workload } from './pairs.js'

/** The TPC-H queries with these numbers; both engines run the same text. */
export const tpchWorkloads = (queries: readonly number[]): Workload[] =>
  queries.map(number => {
    const { name, statements } = readQuery(number)
    return {
      name,
      ours: statements,
      theirs: statements,
      consume: 'keep',
      difference: (ours, theirs) => answerDifference(name, ours, theirs),
    }
  })

const Q1_COLUMNS = [
  'l_returnflag', 'l_linestatus', 'l_quantity', 'l_extendedprice', 'l_discount', 'l_tax', 'l_shipdate',
] // oxfmt-ignore

/** Of each kind one: dictionary and plain, short and long. */
export const SINGLE_COLUMNS = ['l_orderkey', 'l_quantity', 'l_extendedprice', 'l_returnflag', 'l_shipdate', 'l_comment']

/**
 * Scans of lineitem: Q1's seven columns, then the given ones one by one. Ours gives the decoded columns, batch by batch, to nobody.
 * DuckDB would spend its time on copying such a result into chunks, so it takes an aggregate of the columns, which decodes them and hands
 * over one row; the lines named after the aggregate run it in both.
 */
export const scanWorkloads = (columns: readonly string[]): Workload[] =>
  [
    {
      name: 'q1 columns',
      columns: Q1_COLUMNS,
      what: 'max of q1 columns',
      statement: select(Q1_COLUMNS.map(max).join(', ')),
    },
    ...columns.map(column => ({ name: column, columns: [column], ...aggregateOf(column) })),
  ].flatMap(({ name, columns: scanned, what, statement }): Workload[] => [
    { name, ours: [select(scanned.join(', '))], theirs: [statement], consume: 'drop' },
    { name: what, ours: [statement], theirs: [statement], consume: 'drop' },
  ])

const select = (list: string): string => `SELECT ${list} FROM lineitem`
const max = (column: string): string => `max(${column})`

/** What needs the values: DuckDB knows max() of a single column of numbers or dates from the statistics of the file. */
function aggregateOf(column: string): { what: string; statement: string } {
  switch (SCHEMAS.lineitem.fields.find(({ name }) => name === column)?.type.kind) {
    case 'utf8':
      return { what: `max of ${column}`, statement: select(max(column)) }
    case 'date':
      return { what: `filter ${column}`, statement: `${select('count(*)')} WHERE ${column} <> DATE '1995-06-17'` }
    default:
      return { what: `sum of ${column}`, statement: select(`sum(${column})`) }
  }
}

const MONTHS = `SELECT *, CAST(date_part('year', l_shipdate) * 100 + date_part('month', l_shipdate) AS INTEGER) AS month FROM lineitem`

/**
 * Lineitem into files below a directory: one file of each kind, and a directory for each of the 84 months in which something was
 * shipped, also by processes of 512 MB. Of these ours has the runtime, threads and the encoder's memory beside what the setting limits.
 */
export function writeWorkloads(directory: string): Workload[] {
  const one = (name: string, file: string, ours: string, theirs: string): Workload => ({
    name,
    ours: [`COPY lineitem TO '${directory}/ours-${file}' ${ours}`],
    theirs: [`COPY lineitem TO '${directory}/theirs-${file}' ${theirs}`],
    consume: 'drop',
  })
  const ours = `COPY (${MONTHS}) TO '${directory}/ours/' STORED AS PARQUET PARTITIONED BY (month) OPTIONS (mode overwrite)`
  const theirs = `COPY (${MONTHS}) TO '${directory}/theirs' (FORMAT parquet, PARTITION_BY (month), OVERWRITE_OR_IGNORE)`
  return [
    one('parquet, snappy', 'snappy.parquet', '', '(FORMAT parquet, COMPRESSION snappy)'),
    one('parquet, zstd', 'zstd.parquet', 'OPTIONS (compression zstd)', '(FORMAT parquet, COMPRESSION zstd)'),
    one('csv', 'lineitem.csv', '', '(FORMAT csv)'),
    { name: 'parquet by month', ours: [ours], theirs: [theirs], consume: 'drop' },
    {
      name: 'by month, 512 MB',
      settings: { 'ballista.memory.limit': '64MB' },
      ours: [ours],
      theirs: [`SET memory_limit = '512MB'`, theirs],
      consume: 'drop',
    },
  ]
}
