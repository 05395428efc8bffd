/** One statement, its rows written as they come. */
import { once } from 'node:events'
import { ioStats } from '../runtime/io-counters.js'
import type { QueryResult } from '../session/backend.js'
import type { SessionContext } from '../session/context.js'
import { given } from '../session/dataframe.js'
import type { QueryProgress } from '../session/run-options.js'
import type { ResultWriter } from '../session/output/result-writer.js'

export interface StatementSink {
  readonly writer: ResultWriter
  readonly output: NodeJS.WritableStream
  readonly signal: AbortSignal
  /** Called before the first row, and with every further number of rows. */
  readonly onResult?: (result: QueryResult) => void
  readonly onProgress?: (progress: QueryProgress) => void
  readonly onRows?: (rowCount: number) => void
  /** Called before anything is written. */
  readonly onWrite?: () => void
}

export interface StatementOutcome {
  readonly rowCount: number
  /** Malformed records of files that an option told to leave out. */
  readonly skippedRecords: number
}

/** Throws the statement's error, CANCELLED after an abort, or EPIPE when the reader of the output went away. */
export async function runStatement(ctx: SessionContext, sql: string, sink: StatementSink): Promise<StatementOutcome> {
  const { onProgress, writer, signal } = sink
  const options = onProgress === undefined ? { signal } : { signal, onProgress }
  const skippedBefore = ioStats().skippedRecords
  const frame = await ctx.sql(sql, options)
  const result = await frame.execute(options)
  sink.onResult?.(result)
  let rowCount = 0
  await write(await writer.start(result.schema), sink)
  for await (const batch of given(result.batches)) {
    rowCount += batch.rowCount
    sink.onRows?.(rowCount)
    await write(writer.batch(batch), sink)
  }
  await write(await writer.end(), sink)
  return { rowCount, skippedRecords: ioStats().skippedRecords - skippedBefore }
}

/** Waits for a slow reader. */
async function write(chunk: string | Uint8Array, { output, signal, onWrite }: StatementSink): Promise<void> {
  if (chunk.length === 0) return
  onWrite?.()
  if (!output.write(chunk)) await once(output, 'drain', { signal })
}

/** What is said of records that were left out; empty if none was. */
export const skippedNote = (skippedRecords: number): string =>
  skippedRecords === 0 ? '' : `${skippedRecords} malformed record(s) left out.\n`

/** What is said after a statement's rows; `elapsedMs` is left out of it when it is undefined. */
export const statementFooter = (rowCount: number, elapsedMs: number | undefined): string =>
  `${rowCount} row(s) fetched.\n${elapsedMs === undefined ? '' : `Elapsed ${(elapsedMs / 1000).toFixed(3)} seconds.\n`}\n`
