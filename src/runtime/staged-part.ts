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
  /** Its parts are in an object store, and make a file when this is completed; absent: it is a file. */
  readonly upload?: Upload
  /** Values of the partition columns as text. */
  readonly partition: readonly (string | null)[]
  /** By column name; none where the format keeps no statistics. Bounds need not be tight. */
  readonly columns: Readonly<Record<string, PartStatistics>>
}

/** As StagedUpload of storage/store.ts. */
export interface Upload {
  readonly path: string
  readonly id: string
  readonly tags: readonly string[]
  readonly byteLength: number
}

export interface PartStatistics {
  readonly nullCount?: number
  readonly min?: Value
  readonly max?: Value
}
