/** Queries without SQL text: frames, expressions, joins, and the SQL that they are. Run it with: node dist/examples/dataframe.js */
import { col, fn, SessionContext, when } from '../src/index.js'

await using ctx = new SessionContext()
await ctx.registerCsv('example', 'test/data/example.csv')
const example = await ctx.table('example')

const totals = example
  .filter(col('a').lte(col('b')))
  .groupBy('a')
  .agg(fn.sum(col('b')).alias('total'), fn.count().alias('rows'))

const sizes = ctx.fromRows([
  { size: 'small', from: 0, to: 5 },
  { size: 'large', from: 6, to: 100 },
])

const report = totals
  .alias('t')
  .joinOn(sizes.alias('s'), [col('t.total').between(col('s.from'), col('s.to'))])
  .select('a', 'total', 'size', when(col('rows').gt(1), 'many').otherwise('one').alias('how_many'))
  .sort(col('total').desc(), 'a')

await report.show()
console.log(report.toSql())
