/** grpc-js and the .proto contract, loaded when the first network call is made and not before. */
import { fileURLToPath } from 'node:url'
import type * as Grpc from '@grpc/grpc-js'
import type { Dial } from './grpc-security.js'
import type {
  ExecutorMessage,
  NodeStats,
  QueryEvent,
  QueryRequest,
  SchedulerMessage,
  ToConsumer,
  ToProducer,
} from './proto/messages.js'

const MIB = 1024 * 1024

/** Both ends: frames are at most 1 MiB, plans travel in pieces of 1 MiB, so that 16 MiB is never reached. */
const MESSAGE_LIMITS = {
  'grpc.max_receive_message_length': 16 * MIB,
  'grpc.max_send_message_length': 16 * MIB,
}

/** A peer that answers no ping is gone: half-open connections show in 15 s. */
export const KEEPALIVE_MS = 10_000
export const KEEPALIVE_TIMEOUT_MS = 5_000

const KEEPALIVE = {
  'grpc.keepalive_time_ms': KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  'grpc.keepalive_permit_without_calls': 1,
}

/** The default of 64 KiB costs a factor of four; only clients can set it, so bulk data flows to the client. */
export const WINDOW_BYTES = 8 * MIB

export const CLIENT_OPTIONS: Grpc.ChannelOptions = {
  ...MESSAGE_LIMITS,
  ...KEEPALIVE,
  'grpc-node.flow_control_window': WINDOW_BYTES,
  // Retries buffer what was sent; every error here is for the caller.
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  // Whoever dials again has a pause of its own; with the default of a second a call waits for nothing.
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 1_000,
}

/**
 * To a scheduler: a stream that the server has refused unseen, on a connection that it gave up while this process was busy, is
 * opened again on another connection. Nothing else is repeated.
 */
const SCHEDULER_CLIENT_OPTIONS: Grpc.ChannelOptions = { ...CLIENT_OPTIONS, 'grpc.enable_retries': 1 }

export const SERVER_OPTIONS: Grpc.ChannelOptions = {
  ...MESSAGE_LIMITS,
  ...KEEPALIVE,
  'grpc.max_concurrent_streams': 1024,
}

export interface SchedulerClient extends Grpc.Client {
  work(): Grpc.ClientDuplexStream<ExecutorMessage, SchedulerMessage>
  submitQuery(): Grpc.ClientDuplexStream<QueryRequest, QueryEvent>
}

export interface NodeClient extends Grpc.Client {
  stats(request: object, done: (error: Error | null, stats: NodeStats) => void): void
}

export type ExchangeCall = Grpc.ServerDuplexStream<ToProducer, ToConsumer>
export type WorkCall = Grpc.ServerDuplexStream<ExecutorMessage, SchedulerMessage>
export type SubmitCall = Grpc.ServerDuplexStream<QueryRequest, QueryEvent>

/** The reading side of a call. */
type ServerCall<T> = Pick<Grpc.ServerDuplexStream<T, unknown>, 'iterator'>

/**
 * What the client of a call sends, to its half-close. Iterating the call itself would destroy it at the end of its reading side,
 * before the answer is written.
 */
export const messagesOf = <T>(call: ServerCall<T>): AsyncIterable<T> =>
  call.iterator({ destroyOnReturn: false }) as AsyncIterable<T>

export interface GrpcRuntime {
  readonly grpc: typeof Grpc
  readonly exchangeService: Grpc.ServiceDefinition
  readonly schedulerService: Grpc.ServiceDefinition
  readonly nodeService: Grpc.ServiceDefinition
  /** `address` is `host:port`; nothing is dialled before the first call. */
  readonly schedulerClient: (address: string, dial: Dial) => SchedulerClient
  readonly nodeClient: (address: string, dial: Dial) => NodeClient
}

let runtime: Promise<GrpcRuntime> | undefined

/** The same runtime for all callers of this process. */
export function loadGrpc(): Promise<GrpcRuntime> {
  runtime ??= load()
  return runtime
}

async function load(): Promise<GrpcRuntime> {
  const [grpc, loader] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')])
  const files = ['exchange.proto', 'node.proto', 'scheduler.proto']
  const includeDirs = [fileURLToPath(new URL('./proto', import.meta.url))]
  // 64-bit fields are byte and row counts, far below 2^53.
  const definition = await loader.load(files, {
    includeDirs,
    keepCase: false,
    longs: Number,
    defaults: true,
    oneofs: true,
  })
  const root = grpc.loadPackageDefinition(definition) as unknown as {
    ballista: {
      exchange: { v1: { Exchange: Grpc.ServiceClientConstructor } }
      node: { v1: { Node: Grpc.ServiceClientConstructor } }
      scheduler: { v1: { Scheduler: Grpc.ServiceClientConstructor } }
    }
  }
  const { Exchange } = root.ballista.exchange.v1
  const { Node } = root.ballista.node.v1
  const { Scheduler } = root.ballista.scheduler.v1
  return {
    grpc,
    exchangeService: Exchange.service,
    nodeService: Node.service,
    schedulerService: Scheduler.service,
    schedulerClient: dialler<SchedulerClient>(Scheduler, SCHEDULER_CLIENT_OPTIONS),
    nodeClient: dialler<NodeClient>(Node),
  }
}

const dialler =
  <Client>(service: Grpc.ServiceClientConstructor, defaults = CLIENT_OPTIONS) =>
  (address: string, { credentials, options }: Dial): Client =>
    new service(address, credentials, { ...defaults, ...options }) as unknown as Client

/** `host:port`, with brackets around an IPv6 address. */
export const hostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** The host of a `host:port`, without brackets. */
export const hostOf = (address: string): string =>
  address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
