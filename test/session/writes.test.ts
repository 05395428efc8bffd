/** Writes of frames and streams: modes, partitions, keys, and what is refused. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/session/context.js'

const directory = mkdtempSync(join(tmpdir(), 'frame-writes-'))
test.after.always(() => rmSync(directory, { recursive: true }))

const place = (name: string): string => join(directory, name)
const ROWS = [
  { a: 2, k: 'x' },
  { a: 1, k: 'y' },
  { a: 3, k: 'x' },
]

test.serial('modes: error, append and overwrite', async t => {
  await using ctx = new SessionContext()
  const frame = ctx.fromRows(ROWS)
  const path = place('modes/')
  t.is(await frame.writeParquet(path, { mode: 'error' }), 3)
  await t.throwsAsync(frame.writeParquet(path, { mode: 'error' }), { code: 'FILE_EXISTS' })
  await frame.writeParquet(path, { mode: 'append' })
  t.is(await (await ctx.readParquet(path)).count(), 6)
  await frame.filter('a > 1').writeParquet(path, { mode: 'overwrite' })
  t.is(await (await ctx.readParquet(path)).count(), 2)
  const file = place('modes.csv')
  await frame.writeCsv(file)
  await t.throwsAsync(frame.writeCsv(file, { mode: 'error' }), { code: 'FILE_EXISTS' })
  await t.throwsAsync(frame.writeCsv(file, { mode: 'append' }), { code: 'INVALID_OPTION' })
  t.deepEqual(readdirSync(directory).sort(), ['modes', 'modes.csv'])
})

test.serial('partitions, order and compression', async t => {
  await using ctx = new SessionContext()
  const frame = ctx.fromRows(ROWS)
  await frame.writeCsv(place('parts'), { partitionBy: ['k'], sortBy: ['a DESC'] })
  const [x] = readdirSync(place('parts/k=x'))
  t.is(readFileSync(place(`parts/k=x/${x}`), 'utf8'), 'a\n3\n2\n')
  t.deepEqual(readdirSync(place('parts')), ['k=x', 'k=y'])
  await frame.writeJson(place('packed'), { singleFile: false, compression: 'gzip' })
  t.regex(readdirSync(place('packed'))[0], /\.json\.gz$/)
  await frame.writeJson(place('zstd'), { singleFile: false, compression: 'zstd' })
  t.regex(readdirSync(place('zstd'))[0], /\.json\.zst$/)
  await frame.writeCsv(place('packed.csv.zst'), { compression: 'zstd' })
  t.deepEqual(await (await ctx.readCsv(place('packed.csv.zst'))).sort('a').rows(), [
    { a: 1n, k: 'y' },
    { a: 2n, k: 'x' },
    { a: 3n, k: 'x' },
  ])
  await t.throwsAsync(frame.writeCsv(place('none'), { partitionBy: ['c'] }), { code: 'COLUMN_NOT_FOUND' })
  await t.throwsAsync(frame.writeCsv(place('none'), { partitionBy: ['a', 'k'] }), { code: 'INVALID_OPTION' })
  await t.throwsAsync(frame.writeCsv(place('none'), { partitionBy: ['a'], singleFile: true }), {
    code: 'INVALID_OPTION',
  })
  await t.throwsAsync(frame.writeCsv(place('none'), { format: { headr: true } }), { code: 'INVALID_OPTION' })
  t.false(readdirSync(directory).some(name => name.includes('none')))
})

for (const where of ['local', 'cluster'] as const) {
  test.serial(`a stream is inserted, once for each key: ${where}`, async t => {
    const before = bytesInUse()
    await using ctx = where === 'local' ? new SessionContext() : await SessionContext.standalone()
    const path = place(`stream-${where}/`)
    await ctx.fromRows(ROWS).writeParquet(path)
    await ctx.registerParquet('t', path)
    const rows = (): Readable => Readable.from(Array.from({ length: 5000 }, (_, i) => ({ k: 'new', a: i })))
    const table = await ctx.table('t')
    t.is(await table.insert(rows(), { idempotencyKey: 'once' }), 5000)
    t.is(await table.insert(rows(), { idempotencyKey: 'once' }), 5000)
    t.is(await table.count(), 5003)
    t.is(await table.insert(rows(), { overwrite: true }), 5000)
    t.is(await (await ctx.table('t')).count(), 5000)
    await t.throwsAsync(table.filter('a > 1').insert(rows()), { code: 'INVALID_ARGUMENT' })
    const broken = Readable.from(
      (function* () {
        yield { a: 1, k: 'z' }
        throw new Error('the source broke')
      })(),
    )
    await t.throwsAsync(table.insert(broken), { message: /the source broke/ })
    t.is(await (await ctx.table('t')).count(), 5000)
    await ctx.close()
    t.is(bytesInUse(), before)
  })
}

test.serial('a stream goes into a table in memory, too', async t => {
  await using ctx = new SessionContext()
  ctx.registerTable('m', await ctx.fromRows(ROWS).cache())
  t.is(await (await ctx.table('m')).insert([{ a: 9, k: null }]), 1)
  t.deepEqual(await (await ctx.sql('SELECT k FROM m WHERE a = 9')).rows(), [{ k: null }])
})

test.serial('an aborted write leaves nothing', async t => {
  await using ctx = new SessionContext()
  const path = place('aborted/')
  const endless = Readable.from(
    (async function* () {
      for (let a = 0; ; a++) yield { a, k: 'x' }
    })(),
  )
  await ctx.fromRows(ROWS).writeParquet(path)
  await ctx.registerParquet('t', path)
  await t.throwsAsync((await ctx.table('t')).insert(endless, { timeoutMs: 200 }), { code: 'TIMEOUT' })
  t.is(await (await ctx.table('t')).count(), 3)
  t.false(readdirSync(directory).some(name => name.startsWith('.aborted')))
})
