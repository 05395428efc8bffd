/** Files of web servers: servers of many manners, redirects, and files that change. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'

type Handle = (request: IncomingMessage, response: ServerResponse) => void

interface WebServer {
  readonly url: string
  readonly requests: readonly string[]
  close(): Promise<void>
}

async function serve(handle: Handle): Promise<WebServer> {
  const requests: string[] = []
  const server: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim())
    handle(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const CSV = Buffer.from(`a,b\n${Array.from({ length: 10_000 }, (_, i) => `${i},text ${i}\n`).join('')}`)

interface Manners {
  readonly etag?: string
  readonly modified?: string
  /** Whether it gives ranges, and those from the end. */
  readonly ranges?: boolean
  readonly suffixes?: boolean
  readonly head?: boolean
}

/** Answers with the bytes, as a server with such manners does. */
function file(bytes: Buffer, { etag, modified, ranges = true, suffixes = true, head = true }: Manners = {}): Handle {
  return (request, response) => {
    const headers = {
      ...(etag === undefined ? {} : { etag }),
      ...(modified === undefined ? {} : { 'last-modified': modified }),
    }
    if (request.method === 'HEAD' && !head) return void response.writeHead(405).end()
    const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const isSuffix = first === '' && last !== ''
    if (!ranges || (first === '' && last === '') || (isSuffix && !suffixes)) {
      response.writeHead(200, { ...headers, 'content-length': bytes.length })
      return void response.end(request.method === 'HEAD' ? undefined : bytes)
    }
    const start = isSuffix ? Math.max(0, bytes.length - Number(last)) : Number(first)
    const end = isSuffix || last === '' ? bytes.length : Math.min(bytes.length, Number(last) + 1)
    response.writeHead(206, {
      ...headers,
      'content-length': end - start,
      'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
    })
    response.end(bytes.subarray(start, end))
  }
}

const run = async (sql: string, settings: Readonly<Record<string, string>> = {}): Promise<unknown[]> => {
  const ctx = new SessionContext({ settings })
  try {
    return await (await ctx.sql(sql)).rows()
  } finally {
    await ctx.close()
  }
}

const directory = mkdtempSync(join(tmpdir(), 'ballista-http-'))
const LOCAL = join(directory, 'y.parquet')
test.after.always(() => rmSync(directory, { recursive: true }))

let parquet: Buffer
test.before(async () => {
  await run(`COPY (SELECT value AS id, value % 7 AS seven FROM generate_series(1, 20000)) TO '${LOCAL}'`)
  parquet = readFileSync(LOCAL)
})

const SERVERS: Readonly<Record<string, Manners>> = {
  'with etags': { etag: '"v1"' },
  'with weak etags': { etag: 'W/"v1"' },
  'with dates': { modified: 'Sat, 01 Jan 2022 00:00:00 GMT' },
  'that tells no version': {},
  'without HEAD': { etag: '"v1"', head: false },
  'without ranges from the end': { etag: '"v1"', suffixes: false },
  'without ranges': { etag: '"v1"', ranges: false },
}

for (const [name, manners] of Object.entries(SERVERS)) {
  test.serial(`files of a server ${name} are read`, async t => {
    const server = await serve((request, response) =>
      file(request.url?.startsWith('/x.csv') === true ? CSV : parquet, manners)(request, response),
    )
    t.teardown(() => server.close())
    const sum = `SELECT count(*) AS n, sum(a) AS s, max(b) AS b FROM read_csv('${server.url}/x.csv?version=1')`
    t.deepEqual(await run(sum), [{ n: 10_000n, s: 49_995_000n, b: 'text 9999' }])
    const ofFile = await run(`SELECT * FROM '${LOCAL}' ORDER BY id`)
    t.deepEqual(await run(`SELECT * FROM '${server.url}/y.parquet' ORDER BY id`), ofFile)
    if (name !== 'with etags') return
    const spread = { 'ballista.optimizer.repartition_file_min_size': '1', 'ballista.execution.target_partitions': '3' }
    t.deepEqual(await run(sum, spread), [{ n: 10_000n, s: 49_995_000n, b: 'text 9999' }])
  })
}

test('redirects are followed, at most three, and to http and https only', async t => {
  const server = await serve((request, response) => {
    const [, hops] = /^\/hop(\d)/.exec(request.url ?? '') ?? []
    if (request.url === '/file') return void response.writeHead(302, { location: 'file:///etc/passwd' }).end()
    if (request.url === '/user')
      return void response.writeHead(302, { location: 'http://me:swordfish@127.0.0.1/' }).end()
    if (hops === undefined || hops === '0') return file(CSV)(request, response)
    response.writeHead(302, { location: `/hop${Number(hops) - 1}` }).end()
  })
  t.teardown(() => server.close())
  const count = (path: string): Promise<unknown> => run(`SELECT count(*) AS n FROM read_csv('${server.url}${path}')`)
  t.deepEqual(await count('/hop3'), [{ n: 10_000n }])
  await t.throwsAsync(count('/hop4'), { code: 'FILE_NOT_READABLE', message: /more than 3 redirects/ })
  await t.throwsAsync(count('/file'), { code: 'NOT_SUPPORTED' })
  const error = await t.throwsAsync(count('/user'), { code: 'NOT_SUPPORTED' })
  t.false(error?.message.includes('swordfish'))
})

test('a file that changes under a query is an error, whatever the server tells', async t => {
  const versions: readonly [Manners, Manners][] = [
    [{ etag: '"v1"' }, { etag: '"v2"' }],
    [{ modified: 'Sat, 01 Jan 2022 00:00:00 GMT' }, { modified: 'Sat, 01 Jan 2022 00:00:01 GMT' }],
    [{}, {}],
  ]
  for (const [before, after] of versions) {
    let reads = 0
    const server = await serve((request, response) => {
      if (request.method === 'GET') reads++
      const isOld = reads < 3
      file(isOld ? CSV : Buffer.concat([CSV, Buffer.from('1,x\n')]), isOld ? before : after)(request, response)
    })
    await t.throwsAsync(run(`SELECT count(a) AS n FROM read_csv('${server.url}/x.csv')`), {
      code: 'FILE_INVALID',
      message: `${server.url}/x.csv: changed while the query ran; run the query again`,
    })
    await server.close()
  }
})

test('what a server refuses is an error with its status, and nothing is written over http', async t => {
  const server = await serve((_request, response) => void response.writeHead(404).end('no <b>such</b> page'))
  t.teardown(() => server.close())
  const read = `SELECT * FROM read_csv('${server.url}/x.csv')`
  const error = await t.throwsAsync(run(read), { code: 'FILE_NOT_READABLE' })
  t.true(error?.message.endsWith(`cannot read '${server.url}/x.csv': there is no such file: the server answered 404`))
  await t.throwsAsync(run(`COPY (SELECT 1 AS a) TO '${server.url}/y.csv'`), { code: 'NOT_SUPPORTED' })
  await t.throwsAsync(run("SELECT * FROM 'http://127.0.0.1:1/x.csv'", { 'ballista.storage.retries': '1' }), {
    code: 'FILE_NOT_READABLE',
    message: /ECONNREFUSED/,
  })
  await t.throwsAsync(run("SELECT * FROM 'http://me:swordfish@127.0.0.1:1/x.csv'"), { code: 'NOT_SUPPORTED' })
})

test.after(t => t.is(bytesInUse(), 0))
