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

export function taskMetrics(): TaskMetrics {
  const rows = new Map<string, OperatorMetrics & { readonly path: string; readonly kind: string }>()
  return {
    of(path, kind) {
      let row = rows.get(path)
      if (row === undefined) {
        row = { path, kind, outputRows: 0, outputBatches: 0, outputBytes: 0, elapsedComputeMs: 0, blockedMs: 0 }
        rows.set(path, row)
      }
      return row
    },
    snapshot: () => Array.from(rows.values(), row => ({ ...row })),
  }
}
