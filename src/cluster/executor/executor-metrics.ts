/** What an executor counts for Prometheus. */
import type { NodeStats } from '../../exchange/node-stats.js'
import type { MetricFamily } from '../http/prometheus.js'
import { COMMON_NODE_METRICS, nodeMetrics, type NodeMetric } from '../node-metrics.js'

export const EXECUTOR_NODE_METRICS: readonly NodeMetric[] = [
  ...COMMON_NODE_METRICS,
  {
    figure: 'queuedBytes',
    name: 'queued_bytes',
    type: 'gauge',
    help: 'Bytes of batches that tasks have produced and nobody has taken.',
  },
  {
    figure: 'reservedBytes',
    name: 'reserved_bytes',
    type: 'gauge',
    help: 'Memory that operators have reserved.',
  },
  {
    figure: 'bytesSent',
    name: 'sent_bytes_total',
    type: 'counter',
    help: 'Bytes of batches sent to other processes, encoded.',
  },
]

export const executorMetrics = (stats: NodeStats): MetricFamily[] =>
  nodeMetrics('ballista_executor_', EXECUTOR_NODE_METRICS, stats)
