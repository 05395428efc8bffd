/** Values in SQL, never as text: parameters, and the template tag. Run it with: node dist/examples/parameters.js */
import { BallistaError, col, SessionContext, sql } from '../src/index.js'

await using ctx = new SessionContext()
await ctx.registerCsv('example', 'test/data/example.csv')

// A list gives $1, $2, …; an object gives $name.
const between = await ctx.sql('SELECT b FROM example WHERE b BETWEEN $1 AND $2 ORDER BY b', [3, 5])
console.log(await between.rows())
const named = await ctx.sql('SELECT count(*) AS n FROM example WHERE a = $key', { parameters: { key: 2 } })
console.log(await named.rows())

// In a template every ${value} is a value, whatever it holds; expressions and frames may stand in it too.
const wanted = [1, 3]
const some = (await ctx.table('example')).filter(sql`a IN (${wanted}) AND ${col('c')} IS NOT NULL`)
console.log(await (await ctx.sql(sql`SELECT a, ${"it's"} AS said FROM ${some} ORDER BY b`)).rows())

// Errors have a code and, where there is a text, a place in it.
try {
  await ctx.sql('SELECT bee FROM example')
} catch (error) {
  if (error instanceof BallistaError) console.log(error.code, error.message, error.span)
}
