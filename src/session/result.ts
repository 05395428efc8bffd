/** What can be done with the rows of a query: every way in which a program takes them. */
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { RecordBatch, Table } from 'apache-arrow'
import type { Schema } from '../arrow/schema.js'
import type { QueryResult } from './backend.js'
import { resultStream, type StreamOptions } from './readable.js'
import { batchRows, type Row, type RowForms } from './rows.js'
import { given, type RunOptions } from './run-options.js'
import { batchCells, tableText } from './table-text.js'

/**
 * Every method that gives rows runs the query anew (results of DDL, DML and COPY are held and do not run again).
 * Errors are BallistaError; after an error or an early end nothing of the query is left running.
 */
export abstract class Result implements AsyncIterable<RecordBatch> {
  /**
   * Starts the query: its schema, and its batches inside the engine (given away: release each one). `onRestart`: a cluster that loses
   * an executor starts the query again, and calls it when the batches given so far are to be forgotten; without it the query fails
   * with PARTIAL_RESULT_DELIVERED if that happens after the first batch.
   */
  abstract execute(options?: RunOptions, onRestart?: () => void): Promise<QueryResult>

  /** Names and types of the columns. Runs nothing. */
  abstract schema(): Schema

  /**
   * Arrow record batches as they come (backpressured; leaving the loop cancels). They are copies and stay valid. A cluster that loses
   * an executor before the first of them starts the query again unnoticed; after it, the loop fails with PARTIAL_RESULT_DELIVERED,
   * unless `hold` keeps all rows in this process until the last one has come.
   */
  async *stream(options: RunOptions & { readonly hold?: boolean } = {}): AsyncGenerator<RecordBatch, void, undefined> {
    if (options.hold === true) return yield* await this.collect(options)
    const { batches } = await this.execute(options)
    const { loadArrow, toArrowBatch } = await import('../arrow/arrow-js.js')
    await loadArrow()
    for await (const batch of given(batches)) yield toArrowBatch(batch)
  }

  [Symbol.asyncIterator](): AsyncGenerator<RecordBatch, void, undefined> {
    return this.stream()
  }

  /** All record batches. */
  async collect(options: RunOptions = {}): Promise<RecordBatch[]> {
    return (await this.#recordBatches(options)).all
  }

  /** All rows as one Arrow table. */
  async toArrow(options: RunOptions = {}): Promise<Table> {
    const { schema, all } = await this.#recordBatches(options)
    const { loadArrow, toArrowSchema } = await import('../arrow/arrow-js.js')
    const arrow = await loadArrow()
    return new arrow.Table(toArrowSchema(schema), all)
  }

  async #recordBatches(options: RunOptions): Promise<{ schema: Schema; all: RecordBatch[] }> {
    const all: RecordBatch[] = []
    const { schema, batches } = await this.execute(options, () => (all.length = 0))
    const { loadArrow, toArrowBatch } = await import('../arrow/arrow-js.js')
    await loadArrow()
    for await (const batch of given(batches)) all.push(toArrowBatch(batch))
    return { schema, all }
  }

  /** All rows as objects: BIGINT bigint, DECIMAL exact text, DATE and TIMESTAMP Date, lists arrays, NULL null; see RowForms. */
  async rows(options: RunOptions & RowForms = {}): Promise<Row[]> {
    const all: Row[] = []
    const { batches } = await this.execute(options, () => (all.length = 0))
    for await (const batch of given(batches)) for (const row of batchRows(batch, options)) all.push(row)
    return all
  }

  /** The same as `rows`. */
  toArray(options: RunOptions & RowForms = {}): Promise<Row[]> {
    return this.rows(options)
  }

  /**
   * A Node stream: of row objects (default) or record batches in object mode, or of the bytes of a format (`arrow`, an IPC stream;
   * `csv`, `tsv`, `json`, `ndjson`). Backpressured; destroying it, or `pipeline()` that fails, ends the query everywhere.
   */
  toReadable(options: StreamOptions = {}): Readable {
    return resultStream(run => this.execute(run), options)
  }

  /** The same as a web stream: `new Response(frame.toReadableStream({ format: 'ndjson' }))`. */
  toReadableStream(options: StreamOptions = {}): ReadableStream {
    return Readable.toWeb(this.toReadable(options))
  }

  /** The first `limit` rows as a text table. */
  async toString(limit = Infinity, options: RunOptions = {}): Promise<string> {
    const cells: string[][] = []
    const { schema, batches } = await this.execute(options, () => (cells.length = 0))
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
