/** The workloads of the modes that compare whole statements. */
import { readQuery } from '../tpch/queries.js'
import { answerDifference } from '../tpch/run.js'
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
] // prettier-ignore

/** Of each kind one: dictionary and plain, short and long. */
export const SINGLE_COLUMNS = ['l_orderkey', 'l_quantity', 'l_extendedprice', 'l_returnflag', 'l_shipdate', 'l_comment']

/**
 * Scans of lineitem: Q1's seven columns, then the given ones one by one. Ours gives the decoded columns, batch by batch, to nobody. DuckDB would spend its time on copying such a result
 * into chunks, so it takes `max()` of the columns, which decodes them and hands over one row; `max` pairs do so in both.
 */
export const scanWorkloads = (columns: readonly string[]): Workload[] => [
  scan('q1 columns', Q1_COLUMNS),
  maxOf('max of q1 columns', Q1_COLUMNS),
  ...columns.flatMap(column => [scan(column, [column]), maxOf(`max of ${column}`, [column])]),
]

const maxStatement = (columns: readonly string[]): string =>
  `SELECT ${columns.map(column => `max(${column})`).join(', ')} FROM lineitem`

const scan = (name: string, columns: readonly string[]): Workload => ({
  name,
  ours: [`SELECT ${columns.join(', ')} FROM lineitem`],
  theirs: [maxStatement(columns)],
  consume: 'drop',
})

const maxOf = (name: string, columns: readonly string[]): Workload => ({
  name,
  ours: [maxStatement(columns)],
  theirs: [maxStatement(columns)],
  consume: 'drop',
})
