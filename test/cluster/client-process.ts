/** A client in a process of its own, to be killed: starts a query, says so after the first batch, and reads no more. */
import { SessionContext } from '../../src/session/context.js'

const [url, directory] = process.argv.slice(2)
const ctx = await SessionContext.remote(url)
await ctx.registerParquet('lineitem', directory)
const batches = (await ctx.sql('SELECT * FROM lineitem')).stream()
await batches.next()
process.stdout.write('first batch\n')
// Keeps the query open until somebody ends this process.
setInterval(() => batches.next.length, 60_000)
