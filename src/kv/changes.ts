/** The writes of one transaction, kept until it is known that it has not failed. */
import { fail } from '../common/errors.js'
import { MAX_KEY_BYTES, type StoreEntry, type StoreReader, type StoreTransaction } from './kv-store.js'

export class Changes implements StoreTransaction {
  readonly #before: StoreReader
  /** Undefined: to be removed. */
  readonly writes = new Map<string, Uint8Array | undefined>()

  constructor(before: StoreReader) {
    this.#before = before
  }

  get(key: string): Uint8Array | undefined {
    return this.#before.get(key)
  }

  scan(prefix: string): Iterable<StoreEntry> {
    return this.#before.scan(prefix)
  }

  put(key: string, value: Uint8Array): void {
    const bytes = Buffer.byteLength(key)
    if (bytes > MAX_KEY_BYTES)
      throw fail('INVALID_ARGUMENT', [`a name of ${bytes} bytes; ${MAX_KEY_BYTES} are the most`])
    this.writes.set(key, value)
  }

  delete(key: string): void {
    this.writes.set(key, undefined)
  }
}
