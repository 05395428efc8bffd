/** A client in a process of its own, which may be killed: `node write-process.js <url> <key> <statement>` runs one write and says what came of it. */
import { toBallistaError } from '../../src/common/errors.js'
import { SessionContext } from '../../src/session/context.js'

const [, , url, key, statement] = process.argv
const settings = { 'ballista.write.idempotency_key': key, 'ballista.optimizer.repartition_file_min_size': '1' }
await using ctx = await SessionContext.remote(url, { settings })
// A scheduler that was never reached is not waited for.
await (await ctx.sql('SELECT 1 AS a')).rows()
process.stdout.write('ready\n')
try {
  const [{ count }] = await (await ctx.sql(statement)).rows()
  process.stdout.write(`count ${String(count)}\n`)
} catch (error) {
  process.stdout.write(`error ${toBallistaError(error).code}\n`)
}
