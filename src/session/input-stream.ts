/** A stream of a program as a table: read once, by one query, as fast as that query goes on. */
import type { RecordBatch } from 'apache-arrow'
import type { Batch } from '../arrow/batch.js'
import { batchFromValues } from '../arrow/column.js'
import type { Schema } from '../arrow/schema.js'
import { fail } from '../common/errors.js'
import { nextTurn } from '../runtime/time-slice.js'
import type { InputStream } from '../runtime/task-context.js'
import type { InputRow } from './input-rows.js'
import { valueFrom } from '../expr/js-values.js'

/** Row objects or record batches: a Node or web stream in object mode, or any (async) iterable. */
export type StreamInput = AsyncIterable<InputRow | RecordBatch> | Iterable<InputRow | RecordBatch>

export interface ProgramStreamParts {
  readonly name: string
  readonly schema: Schema
  readonly source: StreamInput
  /** Called when somebody begins to read it, or it is closed unread. */
  readonly onTaken: () => void
}

/**
 * Takes an item only when the query wants rows, at most one batch of them ahead; a source that pauses does not hold back the rows
 * before. When the query ends early, a Node stream is destroyed, of others `return()` is called.
 */
export class ProgramStream implements InputStream {
  readonly #parts: ProgramStreamParts
  #taken = false

  constructor(parts: ProgramStreamParts) {
    this.#parts = parts
  }

  /** INVALID_ARGUMENT the second time. */
  open(batchRows: number): AsyncIterator<Batch, undefined> {
    const { name, schema, source } = this.#parts
    if (!this.#take()) throw fail('INVALID_ARGUMENT', [`the stream '${name}' has been read; register it again`])
    const items = iteratorOf(source)
    return new StreamBatches({ items, end: () => endSource(source, items) }, schema, batchRows)
  }

  /** Ends a source that no query has read. */
  async close(): Promise<void> {
    const { source } = this.#parts
    if (this.#take()) await endSource(source, iteratorOf(source))
  }

  /** False if it has been taken before. */
  #take(): boolean {
    if (this.#taken) return false
    this.#taken = true
    this.#parts.onTaken()
    return true
  }
}

/** Row objects of one batch: few enough that a query which needs only some does not take many more. */
const MAX_ROWS_AHEAD = 1024

type Item = InputRow | RecordBatch
type Items = AsyncIterator<Item> | Iterator<Item>

const iteratorOf = (source: StreamInput): Items =>
  Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()

/** A Node stream that was not read yet does not hear of the end of its iterator. */
async function endSource(source: StreamInput, items: Items): Promise<void> {
  if ('destroy' in source && typeof source.destroy === 'function') source.destroy()
  else await items.return?.()
}

interface OpenSource {
  readonly items: Items
  end(): Promise<void>
}

const PAUSE: unique symbol = Symbol('pause')
const LEFT: unique symbol = Symbol('left')

class StreamBatches implements AsyncIterator<Batch, undefined> {
  readonly #source: OpenSource
  readonly #schema: Schema
  readonly #batchRows: number
  readonly #left: Promise<typeof LEFT>
  #leave!: () => void
  /** An item that was asked for and has not come. */
  #pending: Promise<IteratorResult<Item>> | undefined
  #ended = false

  constructor(source: OpenSource, schema: Schema, batchRows: number) {
    this.#source = source
    this.#schema = schema
    this.#batchRows = Math.min(batchRows, MAX_ROWS_AHEAD)
    this.#left = new Promise(resolve => (this.#leave = () => resolve(LEFT)))
  }

  async next(): Promise<IteratorResult<Batch, undefined>> {
    const rows: InputRow[] = []
    while (!this.#ended && rows.length < this.#batchRows) {
      const step = await this.#take(rows.length > 0)
      if (step === PAUSE) break
      if (step === LEFT) return { done: true, value: undefined }
      if (step.done === true) this.#ended = true
      else if (!isRecordBatch(step.value)) rows.push(step.value)
      else return { done: false, value: await this.#copied(step.value, rows) }
    }
    if (rows.length > 0) return { done: false, value: this.#batch(rows) }
    return { done: true, value: undefined }
  }

  /** Settles a pending `next` at once; waits for the source only as far as it wants to say something. */
  async return(): Promise<IteratorResult<Batch, undefined>> {
    this.#leave()
    if (!this.#ended) {
      this.#ended = true
      const returned = this.#source.end()
      // A generator that waits for its own source cannot be returned before it goes on.
      if (this.#pending === undefined) await returned
      else returned.catch(() => undefined)
    }
    return { done: true, value: undefined }
  }

  /** The next item; with rows in hand, PAUSE if there is none now. */
  async #take(hasRows: boolean): Promise<IteratorResult<Item> | typeof PAUSE | typeof LEFT> {
    const pending = (this.#pending ??= Promise.resolve(this.#source.items.next()))
    pending.catch(() => undefined)
    const step = await Promise.race([pending, this.#left, ...(hasRows ? [nextTurn().then(() => PAUSE)] : [])] as const)
    if (step !== PAUSE && step !== LEFT) this.#pending = undefined
    return step as IteratorResult<Item> | typeof PAUSE | typeof LEFT
  }

  #batch(rows: readonly InputRow[]): Batch {
    const columns = this.#schema.fields.map(field => rows.map(row => valueFrom(row[field.name], field)))
    return batchFromValues(this.#schema, columns)
  }

  async #copied(input: RecordBatch, rowsBefore: readonly InputRow[]): Promise<Batch> {
    if (rowsBefore.length > 0) throw fail('TYPE_MISMATCH', ['a stream gives either rows or record batches, not both'])
    const { batchFromArrow } = await import('./input-arrow.js')
    return batchFromArrow(input, this.#schema)
  }
}

const isRecordBatch = (item: Item): item is RecordBatch => 'numRows' in item && 'schema' in item && 'data' in item
