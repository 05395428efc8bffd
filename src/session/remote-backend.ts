/** Runs a session's statements on a cluster: its own (standalone) or one that is already there. */
import { fail } from '../common/errors.js'
import { configOf, type Settings } from '../common/option.js'
import { clusterClient, type ClusterClient } from '../exchange/remote-query.js'
import { memoryLimit } from '../runtime/options.js'
import { spillPlace } from '../runtime/spill-space.js'
import type { Backend, ExecuteOptions, QueryResult } from './backend.js'
import type { PlanRequest } from './registration.js'

const DEFAULT_PORT = 50_050

class RemoteBackend implements Backend {
  readonly readsStreams = false
  readonly #client: ClusterClient
  readonly #stop: () => Promise<void>

  constructor(address: string, stop: () => Promise<void>) {
    this.#client = clusterClient({ address })
    this.#stop = stop
  }

  async execute(request: PlanRequest, { signal, onRestart }: ExecuteOptions): Promise<QueryResult> {
    return this.#client.submit({ request, signal, onRestart })
  }

  async close(): Promise<void> {
    await this.#client.close()
    await this.#stop()
  }
}

/** `df://host[:port]`; the scheduler is dialled with the first statement. INVALID_ARGUMENT for another form of URL. */
export function connectRemoteBackend(url: string): Backend {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || parsed.protocol !== 'df:' || parsed.hostname === '') {
    throw fail('INVALID_ARGUMENT', [`expected a cluster as df://host:port, got '${url}'`])
  }
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port)
  return new RemoteBackend(`${parsed.hostname}:${port}`, async () => undefined)
}

/** A scheduler and executors in this process, each with the memory limit and temporary files of `settings`; closing the backend stops them. */
export async function startStandaloneBackend(executors: number, slots: number, settings: Settings): Promise<Backend> {
  const { startStandalone } = await import('../cluster/standalone.js')
  const { planForCluster } = await import('./plan-statement.js')
  const config = configOf(settings)
  const { directory, maxBytes } = spillPlace(config)
  const cluster = await startStandalone({
    executors,
    slots,
    planner: planForCluster,
    executor: { memoryLimit: config.get(memoryLimit), workDir: directory, maxTempBytes: maxBytes },
  })
  return new RemoteBackend(cluster.address, () => cluster.close())
}
