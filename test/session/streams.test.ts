/** Streams in and out: results as Node and web streams, programs' streams as tables; pressure, early ends, time limits. */
import { Readable, Writable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { tableFromIPC } from 'apache-arrow'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import type { BallistaError } from '../../src/common/errors.js'
import { col, SessionContext, type DataFrame } from '../../src/index.js'

const failure = (error: BallistaError): string => `${error.code}: ${error.message}`
const outcome = (run: Promise<unknown>): Promise<string> => run.then(() => 'no error', failure)

/** Rows as they are taken: the stream counts them, and knows whether it was ended. */
function counted(limit = Infinity): {
  rows: AsyncGenerator<{ x: number }>
  taken: () => number
  isEnded: () => boolean
} {
  let taken = 0
  let ended = false
  async function* rows(): AsyncGenerator<{ x: number }> {
    try {
      while (taken < limit) yield { x: taken++ }
    } finally {
      ended = true
    }
  }
  return { rows: rows(), taken: () => taken, isEnded: () => ended }
}

/** The number once it has not changed for a while; fails if it never stays. */
async function settled(count: () => number): Promise<number> {
  let stable = 0
  let last = count()
  for (let waits = 0; waits < 200; waits++) {
    await new Promise(resolve => setTimeout(resolve, 50))
    stable = count() === last ? stable + 1 : 0
    last = count()
    if (stable === 5) return last
  }
  throw new Error(`still growing: ${last}`)
}

/** Rows without end: 20 ^ 10 of them. */
async function endless(ctx: SessionContext): Promise<DataFrame> {
  const digits = ctx.fromRows(Array.from({ length: 20 }, (_, d) => ({ d })))
  digits.createView('digits', { orReplace: true })
  return ctx.sql(`SELECT a.d FROM ${[...'abcdefghij'].map(name => `digits ${name}`).join(', ')}`)
}

const MODES: readonly (readonly [name: string, make: () => Promise<SessionContext>])[] = [
  ['in this process', async () => new SessionContext()],
  ['standalone', () => SessionContext.standalone({ executors: 1 })],
]

for (const [mode, make] of MODES) {
  test.serial(`${mode}: a result is a stream of rows, batches, or the bytes of a format`, async t => {
    const before = bytesInUse()
    const ctx = await make()
    t.teardown(() => ctx.close())
    const frame = ctx.fromColumns({ a: [1, 2], s: ['x', null] })
    t.deepEqual(await frame.toReadable().toArray(), await frame.rows())
    const batches = await frame.toReadable({ format: 'batches' }).toArray()
    t.is((batches[0] as { numRows: number }).numRows, 2)
    t.is(await text(frame.toReadable({ format: 'csv' })), 'a,s\n1,x\n2,\n')
    t.is(await text(frame.toReadable({ format: 'tsv' })), 'a\ts\n1\tx\n2\t\n')
    t.is(await text(frame.toReadable({ format: 'ndjson' })), '{"a":1,"s":"x"}\n{"a":2,"s":null}\n')
    t.is(await text(frame.toReadable({ format: 'json' })), '[{"a":1,"s":"x"},\n{"a":2,"s":null}]\n')
    t.is(tableFromIPC(await buffer(frame.toReadable({ format: 'arrow' }))).numRows, 2)
    t.is(tableFromIPC(await buffer(frame.filter('a > 5').toReadable({ format: 'arrow' }))).numRows, 0)
    t.is(
      await new Response(frame.toReadableStream({ format: 'ndjson' }) as ReadableStream).text(),
      '{"a":1,"s":"x"}\n{"a":2,"s":null}\n',
    )
    const rows: unknown[] = []
    for await (const row of frame.toReadableStream()) rows.push(row)
    t.is(rows.length, 2)
    await ctx.close()
    t.is(bytesInUse(), before)
  })

  test.serial(`${mode}: leaving, destroying, failing and running out of time end the query`, async t => {
    const before = bytesInUse()
    const ctx = await make()
    t.teardown(() => ctx.close())
    const frame = await endless(ctx)
    let seen = 0
    const left = frame.toReadable()
    for await (const _ of left) if (++seen === 10) break
    t.true(left.destroyed)
    const full = new Writable({
      objectMode: true,
      write: (_, __, done) => done(++seen > 1000 ? new Error('full') : null),
    })
    await t.throwsAsync(pipeline(frame.toReadable(), full), { message: 'full' })
    const cancelled = frame.toReadableStream({ format: 'csv' }).getReader()
    t.false((await cancelled.read()).done)
    await cancelled.cancel()
    const drain = (options: object): Promise<string> =>
      outcome(pipeline(frame.toReadable(options), new Writable({ objectMode: true, write: (_, __, done) => done() })))
    t.is(await drain({ timeoutMs: 50 }), 'TIMEOUT: query cancelled: it took longer than 50 ms')
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Error('enough')), 50)
    t.is(await drain({ signal: stop.signal }), 'CANCELLED: query cancelled: enough')
    t.is(await drain({ signal: stop.signal }), 'CANCELLED: query cancelled: enough')
    t.is(await outcome(frame.count({ timeoutMs: 30 })), 'TIMEOUT: query cancelled: it took longer than 30 ms')
    t.is(
      await outcome(frame.collect({ timeoutMs: -1 })),
      'INVALID_ARGUMENT: timeoutMs must be between 0 and 2147483647, got -1',
    )
    t.throws(() => frame.toReadable({ format: 'xml' as 'csv' }), { code: 'INVALID_ARGUMENT' })
    await ctx.close()
    t.is(bytesInUse(), before)
  })
}

