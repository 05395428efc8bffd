/** What a task that writes tells of each file it has staged: plain data in its report. */
import type { Value } from '../arrow/types.js'

/** One file that a task has staged: complete, on disk, and read back as far as its format has a footer. */
export interface StagedPart {
  /** Its name in the staging directory. */
  readonly file: string
  readonly rows: number
  readonly bytes: number
  /** Of all its bytes. */
  readonly crc32: number
  /** Values of the partition columns as text. */
  readonly partition: readonly (string | null)[]
  /** By column name; none where the format keeps no statistics. Bounds need not be tight. */
  readonly columns: Readonly<Record<string, PartStatistics>>
}

export interface PartStatistics {
  readonly nullCount?: number
  readonly min?: Value
  readonly max?: Value
}
