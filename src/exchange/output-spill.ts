/** The temporary file of one output: encoded batches, appended and read again by their places. */
import { alloc, release, retain, views } from '../arrow/memory.js'
import { fail, toBallistaError } from '../common/errors.js'
import { countSpill, giveTempBytes, takeTempBytes } from '../runtime/io-counters.js'
import type { SpillHandle } from '../runtime/spill-fs.js'
import type { SpillSpace } from '../runtime/spill-space.js'
import { checksumsOf, type EncodedBatch } from './encoded-batch.js'

/** Small batches are collected up to so many bytes and written at once. */
const WRITE_BYTES = 1024 ** 2

/** A batch that is in the file, or on its way there. Its checksums never touch the disk. */
export interface StoredBatch {
  readonly rowCount: number
  readonly byteLength: number
  readonly checksums: readonly number[]
  readonly offset: number
  /** Of the arena, while it is not yet written; then 0. */
  block: number
}

interface Pending {
  readonly stored: StoredBatch
  readonly onFreed: () => void
}

/** Nothing is opened before the first batch. */
export class OutputSpill {
  readonly #space: SpillSpace
  readonly #onFailed: (error: Error) => void
  readonly #pending: Pending[] = []
  readonly #reading = new Set<Promise<unknown>>()
  #handle: Promise<SpillHandle> | undefined
  #writing: Promise<void> | undefined
  #byteLength = 0
  #closing: Promise<void> | undefined

  /** `onFailed` hears of a write that failed, once. */
  constructor(space: SpillSpace, onFailed: (error: Error) => void) {
    this.#space = space
    this.#onFailed = onFailed
  }

  /** Takes the block's reference over; `onFreed` when it has let it go. Throws SPILL_LIMIT, and then has not taken it. */
  store(encoded: EncodedBatch, onFreed: () => void): StoredBatch {
    const { byteLength } = encoded
    const { maxBytes } = this.#space.place
    if (!takeTempBytes(byteLength, maxBytes)) throw fail('SPILL_LIMIT', [maxBytes])
    const stored = { ...encoded, offset: this.#byteLength }
    this.#byteLength += byteLength
    this.#pending.push({ stored, onFreed })
    this.#writing ??= this.#write()
    return stored
  }

  /** The batch, its block the caller's. Throws SPILL_FAILED and SPILL_CORRUPT. */
  async read(stored: StoredBatch): Promise<EncodedBatch> {
    const { rowCount, byteLength, checksums } = stored
    if (stored.block !== 0) {
      retain(stored.block)
      return { block: stored.block, rowCount, byteLength, checksums }
    }
    const reading = this.#read(stored)
    this.#reading.add(reading)
    try {
      return await reading
    } finally {
      this.#reading.delete(reading)
    }
  }

  /** Drops what is not yet written and removes the file; resolves when that is done. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#drop()
    await Promise.allSettled([this.#writing, ...this.#reading])
    giveTempBytes(this.#byteLength)
    const handle = await this.#handle?.catch(() => undefined)
    handle?.close()
  }

  async #write(): Promise<void> {
    let group: Pending[] = []
    try {
      this.#handle ??= this.#space.open()
      const handle = await this.#handle
      for (group = this.#nextGroup(); group.length > 0; group = this.#nextGroup()) {
        await this.#writeGroup(handle, group)
        group.splice(0).forEach(letGo)
      }
    } catch (error) {
      group.forEach(letGo)
      this.#drop()
      if (this.#closing === undefined) this.#onFailed(toBallistaError(error))
    } finally {
      this.#writing = undefined
    }
  }

  #nextGroup(): Pending[] {
    let bytes = 0
    const count = this.#pending.findIndex(({ stored }) => (bytes += stored.byteLength) >= WRITE_BYTES)
    return this.#pending.splice(0, count < 0 ? this.#pending.length : count + 1)
  }

  async #writeGroup(handle: SpillHandle, group: readonly Pending[]): Promise<void> {
    const parts = group.map(({ stored }) => views().u8.subarray(stored.block, stored.block + stored.byteLength))
    const bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts)
    const { offset } = group[0].stored
    for (let done = 0; done < bytes.length;)
      done += await this.#attempt(() => handle.write(bytes.subarray(done), offset + done))
    countSpill(bytes.length, 0)
  }

  async #read({ rowCount, byteLength, checksums, offset }: StoredBatch): Promise<EncodedBatch> {
    const handle = await (this.#handle as Promise<SpillHandle>)
    const encoded = { block: alloc(byteLength), byteLength, rowCount, checksums }
    const bytes = views().u8.subarray(encoded.block, encoded.block + byteLength)
    try {
      for (let done = 0; done < byteLength;) {
        const count = await this.#attempt(() => handle.read(bytes.subarray(done), offset + done))
        if (count === 0) throw fail('SPILL_CORRUPT', [this.#space.place.directory, 'it is shorter'])
        done += count
      }
      countSpill(0, byteLength)
      if (checksumsOf(encoded).some((checksum, piece) => checksum !== checksums[piece]))
        throw fail('SPILL_CORRUPT', [this.#space.place.directory, 'the checksum differs'])
      return encoded
    } catch (error) {
      release(encoded.block)
      throw error
    }
  }

  async #attempt<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      throw this.#space.failure(error)
    }
  }

  #drop(): void {
    this.#pending.splice(0).forEach(letGo)
  }
}

function letGo({ stored, onFreed }: Pending): void {
  release(stored.block)
  stored.block = 0
  onFreed()
}
