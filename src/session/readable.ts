/** Results as Node streams: rows, record batches, or the bytes of a format. */
import { Readable } from 'node:stream'
import type { Batch } from '../arrow/batch.js'
import { releaseBatch } from '../arrow/column.js'
import type { Schema } from '../arrow/schema.js'
import { cancellation } from '../common/abort.js'
import { fail } from '../common/errors.js'
import { resultWriter, type Format } from './output/result-writer.js'
import type { QueryResult } from './backend.js'
import { batchRows, type RowForms } from './rows.js'
import type { RunOptions } from './run-options.js'

/** Of `rows` and `batches` each chunk is an object; the others are bytes: an Arrow IPC stream, or text in UTF-8. */
export type StreamFormat = 'rows' | 'batches' | Exclude<Format, 'table'>

export interface StreamOptions extends RunOptions, RowForms {
  /** Default: rows. */
  readonly format?: StreamFormat
}

/** What batches become. */
interface Chunks {
  start(schema: Schema): readonly unknown[] | Promise<readonly unknown[]>
  /** Borrows the batch. */
  batch(batch: Batch): readonly unknown[]
  end(): readonly unknown[] | Promise<readonly unknown[]>
}

/**
 * A Readable that starts the query with its first read, takes a batch only when its consumer wants more, and ends the query everywhere
 * when it is destroyed. It fails with the coded error of the query. INVALID_ARGUMENT for an unknown format.
 */
export function resultStream(execute: (options: RunOptions) => Promise<QueryResult>, options: StreamOptions): Readable {
  const { format = 'rows', signal, timeoutMs } = options
  if (!FORMATS.has(format))
    throw fail('INVALID_ARGUMENT', [`'${String(format)}' is no format; there are ${[...FORMATS].join(', ')}`])
  const controller = new AbortController()
  const abort = (): void => controller.abort(cancellation(signal?.reason))
  if (signal?.aborted === true) abort()
  else signal?.addEventListener('abort', abort, { once: true })
  const run = { signal: controller.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) }
  const chunks = chunksOf(() => execute(run), format, options)
  const pump = new Pump(chunks)
  return new Readable({
    objectMode: format === 'rows' || format === 'batches',
    ...(format === 'batches' ? { highWaterMark: 1 } : {}),
    read() {
      pump.fill(this)
    },
    destroy(error, done) {
      signal?.removeEventListener('abort', abort)
      controller.abort(fail('CANCELLED', ['the stream was destroyed']))
      chunks.return(undefined).then(
        () => done(error),
        () => done(error),
      )
    },
  })
}

const FORMATS: ReadonlySet<string> = new Set(['rows', 'batches', 'arrow', 'csv', 'tsv', 'json', 'ndjson'])

/** Pushes lists of chunks into a Readable, one chunk at a time, until it wants no more. */
class Pump {
  readonly #lists: AsyncIterator<readonly unknown[]>
  #list: readonly unknown[] = []
  #next = 0
  #isFilling = false
  #isAsked = false

  constructor(lists: AsyncIterator<readonly unknown[]>) {
    this.#lists = lists
  }

  fill(target: Readable): void {
    this.#isAsked = true
    if (this.#isFilling) return
    this.#isFilling = true
    this.#push(target).catch((error: unknown) => target.destroy(error as Error))
  }

  async #push(target: Readable): Promise<void> {
    try {
      while (this.#isAsked) {
        if (!this.#pushList(target)) continue
        const step = await this.#lists.next()
        if (step.done === true) {
          target.push(null)
          return
        }
        this.#list = step.value
        this.#next = 0
      }
    } finally {
      // Before anybody can ask again.
      this.#isFilling = false
    }
  }

  /** False when the target wants no more; a consumer that reads within push() has asked again. */
  #pushList(target: Readable): boolean {
    while (this.#next < this.#list.length) {
      this.#isAsked = false
      if (!target.push(this.#list[this.#next++]) && !this.#isAsked) return false
      this.#isAsked = true
    }
    return true
  }
}

async function* chunksOf(
  execute: () => Promise<QueryResult>,
  format: StreamFormat,
  forms: RowForms,
): AsyncGenerator<readonly unknown[], void, undefined> {
  const chunks = await converter(format, forms)
  const { schema, batches } = await execute()
  yield await chunks.start(schema)
  for await (const batch of batches) {
    let converted: readonly unknown[]
    try {
      converted = chunks.batch(batch)
    } finally {
      releaseBatch(batch)
    }
    yield converted
  }
  yield await chunks.end()
}

async function converter(format: StreamFormat, forms: RowForms): Promise<Chunks> {
  if (format === 'rows') return { start: () => [], batch: batch => batchRows(batch, forms), end: () => [] }
  if (format === 'batches') {
    const { loadArrow, toArrowBatch } = await import('../arrow/arrow-js.js')
    await loadArrow()
    return { start: () => [], batch: batch => [toArrowBatch(batch)], end: () => [] }
  }
  const writer = await resultWriter(format, Infinity)
  return {
    start: async schema => bytes(await writer.start(schema)),
    batch: batch => bytes(writer.batch(batch)),
    end: async () => bytes(await writer.end()),
  }
}

/** An empty chunk would end a stream of bytes. */
const bytes = (written: string | Uint8Array): readonly Uint8Array[] =>
  written.length === 0 ? [] : [Buffer.from(written)]
