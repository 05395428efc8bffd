/**
 * The consumer's end of the exchange between processes: dials producers, and gives what they send to readers as InputChannels. One
 * call per producer process and job, which carries all edges between them.
 */
import { systemClock, systemRng, type Clock, type Rng } from '../common/clock.js'
import type { ExchangeClient } from './exchange-client.js'
import { ExchangeLink } from './exchange-link.js'
import type { InputChannel } from './merged-reader.js'
import { OWN_VERSION } from './protocol.js'
import { RemoteChannel } from './remote-channel.js'
import type { RemoteKey } from './task-host.js'
import { grpcTransport, type Transport } from './transport.js'

/** The calls of one process to all its peers. */
export class RemoteExchange {
  private readonly clients = new Map<string, Promise<ExchangeClient>>()
  /** Those that take more channels, by job and address. */
  private readonly links = new Map<string, Map<string, ExchangeLink>>()
  /** These, and those whose last channels are not done. */
  private readonly running = new Set<ExchangeLink>()
  private readonly transport: Transport
  private readonly clock: Clock
  private readonly rng: Rng
  /** By what name producers know this process when it dials again. */
  private readonly consumer: string

  constructor(options: { transport?: Transport; clock?: Clock; rng?: Rng } = {}) {
    this.transport = options.transport ?? grpcTransport
    this.clock = options.clock ?? systemClock
    this.rng = options.rng ?? systemRng
    this.consumer = this.rng.id()
  }

  /**
   * A channel to one producer; nothing is dialled before `attach`. Errors come as the channel's `failure`. The call that carries it
   * stays open for others of the job until `endJob`.
   */
  open(address: string, key: RemoteKey): InputChannel {
    return new RemoteChannel(address, key, () => this.link(address, key))
  }

  /** Calls that are open; for tests and metrics. */
  get openCalls(): number {
    return this.running.size
  }

  /** No channel of the job is attached any more: calls end with those that are. */
  endJob(jobId: string): void {
    const links = [...(this.links.get(jobId)?.values() ?? [])]
    this.links.delete(jobId)
    for (const link of links) link.end()
  }

  /** Breaks all calls and closes all connections. */
  async close(): Promise<void> {
    for (const link of this.running) link.cancel()
    const clients = [...this.clients.values()]
    this.clients.clear()
    await Promise.all(
      clients.map(client =>
        client.then(
          opened => opened.close(),
          () => undefined,
        ),
      ),
    )
  }

  private link(address: string, key: RemoteKey): ExchangeLink {
    const ofJob = this.links.get(key.jobId) ?? new Map<string, ExchangeLink>()
    this.links.set(key.jobId, ofJob)
    const known = ofJob.get(address)
    if (known !== undefined) return known
    const link = new ExchangeLink({
      address,
      hello: {
        ...OWN_VERSION,
        jobId: key.jobId,
        consumer: this.consumer,
        reconnectMs: key.reconnectMs,
      },
      client: this.client(address),
      clock: this.clock,
      rng: this.rng,
      onDone: () => {
        if (ofJob.get(address) === link) ofJob.delete(address)
      },
    })
    ofJob.set(address, link)
    this.running.add(link)
    void link.ended.then(() => this.running.delete(link))
    return link
  }

  private client(address: string): Promise<ExchangeClient> {
    const client = this.clients.get(address) ?? this.transport.exchange(address)
    this.clients.set(address, client)
    return client
  }
}
