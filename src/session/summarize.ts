/** SUMMARIZE: one row for each column with its bounds, distinct values, mean and share of NULLs. */
import { isNumeric, typeName } from '../arrow/types.js'
import type { PlanSchema } from '../logical/plan.js'
import type { ObjectName, QueryNode } from '../parser/ast.js'
import { quoteIdent, quoteString } from '../parser/quote.js'
import { numberedParameters } from './parameters.js'

export interface Summarized {
  readonly target: ObjectName | QueryNode
  /** The SQL of the target. */
  readonly text: string
}

/** The query that summarizes the columns of `target`. */
export function summaryQuery(columns: PlanSchema, { target, text }: Summarized): string {
  // The text stands there once for each column: a `?` would be another parameter each time.
  const source =
    'kind' in target ? `(${numberedParameters(text)})` : target.map(({ name }) => quoteIdent(name)).join('.')
  return columns
    .map(({ name, type }, i) => {
      const column = quoteIdent(name)
      const measured = (sql: string): string => (isNumeric(type) ? `CAST(${sql} AS DOUBLE)` : 'CAST(NULL AS DOUBLE)')
      return `SELECT ${i} AS position, ${quoteString(name)} AS column_name, ${quoteString(typeName(type))} AS column_type,
        CAST(min(${column}) AS VARCHAR) AS min, CAST(max(${column}) AS VARCHAR) AS max,
        CAST(approx_distinct(${column}) AS BIGINT) AS approx_unique,
        ${measured(`avg(${column})`)} AS avg, ${measured(`stddev(${column})`)} AS std,
        count(*) AS count, round(100.0 * (count(*) - count(${column})) / nullif(count(*), 0), 2) AS null_percentage
        FROM ${source} AS summarized`
    })
    .reduce((all, one) => `${all} UNION ALL ${one}`, '')
    .replace(/^ UNION ALL /, 'SELECT * EXCLUDE (position) FROM (')
    .concat(') ORDER BY position')
}
