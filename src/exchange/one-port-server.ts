/** One port for gRPC and HTTP: the first bytes of a connection say which it speaks. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { ServerOptions as HttpsOptions } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type * as Grpc from '@grpc/grpc-js'
import { systemClock, type Clock } from '../common/clock.js'
import { fail } from '../common/errors.js'
import { hostPort } from './grpc.js'
import type { Security } from './security.js'

export interface OnePortServer {
  readonly port: number
  /** Lets open calls and requests end for a short time, then closes what is left; resolves when no handle remains. */
  close(clock: Clock): Promise<void>
}

/** What every HTTP/2 client says first (RFC 9113, 3.4); no request of HTTP/1.1 begins like it. */
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n')

/** A connection that says nothing gets this long. */
const FIRST_BYTES_MS = 10_000

/** Calls that peers do not end get this long. */
const SHUTDOWN_MS = 500

/** HTTP/1.1 connections without a byte in either direction; event streams send comments more often. */
const HTTP_IDLE_MS = 60_000

export interface OnePortOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  readonly grpc: typeof Grpc
  readonly grpcServer: Grpc.Server
  /** What is not HTTP/2; default: 404. */
  readonly http?: RequestListener | undefined
  /** Without it: plain text. */
  readonly tls?: HttpsOptions | undefined
  /** At a time; those that come then are closed. */
  readonly maxConnections?: number
  readonly clock?: Clock
}

const MAX_CONNECTIONS = 1_000

/** What a server with a certificate listens with; undefined without one. */
export function tlsOptionsOf({ requireClientCertificate, tls }: Security): HttpsOptions | undefined {
  if (tls?.cert === undefined || tls.key === undefined) return undefined
  const { ca, cert, key } = tls
  return {
    cert,
    key,
    ...(requireClientCertificate === true ? { ca, requestCert: true, rejectUnauthorized: true } : {}),
    minVersion: 'TLSv1.2',
    // The first one that a peer offers, too: browsers offer both, and gRPC offers h2 alone.
    ALPNProtocols: ['http/1.1', 'h2'],
    handshakeTimeout: FIRST_BYTES_MS,
  }
}

/** NETWORK if the address cannot be had. */
export async function listenOnOnePort(options: OnePortOptions): Promise<OnePortServer> {
  const { grpc, grpcServer, http = notServed, tls, maxConnections = MAX_CONNECTIONS, clock = systemClock } = options
  const httpServer =
    tls === undefined
      ? (await import('node:http')).createServer(http)
      : (await import('node:https')).createServer(tls, http)
  httpServer.maxConnections = maxConnections
  httpServer.timeout = HTTP_IDLE_MS
  httpServer.headersTimeout = FIRST_BYTES_MS
  const injector = grpcServer.createConnectionInjector(grpc.ServerCredentials.createInsecure())
  const open = tls === undefined ? 'connection' : 'secureConnection'
  const [serveHttp] = httpServer.listeners(open) as ((this: Server, socket: Socket) => void)[]
  httpServer.removeAllListeners(open)
  const serve = (socket: Socket, speaksHttp2: boolean): void => {
    if (!speaksHttp2) return serveHttp.call(httpServer, socket)
    // HTTP/1.1 servers leave their side open when a client ends its own; HTTP/2 would not notice that its peer is gone.
    socket.allowHalfOpen = false
    injector.injectConnection(socket)
  }
  const silent = new Set<Socket>()
  const encrypted = new Set<Socket>()
  if (tls === undefined) httpServer.on('connection', (socket: Socket) => sniff(socket, { silent, clock, serve }))
  else {
    httpServer.on('connection', (socket: Socket) => {
      encrypted.add(socket)
      socket.once('close', () => encrypted.delete(socket))
    })
    httpServer.on('secureConnection', (socket: TLSSocket) => serve(socket, socket.alpnProtocol === 'h2'))
  }
  const port = await listen(httpServer, options)
  return { port, close: endClock => closeBoth({ httpServer, grpcServer, silent, encrypted }, endClock) }
}

function notServed(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('this port serves gRPC\n')
}

/** In plain text, what a connection speaks shows when it has said enough. */
function sniff(
  socket: Socket,
  parts: {
    readonly silent: Set<Socket>
    readonly clock: Clock
    readonly serve: (socket: Socket, speaksHttp2: boolean) => void
  },
): void {
  const { silent, clock, serve } = parts
  silent.add(socket)
  const tooLong = clock.after(FIRST_BYTES_MS, () => void socket.destroy())
  whenKnown(socket, speaksHttp2 => {
    silent.delete(socket)
    tooLong.cancel()
    if (speaksHttp2 === undefined) socket.destroy()
    else serve(socket, speaksHttp2)
  })
}

/** Looks at the first bytes and puts them back; undefined: the peer left before it had said enough. */
function whenKnown(socket: Socket, known: (speaksHttp2: boolean | undefined) => void): void {
  let first = Buffer.alloc(0)
  const settle = (speaksHttp2: boolean | undefined): void => {
    socket.off('readable', look)
    socket.off('close', left)
    socket.off('error', left)
    socket.off('end', left)
    // Once only: putting bytes back makes a socket readable.
    if (speaksHttp2 !== undefined) socket.unshift(first)
    known(speaksHttp2)
  }
  const left = (): void => settle(undefined)
  const look = (): void => {
    const piece = socket.read() as Buffer | null
    if (piece === null) return
    first = Buffer.concat([first, piece])
    const compared = Math.min(first.length, HTTP2_PREFACE.length)
    if (!first.subarray(0, compared).equals(HTTP2_PREFACE.subarray(0, compared))) settle(false)
    else if (compared === HTTP2_PREFACE.length) settle(true)
  }
  socket.on('readable', look)
  socket.on('close', left)
  socket.on('error', left)
  socket.on('end', left)
}

function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error): void =>
      reject(fail('NETWORK', [`cannot listen on ${hostPort(host, port)}: ${error.message}`], { cause: error }))
    server.once('error', refused)
    server.listen(port, host, () => {
      server.off('error', refused)
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port)
    })
  })
}

async function closeBoth(
  parts: {
    readonly httpServer: Server
    readonly grpcServer: Grpc.Server
    /** They have not said yet what they speak. */
    readonly silent: ReadonlySet<Socket>
    /** Below TLS, some of them in a handshake that never ends. */
    readonly encrypted: ReadonlySet<Socket>
  },
  clock: Clock,
): Promise<void> {
  const { httpServer, grpcServer, silent, encrypted } = parts
  const lastResort = clock.after(SHUTDOWN_MS, () => {
    grpcServer.forceShutdown()
    httpServer.closeAllConnections()
    for (const socket of encrypted) socket.destroy()
  })
  const closed = new Promise<void>(resolve => httpServer.close(() => resolve()))
  for (const socket of silent) socket.destroy()
  await Promise.all([closed, new Promise<void>(resolve => grpcServer.tryShutdown(() => resolve()))])
  lastResort.cancel()
}
