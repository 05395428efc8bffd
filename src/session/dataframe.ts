/** A query that has not run yet, or the rows of a statement that has. */
import type { RecordBatch, Table } from 'apache-arrow'
import type { Batch } from '../arrow/batch.js'
import { releaseBatch } from '../arrow/column.js'
import type { Schema } from '../arrow/schema.js'
import type { QueryResult } from './backend.js'
import { batchRows, type Row } from './rows.js'
import { batchCells, tableText } from './table-text.js'

export interface RunOptions {
  /** Cancels the query everywhere; the call fails with CANCELLED. */
  readonly signal?: AbortSignal
}

/** Runs the statement once more, from the start. */
export type Execute = (signal: AbortSignal | undefined) => Promise<QueryResult>

/**
 * Every method that gives rows runs the query anew (results of DDL, DML and COPY are held and do not run again).
 * Errors are BallistaError; after an error or an early end nothing of the query is left running.
 */
export class DataFrame {
  readonly #execute: Execute
  /** The SQL statement this frame stands for. */
  readonly sql: string

  constructor(sql: string, execute: Execute) {
    this.sql = sql
    this.#execute = execute
  }

  /** Starts the query: its schema, and its batches inside the engine (given away: release each one). */
  execute(options: RunOptions = {}): Promise<QueryResult> {
    return this.#execute(options.signal)
  }

  /** Names and types of the result. Starts the query and stops it at once. */
  async schema(options: RunOptions = {}): Promise<Schema> {
    const { schema, batches } = await this.execute(options)
    await batches[Symbol.asyncIterator]().return?.()
    return schema
  }

  /** Arrow record batches as they come (backpressured; leaving the loop cancels). They are copies and stay valid. */
  async *stream(options: RunOptions = {}): AsyncGenerator<RecordBatch> {
    const { batches } = await this.execute(options)
    const { loadArrow, toArrowBatch } = await import('../arrow/arrow-js.js')
    await loadArrow()
    for await (const batch of given(batches)) yield toArrowBatch(batch)
  }

  [Symbol.asyncIterator](): AsyncGenerator<RecordBatch> {
    return this.stream()
  }

  /** All record batches. */
  async collect(options: RunOptions = {}): Promise<RecordBatch[]> {
    const all: RecordBatch[] = []
    for await (const batch of this.stream(options)) all.push(batch)
    return all
  }

  /** All rows as one Arrow table. */
  async toArrow(options: RunOptions = {}): Promise<Table> {
    const { schema, batches } = await this.execute(options)
    const { loadArrow, toArrowBatch, toArrowSchema } = await import('../arrow/arrow-js.js')
    const arrow = await loadArrow()
    const all: RecordBatch[] = []
    for await (const batch of given(batches)) all.push(toArrowBatch(batch))
    return new arrow.Table(toArrowSchema(schema), all)
  }

  /** All rows as objects: BIGINT bigint, DECIMAL exact text, DATE and TIMESTAMP Date, NULL null. */
  async rows(options: RunOptions = {}): Promise<Row[]> {
    const { batches } = await this.execute(options)
    const all: Row[] = []
    for await (const batch of given(batches)) for (const row of batchRows(batch)) all.push(row)
    return all
  }

  /** The number of rows, without copying them. */
  async count(options: RunOptions = {}): Promise<number> {
    const { batches } = await this.execute(options)
    let count = 0
    for await (const batch of given(batches)) count += batch.rowCount
    return count
  }

  /** The first `limit` rows as a text table. */
  async toString(limit = Infinity, options: RunOptions = {}): Promise<string> {
    const { schema, batches } = await this.execute(options)
    const cells: string[][] = []
    for await (const batch of given(batches)) {
      for (const row of batchCells(batch).slice(0, limit - cells.length)) cells.push(row)
      if (cells.length >= limit) break
    }
    return tableText(schema, cells)
  }

  /** Prints the first `limit` rows (all by default) on standard output. */
  async show(limit = Infinity, options: RunOptions = {}): Promise<void> {
    console.log(await this.toString(limit, options))
  }
}

/** Iterates batches given away, releasing each one when the loop body is done with it. */
export async function* given(batches: AsyncIterable<Batch>): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    try {
      yield batch
    } finally {
      releaseBatch(batch)
    }
  }
}
