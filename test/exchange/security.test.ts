/** TLS, client certificates and tokens on the one port: who gets through, and what the others hear. */
import { once } from 'node:events'
import { request, type RequestOptions } from 'node:https'
import { text } from 'node:stream/consumers'
import { connect, type ConnectionOptions } from 'node:tls'
import { connect as connectTcp } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { systemClock } from '../../src/common/clock.js'
import { nodeStatsOver, type NodeStats } from '../../src/exchange/node-stats.js'
import { isExposed, isLoopback, type Security } from '../../src/exchange/security.js'
import { networkTransport, type RunningServer } from '../../src/exchange/transport.js'
import { authority } from '../helpers/certificates.js'

const STATS = { role: 'scheduler', executors: 3 } as NodeStats
const TOKEN = 'a token of more than sixteen characters'.replaceAll(' ', '-')

const ca = authority('test authority')
const stranger = authority('another authority')
const server = ca.issue('server')
const client = ca.issue('client')
const SERVER_TLS = { ca: ca.cert, ...server }
const CLIENT_TLS = { ca: ca.cert, ...client }

async function serving(
  t: ExecutionContext,
  security: Security,
  use: (server: RunningServer) => Promise<void>,
): Promise<void> {
  const running = await networkTransport(security).serve('127.0.0.1', 0, {
    stats: () => STATS,
    http: (incoming, response) => response.end(`${incoming.method} ${incoming.url}`),
  })
  try {
    await use(running)
  } finally {
    await running.close(systemClock)
  }
  t.pass()
}

const ask = (port: number, security: Security, host = '127.0.0.1'): Promise<NodeStats> =>
  nodeStatsOver(networkTransport(security), `${host}:${port}`)

async function get(port: number, options: RequestOptions): Promise<{ status: number; body: string }> {
  const asked = request({ host: '127.0.0.1', port, path: '/api/state', agent: false, ...options }).end()
  const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage]
  return { status: response.statusCode ?? 0, body: await text(response) }
}

