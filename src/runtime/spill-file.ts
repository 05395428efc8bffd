/** One temporary file of an operator: batches as frames, appended and read again at their places. */
import { crc32 } from 'node:zlib'
import type { Batch } from '../arrow/batch.js'
import { decodeBatch, encodeBatch } from '../arrow/frame.js'
import type { Schema } from '../arrow/schema.js'
import { fail } from '../common/errors.js'
import { countSpill, giveTempBytes, takeTempBytes } from './io-counters.js'
import type { SpillHandle } from './spill-fs.js'
import type { SpillSpace } from './spill-space.js'
import type { OperatorMetrics, TaskContext } from './task-context.js'

/** Frames are collected up to this many bytes and written at once. */
const WRITE_BYTES = 256 * 1024

/** What a file needs to know of the task and operator that it belongs to. */
export type SpillingTask = Pick<TaskContext, 'spill' | 'counters' | 'signal'>

/** Where a frame lies, and its CRC-32, which never touches the disk. */
export interface FramePlace {
  readonly offset: number
  readonly byteLength: number
  readonly checksum: number
  readonly rowCount: number
}

/**
 * Append, then read. At most one write is pending beside the frames that are being collected: `append` waits for it when more is
 * to be written. `settle` before the operator lets go, so that nothing is pending when `close` comes.
 */
export class SpillFile {
  readonly #space: SpillSpace
  readonly #counters: OperatorMetrics
  readonly #signal: AbortSignal
  readonly #handle: SpillHandle
  #collected: Uint8Array[] = []
  #collectedBytes = 0
  /** End of what has been given to the file system. */
  #written = 0
  #writing: Promise<void> = Promise.resolve()
  #failure: unknown

  private constructor(ctx: SpillingTask, handle: SpillHandle) {
    this.#space = ctx.spill
    this.#counters = ctx.counters()
    this.#signal = ctx.signal
    this.#handle = handle
  }

  static async open(ctx: SpillingTask): Promise<SpillFile> {
    return new SpillFile(ctx, await ctx.spill.open())
  }

  /** Borrows the batch. Throws SPILL_LIMIT, SPILL_DISK_FULL, SPILL_FAILED, and the reason of an abort. */
  async append(batch: Batch): Promise<FramePlace> {
    this.#signal.throwIfAborted()
    const bytes = encodeBatch(batch)
    const { maxBytes } = this.#space.place
    if (!takeTempBytes(bytes.length, maxBytes)) throw fail('SPILL_LIMIT', [maxBytes])
    const offset = this.#written + this.#collectedBytes
    this.#collected.push(bytes)
    this.#collectedBytes += bytes.length
    this.#counters.spilledBytes += bytes.length
    this.#counters.spilledRows += batch.rowCount
    if (this.#collectedBytes >= WRITE_BYTES) {
      await this.settle()
      this.#flush()
    }
    return { offset, byteLength: bytes.length, checksum: crc32(bytes), rowCount: batch.rowCount }
  }

  /** The batch of a frame, owned by the caller. Throws SPILL_FAILED, SPILL_CORRUPT, and the reason of an abort. */
  async read({ offset, byteLength, checksum }: FramePlace, schema: Schema): Promise<Batch> {
    this.#signal.throwIfAborted()
    this.#flush()
    await this.settle()
    const bytes = Buffer.allocUnsafe(byteLength)
    for (let done = 0; done < byteLength;) {
      const count = await this.#attempt(() => this.#handle.read(bytes.subarray(done), offset + done))
      if (count === 0) throw fail('SPILL_CORRUPT', [this.#directory, 'it is shorter'])
      done += count
    }
    countSpill(0, byteLength)
    if (crc32(bytes) !== checksum) throw fail('SPILL_CORRUPT', [this.#directory, 'the checksum differs'])
    return decodeBatch(bytes, schema)
  }

  /** Waits for the pending write; throws its failure. */
  async settle(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Removes the file. Nothing may be pending. */
  close(): void {
    giveTempBytes(this.#written + this.#collectedBytes)
    this.#collected = []
    this.#handle.close()
  }

  get #directory(): string {
    return this.#space.place.directory
  }

  /** Starts to write what is collected, after the write before. */
  #flush(): void {
    if (this.#collectedBytes === 0) return
    const frames = this.#collected
    const position = this.#written
    this.#written += this.#collectedBytes
    this.#collected = []
    this.#collectedBytes = 0
    this.#writing = this.#writing
      .then(() => this.#write(frames, position))
      .catch((error: unknown) => void (this.#failure ??= error))
  }

  async #write(frames: readonly Uint8Array[], position: number): Promise<void> {
    const bytes = frames.length === 1 ? frames[0] : Buffer.concat(frames)
    for (let done = 0; done < bytes.length;) {
      done += await this.#attempt(() => this.#handle.write(bytes.subarray(done), position + done))
    }
    countSpill(bytes.length, 0)
  }

  async #attempt<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      throw this.#space.failure(error)
    }
  }
}
