/** A session as a program uses it: closing at any time, many statements at once, frames that run again, and signals. */
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import type { BallistaError } from '../../src/common/errors.js'
import { SessionContext } from '../../src/index.js'
import type { ParameterValues } from '../../src/session/parameters.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { DAY, IS_FULL, isTurn } from '../helpers/sample.js'

const BEFORE = bytesInUse()

const MODES: readonly (readonly [name: string, make: () => Promise<SessionContext>])[] = [
  ['in this process', async () => new SessionContext()],
  ['standalone', () => SessionContext.standalone({ executors: 1 })],
]

/** Rows enough to run until somebody stops it: 20 ^ 10. */
const ENDLESS = `SELECT count(*) AS n FROM ${'abcdefghij'
  .split('')
  .map(name => `digits ${name}`)
  .join(', ')} WHERE a.d + b.d < c.d + j.d`

async function withDigits(ctx: SessionContext): Promise<SessionContext> {
  const values = Array.from({ length: 20 }, (_, i) => `(${i})`).join(', ')
  await ctx.sql(`CREATE TABLE digits AS SELECT column1 AS d FROM (VALUES ${values}) AS v`)
  return ctx
}

const failure = (error: BallistaError): string => `${error.code}: ${error.message}`
const outcome = (run: Promise<unknown>): Promise<string> => run.then(() => 'no error', failure)

for (const [mode, make] of MODES) {
  test.serial(`${mode}: close ends what runs, may be repeated, and refuses what comes later`, async t => {
    const ctx = await withDigits(await make())
    const frame = await ctx.sql(ENDLESS)
    const running = outcome(frame.rows())
    const { batches } = await (await ctx.sql('SELECT * FROM digits')).execute()
    await Promise.all([ctx.close(), ctx.close()])
    await ctx.close()
    t.is(await running, 'CANCELLED: query cancelled: the session was closed')
    t.is(await outcome(batches[Symbol.asyncIterator]().next()), 'CANCELLED: query cancelled: the session was closed')
    const refused = 'INVALID_ARGUMENT: the session is closed; make another one'
    t.is(await outcome(frame.rows()), refused)
    t.is(await outcome(ctx.sql('SELECT 1').then(after => after.rows())), refused)
    t.is(await outcome(ctx.registerCsv('x', 'test/data/example.csv')), refused)
    t.is(bytesInUse(), BEFORE)
  })

  test.serial(`${mode}: an iteration that is left and a signal end their queries`, async t => {
    const ctx = await withDigits(await make())
    for await (const batch of await ctx.sql('SELECT a.d FROM digits a, digits b, digits c, digits d')) {
      t.true(batch.numRows > 0)
      break
    }
    const frame = await ctx.sql(ENDLESS)
    t.deepEqual(
      frame.schema().fields.map(field => field.name),
      ['n'],
    )
    const stop = new AbortController()
    const running = outcome(frame.rows({ signal: stop.signal }))
    stop.abort()
    t.is(await running, 'CANCELLED: query cancelled: This operation was aborted')
    t.is(await outcome(frame.rows({ signal: stop.signal })), 'CANCELLED: query cancelled: This operation was aborted')
    await ctx.close()
    t.is(bytesInUse(), BEFORE)
  })

  test.serial(`${mode}: a frame runs again, and statements run at the same time`, async t => {
    const ctx = await withDigits(await make())
    const frame = await ctx.sql('SELECT sum(d) AS s FROM digits')
    const sums = await Promise.all(Array.from({ length: 5 }, () => frame.rows()))
    t.deepEqual(
      sums.map(([{ s }]) => s),
      [190n, 190n, 190n, 190n, 190n],
    )
    await ctx.sql('CREATE TABLE many AS SELECT 0 AS x')
    await Promise.all(Array.from({ length: 10 }, (_, i) => ctx.sql(`INSERT INTO many VALUES (${i + 1})`)))
    t.deepEqual(await (await ctx.sql('SELECT count(*) AS n, sum(x) AS s FROM many')).rows(), [{ n: 11n, s: 55n }])
    await ctx.close()
    t.is(bytesInUse(), BEFORE)
  })
}

test.serial('rows for a table that is dropped or replaced meanwhile are refused', async t => {
  await using ctx = new SessionContext()
  const schema = { fields: [{ name: 'x', type: { kind: 'int', bits: 64, signed: true }, nullable: true }] } as const
  const insertBefore = async (change: () => void): Promise<string> => {
    ctx.registerMemory('m', { fields: schema.fields }, [])
    const insert = outcome(ctx.sql('INSERT INTO m VALUES (1)'))
    change()
    return insert
  }
  t.is(await insertBefore(() => ctx.deregister('m')), "TABLE_NOT_FOUND: table 'm' not found")
  const replaced = await insertBefore(() => ctx.registerMemory('m', { fields: schema.fields }, []))
  t.is(replaced, "INVALID_ARGUMENT: table 'm' was replaced while rows were inserted; try again")
  t.is(await (await ctx.table('m')).count(), 0)
})

