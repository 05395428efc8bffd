/** The rows of a join's build side: batches as they come, then few large ones from which matches are gathered. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseBatch, retainBatch } from '../../arrow/column.js'
import { views } from '../../arrow/memory.js'
import type { Schema } from '../../arrow/schema.js'
import type { Charge } from '../../arrow/segments.js'
import { concatBatches } from '../../arrow/take.js'

/** No column of a segment is larger. */
const SEGMENT_BYTES = 32 * 1024 * 1024

/** Build rows start..start + batch.rowCount - 1. */
export interface BuildSegment {
  readonly batch: Batch
  readonly start: number
}

export class BuildRows {
  readonly #schema: Schema
  readonly #charge: Charge
  #batches: Batch[] = []
  #segments: BuildSegment[] = []
  #heldBytes = 0

  constructor(schema: Schema, charge: Charge) {
    this.#schema = schema
    this.#charge = charge
  }

  /** All rows in order; known after `join`. */
  get segments(): readonly BuildSegment[] {
    return this.#segments
  }

  /** Before `join`: what was added. */
  get batches(): readonly Batch[] {
    return this.#batches
  }

  /** Bytes of all rows, without dictionaries. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Borrows the batch, keeps a reference. */
  add(batch: Batch): void {
    const byteLength = heldBytes(batch)
    this.#charge(byteLength)
    this.#heldBytes += byteLength
    retainBatch(batch)
    this.#batches.push(batch)
  }

  /** Makes the segments of all batches. */
  join(): void {
    let start = 0
    for (let from = 0, to = 0; from < this.#batches.length; from = to) {
      to = this.#segmentEnd(from)
      const part = this.#batches.slice(from, to)
      const batch = part.length === 1 ? part[0] : concatBatches(this.#schema, part)
      if (part.length === 1) retainBatch(batch)
      this.#segments.push({ batch, start })
      start += batch.rowCount
      part.forEach(releaseBatch)
      // If a later segment fails, `close` must not release these again.
      this.#batches.fill(EMPTY, from, to)
    }
    this.#batches = []
    const byteLength = this.#segments.reduce((sum, { batch }) => sum + heldBytes(batch), 0)
    this.#charge(byteLength - this.#heldBytes)
    this.#heldBytes = byteLength
  }

  close(): void {
    this.#batches.forEach(releaseBatch)
    this.#segments.forEach(({ batch }) => releaseBatch(batch))
    this.#batches = []
    this.#segments = []
    this.#charge(-this.#heldBytes)
    this.#heldBytes = 0
  }

  #segmentEnd(from: number): number {
    let to = from + 1
    let widest = widestColumn(this.#batches[from])
    for (; to < this.#batches.length; to++) {
      widest += widestColumn(this.#batches[to])
      if (widest > SEGMENT_BYTES) break
    }
    return to
  }
}

const EMPTY: Batch = { schema: { fields: [] }, rowCount: 0, columns: [] }

/** Bytes of the rows of a batch, without dictionaries: slices of one block share it, so blocks cannot be counted. */
export const heldBytes = (batch: Batch): number => batch.columns.reduce((sum, column) => sum + ownBytes(column), 0)

/** Bytes of the largest column of a batch when it is flat. */
const widestColumn = (batch: Batch): number =>
  batch.columns.reduce((widest, column) => Math.max(widest, flatBytes(column)), 0)

function flatBytes(column: Column): number {
  const { dictionary, length } = column
  if (dictionary === undefined) return ownBytes(column)
  return dictionary.length === 0 ? 0 : Math.ceil(ownBytes(dictionary) / dictionary.length) * length
}

function ownBytes(column: Column): number {
  const { length, offsets, width } = column
  const values =
    offsets === 0 ? width * length : views().i32[offsets / 4 + length] - views().i32[offsets / 4] + 4 * length
  return column.children.reduce((sum, child) => sum + ownBytes(child), values)
}
