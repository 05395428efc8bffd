/** Where a session's statements run: in this process, or on a cluster. */
import type { Batch } from '../arrow/batch.js'
import type { Schema } from '../arrow/schema.js'
import type { InputStream } from '../runtime/task-context.js'
import type { PlanRequest } from './registration.js'

export type InputStreams = ReadonlyMap<string, InputStream>

export interface QueryResult {
  readonly schema: Schema
  /** Batches given away (one reference each), as they come; leaving the loop stops the query everywhere. */
  readonly batches: AsyncIterable<Batch>
  /** After the end of the batches: the rows that stand for them (EXPLAIN ANALYZE); none for other statements. */
  explanation?(): Promise<readonly (readonly string[])[]>
  /** Bytes of files that the query reads if nothing stops it early. Absent where they are read by other processes. */
  readonly scanBytes?: () => Promise<number>
}

export interface Backend {
  /** Whether its tasks can read streams of this process. */
  readonly readsStreams: boolean
  /**
   * Plans and starts one statement; fails with the coded error of parsing, binding or planning. `streams` are those that the request's
   * registrations name.
   */
  execute(request: PlanRequest, signal: AbortSignal, streams?: InputStreams): Promise<QueryResult>
  /** Stops what runs and releases threads, connections and memory. */
  close(): Promise<void>
}
