/** Where a session's statements run: in this process, or on a cluster. */
import type { Batch } from '../arrow/batch.js'
import type { Schema } from '../arrow/schema.js'
import type { InputStream } from '../runtime/task-context.js'
import type { QueryProgress } from './run-options.js'
import type { PlanRequest } from './registration.js'

export type InputStreams = ReadonlyMap<string, InputStream>

export interface QueryResult {
  readonly schema: Schema
  /** Batches given away (one reference each), as they come; leaving the loop stops the query everywhere. */
  readonly batches: AsyncIterable<Batch>
  /** After the end of the batches: the rows that stand for them (EXPLAIN ANALYZE, and the count of a write); none for other statements. */
  explanation?(): Promise<readonly (readonly string[])[]>
  /** Bytes of files that the query reads if nothing stops it early. Absent where they are read by other processes. */
  readonly scanBytes?: () => Promise<number>
}

export interface ExecuteOptions {
  readonly signal: AbortSignal
  /** Those that the request's registrations name. */
  readonly streams?: InputStreams
  /**
   * For who holds the rows until the last one: called when a cluster starts the query again, and the batches given so far are to be
   * forgotten. Without it a query that fails after its first batch is PARTIAL_RESULT_DELIVERED.
   */
  readonly onRestart?: (() => void) | undefined
  /** Called while a cluster works for it. */
  readonly onProgress?: ((progress: QueryProgress) => void) | undefined
}

export interface Backend {
  /** Whether others may see its catalog. If not, what a session creates in the default schema stays in the session. */
  readonly sharesCatalog: boolean
  /** Whether its tasks can read streams of this process. */
  readonly readsStreams: boolean
  /** Plans and starts one statement; fails with the coded error of parsing, binding or planning. */
  execute(request: PlanRequest, options: ExecuteOptions): Promise<QueryResult>
  /** Stops what runs and releases threads, connections and memory. */
  close(): Promise<void>
}
