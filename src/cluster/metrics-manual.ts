/** docs/generated/metrics.md: every metric, from the tables that make them. */
import { EXECUTOR_NODE_METRICS } from './executor/executor-metrics.js'
import { PROCESS_METRICS, type MetricDefinition } from './http/prometheus.js'
import { COMMON_NODE_METRICS, type NodeMetric } from './node-metrics.js'
import { SCHEDULER_METRICS } from './scheduler/scheduler-metrics.js'

export function metricsManual(): string {
  const processes = Object.values(PROCESS_METRICS)
  return [
    '# Metrics',
    '',
    'Made by `npm run docs`. In the text format of Prometheus, from `GET /api/metrics` on the port of each process.',
    '',
    ...section('Scheduler', [
      ...Object.values(SCHEDULER_METRICS),
      ...prefixed('ballista_scheduler_', COMMON_NODE_METRICS),
      ...processes,
    ]),
    '',
    ...section('Executor', [...prefixed('ballista_executor_', EXECUTOR_NODE_METRICS), ...processes]),
    '',
  ].join('\n')
}

const section = (title: string, metrics: readonly MetricDefinition[]): string[] => [
  `## ${title}`,
  '',
  '| metric | type | what it is |',
  '|---|---|---|',
  ...metrics.map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`),
]

const prefixed = (prefix: string, metrics: readonly NodeMetric[]): MetricDefinition[] =>
  metrics.map(({ name, type, help }) => ({ name: `${prefix}${name}`, type, help }))
