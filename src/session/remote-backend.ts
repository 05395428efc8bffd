/** Runs a session's statements on a cluster: its own (standalone) or one that is already there. */
import { randomUUID } from 'node:crypto'
import { fail } from '../common/errors.js'
import { configOf, type Config, type Settings } from '../common/option.js'
import { reconnectGrace, retryPolicy } from '../exchange/options.js'
import { clusterClient, type ClusterClient } from '../exchange/remote-query.js'
import { checkTokenTravels, type ClientSecurity, type TlsFiles } from '../exchange/security.js'
import { networkTransport } from '../exchange/transport.js'
import { bringRegistry, type Registry } from '../exchange/registry.js'
import { memoryLimit } from '../runtime/options.js'
import { spillPlace } from '../runtime/spill-space.js'
import type { Backend, ExecuteOptions, QueryResult } from './backend.js'
import type { QueryProgress } from './run-options.js'
import type { PlanRequest } from './registration.js'

const DEFAULT_PORT = 50_050

/** How a session shows itself to its cluster, and knows it. */
export interface RemoteSecurity {
  /** The cluster's token. Over a network it needs TLS. */
  readonly token?: string
  /** True, or PEM texts: `ca`, where Node does not trust the cluster's authority; `cert` and `key`, where the cluster asks for them. */
  readonly tls?: true | TlsFiles
  /** Sends the token in plain text, to any host. */
  readonly insecure?: boolean
}

class RemoteBackend implements Backend {
  readonly readsStreams = false
  readonly sharesCatalog = true
  readonly #client: ClusterClient
  readonly #stop: () => Promise<void>

  constructor(address: string, security: ClientSecurity, stop: () => Promise<void>) {
    this.#client = clusterClient({ address, transport: networkTransport(security) })
    this.#stop = stop
  }

  async execute(request: PlanRequest, { signal, onProgress, onRestart }: ExecuteOptions): Promise<QueryResult> {
    const heard = onProgress === undefined ? undefined : (job: unknown) => onProgress(progressOf(job))
    const reconnectGraceMs = configOf(request.settings).get(reconnectGrace)
    const isRepeatable = request.command !== true && configOf(request.settings).get(retryPolicy) === 'query'
    return this.#client.submit({
      request: isRepeatable ? { ...request, submission: randomUUID() } : request,
      signal,
      onRestart,
      onProgress: heard,
      reconnectGraceMs: isRepeatable ? reconnectGraceMs : 0,
    })
  }

  async close(): Promise<void> {
    await this.#client.close()
    await this.#stop()
  }
}

/** Of a JobSummary as it came over the wire; for display, so what is missing counts as nothing. */
function progressOf(job: unknown): QueryProgress {
  const { attempt, scanned, stages, tasks } = (job ?? {}) as Partial<Readonly<Record<string, unknown>>>
  const count = (part: unknown, key: string): number =>
    Number((part as Record<string, unknown> | undefined)?.[key] ?? 0)
  const parts = (part: unknown): QueryProgress['tasks'] => ({
    total: count(part, 'total'),
    finished: count(part, 'finished'),
  })
  return {
    attempt: Number(attempt ?? 0),
    stages: parts(stages),
    tasks: parts(tasks),
    scanned: { rows: count(scanned, 'rows'), bytes: count(scanned, 'bytes') },
  }
}

/**
 * `df://host[:port]`, or `dfs://host[:port]` for TLS; the scheduler is dialled with the first statement. INVALID_ARGUMENT for another
 * form of URL, and for a token that others could read.
 */
export function connectRemoteBackend(url: string, { tls, token, insecure }: RemoteSecurity): Backend {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^dfs?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw fail('INVALID_ARGUMENT', [`expected a cluster as df://host:port or dfs://host:port, got '${url}'`])
  }
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port)
  const wantsTls = parsed.protocol === 'dfs:' || tls === true
  const security = { token, insecure, tls: typeof tls === 'object' ? tls : wantsTls ? {} : undefined }
  checkTokenTravels(parsed.hostname, security)
  return new RemoteBackend(`${parsed.hostname}:${port}`, security, async () => undefined)
}

/**
 * A scheduler and executors, each with the memory limit and temporary files of `settings`, in this process or in processes of their
 * own; closing the backend stops them.
 */
export async function startStandaloneBackend(shape: StandaloneShape, settings: Settings): Promise<Backend> {
  const config = configOf(settings)
  return shape.processes ? standaloneProcesses(shape, config) : standaloneThreads(shape, config)
}

export interface StandaloneShape {
  readonly executors: number
  /** Of each executor. */
  readonly slots: number
  readonly processes: boolean
  readonly registry: Registry
}

async function standaloneThreads({ executors, registry, slots }: StandaloneShape, config: Config): Promise<Backend> {
  const { startStandalone } = await import('../cluster/standalone.js')
  const { clusterPlanner } = await import('./plan-for-cluster.js')
  const { directory, maxBytes } = spillPlace(config)
  const letGo = bringRegistry(registry)
  const cluster = await startStandalone({
    executors,
    slots,
    planner: clusterPlanner({ allowsUserCode: true, registry }),
    scheduler: {
      tableFormats: registry.tableFormats,
      ...(registry.placement === undefined ? {} : { placement: registry.placement }),
    },
    executor: {
      allowsUserCode: true,
      operators: registry.operators,
      extensions: registry.extensions,
      memoryLimit: config.get(memoryLimit),
      workDir: directory,
      maxTempBytes: maxBytes,
    },
  })
  return new RemoteBackend(cluster.address, {}, () => cluster.close().finally(letGo))
}

/** The cluster is this program's own. */
const OWN = ['--allow-udf', '--data-root', 'any']

async function standaloneProcesses({ executors, registry, slots }: StandaloneShape, config: Config): Promise<Backend> {
  const both = [...OWN, ...registry.extensions.flatMap(url => ['--extension', url])]
  const { startClusterProcesses } = await import('../cluster/processes.js')
  const { directory, maxBytes } = spillPlace(config)
  const limits = ['--memory-pool-size', String(config.get(memoryLimit)), '--max-temp-size', String(maxBytes)]
  const place = directory === '' ? [] : ['--work-dir', directory]
  const cluster = await startClusterProcesses({
    executors,
    slots,
    schedulerFlags: both,
    executorFlags: [...both, ...limits, ...place],
  })
  return new RemoteBackend(cluster.nodes[0], {}, () => cluster.close())
}
