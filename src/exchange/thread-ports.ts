/** The exchange as a task on a worker thread sees it: writers and readers that speak to the hub of the main thread. */
import type { Batch } from '../arrow/batch.js'
import { releaseBatch } from '../arrow/column.js'
import { retain } from '../arrow/memory.js'
import type { Schema } from '../arrow/schema.js'
import { BallistaError, toBallistaError } from '../common/errors.js'
import { Gate } from '../common/gate.js'
import type { EdgeToRead, EdgeToWrite, ExchangePorts, ExchangeReader, ExchangeWriter } from '../runtime/task-context.js'
import { encodeForExchange, type EncodedBatch } from './encoded-batch.js'
import { encodedPart, partOf, releaseItem, type OutputPart } from './output-item.js'
import { openReceived, releaseFrames } from './received-batch.js'
import { fromPortable, toPortablePart, type FromThread, type ToThread } from './thread-messages.js'

type Post = (message: FromThread) => void

/** All edges of one task. `receive` gets every message for the task; `close` lets go of what the task left. */
export interface ThreadPorts extends ExchangePorts {
  receive(message: EdgeMessage): void
  close(): void
}

/** Messages that belong to an edge of a task. */
export type EdgeMessage = Exclude<ToThread, { kind: 'run' | 'cancel' | 'sample' }>

/** `writeLimit`: bytes that may be written and not yet taken, per edge. */
export function threadPorts(task: number, writeLimit: number, post: Post): ThreadPorts {
  const writers = new Map<number, PortWriter>()
  const readers = new Map<number, PortReader>()
  return {
    openWriter(output) {
      const writer = new PortWriter({ task, output, limit: writeLimit, post })
      writers.set(output.edge, writer)
      post({ kind: 'openWriter', task, output })
      return writer
    },
    openReader(input) {
      const reader = new PortReader({ task, reader: readers.size, input, post })
      readers.set(readers.size, reader)
      return reader
    },
    receive(message) {
      if (message.kind === 'batch' || message.kind === 'received') {
        const reader = readers.get(message.reader)
        if (reader === undefined) drop(message)
        else reader.receive(message)
      } else if (message.kind === 'readEnd') readers.get(message.reader)?.end()
      else if (message.kind === 'readFailed') readers.get(message.reader)?.failed(new BallistaError(message.error))
      else writers.get(message.edge)?.receive(message)
    },
    close() {
      for (const reader of readers.values()) reader.cancel()
    },
  }
}

/** What a reader is given. */
export type BatchMessage = Extract<ToThread, { kind: 'batch' | 'received' }>

/** A batch that nobody here wants any more. */
export function drop(message: BatchMessage): void {
  if (message.kind === 'received') releaseFrames(message.received.frames)
  else releaseBatch(fromPortable(message.batch, { fields: [] }))
}

interface WriterParts {
  readonly task: number
  readonly output: EdgeToWrite
  readonly limit: number
  readonly post: Post
}

interface ReaderParts {
  readonly task: number
  readonly reader: number
  readonly input: EdgeToRead
  readonly post: Post
}

class PortWriter implements ExchangeWriter {
  private readonly parts: WriterParts
  private readonly gate = new Gate()
  private readonly closed = new Set<number>()
  /** Partitions that are read by another process. */
  private readonly encoded = new Set<number>()
  /** Batch and encoded form of the part before, during one write. */
  private last: { readonly batch: Batch; readonly encoded: EncodedBatch } | undefined
  private encodesAll: boolean
  private sentBytes = 0
  private takenBytes = 0
  private limit: number
  private drained = false
  private failure: Error | undefined

  constructor(parts: WriterParts) {
    this.parts = parts
    this.limit = parts.limit
    this.encodesAll = parts.output.materialized === true
  }

  async write(parts: readonly (Batch | undefined)[]): Promise<'open' | 'closed'> {
    const outgoing = this.take(parts)
    if (outgoing.length > 0) this.parts.post({ kind: 'write', ...this.identity, parts: outgoing.map(toPortablePart) })
    while (this.sentBytes - this.takenBytes >= this.limit) await this.gate.wait()
    return this.closed.size === this.parts.output.partitionCount ? 'closed' : 'open'
  }

  /** What is wanted of the parts. When this throws, nothing of them is left. */
  private take(parts: readonly (Batch | undefined)[]): OutputPart[] {
    const outgoing: OutputPart[] = []
    let failure: unknown = this.failure
    parts.forEach((batch, partition) => {
      if (batch === undefined) return
      if (failure !== undefined || this.closed.has(partition)) return releaseBatch(batch)
      try {
        outgoing.push(this.partOf(partition, batch))
      } catch (error) {
        failure = error
      }
    })
    this.last = undefined
    if (failure === undefined) return outgoing
    outgoing.forEach(({ item }) => releaseItem(item))
    throw failure
  }