test('gRPC and HTTP are answered on the same port over TLS', t =>
  serving(t, { tls: SERVER_TLS }, async ({ port }) => {
    t.is((await ask(port, { tls: { ca: ca.cert } })).executors, 3)
    t.is((await ask(port, { tls: { ca: ca.cert } }, 'localhost')).executors, 3)
    t.deepEqual(await get(port, { ca: ca.cert }), { status: 200, body: 'GET /api/state' })
    // What a browser offers.
    const browser = connect({ port, ca: ca.cert, ALPNProtocols: ['h2', 'http/1.1'] })
    browser.write('GET /x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
    t.regex(await text(browser), /^HTTP\/1.1 200 OK\r\n[^]*GET \/x/)
  }))

test('plain text, an unknown authority and TLS before 1.2 do not get through TLS', t =>
  serving(t, { tls: SERVER_TLS }, async ({ port }) => {
    await t.throwsAsync(ask(port, {}), { code: 'NETWORK' })
    await t.throwsAsync(ask(port, { tls: { ca: stranger.cert } }), { code: 'NETWORK' })
    await t.throwsAsync(fetch(`http://127.0.0.1:${port}/`))
    const old: ConnectionOptions = {
      port,
      ca: ca.cert,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }
    const [error] = (await once(connect(old), 'error')) as [Error & { code?: string }]
    t.is(error.code, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  }))

test('a server that requires certificates takes those of its authority only', t =>
  serving(t, { tls: SERVER_TLS, requireClientCertificate: true }, async ({ port }) => {
    t.is((await ask(port, { tls: CLIENT_TLS })).executors, 3)
    await t.throwsAsync(ask(port, { tls: { ca: ca.cert } }), { code: 'NETWORK' })
    await t.throwsAsync(ask(port, { tls: { ca: ca.cert, ...stranger.issue('client') } }), { code: 'NETWORK' })
    t.is((await get(port, CLIENT_TLS)).status, 200)
    await t.throwsAsync(get(port, { ca: ca.cert }))
  }))

test('calls without the token are UNAUTHENTICATED', t =>
  serving(t, { token: TOKEN }, async ({ port }) => {
    t.is((await ask(port, { token: TOKEN })).executors, 3)
    for (const token of [undefined, `${TOKEN}x`, TOKEN.slice(1), '']) {
      await t.throwsAsync(ask(port, { token }), {
        code: 'UNAUTHENTICATED',
        message: `127.0.0.1:${port} wants the token of its cluster; give it by --token-file, --auth-token-file or the option token`,
      })
    }
  }))

test('HTTP wants the token, but for questions of supervisors', t =>
  serving(t, { token: TOKEN }, async ({ port }) => {
    const status = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).status
    t.is(await status('/api/state'), 401)
    t.is(await status('/api/state', { authorization: 'Bearer no' }), 401)
    t.is(await status('/api/state', { authorization: `Basic ${TOKEN}` }), 401)
    t.is(await status('/api/state', { authorization: `Bearer ${TOKEN}` }), 200)
    t.is(await status('/healthz'), 200)
    t.is(await status('/readyz?x=1'), 200)
    t.is(await status('/healthz/../api/state'), 401)
  }))

test('a browser logs in by the token and has a cookie that scripts cannot read', t =>
  serving(t, { token: TOKEN }, async ({ port }) => {
    const url = `http://127.0.0.1:${port}`
    const page = await fetch(url, { headers: { accept: 'text/html' } })
    t.is(page.status, 401)
    t.true((await page.text()).includes('<form method="post" action="/login">'))
    const login = (token: string): Promise<Response> =>
      fetch(`${url}/login`, { method: 'POST', body: new URLSearchParams({ token }), redirect: 'manual' })
    t.is((await login('wrong')).status, 401)
    const answer = await login(TOKEN)
    t.is(answer.status, 303)
    const cookie = answer.headers.get('set-cookie') ?? ''
    t.regex(cookie, /^ballista_session=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict$/)
    t.false(cookie.includes(TOKEN))
    const [session] = cookie.split(';')
    t.is((await fetch(`${url}/api/jobs`, { headers: { cookie: session } })).status, 200)
    t.is((await fetch(`${url}/api/jobs`, { headers: { cookie: `${session}0` } })).status, 401)
  }))

test('a login that goes on and on is cut off', t =>
  serving(t, { token: TOKEN }, async ({ port }) => {
    const body = new URLSearchParams({ token: 'x'.repeat(100_000) })
    await t.throwsAsync(fetch(`http://127.0.0.1:${port}/login`, { method: 'POST', body }))
  }))

test('closing ends handshakes that never end', async t => {
  const running = await networkTransport({ tls: SERVER_TLS }).serve('127.0.0.1', 0, { stats: () => STATS })
  const socket = connectTcp(running.port, '127.0.0.1')
  await once(socket, 'connect')
  // One that came later and was answered: the server has seen the first.
  t.is((await ask(running.port, { tls: { ca: ca.cert } })).executors, 3)
  const closed = once(socket.resume(), 'close')
  await running.close(systemClock)
  await closed
})

test('addresses of this machine only', t => {
  for (const host of ['127.0.0.1', '127.8.8.8', '::1', '[::1]', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1'])
    t.true(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', 'localhost.example', 'node-1'])
    t.false(isLoopback(host), host)
})

test('a network needs TLS and authentication', async t => {
  const tls = SERVER_TLS
  t.false(isExposed('127.0.0.1', {}))
  t.true(isExposed('0.0.0.0', {}))
  t.true(isExposed('0.0.0.0', { token: TOKEN }))
  t.true(isExposed('0.0.0.0', { tls }))
  t.true(isExposed('0.0.0.0', { tls: { ca: ca.cert }, token: TOKEN }))
  t.false(isExposed('0.0.0.0', { tls, token: TOKEN }))
  t.false(isExposed('0.0.0.0', { tls, requireClientCertificate: true }))
  await t.throwsAsync(networkTransport({ token: TOKEN }).serve('0.0.0.0', 0, { stats: () => STATS }), {
    code: 'INVALID_ARGUMENT',
    message:
      '0.0.0.0 is not a loopback address, and listening there needs protection: give it --tls-cert and --tls-key, and --auth-token-file or --tls-require-client-cert; or --insecure, if everyone who reaches the port may run SQL',
  })
  const insecure = await networkTransport({ insecure: true }).serve('0.0.0.0', 0, { stats: () => STATS })
  await insecure.close(systemClock)
})

test('a token does not travel in plain text', async t => {
  await t.throwsAsync(ask(50_050, { token: TOKEN }, 'db.example'), {
    code: 'INVALID_ARGUMENT',
    message: 'the token would travel to db.example in plain text: use TLS, or --insecure',
  })
})
