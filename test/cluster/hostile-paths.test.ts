/** Paths and URLs that would lead a server out of its data roots: refused with a code, before anything is asked of anyone. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createSocketServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { SessionContext } from '../../src/index.js'
import { startCluster } from '../helpers/cluster.js'
import { ACCESS_KEY, SECRET_KEY, startFakeS3 } from '../helpers/fake-s3.js'

const base = realpathSync(mkdtempSync(join(tmpdir(), 'ballista-hostile-')))
test.after.always(() => rmSync(base, { recursive: true }))

const root = join(base, 'data')
const secret = join(base, 'secret')
mkdirSync(join(root, 'sub'), { recursive: true })
mkdirSync(secret)
mkdirSync(`${root}-other`)
for (const path of [join(root, 'a.csv'), join(secret, 'c.csv'), `${root}-other/d.csv`]) writeFileSync(path, 'x\n1\n')
symlinkSync(join(secret, 'c.csv'), join(root, 'link.csv'))
symlinkSync(secret, join(root, 'linked'))
symlinkSync(join(secret, 'new.csv'), join(root, 'dangling.csv'))
execFileSync('mkfifo', [join(root, 'pipe.csv')])

const VECTOR = { storageType: 'p', pathOrInlineDv: 's3://lake/secret/v', sizeInBytes: 1, cardinality: 1 }

/** The log of a table of one file. */
function deltaLog(add: object): string {
  const schemaString = JSON.stringify({
    type: 'struct',
    fields: [{ name: 'x', type: 'long', nullable: true, metadata: {} }],
  })
  const actions = [
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    { metaData: { id: 'x', format: { provider: 'parquet' }, schemaString, partitionColumns: [], configuration: {} } },
    { add: { partitionValues: {}, size: 100, modificationTime: 0, dataChange: true, ...add } },
  ]
  return actions.map(action => JSON.stringify(action)).join('\n')
}

const servers: Server[] = []
test.after.always(() => servers.forEach(server => server.close()))

/** Answers every request as `redirects` says, else with a small file; and remembers what it was asked for. */
async function webServer(redirects: Readonly<Record<string, string>> = {}): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    seen.push(path)
    const location = redirects[path]
    if (location === undefined)
      response.writeHead(200, { 'content-length': 4 }).end(request.method === 'HEAD' ? undefined : 'x\n1\n')
    else response.writeHead(302, { location }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push(server)
  return { port: (server.address() as AddressInfo).port, seen }
}

type Code = 'ADDRESS_NOT_ALLOWED' | 'FILE_NOT_READABLE' | 'INVALID_OPTION' | 'NOT_SUPPORTED' | 'PATH_NOT_ALLOWED'

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