test.serial('a stream is a table for one query, and is taken as fast as the query goes on', async t => {
  const before = bytesInUse()
  await using ctx = new SessionContext()
  const source = counted()
  ctx.registerStream('live', source.rows, { x: 'BIGINT' })
  const frame = (await ctx.table('live')).filter(col('x').mod(2).eq(0)).select(col('x').mul(10).alias('y'))
  const readable = frame.toReadable()
  const first = readable[Symbol.asyncIterator]()
  t.deepEqual(await first.next(), { done: false, value: { y: 0n } })
  // The consumer pauses: what has been taken stays what the buffers between them hold.
  const held = await settled(source.taken)
  t.true(held <= 10 * 1024, `${held} rows taken`)
  const closed = new Promise(resolve => readable.once('close', resolve))
  readable.once('error', () => undefined)
  await first.return?.()
  await closed
  t.true(source.isEnded())
  t.regex(await outcome(frame.rows()), /^INVALID_ARGUMENT: the stream 'live' has been read; register it again/)
  t.is(bytesInUse(), before)
})

test.serial('a LIMIT ends the source, also one that has nothing more to say', async t => {
  await using ctx = new SessionContext()
  const source = counted()
  ctx.registerStream('many', source.rows, { x: 'BIGINT' })
  t.deepEqual(await (await ctx.sql('SELECT x FROM many LIMIT 2')).rows(), [{ x: 0n }, { x: 1n }])
  t.true(source.isEnded())
  t.true(source.taken() <= 4, `${source.taken()} rows taken`)
  // Three rows, then silence: rows do not wait for a full batch.
  async function* pausing(): AsyncGenerator<{ x: number }> {
    for (let x = 0; x < 3; x++) yield { x }
    await new Promise(() => undefined)
  }
  ctx.registerStream('pausing', pausing(), { x: 'BIGINT' })
  t.is(await (await ctx.sql('SELECT x FROM pausing WHERE x > 0 LIMIT 2')).count(), 2)
  ctx.registerStream('silent', pausing(), { x: 'BIGINT' })
  const all = await ctx.sql('SELECT count(*) AS n FROM silent')
  t.is(await outcome(all.rows({ timeoutMs: 50 })), 'TIMEOUT: query cancelled: it took longer than 50 ms')
})

test.serial('Node, web and plain iterables, record batches, and joins with tables', async t => {
  const before = bytesInUse()
  await using ctx = new SessionContext()
  const rows = [{ x: 1, s: 'a' }, { x: 2 }, { x: 3, s: null }]
  const node = Readable.from(rows)
  ctx.registerStream('node', node, { x: 'BIGINT', s: 'VARCHAR' })
  t.deepEqual(await (await ctx.table('node')).rows(), [
    { x: 1n, s: 'a' },
    { x: 2n, s: null },
    { x: 3n, s: null },
  ])
  ctx.registerStream('web', Readable.toWeb(Readable.from(rows)), { x: 'BIGINT' })
  const names = ctx.fromColumns({ id: [2, 3], name: ['two', 'three'] })
  const joined = (await ctx.table('web')).join(names, { leftOn: 'x', rightOn: 'id' }).sort('x')
  t.deepEqual(await joined.select('x', 'name').rows(), [
    { x: 2n, name: 'two' },
    { x: 3n, name: 'three' },
  ])
  const frame = ctx.fromColumns({ x: [1, 2, 3] })
  ctx.registerStream('batches', frame.stream(), frame.schema())
  t.deepEqual(await (await ctx.sql('SELECT sum(x) AS s FROM batches')).rows(), [{ s: 6n }])
  ctx.registerStream('wrong', [{ x: 'text' }], { x: 'BIGINT' })
  t.regex(await outcome((await ctx.table('wrong')).rows()), /^TYPE_MISMATCH: column 'x': expected BIGINT, got 'text'/)
  const failing = Readable.from((async function* () {
    yield { x: 1 }
    throw new Error('the source broke')
  })()) // oxfmt-ignore
  ctx.registerStream('failing', failing, { x: 'BIGINT' })
  t.regex(await outcome((await ctx.table('failing')).rows()), /the source broke/)
  t.is(bytesInUse(), before)
})

test.serial('a stream is read once also where the plan has several tasks', async t => {
  const settings = { 'ballista.execution.target_partitions': '3', 'ballista.optimizer.repartition_file_min_size': '1' }
  await using ctx = new SessionContext({ settings })
  await ctx.registerCsv('example', 'test/data/example.csv')
  const source = counted(5000)
  ctx.registerStream('live', source.rows, { x: 'BIGINT' })
  const query = `SELECT a, count(*) AS n FROM example JOIN live ON live.x % 7 = example.a WHERE b > 1 GROUP BY a ORDER BY a`
  const n = (a: number): bigint => BigInt(Array.from({ length: 5000 }, (_, x) => x).filter(x => x % 7 === a).length)
  t.deepEqual(await (await ctx.sql(query)).rows(), [
    { a: 1n, n: 2n * n(1) },
    { a: 2n, n: 2n * n(2) },
    { a: 3n, n: n(3) },
    { a: 5n, n: n(5) },
  ])
  t.is(source.taken(), 5000)
})

test.serial('closing a session ends the streams that were not read; a cluster takes none', async t => {
  const ctx = new SessionContext()
  const node = Readable.from([{ x: 1 }])
  ctx.registerStream('unread', node, { x: 'BIGINT' })
  await ctx.close()
  t.true(node.destroyed)
  await using remote = await SessionContext.remote('df://127.0.0.1:1')
  t.throws(() => remote.registerStream('s', [], { x: 'BIGINT' }), { code: 'NOT_SUPPORTED' })
})
