/** EXPLAIN VERIFY: runs a query in several tasks and in one, and says what differs. */
import { columnValues, releaseBatch } from '../arrow/column.js'
import { decodeBatch } from '../arrow/frame.js'
import type { Value } from '../arrow/types.js'
import { minPartitionBytes } from '../runtime/options.js'
import { configOf, type Settings } from '../common/option.js'
import type { QueryNode } from '../parser/ast.js'
import { compareResults, type Result } from './compare-results.js'
import { textRows } from './held-rows.js'
import { targetPartitions } from './options.js'
import type { RunOptions } from './run-options.js'
import type { HeldRows, Session, Statement } from './session.js'

export const VERIFY_COLUMNS = ['check', 'result', 'detail']

/** Where the session asks for no partitions, or for one. */
const PARTITIONS = 3

/** `statement` is the query `query` alone. One row a check; both results are held in memory. */
export async function verifyQuery(
  session: Session,
  query: QueryNode,
  statement: Statement,
  options: RunOptions,
): Promise<HeldRows> {
  const run = async (name: string, settings: Settings): Promise<Result> =>
    resultOf(name, await session.collect({ ...statement, settings: { ...statement.settings, ...settings } }, options))
  const wanted = configOf(statement.settings).get(targetPartitions)
  const several = await run('in several tasks', {
    [targetPartitions.key]: String(wanted > 1 ? wanted : PARTITIONS),
    [minPartitionBytes.key]: '1',
  })
  const one = await run('in one', { [targetPartitions.key]: '1' })
  const checks = compareResults(query, several, one)
  return textRows(
    VERIFY_COLUMNS,
    checks.map(({ check, result, detail }) => [check, result, detail]),
  )
}

function resultOf(name: string, { schema, batches }: HeldRows): Result {
  const rows: Value[][] = []
  for (const { bytes } of batches) {
    const batch = decodeBatch(bytes, schema)
    try {
      const columns = batch.columns.map(columnValues)
      for (let row = 0; row < batch.rowCount; row++) rows.push(columns.map(values => values[row]))
    } finally {
      releaseBatch(batch)
    }
  }
  return { name, schema, rows }
}