test.serial('a server with data roots opens nothing else', async t => {
  t.timeout(120_000)
  const socket = createSocketServer()
  socket.listen(join(root, 'socket.csv'))
  await once(socket, 'listening')
  t.teardown(() => void socket.close())
  const elsewhere = await webServer()
  const web = await webServer({
    '/open/metadata': 'http://169.254.169.254/latest/meta-data/',
    '/open/other-port': `http://127.0.0.1:${elsewhere.port}/open/a.csv`,
    '/open/ipv6': `http://[::ffff:127.0.0.1]:${elsewhere.port}/open/a.csv`,
    '/open/file': 'file:///etc/passwd',
    '/open/user': `http://me:swordfish@127.0.0.1:${elsewhere.port}/`,
    '/open/up': '/secret.csv',
    '/open/loop': '/open/loop',
    '/open/s3': 's3://lake/secret/a.csv',
  })
  const url = `http://127.0.0.1:${web.port}`
  const s3 = await startFakeS3()
  t.teardown(() => s3.close())
  for (const key of ['open/a.csv', 'secret/a.csv', 'opened/a.csv']) s3.objects.set(`lake/${key}`, Buffer.from('x\n1\n'))
  s3.objects.set('other/open/a.csv', Buffer.from('x\n1\n'))
  const nested = 'test/data/delta/nested'
  for (const name of readdirSync(nested, { recursive: true, encoding: 'utf8' }).filter(each => /\.[a-z]+$/.test(each)))
    for (const to of ['open', 'secret']) s3.objects.set(`lake/${to}/d/${name}`, readFileSync(join(nested, name)))
  const leading = { file: { path: 's3://lake/secret/f' }, vector: { path: 'f', deletionVector: VECTOR } }
  for (const [name, add] of Object.entries(leading))
    s3.objects.set(`lake/open/${name}/_delta_log/${'0'.repeat(20)}.json`, Buffer.from(deltaLog(add)))
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ALLOW_HTTP: 'true',
    AWS_REGION: 'eu-test-1',
    AWS_ACCESS_KEY_ID: ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: SECRET_KEY,
  })
  const roots = [root, 's3://lake/open', `${url}/open`].flatMap(place => ['--data-root', place])
  const cluster = await startCluster(1, 1, [...roots, '--allow-network', '127.0.0.1'])
  t.teardown(() => cluster.close())
  await using ctx = await SessionContext.remote(cluster.url)
  const count = async (path: string): Promise<unknown> =>
    (await ctx.sql(`SELECT count(*) AS n FROM read_csv(${quoted(path)})`)).rows()

  const open = [
    join(root, 'a.csv'),
    `${url}/open/a.csv`,
    's3://lake/open/a.csv',
    's3://lake/open/*.csv',
    's3://lake/open/',
  ]
  for (const path of open) t.deepEqual(await count(path), [{ n: 1n }], path)

  for (const from of ["'s3://lake/open/d/'", "delta_scan('s3://lake/open/d')"])
    t.deepEqual(await (await ctx.sql(`SELECT count(*) AS n FROM ${from}`)).rows(), [{ n: 3n }], from)

  const refused: readonly [string, Code][] = [
    [join(secret, 'c.csv'), 'PATH_NOT_ALLOWED'],
    [`${root}/../secret/c.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}//..//secret/c.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}/sub/../../secret/c.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}/none/../../secret/c.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}/../secret/*.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}/*/../../secret/c.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}/linked/*.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}/l*.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}/link.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}/linked/c.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}/dangling.csv`, 'PATH_NOT_ALLOWED'],
    [`${root}-other/d.csv`, 'PATH_NOT_ALLOWED'],
    [`${base}/`, 'PATH_NOT_ALLOWED'],
    ['/', 'PATH_NOT_ALLOWED'],
    ['../../../../../../../etc/passwd', 'PATH_NOT_ALLOWED'],
    ['~/.ssh/id_rsa', 'PATH_NOT_ALLOWED'],
    ['/etc/passwd', 'PATH_NOT_ALLOWED'],
    ['/proc/self/environ', 'PATH_NOT_ALLOWED'],
    ['/proc/self/root/etc/passwd', 'PATH_NOT_ALLOWED'],
    ['/proc/self/fd/0', 'PATH_NOT_ALLOWED'],
    ['/proc/1/mem', 'PATH_NOT_ALLOWED'],
    ['/dev/stdin', 'PATH_NOT_ALLOWED'],
    ['/dev/zero', 'PATH_NOT_ALLOWED'],
    ['/sys/kernel/notes', 'PATH_NOT_ALLOWED'],
    [`${root}/pipe.csv`, 'NOT_SUPPORTED'],
    [`${root}/socket.csv`, 'NOT_SUPPORTED'],
    [`${root}/a.csv\0.parquet`, 'PATH_NOT_ALLOWED'],
    [`${root}/${'x'.repeat(5000)}.csv`, 'PATH_NOT_ALLOWED'],
    [`/${'x/'.repeat(3000)}`, 'PATH_NOT_ALLOWED'],
    [`${root}/%2e%2e/secret/c.csv`, 'FILE_NOT_READABLE'],
    ['file:///etc/passwd', 'NOT_SUPPORTED'],
    ['FILE:///etc/passwd', 'NOT_SUPPORTED'],
    ['file://localhost/etc/passwd', 'NOT_SUPPORTED'],
    ['ftp://127.0.0.1/a.csv', 'NOT_SUPPORTED'],
    [`gopher://127.0.0.1:${elsewhere.port}/_GET`, 'NOT_SUPPORTED'],
    ['data:text/csv,x', 'PATH_NOT_ALLOWED'],
    ['http://', 'NOT_SUPPORTED'],
    ['http://example.com/open/a.csv', 'PATH_NOT_ALLOWED'],
    ['https://127.0.0.1/open/a.csv', 'PATH_NOT_ALLOWED'],
    [`http://127.0.0.1:${elsewhere.port}/open/a.csv`, 'PATH_NOT_ALLOWED'],
    [`http://me:swordfish@127.0.0.1:${web.port}/open/a.csv`, 'NOT_SUPPORTED'],
    [`http://127.0.0.1:${web.port}@127.0.0.1:${elsewhere.port}/open/a.csv`, 'NOT_SUPPORTED'],
    [`http://localhost:${web.port}/open/a.csv`, 'PATH_NOT_ALLOWED'],
    [`http://[::ffff:127.0.0.1]:${web.port}/open/a.csv`, 'PATH_NOT_ALLOWED'],
    [`${url}/secret.csv`, 'PATH_NOT_ALLOWED'],
    [`${url}/opened.csv`, 'PATH_NOT_ALLOWED'],
    [`${url}/open/../secret.csv`, 'PATH_NOT_ALLOWED'],
    [`${url}/open/%2e%2e/secret.csv`, 'PATH_NOT_ALLOWED'],
    [`${url}/open/.%2E/secret.csv`, 'PATH_NOT_ALLOWED'],
    [`${url}/open/%252e%252e/secret.csv`, 'NOT_SUPPORTED'],
    [`${url}/open/..%2fsecret.csv`, 'NOT_SUPPORTED'],
    [`${url}/open/..%5csecret.csv`, 'NOT_SUPPORTED'],
    [`${url}/open\\..\\secret.csv`, 'NOT_SUPPORTED'],
    [`${url}/open/\n../secret.csv`, 'NOT_SUPPORTED'],
    [`${url}/open/\0`, 'NOT_SUPPORTED'],
    [`${url}/open/metadata`, 'PATH_NOT_ALLOWED'],
    [`${url}/open/other-port`, 'PATH_NOT_ALLOWED'],
    [`${url}/open/ipv6`, 'PATH_NOT_ALLOWED'],
    [`${url}/open/file`, 'NOT_SUPPORTED'],
    [`${url}/open/user`, 'NOT_SUPPORTED'],
    [`${url}/open/up`, 'PATH_NOT_ALLOWED'],
    [`${url}/open/loop`, 'FILE_NOT_READABLE'],
    [`${url}/open/s3`, 'NOT_SUPPORTED'],
    ['s3://other/open/a.csv', 'PATH_NOT_ALLOWED'],
    ['s3://lake/secret/a.csv', 'PATH_NOT_ALLOWED'],
    ['s3://lake/opened/a.csv', 'PATH_NOT_ALLOWED'],
    ['s3://lake/open/../secret/a.csv', 'NOT_SUPPORTED'],
    ['s3://lake/./secret/a.csv', 'NOT_SUPPORTED'],
    ['s3://lake/open/a.csv\0', 'NOT_SUPPORTED'],
    ['s3://lake/op*/a.csv', 'PATH_NOT_ALLOWED'],
    ['s3://lake/open*/a.csv', 'PATH_NOT_ALLOWED'],
    ['s3://lake/{open,secret}/a.csv', 'PATH_NOT_ALLOWED'],
    ['s3://lake/open/../*/a.csv', 'NOT_SUPPORTED'],
    ['s3://lake/**', 'PATH_NOT_ALLOWED'],
    ['s3://lake/', 'PATH_NOT_ALLOWED'],
    ['s3://', 'NOT_SUPPORTED'],
    ['s3:///open/a.csv', 'NOT_SUPPORTED'],
    ['s3://../open/a.csv', 'NOT_SUPPORTED'],
    [`s3://${ACCESS_KEY}:swordfish@lake/open/a.csv`, 'NOT_SUPPORTED'],
  ]
  web.seen.length = 0
  s3.reset()
  for (const [path, code] of refused) {
    const error = await t.throwsAsync(count(path), undefined, path)
    t.is((error as { code?: string }).code, code, `${path}: ${error?.message}`)
    t.false(error?.message.includes('swordfish'), path)
  }
  t.deepEqual([...new Set(web.seen.filter(path => !path.startsWith('/open/')))], [])
  t.deepEqual(elsewhere.seen, [])
  t.deepEqual(s3.calls, [])

  const statements: readonly [string, Code][] = [
    [`SELECT * FROM read_csv([${quoted(join(root, 'a.csv'))}, ${quoted(join(secret, 'c.csv'))}])`, 'PATH_NOT_ALLOWED'],
    [`SELECT * FROM ${quoted(`${url}/secret.csv`)}`, 'PATH_NOT_ALLOWED'],
    [`SELECT * FROM read_parquet('s3://lake/secret/a.parquet')`, 'PATH_NOT_ALLOWED'],
    [`CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 's3://lake/secret/'`, 'PATH_NOT_ALLOWED'],
    [`COPY (SELECT 1 AS x) TO '${join(secret, 'new.csv')}'`, 'PATH_NOT_ALLOWED'],
    [`COPY (SELECT 1 AS x) TO 's3://lake/open/../new.csv'`, 'NOT_SUPPORTED'],
    [`CREATE EXTERNAL TABLE t STORED AS DELTA LOCATION 's3://lake/secret/d'`, 'PATH_NOT_ALLOWED'],
    [`SELECT * FROM delta_scan('s3://lake/secret/d')`, 'PATH_NOT_ALLOWED'],
    [`SELECT * FROM 's3://lake/secret/d/'`, 'PATH_NOT_ALLOWED'],
    [`SELECT * FROM delta_scan('s3://lake/open/../secret/d')`, 'NOT_SUPPORTED'],
    [`SELECT * FROM delta_scan('s3://lake/opened')`, 'PATH_NOT_ALLOWED'],
    [`CREATE TABLE u STORED AS DELTA LOCATION 's3://lake/secret/new' AS SELECT 1 AS x`, 'PATH_NOT_ALLOWED'],
    [`CREATE TABLE u STORED AS DELTA LOCATION 's3://lake/open/../new' AS SELECT 1 AS x`, 'NOT_SUPPORTED'],
    [`CREATE TABLE u STORED AS DELTA LOCATION 'https://127.0.0.1/new' AS SELECT 1 AS x`, 'NOT_SUPPORTED'],
    [`SELECT * FROM 's3://lake/open/file/'`, 'PATH_NOT_ALLOWED'],
    [`SELECT * FROM 's3://lake/open/vector/'`, 'PATH_NOT_ALLOWED'],
  ]
  s3.reset()
  for (const [sql, code] of statements) await t.throwsAsync((async () => (await ctx.sql(sql)).rows())(), { code }, sql)

  t.deepEqual(
    s3.calls.map(({ path, query }) => `${path} ${query.get('prefix') ?? ''}`).filter(call => call.includes('secret')),
    [],
  )

  // The keys of the server are not for servers that a session names.
  await ctx.sql(`SET s3.endpoint = 'http://127.0.0.1:${elsewhere.port}'`)
  await t.throwsAsync(count('s3://lake/open/a.csv'), { code: 'PATH_NOT_ALLOWED' })
  await ctx.sql(`SET s3.endpoint = 'http://169.254.169.254'`)
  await t.throwsAsync(count('s3://lake/open/a.csv'), { code: 'PATH_NOT_ALLOWED' })
  await ctx.sql('RESET s3.endpoint')
  await ctx.sql(`SET s3.region = 'x.evil.example/'`)
  await t.throwsAsync(count('s3://lake/open/a.csv'), { code: 'INVALID_OPTION' })
  t.deepEqual(elsewhere.seen, [])
})

