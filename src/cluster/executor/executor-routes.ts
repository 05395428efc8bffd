/** What an executor answers over HTTP: whether it serves, and its metrics. */
import type { NodeStats } from '../../exchange/node-stats.js'
import { prometheusText } from '../http/prometheus.js'
import { plainText, type Route } from '../http/route.js'
import { executorMetrics } from './executor-metrics.js'

export interface ExecutorView {
  /** Its scheduler has accepted it, and it is not shutting down. */
  isReady(): boolean
  stats(): NodeStats
}

export const EXECUTOR_ROUTES: readonly Route<ExecutorView>[] = [
  { method: 'GET', path: '/healthz', handle: () => plainText('ok\n') },
  {
    method: 'GET',
    path: '/readyz',
    handle: (_request, executor) =>
      executor.isReady() ? plainText('ready\n') : plainText('not registered with a scheduler\n', 503),
  },
  { method: 'GET', path: '/api/metrics', handle: (_request, { stats }) => prometheusText(executorMetrics(stats())) },
]
