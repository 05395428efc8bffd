/** One port for gRPC and HTTP, over real sockets: however the first bytes arrive, and whatever is open when it closes. */
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import test from 'ava'
import { systemClock, type Clock } from '../../src/common/clock.js'
import { deferred } from '../../src/common/deferred.js'
import { loadGrpc, SERVER_OPTIONS } from '../../src/exchange/grpc.js'
import { nodeStats, type NodeStats } from '../../src/exchange/node-stats.js'
import { listenOnOnePort } from '../../src/exchange/one-port-server.js'
import { grpcTransport, type RunningServer } from '../../src/exchange/transport.js'

/** On the wire, what is absent is 0. */
const STATS = { role: 'scheduler', executors: 3 } as NodeStats

/** Answers HTTP with its method and path, gRPC with STATS. */
const serve = (): Promise<RunningServer> =>
  grpcTransport.serve('127.0.0.1', 0, {
    stats: () => STATS,
    http: (incoming, response) => response.end(`${incoming.method} ${incoming.url}`),
  })

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  return socket
}

/** Writes the pieces one by one, each when the one before has left. */
async function inPieces(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    await new Promise<void>(resolve => socket.write(piece, () => resolve()))
    await new Promise(resolve => setImmediate(resolve))
  }
}

test('HTTP and gRPC are answered on the same port', async t => {
  const server = await serve()
  const url = `http://127.0.0.1:${server.port}`
  t.is(await (await fetch(`${url}/api/state`)).text(), 'GET /api/state')
  t.is((await nodeStats(`127.0.0.1:${server.port}`)).executors, 3)
  t.is(await (await fetch(`${url}/x`, { method: 'PATCH', body: 'y' })).text(), 'PATCH /x')
  await server.close(systemClock)
})

test('a first letter that both have in common decides nothing', async t => {
  const server = await serve()
  for (const method of ['POST', 'PUT', 'PROPFIND']) {
    const socket = await dial(server.port)
    const answer = text(socket)
    const head = `${method} /p HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`
    await inPieces(socket, [...head])
    t.regex(await answer, new RegExp(`^HTTP/1.1 200 OK\r\n[^]*${method} /p`))
  }
  await server.close(systemClock)
})

test('an HTTP/2 preface may arrive byte by byte', async t => {
  const server = await serve()
  const socket = await dial(server.port)
  const settings = '\0\0\0\x04\0\0\0\0\0'
  await inPieces(socket, [...'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', settings])
  const [first] = (await once(socket, 'data')) as [Buffer]
  // Length (3 bytes), then the type of the server's first frame: SETTINGS.
  t.is(first[3], 4)
  socket.destroy()
  await server.close(systemClock)
})

test('a gRPC peer that goes away is noticed at once', async t => {
  const gone = deferred<boolean>()
  const called = deferred()
  const server = await grpcTransport.serve('127.0.0.1', 0, {
    stats: () => STATS,
    scheduler: {
      submitQuery: () => undefined,
      work(call) {
        call.on('error', () => undefined)
        call.on('cancelled', () => gone.resolve(true))
        called.resolve()
      },
    },
  })
  // Between the client and the server, so that the connection can end without a word of HTTP/2.
  const between = createServer(client => {
    const upstream = connect(server.port, '127.0.0.1')
    client.pipe(upstream).pipe(client)
    void called.promise.then(() => upstream.destroy())
  })
  between.listen(0, '127.0.0.1')
  await once(between, 'listening')
  const { port } = between.address() as { port: number }
  const client = await grpcTransport.scheduler(`127.0.0.1:${port}`)
  const call = client.work()
  call.on('error', () => undefined)
  call.write({ heartbeat: { runningTasks: 0, progress: new Uint8Array(0) } })
  // Pings would find out in 15 s.
  const timer = systemClock.after(5_000, () => gone.resolve(false))
  t.true(await gone.promise)
  timer.cancel()
  client.close()
  between.close()
  await server.close(systemClock)
})

test('closing ends connections that never said anything, are kept alive, or hang in an answer', async t => {
  const server = await grpcTransport.serve('127.0.0.1', 0, {
    stats: () => STATS,
    http: (incoming, response) => void (incoming.url === '/hangs' ? response.write('…') : response.end('done')),
  })
  const silent = await dial(server.port)
  const kept = await dial(server.port)
  kept.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(kept, 'data')
  const hanging = request({ host: '127.0.0.1', port: server.port, path: '/hangs' }).end()
  hanging.on('error', () => undefined)
  const [answer] = (await once(hanging, 'response')) as [NodeJS.ReadableStream]
  const cut = once(answer, 'error')
  const closed = [once(silent, 'close'), once(kept, 'close')]
  await server.close(systemClock)
  await Promise.all(closed)
  const [error] = (await cut) as [Error]
  t.is(error.message, 'aborted')
})

test('a connection that says too little for too long is closed', async t => {
  const { grpc } = await loadGrpc()
  const due: (() => void)[] = []
  const clock: Clock = { ...systemClock, after: (_delayMs, action) => (due.push(action), { cancel: () => undefined }) }
  const grpcServer = new grpc.Server(SERVER_OPTIONS)
  const server = await listenOnOnePort({ host: '127.0.0.1', port: 0, grpc, grpcServer, clock })
  const socket = await dial(server.port)
  await inPieces(socket, ['PRI'])
  // One that came later and was answered: the server has seen the first.
  t.is((await fetch(`http://127.0.0.1:${server.port}/`)).status, 404)
  const closed = once(socket, 'close')
  due[0]()
  await closed
  await server.close(systemClock)
  t.is(due.length, 2)
})

test('connections beyond the limit are closed, and those before them live on', async t => {
  const { grpc } = await loadGrpc()
  const grpcServer = new grpc.Server(SERVER_OPTIONS)
  const server = await listenOnOnePort({ host: '127.0.0.1', port: 0, grpc, grpcServer, maxConnections: 2 })
  const kept = [await dial(server.port), await dial(server.port)]
  const refused = connect(server.port, '127.0.0.1')
  refused.on('error', () => undefined)
  await once(refused.resume(), 'close')
  for (const socket of kept) {
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
    t.regex(await text(socket), /^HTTP\/1.1 404 /)
  }
  await server.close(systemClock)
})

test('an address in use is a NETWORK error that names it', async t => {
  const server = await serve()
  await t.throwsAsync(grpcTransport.serve('127.0.0.1', server.port, { stats: () => STATS }), {
    code: 'NETWORK',
    message: new RegExp(`^cannot listen on 127.0.0.1:${server.port}: `),
  })
  await server.close(systemClock)
})
