/** Every aggregate's examples, through SQL. */
import test from 'ava'
import { columnValues } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { AGGREGATES } from '../../src/expr/functions/aggregate/index.js'
import { valueText } from '../../src/expr/value-text.js'
import { SessionContext } from '../../src/index.js'
import { given } from '../../src/session/dataframe.js'

/** The texts of the only column. */
async function textsOf(ctx: SessionContext, sql: string): Promise<string[]> {
  const { batches } = await (await ctx.sql(sql)).execute()
  const texts: string[] = []
  for await (const batch of given(batches)) {
    const [column] = batch.columns
    texts.push(...columnValues(column).map(value => valueText(value, column.type)))
  }
  return texts
}

for (const definition of AGGREGATES) {
  test.serial(`the examples of ${definition.name} hold, in one phase and in two`, async t => {
    t.true(definition.examples.length >= 2, 'fewer than two examples')
    t.true(
      definition.examples.some(({ sql }) => /\bNULL\b/.test(sql)),
      'no example with NULL',
    )
    for (const { sql, result } of definition.examples) {
      for (const partitions of ['1', '3']) {
        const ctx = new SessionContext({ settings: { 'ballista.execution.target_partitions': partitions } })
        t.deepEqual(await textsOf(ctx, `SELECT ${sql}`), [result], sql)
        await ctx.close()
      }
    }
    t.is(bytesInUse(), 0)
  })
}
