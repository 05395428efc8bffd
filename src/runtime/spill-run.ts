/** Batches in a temporary file that belong together, in order: a sorted run, or the rows of one partition. */
import type { Batch } from '../arrow/batch.js'
import { releaseBatch } from '../arrow/column.js'
import type { Schema } from '../arrow/schema.js'
import type { FramePlace, SpillFile } from './spill-file.js'

export class SpillRun {
  readonly schema: Schema
  readonly frames: FramePlace[] = []
  readonly #file: SpillFile
  #rowCount = 0

  /** The file belongs to the caller. */
  constructor(file: SpillFile, schema: Schema) {
    this.#file = file
    this.schema = schema
  }

  /** An empty run of another schema in the same file. */
  beside(schema: Schema): SpillRun {
    return new SpillRun(this.#file, schema)
  }

  get rowCount(): number {
    return this.#rowCount
  }

  /** Borrows the batch. */
  async append(batch: Batch): Promise<void> {
    if (batch.rowCount === 0) return
    this.frames.push(await this.#file.append(batch))
    this.#rowCount += batch.rowCount
  }

  /** The batch of one frame, owned by the caller. */
  read(frame: number): Promise<Batch> {
    return this.#file.read(this.frames[frame], this.schema)
  }

  /**
   * Each batch, borrowed by the consumer until the next one; one more is read meanwhile. What is pending has ended when the loop has
   * been left.
   */
  async *batches(): AsyncGenerator<Batch, void, undefined> {
    let ahead: Promise<Batch> | undefined
    try {
      for (let frame = 0; frame < this.frames.length; frame++) {
        const current = await (ahead ?? this.read(frame))
        ahead = undefined
        try {
          if (frame + 1 < this.frames.length) {
            ahead = this.read(frame + 1)
            // Its failure shows when it is awaited.
            ahead.catch(() => undefined)
          }
          yield current
        } finally {
          releaseBatch(current)
        }
      }
    } finally {
      await ahead?.then(releaseBatch, () => undefined)
    }
  }
}
