/**
 * Consumers' calls of exchange.proto, over node:http2. grpc-js would put every message together in a buffer of its own, which costs
 * more than all else that a consumer does with it (docs/adr/0038).
 */
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2'
import { systemClock, type Timer } from '../common/clock.js'
import { deferred } from '../common/deferred.js'
import { KEEPALIVE_MS, KEEPALIVE_TIMEOUT_MS, WINDOW_BYTES } from './grpc.js'
import { MessageReader } from './message-reader.js'
import type { ArrivedMessage, ToConsumer, ToProducer } from './proto/messages.js'
import type { ClientSecurity } from './security.js'

/** Calls to one process. */
export interface ExchangeClient {
  /** Dials if there is no connection. `onMessage` is called for each message; what it throws ends the call. */
  open(onMessage: (message: ArrivedMessage) => void): ConsumerCall
  /** No call is opened any more; those that are open may end. */
  close(): void
}

export interface ConsumerCall {
  /** Resolves after an orderly end; rejects with how the call broke, which `callError` understands, or with what `onMessage` threw. */
  readonly ended: Promise<void>
  /** Nothing if the call is over. */
  write(message: ToProducer): void
  /** Nothing more will be written. */
  end(): void
  cancel(): void
}

/** How messages are written. */
export interface ExchangeCodec {
  readonly path: string
  readonly serialize: (message: ToProducer) => Buffer
  readonly deserialize: (bytes: Buffer) => ToConsumer
}

/** How often a connection is tried, and how long the answer may take. */
export interface Keepalive {
  readonly everyMs: number
  readonly timeoutMs: number
}

const KEEPALIVE: Keepalive = { everyMs: KEEPALIVE_MS, timeoutMs: KEEPALIVE_TIMEOUT_MS }

const OK = 0
/** The process cannot be reached, or no longer. */
const UNAVAILABLE = 14

/** One connection at a time, dialled with the first call and again when it is lost. An idle one keeps no process alive. */
export class Http2ExchangeClient implements ExchangeClient {
  private readonly address: string
  private readonly codec: ExchangeCodec
  private readonly security: ClientSecurity
  private readonly keepalive: Keepalive
  private connection: Connection | undefined

  constructor(address: string, codec: ExchangeCodec, security: ClientSecurity, keepalive = KEEPALIVE) {
    this.address = address
    this.codec = codec
    this.security = security
    this.keepalive = keepalive
  }

  open(onMessage: (message: ArrivedMessage) => void): ConsumerCall {
    if (this.connection?.isUsable !== true)
      this.connection = new Connection(this.address, this.security, this.keepalive)
    const { token } = this.security
    const stream = this.connection.request({
      ':method': 'POST',
      ':path': this.codec.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    })
    return new Http2Call({ stream, connection: this.connection, codec: this.codec, peer: this.address, onMessage })
  }

  close(): void {
    this.connection?.close()
  }
}

class Connection {
  /** Why it was lost. */
  failure: string | undefined
  private readonly session: ClientHttp2Session
  /** Until the next ping, or its answer. */
  private timer: Timer | undefined
  private calls = 0