test.serial('a data root that leads to an address which is not public is refused without --allow-network', async t => {
  t.timeout(60_000)
  const { port, seen } = await webServer()
  const hosts = [
    'localhost', '127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '[::1]', '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]', '[::127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '0.0.0.0', '0', '10.0.0.1', '172.16.0.1',
    '192.168.0.1', '100.64.0.1', '169.254.169.254', '[fe80::1]', '[fd00:ec2::254]', '224.0.0.1', '255.255.255.255',
  ] // oxfmt-ignore
  const roots = hosts.flatMap(host => ['--data-root', `http://${host}:${port}/`])
  const cluster = await startCluster(0, 1, [...roots, '--allow-network', '192.0.2.0/24'])
  t.teardown(() => cluster.close())
  await using ctx = await SessionContext.remote(cluster.url)
  for (const host of hosts) {
    const reading = ctx.sql(`SELECT * FROM read_csv('http://${host}:${port}/a.csv')`)
    await t.throwsAsync(
      reading,
      { code: 'ADDRESS_NOT_ALLOWED', message: /which is not public; start the server with --allow-network/ },
      host,
    )
  }
  t.deepEqual(seen, [])
})

test.serial('a server without data roots opens files of its own machine only', async t => {
  const { port, seen } = await webServer()
  const cluster = await startCluster(0)
  t.teardown(() => cluster.close())
  await using ctx = await SessionContext.remote(cluster.url)
  for (const path of [`http://127.0.0.1:${port}/a.csv`, 's3://lake/a.csv', 'https://example.com/a.csv'])
    await t.throwsAsync(ctx.sql(`SELECT * FROM read_csv('${path}')`), { code: 'PATH_NOT_ALLOWED' }, path)
  t.deepEqual(seen, [])
})
