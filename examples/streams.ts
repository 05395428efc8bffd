/** Streams in and out, with backpressure from end to end. Run it with: node dist/examples/streams.js */
import { createGzip, gunzipSync } from 'node:zlib'
import { buffer } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { BallistaError, col, fn, SessionContext } from '../src/index.js'

await using ctx = new SessionContext()

/** A source that never ends, and that only goes on when somebody wants more. */
let measured = 0
async function* sensor(): AsyncGenerator<{ at: Date; celsius: number }> {
  for (; ; measured++) {
    if (measured % 1000 === 0) await setTimeout(1)
    yield { at: new Date(measured * 1000), celsius: 20 + (measured % 10) / 2 }
  }
}

ctx.registerStream('sensor', sensor(), { at: 'TIMESTAMP(3)', celsius: 'DOUBLE' })
const warm = await ctx.sql('SELECT celsius FROM sensor WHERE celsius > 24 LIMIT 3')
console.log(await warm.rows(), measured < 20_000 ? 'and the source has stopped' : 'too much was read')

// A result as bytes, through any stream of Node.
const squares = await ctx.sql('SELECT column1 AS x, column1 * column1 AS square FROM (VALUES (1), (2), (3)) AS v')
const packed = await buffer(squares.toReadable({ format: 'csv' }).pipe(createGzip()))
console.log(gunzipSync(packed).toString())

// A response of the web platform.
console.log(await new Response(squares.toReadableStream({ format: 'ndjson' }) as ReadableStream).text())

// Whatever takes too long is cancelled, everywhere.
ctx.registerStream('forever', sensor(), { at: 'TIMESTAMP(3)', celsius: 'DOUBLE' })
try {
  await (await ctx.table('forever')).aggregate([], [fn.avg(col('celsius'))]).rows({ timeoutMs: 50 })
} catch (error) {
  if (error instanceof BallistaError) console.log(error.code)
}
