/** The smallest program: one CSV file, one query, in this process. Run it with: node dist/examples/seed.js */
import { SessionContext } from '../src/index.js'

const ctx = new SessionContext()
await ctx.registerCsv('example', 'test/data/example.csv')
const df = await ctx.sql('SELECT a, MIN(b) FROM example WHERE a <= b GROUP BY a LIMIT 100')
await df.show()
await ctx.close()
