/** The extensions in examples/extensions, wherever queries run. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { BallistaError, loadExtension, SessionContext, type LoadedExtension } from '../../src/index.js'

const FOLDER = fileURLToPath(new URL('../../examples/extensions/', import.meta.url))
const BIN = fileURLToPath(new URL('../../bin/ballista.js', import.meta.url))
const NAMES = ['functions', 'ini-format', 'mem-store', 'one-executor', 'primes-table', 'row-limit']

const load = (name: string): Promise<LoadedExtension> => loadExtension(join(FOLDER, `${name}.js`))

let directory = ''
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ballista-extensions-'))
  await writeFile(join(directory, 'a.ini'), '; first\nlevel = 1\n[net]\nhost = localhost\nport=50050\n')
  await writeFile(join(directory, 'b.cfg'), '[net]\nhost = other\n')
})
test.after.always(() => rm(directory, { recursive: true, force: true }))

const SPREAD = { 'ballista.optimizer.repartition_file_min_size': '1', 'ballista.execution.target_partitions': '3' }

const rowsOf = async (ctx: SessionContext, sql: string): Promise<unknown> => (await ctx.sql(sql)).rows()

test('every example is here', async t => {
  const files = (await readdir(FOLDER)).filter(name => name.endsWith('.js'))
  t.deepEqual(files.map(name => name.slice(0, -3)).sort(), NAMES)
})

type Open = (extensions: readonly LoadedExtension[]) => SessionContext | Promise<SessionContext>

const MODES: Readonly<Record<string, Open>> = {
  'in this process': extensions => new SessionContext({ extensions }),
  'on worker threads': extensions => new SessionContext({ extensions, settings: SPREAD }),
  standalone: extensions => SessionContext.standalone({ extensions, settings: SPREAD }),
  'in processes': extensions => SessionContext.standalone({ extensions, settings: SPREAD, processes: true }),
}

for (const [mode, open] of Object.entries(MODES)) {
  test.serial(`functions, tables, formats, operators, rules and policies: ${mode}`, async t => {
    t.timeout(90_000)
    const ctx = await open(await Promise.all(NAMES.map(load)))
    t.teardown(() => ctx.close())
    await ctx.registerCsv('example', 'test/data/example.csv')
    t.deepEqual(await rowsOf(ctx, 'SELECT round(distance_km(52.52, 13.405, 48.8566, 2.3522)) AS d'), [{ d: 877 }])
    t.deepEqual(await rowsOf(ctx, 'SELECT round(geometric_mean(b), 3) AS g FROM example WHERE a = 2'), [{ g: 3.271 }])
    t.deepEqual(await rowsOf(ctx, 'SELECT count(*) AS n, max(prime) AS last FROM primes(1000)'), [
      { n: 168n, last: 997n },
    ])
    t.deepEqual(await rowsOf(ctx, 'SELECT prime FROM primes(20) WHERE prime > 10 ORDER BY 1 LIMIT 2'), [
      { prime: 11n },
      { prime: 13n },
    ])
    await rowsOf(ctx, `CREATE EXTERNAL TABLE ini STORED AS INI LOCATION '${directory}/'`)
    t.deepEqual(await rowsOf(ctx, "SELECT value, section FROM ini WHERE key = 'host' ORDER BY value"), [
      { value: 'localhost', section: 'net' },
      { value: 'other', section: 'net' },
    ])
    t.deepEqual(await rowsOf(ctx, `SELECT count(*) AS n FROM '${directory}/a.ini'`), [{ n: 3n }])
    t.deepEqual(await rowsOf(ctx, "SELECT sum(sold) AS n FROM 'mem://fruit/2024/sales.csv'"), [{ n: 5n }])
    t.deepEqual(
      await rowsOf(ctx, "SELECT name, sum(sold) AS n FROM 'mem://fruit/**/*.csv' GROUP BY name ORDER BY name"),
      [
        { name: 'apple', n: 8n },
        { name: 'pear', n: 4n },
      ],
    )
    t.deepEqual(await rowsOf(ctx, "SELECT count(*) AS n FROM read_csv('mem://fruit/')"), [{ n: 3n }])
    await t.throwsAsync(rowsOf(ctx, "SELECT * FROM 'mem://fruit/none.csv'"), { code: 'FILE_NOT_READABLE' })
    const plan = await (await ctx.sql('SELECT a FROM example WHERE true OR a > b')).physicalPlan()
    t.regex(plan, /RowLimitExec: max_rows=1000000\n +DataSourceExec/)
    t.notRegex(plan, /@[0-9a-f]{16}/)
    const tooMany = 'SELECT count(*) FROM example e1, generate_series(1, 1100000) AS g(x) WHERE g.x % 2 = e1.a'
    await t.throwsAsync(rowsOf(ctx, tooMany), { message: /a task read more than 1000000 rows/ })
    await t.throwsAsync(rowsOf(ctx, "SELECT * FROM primes('x')"), {
      code: 'FUNCTION_FAILED',
      message: 'function primes: primes() takes a limit, such as primes(100)',
    })
    await ctx.close()
    if (mode === 'in this process' || mode === 'on worker threads') t.is(bytesInUse(), 0)
  })
}

