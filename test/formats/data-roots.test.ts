/** What a process with data roots opens, and what it refuses before it has opened it. */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openBelow } from '../helpers/node-watch.js'
import { SessionContext } from '../../src/index.js'
import { restrictToRoots } from '../../src/runtime/data-roots.js'

const base = realpathSync(mkdtempSync(join(tmpdir(), 'ballista-roots-')))
test.after.always(() => rmSync(base, { recursive: true }))

const root = join(base, 'data')
const outside = join(base, 'secret')
mkdirSync(join(root, 'sub'), { recursive: true })
mkdirSync(outside)
// A name that begins like the root's.
mkdirSync(`${root}-other`)
for (const path of [join(root, 'a.csv'), join(root, 'sub/b.csv'), join(outside, 'c.csv'), `${root}-other/d.csv`])
  writeFileSync(path, 'x\n1\n')
symlinkSync(join(outside, 'c.csv'), join(root, 'link.csv'))
symlinkSync(outside, join(root, 'linked'))
symlinkSync(join(root, 'sub'), join(root, 'inner'))
symlinkSync(join(outside, 'new.csv'), join(root, 'dangling.csv'))
execFileSync('mkfifo', [join(root, 'pipe.csv')])

// Before the sessions, whose threads take a copy.
restrictToRoots({ directories: [root], urls: [], networks: [] })

const run = async (sql: string): Promise<unknown> => {
  await using ctx = new SessionContext()
  return await (await ctx.sql(sql)).rows()
}

const count = (path: string): Promise<unknown> => run(`SELECT count(*) AS n FROM read_csv('${path}')`)

test('files below the root are read, also by links that stay inside', async t => {
  t.deepEqual(await count(join(root, 'a.csv')), [{ n: 1n }])
  t.deepEqual(await count(join(root, 'sub/../a.csv')), [{ n: 1n }])
  t.deepEqual(await count(join(root, 'inner/b.csv')), [{ n: 1n }])
  t.deepEqual(await count(join(root, 'inner/*.csv')), [{ n: 1n }])
  t.deepEqual(await count(`${join(root, 'sub')}/`), [{ n: 1n }])
})

const REFUSED = [
  join(outside, 'c.csv'),
  `${root}/../secret/c.csv`,
  join(outside, 'not-there.csv'),
  `${root}/sub/../../secret/c.csv`,
  `${root}/not-there/../../secret/c.csv`,
  `${root}-other/d.csv`,
  `${outside}/`,
  join(outside, '*.csv'),
  `${root}/../secret/*.csv`,
  `${root}/*/../../secret/c.csv`,
  join(root, 'link.csv'),
  join(root, 'linked/c.csv'),
  join(root, 'linked/*.csv'),
  join(root, 'l*.csv'),
  join(root, '**/*.csv'),
  join(root, 'dangling.csv'),
  `${root}/`,
  '/proc/self/environ',
  '/proc/self/root/etc/passwd',
  '/etc/passwd',
  '/dev/stdin',
]

for (const path of REFUSED) {
  test(`not read: ${path.replaceAll(base, '…')}`, async t => {
    const error = await t.throwsAsync(count(path), { code: 'PATH_NOT_ALLOWED' })
    t.regex(
      error?.message ?? '',
      /^host \S+ may not open '.*': it is not below a data root; start the server with --data-root, or move the file$/,
    )
    t.deepEqual(openBelow(outside, 'self'), [])
  })
}

test('a pipe is not opened', async t => {
  await t.throwsAsync(count(join(root, 'pipe.csv')), { code: 'NOT_SUPPORTED' })
})

test('every way to name a file is checked', async t => {
  const path = join(outside, 'c.csv')
  for (const sql of [
    `SELECT * FROM '${path}'`,
    `SELECT * FROM read_csv('${path}')`,
    `SELECT * FROM read_csv(['${join(root, 'a.csv')}', '${path}'])`,
    `SELECT * FROM read_parquet('${path}')`,
    `SELECT * FROM read_json('${path}')`,
    `CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '${path}'`,
    `COPY (SELECT 1 AS x) TO '${join(outside, 'new.csv')}'`,
  ])
    await t.throwsAsync(run(sql), { code: 'PATH_NOT_ALLOWED' }, sql)
})

test('files are written below the root only', async t => {
  const copy = (path: string): Promise<unknown> => run(`COPY (SELECT 1 AS x) TO '${path}'`)
  await copy(join(root, 'made/here/out.csv'))
  t.is(readFileSync(join(root, 'made/here/out.csv'), 'utf8'), 'x\n1\n')
  const refused = [
    join(outside, 'out.csv'),
    `${root}/../out.csv`,
    `${root}/new/../../secret/out.csv`,
    join(root, 'link.csv'),
    join(root, 'linked/out.csv'),
    join(root, 'linked/deep/out.csv'),
    join(root, 'dangling.csv'),
    '/proc/self/out.csv',
  ]
  for (const path of refused) await t.throwsAsync(copy(path), { code: 'PATH_NOT_ALLOWED' }, path)
  t.is(readFileSync(join(outside, 'c.csv'), 'utf8'), 'x\n1\n')
  for (const path of ['secret/out.csv', 'secret/new.csv', 'out.csv', 'secret/deep', 'data/new'])
    t.false(existsSync(join(base, path)), path)
})

test('rows are inserted below the root only', async t => {
  await using ctx = new SessionContext()
  await ctx.sql(`CREATE EXTERNAL TABLE inside (x BIGINT) STORED AS CSV LOCATION '${root}/table/'`)
  await ctx.sql('INSERT INTO inside VALUES (1)')
  t.deepEqual(await (await ctx.sql('SELECT * FROM inside')).rows(), [{ x: 1n }])
  await t.throwsAsync(
    (async () => {
      await ctx.sql(`CREATE EXTERNAL TABLE beyond (x BIGINT) STORED AS CSV LOCATION '${outside}/table/'`)
      await ctx.sql('INSERT INTO beyond VALUES (1)')
    })(),
    { code: 'PATH_NOT_ALLOWED' },
  )
  t.false(existsSync(join(outside, 'table')))
})
