/** The store that lasts as long as its process. */
import { Changes } from './changes.js'
import type { KeyValueStore, StoreEntry, StoreTransaction } from './kv-store.js'

export class MemoryStore implements KeyValueStore {
  readonly #entries = new Map<string, Uint8Array>()

  get(key: string): Uint8Array | undefined {
    return this.#entries.get(key)
  }

  scan(prefix: string): readonly StoreEntry[] {
    return Array.from(this.#entries, ([key, value]) => ({ key, value }))
      .filter(({ key }) => key.startsWith(prefix))
      .sort((one, other) => Buffer.compare(Buffer.from(one.key), Buffer.from(other.key)))
  }

  async transact<T>(change: (transaction: StoreTransaction) => T): Promise<T> {
    const changes = new Changes(this)
    const result = change(changes)
    for (const [key, value] of changes.writes)
      if (value === undefined) this.#entries.delete(key)
      else this.#entries.set(key, value)
    return result
  }

  async close(): Promise<void> {}
}