test.serial('sessions do not see the extensions of others, and nothing of a closed one is left', async t => {
  const ctx = new SessionContext({ extensions: [await load('primes-table'), await load('functions')] })
  const other = new SessionContext()
  t.deepEqual(await rowsOf(ctx, 'SELECT count(*) AS n FROM primes(10)'), [{ n: 4n }])
  await t.throwsAsync(rowsOf(other, 'SELECT * FROM primes(10)'), { code: 'FUNCTION_NOT_FOUND' })
  await t.throwsAsync(rowsOf(other, 'SELECT geometric_mean(1)'), { code: 'FUNCTION_NOT_FOUND' })
  await other.close()
  await ctx.close()
})

test.serial('a broken file and broken code name themselves', async t => {
  await writeFile(join(directory, 'broken.txt'), 'nonsense\n')
  await using ctx = new SessionContext({ extensions: [await load('ini-format')] })
  await rowsOf(ctx, `CREATE EXTERNAL TABLE broken STORED AS INI LOCATION '${join(directory, 'broken.txt')}'`)
  const error = await t.throwsAsync<BallistaError>(rowsOf(ctx, 'SELECT * FROM broken'), { code: 'FILE_INVALID' })
  t.is(error?.message, `${join(directory, 'broken.txt')}: neither a section nor key = value: nonsense`)
})

test('what is no extension is refused with the reason', async t => {
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name)
    await writeFile(path, text)
    return path
  }
  const cases = {
    'export const x = 1': /its default export is no object/,
    'export default {}': /it has no name/,
    "export default { name: 'x', function: [] }": /an extension has no 'function'/,
    "export default { name: 'x', functions: {} }": /its functions are no list/,
    "export default { name: 'x', functions: [{ name: 'abs', args: [], returns: 'INT', code: () => 1 }] }":
      /SQL has a function 'abs' already/,
    "export default { name: 'x', formats: [{ name: 'csv', schema: () => ({}), rows: () => [] }] }":
      /the engine reads 'csv' files already/,
    "export default { name: 'x', stores: [{ scheme: 's3' }] }": /no store can have the scheme 's3'/,
    'export default {': /Unexpected/,
  }
  for (const [number, [text, message]] of Object.entries(cases).entries()) {
    const path = await write(`wrong-${number}.mjs`, text)
    await t.throwsAsync(loadExtension(path), { code: 'EXTENSION_INVALID', message })
  }
  await t.throwsAsync(loadExtension('no-such-file.mjs'), { code: 'EXTENSION_INVALID', message: /ENOENT/ })
  const twice = await load('functions')
  t.throws(() => new SessionContext({ extensions: [twice, twice] }), { code: 'DUPLICATE_NAME' })
})

test('ballista sql --extension', async t => {
  const args = [BIN, 'sql', '--extension', join(FOLDER, 'primes-table.js'), '--format', 'csv', '-q']
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...args,
    '-c',
    'SELECT sum(prime) AS s FROM primes(100)',
  ])
  t.is(stdout, 's\n1060\n')
})
