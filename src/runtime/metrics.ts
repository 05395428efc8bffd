/** Counters of the operators of one task, declared once: EXPLAIN ANALYZE, REST and Prometheus read the same snapshot. */
import type { OperatorMetrics } from './task-context.js'

/** One operator's counters with its place: plain data that travels. */
export interface MetricsRow extends Readonly<OperatorMetrics> {
  /** The operator's place in the stage plan, e.g. `0.1.0`. */
  readonly path: string
  readonly kind: string
}

export interface TaskMetrics {
  /** Made on first use; the same object for the same path. */
  of(path: string, kind: string): OperatorMetrics
  /** In order of first use. */
  snapshot(): readonly MetricsRow[]
}

/** Counters that have counted nothing. */
export const noMetrics = (): OperatorMetrics => ({
  outputRows: 0,
  outputBatches: 0,
  outputBytes: 0,
  elapsedComputeMs: 0,
  blockedMs: 0,
  spillCount: 0,
  spilledBytes: 0,
  spilledRows: 0,
})

export function taskMetrics(): TaskMetrics {
  const rows = new Map<string, OperatorMetrics & { readonly path: string; readonly kind: string }>()
  return {
    of(path, kind) {
      let row = rows.get(path)
      if (row === undefined) {
        row = { path, kind, ...noMetrics() }
        rows.set(path, row)
      }
      return row
    },
    snapshot: () => Array.from(rows.values(), row => ({ ...row })),
  }
}

/** How each counter is called and written. A counter that is absent or 0 is shown only if it is `always`. */
const COUNTERS: readonly {
  readonly key: keyof OperatorMetrics
  readonly name: string
  readonly text: (value: number) => string
  readonly always: boolean
}[] = [
  { key: 'outputRows', name: 'output_rows', text: String, always: true },
  { key: 'outputBatches', name: 'output_batches', text: String, always: true },
  { key: 'outputBytes', name: 'output_bytes', text: bytesText, always: true },
  { key: 'elapsedComputeMs', name: 'elapsed_compute', text: elapsedText, always: true },
  { key: 'blockedMs', name: 'blocked_time', text: elapsedText, always: true },
  { key: 'spillCount', name: 'spill_count', text: String, always: false },
  { key: 'spilledBytes', name: 'spilled_bytes', text: bytesText, always: false },
  { key: 'spilledRows', name: 'spilled_rows', text: String, always: false },
]

/** The sum of two rows of one operator. */
export function addMetrics(left: MetricsRow, right: MetricsRow): MetricsRow {
  const sum: OperatorMetrics & MetricsRow = { ...left }
  for (const { key } of COUNTERS) sum[key] = (left[key] ?? 0) + (right[key] ?? 0)
  return sum
}

/** `output_rows=3`, `elapsed_compute=1.2 ms`, …: one text a counter. */
export const metricsText = (row: Readonly<OperatorMetrics>): readonly string[] =>
  COUNTERS.filter(({ key, always }) => always || row[key] > 0).map(({ key, name, text }) => `${name}=${text(row[key])}`)

/** `rows_skew=1.25`, `compute_skew=1.10`: by how much the largest of several tasks exceeds their average. */
export const skewText = (
  tasks: readonly Pick<OperatorMetrics, 'outputRows' | 'elapsedComputeMs'>[],
): readonly string[] => [
  `rows_skew=${skew(tasks.map(task => task.outputRows))}`,
  `compute_skew=${skew(tasks.map(task => task.elapsedComputeMs))}`,
]

function skew(values: readonly number[]): string {
  const sum = values.reduce((total, value) => total + value, 0)
  return (sum === 0 ? 1 : (Math.max(...values) * values.length) / sum).toFixed(2)
}

/** `0.03 ms`, `12.3 ms`, `4.56 s`. */
export function elapsedText(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 10 ? 2 : 1)} ms`
}

/** `512 B`, `1.5 KB`, `2.0 MB`. */
function bytesText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  return unit === 0 ? `${bytes} B` : `${(bytes / 1024 ** unit).toFixed(1)} ${units[unit]}`
}
