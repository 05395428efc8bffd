/** Rows of a temporary file by partition: those with equal keys are in one. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseBatch } from '../../arrow/column.js'
import { partitionBatch } from '../../arrow/hash.js'
import type { Schema } from '../../arrow/schema.js'
import type { SpillFile } from '../../runtime/spill-file.js'
import { SpillRun } from '../../runtime/spill-run.js'

/** Partitions that one refusal makes of what an operator holds. */
export const SPILL_PARTITIONS = 16

/** A partition that holds less than this is not split once more. */
export const MIN_SPILL_BYTES = 64 * 1024

/** Deeper than this nothing is split any more: what is together then has one hash, or one key. */
export const MAX_SPILL_LEVEL = 6

/** A place for rows of one schema. The file belongs to the caller. */
export class SpillPartitions {
  readonly runs: readonly SpillRun[]
  readonly #salt: number

  /** `level` 0, 1, 2 …: each level splits what a partition of the level before holds. */
  constructor(file: SpillFile, schema: Schema, level: number) {
    this.#salt = level + 1
    this.runs = Array.from({ length: SPILL_PARTITIONS }, () => new SpillRun(file, schema))
  }

  get rowCount(): number {
    return this.runs.reduce((sum, run) => sum + run.rowCount, 0)
  }

  /** The rows of a batch by partition, each batch owned by the caller; undefined where there are none. */
  split(batch: Batch, keys: readonly Column[]): (Batch | undefined)[] {
    return partitionBatch(batch, keys, SPILL_PARTITIONS, this.#salt)
  }

  /** Appends the rows of a batch by their key columns; both are borrowed. */
  async add(batch: Batch, keys: readonly Column[]): Promise<void> {
    const parts = this.split(batch, keys)
    try {
      for (let partition = 0; partition < parts.length; partition++) {
        const part = parts[partition]
        if (part !== undefined) await this.runs[partition].append(part)
      }
    } finally {
      for (const part of parts) if (part !== undefined) releaseBatch(part)
    }
  }
}
