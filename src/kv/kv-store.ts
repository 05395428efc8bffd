/** A small ordered store of bytes by key, which the catalog and the scheduler's jobs live in. One process owns a store. */

export interface StoreEntry {
  readonly key: string
  readonly value: Uint8Array
}

export interface StoreReader {
  get(key: string): Uint8Array | undefined
  /** The entries whose keys begin with `prefix`, in the order of the keys' UTF-8 bytes. */
  scan(prefix: string): Iterable<StoreEntry>
}

/** Reads give what was there before the transaction, whatever it has written. */
export interface StoreTransaction extends StoreReader {
  /** Keys have at most MAX_KEY_BYTES bytes in UTF-8. */
  put(key: string, value: Uint8Array): void
  delete(key: string): void
}

/** Reads outside of transactions see what is on disk. */
export interface KeyValueStore extends StoreReader {
  /**
   * Runs `change` alone, at once or a little later. When it resolves, all of its writes are on disk; what `change` throws is thrown, and
   * nothing of it is written. STORE_FAILED when the disk fails.
   */
  transact<T>(change: (transaction: StoreTransaction) => T): Promise<T>
  /** After the transactions that have begun. May be called again. */
  close(): Promise<void>
}

export const MAX_KEY_BYTES = 1_900
