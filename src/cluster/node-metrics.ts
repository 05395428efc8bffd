/** What every node counts, as metrics: one row for each figure of NodeStats that is worth a graph. */
import type { NodeStats } from '../exchange/node-stats.js'
import { processMetrics, single, type MetricDefinition, type MetricFamily } from './http/prometheus.js'

type NodeFigure = Exclude<keyof NodeStats, 'role'>

/** `name` follows `ballista_scheduler_` or `ballista_executor_`. */
export interface NodeMetric extends MetricDefinition {
  readonly figure: NodeFigure
}

/** Of schedulers and executors. */
export const COMMON_NODE_METRICS: readonly NodeMetric[] = [
  {
    figure: 'jobs',
    name: 'jobs',
    type: 'gauge',
    help: 'Jobs that have not ended, or whose tasks have not.',
  },
  { figure: 'runningTasks', name: 'running_tasks', type: 'gauge', help: 'Tasks that have started and not ended.' },
  {
    figure: 'openCalls',
    name: 'open_calls',
    type: 'gauge',
    help: 'Open calls of queries: exchanges in both directions, submissions.',
  },
  {
    figure: 'exposed',
    name: 'exposed',
    type: 'gauge',
    help: '1 if it listens to a network without TLS or without authentication (--insecure).',
  },
  { figure: 'arenaBytes', name: 'arena_bytes', type: 'gauge', help: 'Bytes of the arena in use.' },
  { figure: 'openFiles', name: 'open_files', type: 'gauge', help: 'Table files being read or written.' },
  {
    figure: 'bytesRead',
    name: 'read_bytes_total',
    type: 'counter',
    help: 'Bytes read from table files, as they lie on disk.',
  },
]

export function nodeMetrics(prefix: string, metrics: readonly NodeMetric[], stats: NodeStats): MetricFamily[] {
  const own = metrics.map(({ figure, name, ...rest }) => single({ ...rest, name: `${prefix}${name}` }, stats[figure]))
  return [...own, ...processMetrics()]
}