test.serial('parameters of a program are values of the types that they have', async t => {
  await using ctx = new SessionContext()
  const one = async (sql: string, parameters: ParameterValues): Promise<unknown[]> =>
    Object.values((await (await ctx.sql(sql, { parameters })).rows())[0])
  t.deepEqual(await one('SELECT ?, ?, ?, ?, ?', ['a', 1, 1.5, true, null]), ['a', 1n, 1.5, true, null])
  t.deepEqual(await one('SELECT $2 + 1, $1', [2n ** 70n, 1n]), [2n, (2n ** 70n).toString()])
  const when = new Date('2024-02-29T12:30:00Z')
  t.deepEqual(await one("SELECT $at, date_part('hour', $at)", { at: when }), [when, 12])
  t.deepEqual(await one("SELECT $day > DATE '2024-01-31'", { day: '2024-02-01' }), [true])
  t.deepEqual(await one('SELECT $bytes', { bytes: new Uint8Array([1, 255]) }), [new Uint8Array([1, 255])])
  await ctx.sql('CREATE TABLE t AS SELECT value AS a, value AS b FROM generate_series(1, 9)')
  const summary = await ctx.sql('SUMMARIZE SELECT a, b FROM t WHERE a > ? AND b < ?', [2, 6])
  t.deepEqual(
    (await summary.rows()).map(({ min, max }) => [min, max]),
    Array(2).fill(['3', '5']),
  )
  t.is(await outcome(ctx.sql('SELECT $2', { parameters: [1] })), 'INVALID_ARGUMENT: parameter $2 has no value')
  const strange = { parameters: { x: (() => 1) as never } }
  t.is(
    await outcome(ctx.sql('SELECT $x', strange)),
    'INVALID_ARGUMENT: the value of parameter $x must be a string, number, bigint, boolean, Date, Uint8Array or null',
  )
})

const TERMS = 10_000
const chain = (separator: string, term: (i: number) => string): string =>
  Array.from({ length: TERMS }, (_, i) => term(i)).join(separator)

/** Every other one is run each day. */
const CHAINS: Readonly<Record<string, readonly [sql: string, answer: string]>> = {
  'AND in WHERE': [`SELECT count(*) FROM n WHERE ${chain(' AND ', i => `i <> ${i + 2}`)}`, '1'],
  'OR in WHERE': [`SELECT count(*) FROM n WHERE ${chain(' OR ', i => `i = ${i}`)}`, '2'],
  'BIGINT + of constants': [`SELECT ${chain(' + ', () => '1')}`, '10000'],
  'BIGINT + - of columns': [`SELECT max(${chain(' + ', i => (i % 3 === 2 ? `${i} - i` : 'i'))}) FROM n`, '16671668'],
  'DECIMAL + of columns': [`SELECT max(${chain(' + ', () => 'd')}) FROM n`, '25000.0'],
  'DOUBLE * of columns': [`SELECT max(${chain(' * ', () => 'f')}) FROM n`, '1'],
  '+ in WHERE': [`SELECT count(*) FROM n WHERE ${chain(' + ', () => 'i')} > 10000`, '1'],
  '+ of aggregates': [`SELECT ${chain(' + ', i => `sum(i + ${i % 10})`)} FROM n`, '120000'],
  '|| of columns': [`SELECT max(length(${chain(' || ', () => 's')})) FROM n`, '20000'],
  'UNION ALL': [`SELECT sum(x) FROM (${chain(' UNION ALL ', i => `SELECT ${i} AS x`)})`, '49995000'],
  UNION: [`SELECT sum(x) FROM (${chain(' UNION ', i => `SELECT ${i % 100} AS x`)})`, '4950'],
  'an IN list': [`SELECT count(*) FROM n WHERE i IN (${chain(', ', i => String(i))})`, '2'],
  'CASE arms': [`SELECT max(CASE ${chain(' ', i => `WHEN i = ${i} THEN ${i}`)} END) FROM n`, '2'],
  'select items': [`SELECT ${chain(', ', i => `i + ${i}`)} FROM n ORDER BY 1 LIMIT 1`, '1'],
  'VALUES rows': [`SELECT sum(column1) FROM (VALUES ${chain(', ', i => `(${i})`)})`, '49995000'],
  CTEs: [`WITH ${chain(', ', i => `c${i} AS (SELECT ${i} AS x)`)} SELECT x FROM c9999`, '9999'],
}

test.serial('ten thousand terms in a row are answered', async t => {
  const chosen = Object.entries(CHAINS).filter((_, i) => isTurn(i, 2))
  t.log(IS_FULL ? 'all of them' : `SEED=${DAY}: ${chosen.map(([what]) => what).join(', ')}`)
  const ctx = new SessionContext()
  await ctx.sql("CREATE TABLE n AS SELECT * FROM (VALUES (1, 1.5, 1e0, 'a'), (2, 2.5, -1e0, 'bc')) AS v(i, d, f, s)")
  for (const [what, [sql, answer]] of chosen) {
    const rows = await (await ctx.sql(sql)).rows()
    t.is(String(Object.values(rows[0])[0]), answer, what)
  }
  await ctx.close()
  t.is(bytesInUse(), BEFORE)
})

for (const [mode, make] of [
  ['in this process', async (settings: Record<string, string>) => new SessionContext({ settings })],
  ['standalone', (settings: Record<string, string>) => SessionContext.standalone({ executors: 1, settings })],
] as const) {
  test.serial(`${mode}: the memory limit of the settings holds`, async t => {
    const ctx = await withDigits(await make({ 'datafusion.memory.limit': '1MB' }))
    t.teardown(() => ctx.close())
    const groups = `SELECT a.d, b.d, c.d, e.d, count(*) FROM ${'abce'
      .split('')
      .map(name => `digits ${name}`)
      .join(', ')} GROUP BY 1, 2, 3, 4`
    const { spillBytesWritten } = ioStats()
    t.is(await ctx.sql(groups).then(async df => (await df.rows()).length), 160_000)
    t.true(ioStats().spillBytesWritten > spillBytesWritten)
    t.is(ioStats().tempFiles, 0)
    await ctx.close()
    t.is(bytesInUse(), BEFORE)
  })
}

test('a remote session takes no memory limit: it is that of the executors', async t => {
  const remote = SessionContext.remote('df://127.0.0.1:1', { settings: { 'ballista.memory.limit': '1MB' } })
  t.regex(await outcome(remote), /^INVALID_OPTION: /)
})
