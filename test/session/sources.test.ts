/** Rows, columns, Arrow data and files that programs bring; what frames write, name, explain and hold. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { sameSchema } from '../../src/arrow/schema.js'
import type { BallistaError } from '../../src/common/errors.js'
import { col, fn, placeholder, SessionContext, sql } from '../../src/index.js'

const failure = (error: unknown): string => `${(error as BallistaError).code}: ${(error as BallistaError).message}`
const thrown = (t: ExecutionContext, action: () => unknown): string => failure(t.throws(action))

const MODES: readonly (readonly [name: string, make: () => Promise<SessionContext>])[] = [
  ['in this process', async () => new SessionContext()],
  ['standalone', () => SessionContext.standalone({ executors: 1 })],
]

for (const [mode, make] of MODES) {
  test.serial(`${mode}: rows of objects, columns and Arrow data become frames`, async t => {
    const before = bytesInUse()
    const ctx = await make()
    t.teardown(() => ctx.close())
    const day = new Date('2024-02-29T01:02:03.004Z')
    const rows = ctx.fromRows([
      { i: 1, f: 1.5, s: "it's", b: true, d: day, big: 2n ** 70n, bytes: new Uint8Array([0, 255]), none: null },
      { i: 2n, f: -0, s: null, extra: 'x' },
    ])
    t.deepEqual(await rows.rows(), [
      { i: 1n, f: 1.5, s: "it's", b: true, d: day, big: (2n ** 70n).toString(), bytes: new Uint8Array([0, 255]), none: null, extra: null },
      { i: 2n, f: -0, s: null, b: null, d: null, big: null, bytes: null, none: null, extra: 'x' },
    ]) // oxfmt-ignore
    t.deepEqual(await rows.select('i', 'd').rows({ bigint: 'number', dates: 'string' }), [
      { i: 1, d: '2024-02-29T01:02:03.004' },
      { i: 2, d: null },
    ])
    t.deepEqual(await rows.select('i').toReadable({ bigint: 'string' }).toArray(), [{ i: '1' }, { i: '2' }])
    await t.throwsAsync(ctx.fromRows([{ x: 2n ** 60n }]).rows({ bigint: 'number' }), { code: 'NUMERIC_OVERFLOW' })
    const typed = ctx.fromColumns(
      { p: ['1.005', 2, 3n], day: [day, '1969-12-31', null] },
      { p: 'DECIMAL(10, 2)', day: 'DATE' },
    )
    t.deepEqual(await typed.select('p', col('day').cast('VARCHAR').alias('day')).rows(), [
      { p: '1.01', day: '2024-02-29' },
      { p: '2.00', day: '1969-12-31' },
      { p: '3.00', day: null },
    ])
    const before1970 = ctx.fromRows([{ at: new Date(-1) }], { at: 'TIMESTAMP(0)' })
    t.deepEqual(await before1970.rows(), [{ at: new Date(-1000) }])
    const at = await ctx.sql("SELECT TIMESTAMP(6) '1969-12-31 23:59:59.999999' AS at")
    t.deepEqual(await at.rows(), [{ at: new Date(-1) }])
    const table = await typed.toArrow()
    t.deepEqual(await (await ctx.fromArrow(table)).rows(), await typed.rows())
    await ctx.registerBatches('arrow', table)
    t.deepEqual(await (await ctx.sql('SELECT sum(p) AS s FROM arrow')).rows(), [{ s: '6.01' }])
    const many = ctx.fromRows(Array.from({ length: 20_000 }, (_, x) => ({ x })))
    t.deepEqual(await many.aggregate([], [fn.sum(col('x')).alias('s'), fn.count().alias('n')]).rows(), [
      { s: 199_990_000n, n: 20_000n },
    ])
    t.is(await ctx.fromRows([], { x: 'BIGINT' }).count(), 0)
    t.is((await many.sort(col('x').desc()).toString(2)).split('\n')[4], '| 19998 |')
    await t.throwsAsync(ctx.readCsv('test/data/example.csv', {}, { signal: AbortSignal.abort() }), {
      code: 'CANCELLED',
    })
    await ctx.close()
    t.is(bytesInUse(), before)
  })

  test.serial(`${mode}: frames write files, are views, are held and explain themselves`, async t => {
    const directory = mkdtempSync(join(tmpdir(), 'ballista-test-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const ctx = await make()
    t.teardown(() => ctx.close())
    const frame = ctx.fromColumns({ id: [1, 2, 3], name: ['a', null, 'c'] }).filter(col('id').gt(1))
    const expected = await frame.rows()
    for (const [write, read, ending] of [
      ['writeParquet', 'readParquet', 'parquet'],
      ['writeCsv', 'readCsv', 'csv'],
      ['writeJson', 'readJson', 'json'],
      ['writeArrow', 'readArrow', 'arrow'],
    ] as const) {
      const path = join(directory, `x.${ending}`)
      t.is(await frame[write](path), 2)
      t.deepEqual(await (await ctx[read](path)).sort('id').rows(), expected, ending)
    }
    await ctx.sql(`CREATE VIEW files AS SELECT id * 10 AS ten FROM '${join(directory, 'x.parquet')}'`)
    t.deepEqual(await (await ctx.table('files')).filter('files.ten > 20').rows(), [{ ten: 30n }])
    t.is(await frame.filter(sql`id IN (SELECT value FROM generate_series(${3}, 4))`).count(), 1)
    t.is(await frame.writeCsv(join(directory, 'y.csv'), { format: { has_header: false, delimiter: '|' } }), 2)
    t.is(await (await ctx.readCsv(join(directory, 'y.csv'), { has_header: false, delimiter: '|' })).count(), 2)
    t.deepEqual(readdirSync(directory).sort(), ['x.arrow', 'x.csv', 'x.json', 'x.parquet', 'y.csv'])

    frame.createView('v')
    t.deepEqual(await (await ctx.sql('SELECT count(*) AS n FROM v')).rows(), [{ n: 2n }])
    t.is(
      thrown(t, () => frame.createView('v')),
      "DUPLICATE_NAME: table or view 'v' already exists; choose another name or drop it first",
    )
    const values = ['c', new Date('2024-02-29T12:00:00.001Z'), new Uint8Array([0, 255]), 2n ** 70n]
    const parameterized = await ctx.sql('SELECT id, $2 AS at, $3 AS bytes, $4 AS big FROM v WHERE name = $1', values)
    parameterized.createView('w')
    t.deepEqual(await (await ctx.table('w')).rows(), await parameterized.rows())
    t.true(sameSchema((await ctx.table('w')).schema(), parameterized.schema()))
    ctx.registerTable('held', await frame.cache())
    await ctx.sql("INSERT INTO held VALUES (9, 'z')")
    t.deepEqual(await (await ctx.sql('SELECT max(id) AS m, count(*) AS n FROM held')).rows(), [{ m: 9n, n: 3n }])
    t.is(await ctx.fromRows([{ id: 10, name: 'new' }]).insertInto('held'), 1)
    t.is(await (await ctx.table('held')).filter('id > 9').count(), 1)
    t.is(await (await ctx.table('held')).filter('id > 9').insertInto('held', { overwrite: true }), 1)
    t.deepEqual(await (await ctx.table('held')).rows(), [{ id: 10n, name: 'new' }])
    await t.throwsAsync(frame.insertInto('hled'), { code: 'TABLE_NOT_FOUND', message: /did you mean 'held'/ })
    await t.throwsAsync(frame.select('id').insertInto('held'), { code: 'INVALID_ARGUMENT' })
    t.true(ctx.tableExists('held'))
    t.true(ctx.deregister('held'))
    t.false(ctx.tableExists('held'))

    const plans = await (await frame.explain()).rows()
    t.deepEqual(
      plans.map(row => row['plan_type']),
      ['logical_plan', 'physical_plan'],
    )
    t.regex(await frame.physicalPlan(), /FilterExec: id@0 > 1/)
    t.regex(await frame.optimizedPlan(), /TableScan/)
    t.regex(frame.logicalPlan(), /Filter: .*id > 1\n/)
    t.regex(frame.filter(col('id').lt(placeholder(1))).logicalPlan(), /id < /)
    t.true((await (await frame.explain({ analyze: true })).toString()).includes('output_rows=2'))
    t.deepEqual(
      (await frame.describe().rows()).map(({ describe, id, name }) => [describe, id, name]),
      [
        ['count', '2', '1'],
        ['null_count', '0', '1'],
        ['mean', '2.5', null],
        ['std', '0.7071067811865476', null],
        ['min', '2', 'c'],
        ['max', '3', 'c'],
        ['median', '2.5', null],
      ],
    )
  })
}

test('what a program brings is checked, and errors name the column', t => {
  const ctx = new SessionContext()
  t.is(
    thrown(t, () => ctx.fromRows([{ x: 1 }, { x: 'a' }])),
    "TYPE_MISMATCH: column 'x' has both BIGINT and VARCHAR; give it a type",
  )
  t.is(
    thrown(t, () => ctx.fromRows([{ x: 1.5 }], { x: 'INT' })),
    "TYPE_MISMATCH: column 'x': expected INT, got number 1.5",
  )
  t.is(
    thrown(t, () => ctx.fromRows([{ x: 300 }], { x: 'TINYINT' })),
    "TYPE_MISMATCH: column 'x': expected TINYINT, got number 300",
  )
  t.is(
    thrown(t, () => ctx.fromRows([{ x: {} }])),
    "TYPE_MISMATCH: column 'x' has a value of kind object, which has no SQL type",
  )
  t.is(
    thrown(t, () => ctx.fromRows([{ x: 1, y: 2 }], { x: 'INT' })),
    "COLUMN_NOT_FOUND: column 'y' not found: the schema does not have it",
  )
  t.is(
    thrown(t, () => ctx.fromColumns({ x: [1], y: [] })),
    "INVALID_ARGUMENT: column 'y' has 0 values instead of 1",
  )
  t.is(
    thrown(t, () => ctx.fromRows([])),
    'INVALID_ARGUMENT: there are no columns; give a schema',
  )
  t.regex(
    thrown(t, () => ctx.fromRows([{ x: 1 }], { x: 'INT) + (1' })),
    /^SYNTAX: /,
  )
  t.regex(
    thrown(t, () => ctx.fromRows([{ x: 1 }], { x: 'NUMBERS' })),
    /^TYPE_MISMATCH: unknown type/,
  )
})

test('a frame stands within SQL, values are never SQL', async t => {
  await using ctx = new SessionContext()
  const names = ctx.fromColumns({ name: ["x' OR '1'='1", 'a'] })
  const hostile = "x' OR '1'='1"
  t.deepEqual(await (await ctx.sql(sql`SELECT count(*) AS n FROM ${names} WHERE name = ${hostile}`)).rows(), [
    { n: 1n },
  ])
  const by = (column: string): Promise<unknown> =>
    ctx.sql(sql`SELECT ${col(column)} AS c FROM ${names} AS n WHERE name = ${'a'}`).then(frame => frame.rows(), failure)
  t.deepEqual(await by('n.name'), [{ c: 'a' }])
  t.regex(String(await by('name" FROM other --')), /^COLUMN_NOT_FOUND: /)
  t.regex(String(await ctx.sql(sql`DROP TABLE ${names}`).catch(failure)), /^(SYNTAX|NOT_SUPPORTED|TABLE_NOT_FOUND): /)
})
