/** A cluster of processes with TLS, client certificates and a token, by its flags; and what happens to those without. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { startScheduler, type SchedulerOptions } from '../../src/cluster/scheduler/server.js'
import { SessionContext, type RemoteOptions } from '../../src/index.js'
import { planForCluster } from '../../src/session/plan-for-cluster.js'
import { authority } from '../helpers/certificates.js'
import { startCluster } from '../helpers/cluster.js'

const BIN = fileURLToPath(new URL('../../bin/ballista.js', import.meta.url))
const TOKEN = '0123456789abcdef0123456789abcdef'

const folder = mkdtempSync(join(tmpdir(), 'ballista-secured-'))
test.after.always(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const ca = authority('test authority')
const node = ca.issue('node')
const client = ca.issue('client')
const tokenFile = file('token', `${TOKEN}\n`)
const caFile = file('ca.pem', ca.cert)
const files =
  `--tls-ca ${caFile} --tls-cert ${file('node.pem', node.cert)} --tls-key ${file('node.key', node.key)} --tls-require-client-cert --auth-token-file ${tokenFile}`.split(
    ' ',
  )

async function run(args: readonly string[]): Promise<{ status: unknown; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { status: child.exitCode, stdout, stderr }
}

test('queries run on a cluster that wants certificates and a token; who lacks one is refused', async t => {
  const cluster = await startCluster(2, 1, files)
  const query = async (options: RemoteOptions): Promise<unknown> => {
    await using ctx = await SessionContext.remote(`dfs://${cluster.address}`, options)
    // Over two executors, that they reach each other.
    await ctx.sql('SET ballista.execution.target_partitions = 4')
    return await (
      await ctx.sql('SELECT x % 3 AS k, count(*) AS n FROM range(0, 300) t(x) GROUP BY k ORDER BY k')
    ).rows()
  }
  try {
    const tls = { ca: ca.cert, ...client }
    t.deepEqual(
      await query({ token: TOKEN, tls }),
      [0n, 1n, 2n].map(k => ({ k, n: 100n })),
    )
    await t.throwsAsync(query({ tls }), { code: 'UNAUTHENTICATED', message: /^scheduler .* wants the token/ })
    await t.throwsAsync(query({ token: `${TOKEN}0`, tls }), { code: 'UNAUTHENTICATED' })
    await t.throwsAsync(query({ token: TOKEN, tls: { ca: ca.cert } }), { code: 'NETWORK' })
    await t.throwsAsync(query({ token: TOKEN }), { code: 'NETWORK' })
    const [host, port] = cluster.address.split(':')
    const flags = ['sql', '-q', '--format', 'csv', '-c', 'SELECT 1 AS x', '--host', host, '--port', port]
    const certificate = [
      '--tls-ca',
      caFile,
      '--tls-cert',
      file('c.pem', client.cert),
      '--tls-key',
      file('c.key', client.key),
    ]
    t.is((await run([...flags, ...certificate, '--token-file', tokenFile])).stdout, 'x\n1\n')
    t.is((await run([...flags, ...certificate])).status, 1)
  } finally {
    await cluster.close()
  }
})

test('servers refuse to listen to a network without protection, and end', async t => {
  for (const server of ['scheduler', 'executor']) {
    const { status, stderr } = await run([
      server,
      '--bind-host',
      '0.0.0.0',
      '--bind-port',
      '0',
      '--auth-token-file',
      tokenFile,
    ])
    t.is(status, 1)
    t.regex(stderr, /^Error: 0.0.0.0 is not a loopback address, .* \[INVALID_ARGUMENT\]\n$/)
  }
})

test('an address in use ends the process', async t => {
  const cluster = await startCluster(0)
  try {
    const [, port] = cluster.address.split(':')
    for (const server of ['scheduler', 'executor']) {
      const { status, stderr } = await run([server, '--bind-port', port])
      t.is(status, 1)
      t.regex(stderr, /^Error: cannot listen on 127.0.0.1:.* \[NETWORK\]\n$/)
    }
  } finally {
    await cluster.close()
  }
})

test('an executor that no scheduler accepts gives up, if it is told to', async t => {
  const logs = mkdtempSync(join(folder, 'logs-'))
  const flags = [
    '--bind-port',
    '0',
    '--scheduler-port',
    '1',
    '--scheduler-connect-timeout-seconds',
    '1',
    '--log-dir',
    logs,
  ]
  const { status, stderr } = await run(['executor', ...flags, '--log-rotation-policy', 'never'])
  t.is(status, 1)
  t.is(stderr, 'Error: no scheduler has accepted this executor for 1 s [NETWORK]\n')
  const log = readFileSync(join(logs, 'ballista-executor.log'), 'utf8')
  t.regex(log, /WARN {2}scheduler not reached, trying on/)
})

test('flags of security that need others, and files that are none, are wrong usage', async t => {
  const cases: [string[], string][] = [
    [['--tls-cert', file('only.pem', node.cert)], "option 'tls-cert': it needs --tls-key, and that needs it"],
    [['--tls-require-client-cert'], "option 'tls-require-client-cert': it needs --tls-ca, --tls-cert and --tls-key"],
    [
      ['--auth-token-file', file('short', 'abc')],
      `option '--auth-token-file <file>' argument '${join(folder, 'short')}' is invalid. expected a file of one token, at least 16 printable characters`,
    ],
    [
      ['--tls-ca', tokenFile],
      `option '--tls-ca <file>' argument '${tokenFile}' is invalid. expected a file in PEM form`,
    ],
  ]
  for (const [flags, message] of cases) {
    const { status, stderr } = await run(['scheduler', '--bind-port', '0', ...flags])
    t.is(status, 2)
    t.is(stderr, `error: ${message}\n(add --help for the flags)\n`)
  }
})

test('an executor has data roots of its own', async t => {
  const cluster = await startCluster(0)
  const allowed = mkdtempSync(join(folder, 'root-'))
  writeFileSync(join(allowed, 'a.csv'), 'x\n1\n')
  const elsewhere = file('elsewhere.csv', 'x\n2\n')
  try {
    await cluster.addExecutor(['--data-root', allowed])
    await using ctx = await SessionContext.remote(cluster.url)
    const read = async (path: string): Promise<unknown> => (await ctx.sql(`SELECT * FROM '${path}'`)).rows()
    t.deepEqual(await read(join(allowed, 'a.csv')), [{ x: 1n }])
    await t.throwsAsync(read(elsewhere), { code: 'PATH_NOT_ALLOWED', message: /^host 127.0.0.1 may not open / })
    await t.throwsAsync(ctx.sql(`COPY (SELECT 1 AS x) TO '${join(folder, 'out.csv')}'`), { code: 'PATH_NOT_ALLOWED' })
  } finally {
    await cluster.close()
  }
})

test('a server of a network opens nothing without a data root', async t => {
  const cluster = await startCluster(1, 1, ['--bind-host', '0.0.0.0', '--insecure', '--log-level', 'error'])
  try {
    const port = cluster.address.slice(cluster.address.lastIndexOf(':') + 1)
    await using ctx = await SessionContext.remote(`df://127.0.0.1:${port}`)
    t.deepEqual(await (await ctx.sql('SELECT 1 AS x')).rows(), [{ x: 1n }])
    const metrics = await (await fetch(`http://127.0.0.1:${port}/api/metrics`)).text()
    t.true(metrics.includes('\nballista_scheduler_exposed 1\n'))
    await t.throwsAsync(ctx.sql(`SELECT * FROM '${file('any.csv', 'x')}'`), { code: 'PATH_NOT_ALLOWED' })
  } finally {
    await cluster.close()
  }
})

async function scheduler(options: Partial<SchedulerOptions>, use: (address: string) => Promise<void>): Promise<void> {
  const common = { host: '127.0.0.1', port: 0, planner: planForCluster, logLevel: 'error' }
  const running = await startScheduler({ ...common, ...options })
  try {
    await use(running.address)
  } finally {
    await running.close()
  }
}

/** fetch chooses the origin itself. */
async function answerTo(address: string, method: string, headers: Record<string, string>): Promise<string> {
  const [host, port] = address.split(':')
  const socket = connect(Number(port), host)
  const lines = Object.entries({ host: address, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${method} /api/jobs HTTP/1.1\r\n${lines.join('')}connection: close\r\n\r\n`)
  return text(socket)
}

test('pages of allowed origins may use the HTTP API, with the token', async t => {
  const origin = 'https://tools.example'
  await scheduler({ corsAllowedOrigins: [origin], security: { token: TOKEN } }, async address => {
    const preflight = await answerTo(address, 'OPTIONS', { origin, 'access-control-request-method': 'PATCH' })
    t.regex(preflight, /^HTTP\/1.1 204 [^]*access-control-allow-origin: https:\/\/tools.example\r\n/)
    const authorization = `Bearer ${TOKEN}`
    const answer = await answerTo(address, 'GET', { origin, authorization })
    t.regex(answer, /^HTTP\/1.1 200 [^]*access-control-allow-origin: https:\/\/tools.example\r\n/)
    t.regex(await answerTo(address, 'GET', { origin }), /^HTTP\/1.1 401 /)
    const json = { 'content-type': 'application/json', 'content-length': '0' }
    t.regex(await answerTo(address, 'PATCH', { origin, authorization, ...json }), /^HTTP\/1.1 405 /)
    const stranger = { origin: 'https://other.example', authorization, ...json }
    t.regex(await answerTo(address, 'PATCH', stranger), /^HTTP\/1.1 403 /)
    t.false((await answerTo(address, 'GET', stranger)).includes('access-control'))
  })
})

test('without the REST API only supervisors are answered', async t => {
  await scheduler({ disableRestApi: true }, async address => {
    const status = async (path: string): Promise<number> => (await fetch(`http://${address}${path}`)).status
    t.is(await status('/healthz'), 200)
    t.is(await status('/readyz'), 503)
    for (const path of ['/', '/api/jobs', '/api/metrics']) t.is(await status(path), 404)
  })
})
