/** The exchange as a task on a worker thread sees it: writers and readers that speak to the hub of the main thread. */
import { batchBytes, releaseBatch } from '../arrow/column.js'
import type { Batch } from '../arrow/batch.js'
import { BallistaError, toBallistaError } from '../common/errors.js'
import { Gate } from '../common/gate.js'
import type { EdgeToRead, ExchangePorts, ExchangeReader, ExchangeWriter } from '../runtime/task-context.js'
import { fromPortable, toPortable, type FromThread, type PortableBatch, type ToThread } from './thread-messages.js'

type Post = (message: FromThread) => void

/** All edges of one task. `receive` gets every message for the task; `close` lets go of what the task left. */
export interface ThreadPorts extends ExchangePorts {
  receive(message: EdgeMessage): void
  close(): void
}

/** Messages that belong to an edge of a task. */
export type EdgeMessage = Exclude<ToThread, { kind: 'run' | 'cancel' }>

/** `writeLimit`: bytes that may be written and not yet taken, per edge. */
export function threadPorts(task: number, writeLimit: number, post: Post): ThreadPorts {
  const writers = new Map<number, PortWriter>()
  const readers = new Map<number, PortReader>()
  return {
    openWriter(output) {
      const writer = new PortWriter({ task, edge: output.edge, limit: writeLimit, post })
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
      if (message.kind === 'batch') {
        const reader = readers.get(message.reader)
        if (reader === undefined) drop(message.batch, post)
        else reader.receiveBatch(message.batch, message.bytes)
      } else if (message.kind === 'readEnd') readers.get(message.reader)?.end()
      else if (message.kind === 'readFailed') readers.get(message.reader)?.failed(new BallistaError(message.error))
      else writers.get(message.edge)?.receive(message)
    },
    close() {
      for (const reader of readers.values()) reader.cancel()
    },
  }
}

/** A batch for a task that has ended here; it leaves the sender's ledger. */
export function drop(batch: PortableBatch, post: Post): void {
  post({ kind: 'batchReceived' })
  releaseBatch(fromPortable(batch, { fields: [] }))
}

interface WriterParts {
  readonly task: number
  readonly edge: number
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
  private readonly edge: WriterParts
  private readonly gate = new Gate()
  private readonly closed = new Set<number>()
  private sentBytes = 0
  private takenBytes = 0
  private drained = false
  private failure: Error | undefined

  constructor(edge: WriterParts) {
    this.edge = edge
  }

  async write(partition: number, batch: Batch): Promise<'open' | 'closed'> {
    if (this.failure !== undefined || this.closed.has(partition)) {
      releaseBatch(batch)
      if (this.failure !== undefined) throw this.failure
      return 'closed'
    }
    const { task, edge, post } = this.edge
    const bytes = batchBytes(batch)
    this.sentBytes += bytes
    post({ kind: 'write', task, edge, partition, batch: toPortable(batch), bytes })
    while (this.sentBytes - this.takenBytes >= this.edge.limit) await this.gate.wait()
    return this.closed.has(partition) ? 'closed' : 'open'
  }

  async end(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    this.edge.post({ kind: 'writeEnd', task: this.edge.task, edge: this.edge.edge })
    while (!this.drained) await this.gate.wait()
  }

  fail(error: Error): void {
    if (this.failure !== undefined || this.drained) return
    this.stop(error)
    this.edge.post({
      kind: 'writeAbort',
      task: this.edge.task,
      edge: this.edge.edge,
      error: toBallistaError(error).toInfo(),
    })
  }

  receive(message: Exclude<EdgeMessage, { kind: 'batch' | 'readEnd' | 'readFailed' }>): void {
    if (message.kind === 'writeFailed') return this.stop(new BallistaError(message.error))
    if (message.kind === 'writeCredit') this.takenBytes = message.bytes
    if (message.kind === 'writeClosed') this.closed.add(message.partition)
    if (message.kind === 'writeDrained') this.drained = true
    this.gate.notify()
  }

  private stop(error: Error): void {
    this.failure ??= error
    this.gate.fail(this.failure)
  }
}

class PortReader implements ExchangeReader {
  private readonly parts: ReaderParts
  private readonly queue: { batch: Batch; bytes: number }[] = []
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

  receiveBatch(batch: PortableBatch, bytes: number): void {
    if (this.state !== 'open') return drop(batch, this.parts.post)
    this.parts.post({ kind: 'batchReceived' })
    this.queue.push({ batch: fromPortable(batch, this.parts.input.schema), bytes })
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

  private used(item: { batch: Batch; bytes: number }): Batch {
    this.usedBytes += item.bytes
    if (this.state === 'open') this.parts.post({ kind: 'readCredit', ...this.identity, bytes: this.usedBytes })
    return item.batch
  }

  private release(): void {
    for (const item of this.queue.splice(0)) releaseBatch(item.batch)
  }
}