  private partOf(partition: number, batch: Batch): OutputPart {
    const isEncoded = this.encodesAll || this.encoded.has(partition)
    const part = isEncoded ? encodedPart(partition, this.encode(batch)) : partOf(partition, batch)
    this.sentBytes += part.bytes
    return part
  }

  async end(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    this.parts.post({ kind: 'writeEnd', ...this.identity })
    while (!this.drained) await this.gate.wait()
  }

  fail(error: Error): void {
    if (this.failure !== undefined || this.drained) return
    this.stop(error)
    this.parts.post({ kind: 'writeAbort', ...this.identity, error: toBallistaError(error).toInfo() })
  }

  receive(message: Exclude<EdgeMessage, { kind: 'batch' | 'received' | 'readEnd' | 'readFailed' }>): void {
    if (message.kind === 'writeFailed') return this.stop(new BallistaError(message.error))
    if (message.kind === 'writeCredit') {
      this.takenBytes = message.bytes
      this.limit = Math.min(message.limit, this.parts.limit)
    }
    if (message.kind === 'writeClosed') this.closed.add(message.partition)
    if (message.kind === 'writeEncoded') this.encodeFromNow(message.partition)
    if (message.kind === 'writeDrained') this.drained = true
    this.gate.notify()
  }

  private get identity(): { task: number; edge: number } {
    return { task: this.parts.task, edge: this.parts.output.edge }
  }

  private encodeFromNow(partition: number | undefined): void {
    if (partition === undefined) this.encodesAll = true
    else this.encoded.add(partition)
  }

  /** Takes the batch over. A broadcast gives the same batch to each partition. */
  private encode(batch: Batch): EncodedBatch {
    try {
      if (this.last?.batch === batch) {
        retain(this.last.encoded.block)
        return this.last.encoded
      }
      const encoded = encodeForExchange(batch)
      this.last = { batch, encoded }
      return encoded
    } finally {
      releaseBatch(batch)
    }
  }

  private stop(error: Error): void {
    this.failure ??= error
    this.gate.fail(this.failure)
  }
}

/** What a reader has not yet given. */
interface ReaderItem {
  readonly batch: Batch
  readonly bytes: number
  readonly wantsCredit: boolean
}

class PortReader implements ExchangeReader {
  private readonly parts: ReaderParts
  private readonly queue: ReaderItem[] = []
  private readonly gate = new Gate()
  private usedBytes = 0
  private state: 'new' | 'open' | 'ended' | 'cancelled' = 'new'
  private failure: Error | undefined

  constructor(parts: ReaderParts) {
    this.parts = parts
  }

  batches(): AsyncIterable<Batch> {
    const done = { done: true, value: undefined } as const
    const iterator: AsyncIterator<Batch, undefined> = {
      next: async () => {
        const value = await this.next()
        return value === undefined ? done : { done: false, value }
      },
      return: async () => {
        this.cancel()
        return done
      },
    }
    return { [Symbol.asyncIterator]: () => iterator }
  }

  receive(message: BatchMessage): void {
    if (this.state !== 'open') return drop(message)
    try {
      this.queue.push(opened(message, this.parts.input.schema))
    } catch (error) {
      this.failed(toBallistaError(error))
    }
    this.gate.notify()
  }

  end(): void {
    if (this.state === 'open') this.state = 'ended'
    this.gate.notify()
  }

  failed(error: Error): void {
    this.failure ??= error
    this.release()
    this.gate.notify()
  }

  cancel(): void {
    if (this.state === 'open') this.parts.post({ kind: 'closeReader', ...this.identity })
    this.state = 'cancelled'
    this.release()
    this.gate.notify()
  }

  private get identity(): { task: number; reader: number } {
    const { task, reader } = this.parts
    return { task, reader }
  }

  private async next(): Promise<Batch | undefined> {
    this.open()
    for (;;) {
      if (this.failure !== undefined) throw this.failure
      const item = this.queue.shift()
      if (item !== undefined) return this.used(item)
      if (this.state !== 'open') return undefined
      await this.gate.wait()
    }
  }

  /** The main thread starts to read when the task does: a join's probe side stays with its producers until the build side ends. */
  private open(): void {
    if (this.state !== 'new') return
    this.state = 'open'
    this.parts.post({ kind: 'openReader', ...this.identity, input: this.parts.input })
  }

  private used({ batch, bytes, wantsCredit }: ReaderItem): Batch {
    this.usedBytes += bytes
    if (wantsCredit && this.state === 'open')
      this.parts.post({ kind: 'readCredit', ...this.identity, bytes: this.usedBytes })
    return batch
  }

  private release(): void {
    for (const { batch } of this.queue.splice(0)) releaseBatch(batch)
  }
}

/** At once: frames that wait here would be lost with this thread, as they lie in the main thread's heap. */
function opened(message: BatchMessage, schema: Schema): ReaderItem {
  const { wantsCredit } = message
  if (message.kind === 'batch') return { batch: fromPortable(message.batch, schema), bytes: message.bytes, wantsCredit }
  return { batch: openReceived(message.received, schema), bytes: message.received.bytes, wantsCredit }
}
