/** Our engine on a cluster of real processes, seen from the benchmark. */
import { startClusterProcesses, type ClusterProcesses, type ClusterShape } from '../src/cluster/processes.js'
import { nodeStats, type NodeStats } from '../src/exchange/node-stats.js'
import { EngineClient, type Contender } from './engine-client.js'
import type { Consume, EngineOptions, RunResult } from './engine.js'

export class ClusterClient implements Contender {
  readonly version: string
  readonly #cluster: ClusterProcesses
  readonly #client: EngineClient

  private constructor(cluster: ClusterProcesses, client: EngineClient) {
    this.#cluster = cluster
    this.#client = client
    this.version = client.version
  }

  /** A fresh scheduler, its executors, and a client process that has registered the tables. */
  static async start(shape: ClusterShape, options: EngineOptions, signal: AbortSignal): Promise<ClusterClient> {
    const cluster = await startClusterProcesses({ ...shape, signal })
    try {
      const client = await EngineClient.start('ballista', { ...options, url: cluster.url }, signal)
      return new ClusterClient(cluster, client)
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  /** CPU time is that of the client, the scheduler and the executors. */
  async run(statements: readonly string[], how: { consume: Consume; rows: boolean }): Promise<RunResult> {
    const before = await this.#stats()
    const result = await this.#client.run(statements, how)
    const after = await this.#stats()
    const more = (value: (node: NodeStats) => number): number => sum(after, value) - sum(before, value)
    const run = {
      ...result.run,
      userMs: result.run.userMs + more(({ cpuMs }) => cpuMs),
      exchangedBytes: more(({ bytesSent }) => bytesSent),
    }
    return { ...result, run }
  }

  async peakBytes(): Promise<number> {
    return (await this.#client.peakBytes()) + sum(await this.#stats(), ({ peakRssBytes }) => peakRssBytes)
  }

  async close(): Promise<void> {
    await this.#client.close()
    await this.#cluster.close()
  }

  #stats(): Promise<NodeStats[]> {
    return Promise.all(this.#cluster.nodes.map(nodeStats))
  }
}

const sum = (nodes: readonly NodeStats[], value: (node: NodeStats) => number): number =>
  nodes.reduce((total, node) => total + value(node), 0)
