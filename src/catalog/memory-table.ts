/** A table whose rows live in this process, as encoded batches outside the arena. */
import type { Schema } from '../arrow/schema.js'
import { minPartitionBytes } from '../runtime/options.js'
import type { ScanPlan, ScanRequest, Statistics, TableProvider, WriteTarget } from './table-provider.js'

/** One batch as bytes (arrow/frame.ts, all columns of the table) and its row count. */
export interface EncodedBatch {
  readonly bytes: Uint8Array
  readonly rowCount: number
}

/** Rows in insertion order. Appending never disturbs a scan that was planned before it. */
export class MemoryTable implements TableProvider {
  readonly schema: Schema
  readonly insertTarget: WriteTarget
  #batches: readonly EncodedBatch[]

  /** `name` is what WriteExec looks up in the task context to append. */
  constructor(name: string, schema: Schema, batches: readonly EncodedBatch[] = []) {
    this.schema = schema
    this.insertTarget = { kind: 'memory', table: name }
    this.#batches = batches
  }

  get batches(): readonly EncodedBatch[] {
    return this.#batches
  }

  /** Adds rows at the end, all or nothing. */
  append(batches: readonly EncodedBatch[]): void {
    this.#batches = [...this.#batches, ...batches.filter(batch => batch.rowCount > 0)]
  }

  statistics(): Statistics {
    return {
      rowCount: this.#batches.reduce((sum, batch) => sum + batch.rowCount, 0),
      byteLength: this.#batches.reduce((sum, batch) => sum + batch.bytes.byteLength, 0),
      columns: new Map(),
    }
  }

  /** Partitions of about equal row counts, in order, no more than the bytes are worth; every filter is left to the engine. */
  scan(request: ScanRequest): ScanPlan {
    const { byteLength = 0 } = this.statistics()
    const worthwhile = Math.floor(byteLength / (request.minPartitionBytes ?? minPartitionBytes.defaultValue))
    const partitions = splitEvenly(this.#batches, Math.max(1, Math.min(request.targetPartitions, worthwhile)))
    return {
      source: {
        kind: 'memory',
        partitions: partitions.map(list => list.map(batch => batch.bytes)),
        schema: this.schema,
      },
      residual: request.filters,
    }
  }
}

/** At most `count` consecutive runs of batches with about equal rows; always at least one (perhaps empty) run. */
function splitEvenly(batches: readonly EncodedBatch[], count: number): EncodedBatch[][] {
  const total = batches.reduce((sum, batch) => sum + batch.rowCount, 0)
  const runs: EncodedBatch[][] = [[]]
  let before = 0
  for (const batch of batches) {
    const run = Math.min(count - 1, Math.floor((before * count) / Math.max(1, total)))
    if (run > runs.length - 1 && runs[runs.length - 1].length > 0) runs.push([])
    runs[runs.length - 1].push(batch)
    before += batch.rowCount
  }
  return runs
}
