/** How processes reach each other, as an interface: everything that dials or serves is given one, so that a test can put another in its place. */
import type { RequestListener } from 'node:http'
import type * as Grpc from '@grpc/grpc-js'
import { Http2ExchangeClient, type ExchangeClient, type ExchangeCodec } from './exchange-client.js'
import { frameInterceptor } from './frame-message.js'
import {
  hostOf,
  loadGrpc,
  SERVER_OPTIONS,
  type ExchangeCall,
  type GrpcRuntime,
  type NodeClient,
  type SchedulerClient,
  type SubmitCall,
  type WorkCall,
} from './grpc.js'
import { dialOf, tokenInterceptor, type Dial } from './grpc-security.js'
import { listenOnOnePort, tlsOptionsOf, type OnePortServer } from './one-port-server.js'
import type { NodeStats } from './proto/messages.js'
import { checkExposure, checkTokenTravels, type Security } from './security.js'
import { tokenGate } from './token-gate.js'

/** What a process answers; absent services are refused. */
export interface Services {
  /** A consumer of this process's exchange channels. */
  exchange?(call: ExchangeCall): void
  /** Executors and clients of a scheduler. */
  readonly scheduler?: { work(call: WorkCall): void; submitQuery(call: SubmitCall): void }
  /** What the process holds now. */
  stats(): NodeStats
  /** HTTP/1.1 requests that come to the same port. */
  readonly http?: RequestListener
}

export type RunningServer = OnePortServer

/** Addresses are `host:port`; nothing is dialled before the first call of a client. */
export interface Transport {
  exchange(address: string): Promise<ExchangeClient>
  scheduler(address: string): Promise<SchedulerClient>
  node(address: string): Promise<NodeClient>
  /** Port 0 picks a free one. NETWORK if the address cannot be had; INVALID_ARGUMENT if it may not be. */
  serve(host: string, port: number, services: Services): Promise<RunningServer>
}

/** gRPC and HTTP, protected as `security` says; loads grpc-js with the first use. */
export function networkTransport(security: Security): Transport {
  const dial = async (address: string): Promise<{ runtime: GrpcRuntime; dial: Dial }> => {
    checkTokenTravels(hostOf(address), security)
    const runtime = await loadGrpc()
    return { runtime, dial: dialOf(runtime.grpc, security) }
  }
  return {
    async exchange(address) {
      checkTokenTravels(hostOf(address), security)
      return new Http2ExchangeClient(address, codecOf(await loadGrpc()), security)
    },
    scheduler: async address => dial(address).then(found => found.runtime.schedulerClient(address, found.dial)),
    node: async address => dial(address).then(found => found.runtime.nodeClient(address, found.dial)),
    async serve(host, port, services) {
      checkExposure(host, security)
      const runtime = await loadGrpc()
      const { token } = security
      const http = services.http && token !== undefined ? tokenGate(services.http, token) : services.http
      const grpcServer = grpcServerOf(runtime, services, security)
      return listenOnOnePort({ host, port, grpc: runtime.grpc, grpcServer, http, tls: tlsOptionsOf(security) })
    },
  }
}

function codecOf({ exchangeService }: GrpcRuntime): ExchangeCodec {
  const { path, requestSerialize, responseDeserialize } = exchangeService.Open
  return { path, serialize: requestSerialize, deserialize: responseDeserialize }
}

/** In plain text, for processes of one machine. */
export const grpcTransport: Transport = networkTransport({})

function grpcServerOf(runtime: GrpcRuntime, services: Services, { token }: Security): Grpc.Server {
  const { grpc, exchangeService, nodeService, schedulerService } = runtime
  const interceptors = [frameInterceptor(grpc), ...(token === undefined ? [] : [tokenInterceptor(grpc, token)])]
  const server = new grpc.Server({ ...SERVER_OPTIONS, interceptors })
  server.addService(nodeService, {
    stats: (_call: unknown, done: (error: null, stats: NodeStats) => void) => done(null, services.stats()),
  })
  if (services.exchange !== undefined) {
    server.addService(exchangeService, { open: (call: ExchangeCall) => services.exchange?.(call) })
  }
  const { scheduler } = services
  if (scheduler !== undefined) {
    server.addService(schedulerService, {
      work: (call: WorkCall) => scheduler.work(call),
      submitQuery: (call: SubmitCall) => scheduler.submitQuery(call),
    })
  }
  return server
}
