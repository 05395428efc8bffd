/** What a write is, as plain data, and what a kind of table has to do to take one: the interface of INSERT, COPY and table logs. */
import type { StagedPart } from '../runtime/staged-part.js'
import type { WriteTarget } from './table-provider.js'

export type { PartStatistics, StagedPart } from '../runtime/staged-part.js'

/** What becomes of what is there: the write fails, keeps it, or replaces it. */
export type WriteMode = 'error' | 'append' | 'overwrite'

/** A target whose rows go to files. */
export type FileTarget = Exclude<WriteTarget, { kind: 'memory' }>

/** One write from the moment it is planned; the same through all attempts of its query, and after a restart. */
export interface WriteIntent {
  /** A UUID. */
  readonly writeId: string
  readonly target: FileTarget
  readonly mode: WriteMode
  /** Two writes with one key are one: the second gets the outcome of the first. */
  readonly idempotencyKey?: string
}

/** How tasks stage their part files: what WriteExec carries. */
export interface StagedWrite {
  readonly writeId: string
  /** What is written to, for display. */
  readonly target: string
  /** Absolute path of an existing directory in which every task makes files of its own. Executors touch no other path. */
  readonly directory: string
  readonly format: string
  readonly options: Readonly<Record<string, string>>
  /** `directory` is where the files will appear, named as they are to be: tasks leave that to the commit. */
  readonly isUpload?: true
  /** Of the files' names, without the first dot. */
  readonly extension: string
  /** Columns that are in the part's `partition` and not in its file. */
  readonly partitionBy: readonly string[]
  /** Each file is in this order. */
  readonly sortBy: readonly { readonly column: string; readonly descending: boolean }[]
  /** All rows go to one file. */
  readonly singleFile: boolean
  /** Files of the format are made of pieces that can be encoded apart. */
  readonly pieces: boolean
}

/** What has come of a write whose rows are in the table. */
export interface CommittedWrite {
  readonly rows: number
  /** Of tables with a log: the version that this write made. */
  readonly version?: number
}

/**
 * What one kind of target does with staged parts. Called by one coordinator, in this order: `begin`, then `prepare`, `publish`,
 * `clean`, or `clean` alone to give up. After a crash: `isPrepared`, then `publish` and `clean`, or `clean`. Every step may come again,
 * from another process.
 */
export interface TableCommitter {
  /** The `kind` of its targets. */
  readonly kind: FileTarget['kind']
  /** How tasks stage; pure. */
  stage(intent: WriteIntent): StagedWrite
  /** Makes the staging directory. Throws FILE_EXISTS, PATH_NOT_ALLOWED, … if the write cannot succeed. */
  begin(intent: WriteIntent): Promise<void>
  /** Puts what `publish` needs on disk. Nothing is visible before; if it throws, nothing ever is. */
  prepare(intent: WriteIntent, parts: readonly StagedPart[]): Promise<void>
  /** Whether `prepare` has got through, and `clean` has not. */
  isPrepared(intent: WriteIntent): Promise<boolean>
  /**
   * The commit: all rows become visible at once, exactly once, however often it is called. FILE_EXISTS and WRITE_CONFLICT say that they
   * never will; after other errors it is called again.
   */
  publish(intent: WriteIntent): Promise<CommittedWrite>
  /** Removes what was staged and is not part of the table. */
  clean(intent: WriteIntent): Promise<void>
}
