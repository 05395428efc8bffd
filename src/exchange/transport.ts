/** How processes reach each other, as an interface: everything that dials or serves is given one, so that a test can put another in its place. */
import type { RequestListener } from 'node:http'
import {
  loadGrpc,
  SERVER_OPTIONS,
  type ExchangeCall,
  type ExchangeClient,
  type NodeClient,
  type SchedulerClient,
  type SubmitCall,
  type WorkCall,
} from './grpc.js'
import { listenOnOnePort, type OnePortServer } from './one-port-server.js'
import type { NodeStats } from './proto/messages.js'

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
  /** Port 0 picks a free one. NETWORK if the address cannot be had. */
  serve(host: string, port: number, services: Services): Promise<RunningServer>
}

/** gRPC in plain text; loads grpc-js with the first use. */
export const grpcTransport: Transport = {
  exchange: async address => (await loadGrpc()).exchangeClient(address),
  scheduler: async address => (await loadGrpc()).schedulerClient(address),
  node: async address => (await loadGrpc()).nodeClient(address),
  async serve(host, port, services) {
    const { grpc, exchangeService, nodeService, schedulerService } = await loadGrpc()
    const server = new grpc.Server(SERVER_OPTIONS)
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
    return listenOnOnePort({ host, port, grpc, grpcServer: server, http: services.http })
  },
}
