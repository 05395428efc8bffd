/** Metrics in Prometheus's text format (version 0.0.4). */
import { cpuUsage, memoryUsage, uptime } from 'node:process'
import { plainText, type WholeAnswer } from './route.js'

/** What a metric is, for its reader and its manual. */
export interface MetricDefinition {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
}

export interface Sample {
  /** `_bucket`, `_sum`, `_count` of a histogram; else nothing. */
  readonly suffix?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

export interface MetricFamily {
  readonly definition: MetricDefinition
  readonly samples: readonly Sample[]
}

export const prometheusText = (families: readonly MetricFamily[]): WholeAnswer => ({
  ...plainText(families.map(familyText).join('')),
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
})

/** A metric of one value. */
export const single = (definition: MetricDefinition, value: number): MetricFamily => ({
  definition,
  samples: [{ value }],
})

export class Histogram {
  private readonly definition: MetricDefinition
  private readonly bounds: readonly number[]
  /** Cumulative, one a bound. */
  private readonly counts: number[]
  private count = 0
  private sum = 0

  constructor(definition: MetricDefinition, bounds: readonly number[]) {
    this.definition = definition
    this.bounds = bounds
    this.counts = bounds.map(() => 0)
  }

  observe(value: number): void {
    this.count++
    this.sum += value
    for (const [index, bound] of this.bounds.entries()) if (value <= bound) this.counts[index]++
  }

  family(): MetricFamily {
    const buckets = this.bounds.map((bound, index) => bucket(String(bound), this.counts[index]))
    const totals = [
      { suffix: '_sum', value: this.sum },
      { suffix: '_count', value: this.count },
    ]
    return { definition: this.definition, samples: [...buckets, bucket('+Inf', this.count), ...totals] }
  }
}

const bucket = (le: string, value: number): Sample => ({ suffix: '_bucket', labels: { le }, value })

/** Of every process, under the names that Prometheus's own client libraries use. */
export const PROCESS_METRICS = {
  cpu: {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'Processor time of all threads, user and system, in seconds.',
  },
  resident: { name: 'process_resident_memory_bytes', type: 'gauge', help: 'Memory that the process has resident.' },
  uptime: { name: 'process_uptime_seconds', type: 'gauge', help: 'Seconds since the process started.' },
} as const satisfies Record<string, MetricDefinition>

export function processMetrics(): MetricFamily[] {
  const { user, system } = cpuUsage()
  return [
    single(PROCESS_METRICS.cpu, (user + system) / 1e6),
    single(PROCESS_METRICS.resident, memoryUsage.rss()),
    single(PROCESS_METRICS.uptime, uptime()),
  ]
}

function familyText({ definition: { name, type, help }, samples }: MetricFamily): string {
  const lines = samples.map(({ suffix = '', labels = {}, value }) => `${name}${suffix}${labelsText(labels)} ${value}`)
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n')
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const texts = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`)
  return texts.length === 0 ? '' : `{${texts.join(',')}}`
}

const escaped = (text: string): string => text.replace(/[\\"\n]/g, char => (char === '\n' ? '\\n' : `\\${char}`))
