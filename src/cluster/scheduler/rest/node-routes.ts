/** The scheduler itself and its executors. */
import { VERSION } from '../../../common/version.js'
import { json, plainText, refusal, type Route } from '../../http/route.js'
import { prometheusText } from '../../http/prometheus.js'
import type { ExecutorView, SchedulerView } from './scheduler-view.js'

export const NODE_ROUTES: readonly Route<SchedulerView>[] = [
  { method: 'GET', path: '/api/state', handle: (_request, scheduler) => json(stateJson(scheduler)) },
  { method: 'GET', path: '/api/version', handle: () => json({ version: VERSION }) },
  {
    method: 'GET',
    path: '/api/executors',
    handle: (_request, { executors, clock }) => json(executors().map(each => executorJson(each, clock.wallMs()))),
  },
  {
    method: 'GET',
    path: '/api/executor/:id',
    handle({ params }, { executors, clock }) {
      const executor = executors().find(({ id }) => id === params.id)
      return executor === undefined
        ? refusal(404, `there is no executor ${params.id}`)
        : json(executorJson(executor, clock.wallMs()))
    },
  },
  {
    method: 'GET',
    path: '/api/metrics',
    handle: (_request, { metrics }) => prometheusText(metrics.collect()),
  },
  { method: 'GET', path: '/healthz', handle: () => plainText('ok\n') },
  {
    method: 'GET',
    path: '/readyz',
    handle(_request, { executors, minReadyExecutors }) {
      const ready = executors().filter(({ isDraining }) => !isDraining).length
      const isReady = ready >= minReadyExecutors
      return plainText(`${ready} of ${minReadyExecutors} executors\n`, isReady ? 200 : 503)
    },
  },
]

function stateJson({ clock, startedAtMs, executors, stats, jobs }: SchedulerView): object {
  const places = executors()
  const { arenaBytes, cpuMs, peakRssBytes, runningTasks } = stats()
  const listed = jobs.list()
  return {
    started: startedAtMs,
    version: VERSION,
    scheduling_policy: 'push-staged',
    substrait_support: false,
    keda_support: false,
    prometheus_support: true,
    graphviz_support: false,
    spark_support: false,
    uptime_ms: Math.round(clock.wallMs() - startedAtMs),
    executors: places.length,
    task_slots: places.reduce((sum, { slots }) => sum + slots, 0),
    running_tasks: runningTasks,
    running_jobs: listed.filter(({ endedAtMs }) => endedAtMs === undefined).length,
    jobs: listed.length,
    arena_bytes: arenaBytes,
    peak_rss_bytes: peakRssBytes,
    cpu_ms: Math.round(cpuMs),
  }
}

/** What `metrics` of an executor says, by the name of its type. */
const EXECUTOR_METRICS = [
  ['arena_bytes', 'arenaBytes'],
  ['reserved_bytes', 'reservedBytes'],
  ['queued_bytes', 'queuedBytes'],
  ['peak_rss_bytes', 'peakRssBytes'],
  ['cpu_ms', 'cpuMs'],
  ['bytes_read', 'bytesRead'],
  ['bytes_sent', 'bytesSent'],
  ['open_files', 'openFiles'],
  ['open_calls', 'openCalls'],
] as const

function executorJson(executor: ExecutorView, wallMs: number): object {
  const { id, address, version, slots, isDraining, silentMs, heartbeat } = executor
  const colon = address.lastIndexOf(':')
  return {
    id,
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    version,
    status: isDraining ? 'draining' : 'active',
    last_seen: Math.round(wallMs - silentMs),
    specification: { vcores: slots },
    running_tasks: heartbeat?.stats.runningTasks ?? 0,
    metrics_time: heartbeat === undefined ? null : Math.round(wallMs - heartbeat.ageMs),
    metrics: EXECUTOR_METRICS.flatMap(([type, key]) =>
      heartbeat === undefined ? [] : [{ type, value: heartbeat.stats[key] }],
    ),
  }
}