  constructor(address: string, { tls }: ClientSecurity, keepalive: Keepalive) {
    const { ca, cert, key } = tls ?? {}
    this.session = connect(`${tls === undefined ? 'http' : 'https'}://${address}`, {
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
      // Node gives up connections beyond a few megabytes; credits bound what is on its way.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    })
    const { session } = this
    session.unref()
    session.once('remoteSettings', () => session.setLocalWindowSize(WINDOW_BYTES))
    session.on('error', error => (this.failure ??= textOf(error)))
    session.once('goaway', () => session.close())
    session.once('close', () => this.timer?.cancel())
    this.keepAlive(keepalive)
  }

  get isUsable(): boolean {
    return !this.session.closed && !this.session.destroyed
  }

  request(headers: Record<string, string>): ClientHttp2Stream {
    const stream = this.session.request(headers)
    if (this.calls++ === 0) this.session.ref()
    stream.once('close', () => {
      if (--this.calls === 0 && !this.session.destroyed) this.session.unref()
    })
    return stream
  }

  close(): void {
    this.session.close()
  }

  /** A peer that answers no ping is gone: half-open connections show. */
  private keepAlive(keepalive: Keepalive): void {
    this.timer = systemClock.after(keepalive.everyMs, () => {
      if (this.session.destroyed) return
      this.timer = systemClock.after(keepalive.timeoutMs, () => {
        this.failure ??= 'it answers no ping'
        this.session.destroy()
      })
      this.session.ping(() => {
        this.timer?.cancel()
        if (!this.session.destroyed) this.keepAlive(keepalive)
      })
    })
  }
}

interface CallParts {
  readonly stream: ClientHttp2Stream
  readonly connection: Connection
  readonly codec: ExchangeCodec
  readonly peer: string
  readonly onMessage: (message: ArrivedMessage) => void
}

/** How a call ended, in the words of gRPC. */
interface CallStatus {
  readonly code: number
  readonly details: string
}

class Http2Call implements ConsumerCall {
  readonly ended: Promise<void>
  private readonly stream: ClientHttp2Stream
  private readonly codec: ExchangeCodec
  private readonly reader: MessageReader
  private status: CallStatus | undefined
  private streamError: Error | undefined

  constructor({ stream, connection, codec, peer, onMessage }: CallParts) {
    this.stream = stream
    this.codec = codec
    this.reader = new MessageReader({ peer: `executor ${peer}`, deserialize: codec.deserialize, onMessage })
    const over = deferred()
    this.ended = over.promise
    const fail = (error: unknown): void => {
      this.reader.close()
      over.reject(error)
      stream.close(constants.NGHTTP2_CANCEL)
    }
    stream.on('data', (chunk: Buffer) => {
      try {
        this.reader.push(chunk)
      } catch (error) {
        fail(error)
      }
    })
    stream.on('response', headers => this.readStatus(headers))
    stream.on('trailers', headers => this.readStatus(headers))
    stream.on('error', error => (this.streamError = error))
    stream.on('end', () => {
      if (this.status === undefined) return
      if (this.status.code === OK) over.resolve()
      else fail(statusError(this.status))
      stream.close()
    })
    stream.on('close', () => {
      const details = connection.failure ?? this.streamError?.message ?? `the stream ended with code ${stream.rstCode}`
      fail(statusError(this.status ?? { code: UNAVAILABLE, details }))
    })
  }

  write(message: ToProducer): void {
    if (!this.stream.writable) return
    const body = this.codec.serialize(message)
    const head = Buffer.alloc(5)
    head.writeUInt32BE(body.length, 1)
    this.stream.write(Buffer.concat([head, body]))
  }

  end(): void {
    this.stream.end()
  }

  cancel(): void {
    this.reader.close()
    this.stream.close(constants.NGHTTP2_CANCEL)
  }

  private readStatus(headers: IncomingHttpHeaders & Partial<IncomingHttpStatusHeader>): void {
    const { ':status': httpStatus = 200, 'grpc-status': code, 'grpc-message': message = '' } = headers
    if (code !== undefined) this.status = { code: Number(code), details: unescaped(String(message)) }
    else if (httpStatus !== 200)
      this.status = { code: UNAVAILABLE, details: `it answered with HTTP status ${httpStatus}` }
  }
}

const statusError = ({ code, details }: CallStatus): Error => Object.assign(new Error(details), { code, details })

/** An AggregateError, of several addresses of one host, has no text. */
const textOf = (error: Error & { code?: string }): string => error.message || (error.code ?? error.name)

/** gRPC escapes what is not printable as URLs do. */
function unescaped(message: string): string {
  try {
    return decodeURIComponent(message)
  } catch {
    return message
  }
}
