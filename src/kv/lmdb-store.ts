/** The store on disk: LMDB, which is never torn and needs no repair when its process is killed (docs/adr/0027). */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { BallistaError, fail } from '../common/errors.js'
import { isRunning, OWN_IDENTITY } from '../common/process-identity.js'
import { Changes } from './changes.js'
import type { KeyValueStore, StoreEntry, StoreReader, StoreTransaction } from './kv-store.js'

/** Key of the process that owns the store: not of the characters that keys of users begin with. */
const OWNER = '\x01owner'

/** Stores of this process. */
const opened = new Set<string>()

/**
 * Opens the store in `directory`, which is made where it is missing, for this process alone. STORE_LOCKED while another process or this
 * one has it open; STORE_FAILED when it cannot be read or made.
 */
export async function openStore(directory: string): Promise<KeyValueStore> {
  const path = resolve(directory)
  if (opened.has(path)) throw fail('STORE_LOCKED', [path, String(process.pid)])
  opened.add(path)
  try {
    const { open } = await import('lmdb')
    mkdirSync(path, { recursive: true, mode: 0o700 })
    // A transaction is on disk before it counts, and before the next one begins.
    const database = open<Buffer, string>({ path, noSubdir: false, encoding: 'binary', overlappingSync: false })
    await takeOwnership(database, path)
    return new LmdbStore(database, path)
  } catch (error) {
    opened.delete(path)
    throw storeError(path, error)
  }
}

async function takeOwnership(database: RootDatabase<Buffer, string>, path: string): Promise<void> {
  const owner = database.transactionSync(() => {
    const found = database.get(OWNER)?.toString()
    if (found !== undefined && found !== OWN_IDENTITY && isRunning(found)) return found
    database.putSync(OWNER, Buffer.from(OWN_IDENTITY))
    return undefined
  })
  if (owner === undefined) return
  await database.close()
  throw fail('STORE_LOCKED', [path, owner.split(' ')[0]])
}

class LmdbStore implements KeyValueStore {
  readonly #database: RootDatabase<Buffer, string>
  readonly #reader: StoreReader
  readonly #path: string
  #closing: Promise<void> | undefined

  constructor(database: RootDatabase<Buffer, string>, path: string) {
    this.#database = database
    this.#path = path
    this.#reader = { get: key => database.get(key), scan: prefix => scan(database, prefix) }
  }

  get(key: string): Uint8Array | undefined {
    return this.#reader.get(key)
  }

  scan(prefix: string): Iterable<StoreEntry> {
    return this.#reader.scan(prefix)
  }

  async transact<T>(change: (transaction: StoreTransaction) => T): Promise<T> {
    if (this.#closing !== undefined) throw fail('STORE_FAILED', [this.#path, 'it is closed'])
    const database = this.#database
    // Transactions that come together are one on disk, so one that fails must not have begun to write.
    return database
      .transaction(() => {
        const changes = new Changes(this.#reader)
        const result = change(changes)
        for (const [key, value] of changes.writes)
          if (value === undefined) void database.remove(key)
          else void database.put(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength))
        return result
      })
      .catch((error: unknown) => {
        throw storeError(this.#path, error)
      })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#database.remove(OWNER)
    await this.#database.close()
    opened.delete(this.#path)
  }
}

/** The last code point there is sorts behind whatever may follow the prefix. */
function* scan(database: RootDatabase<Buffer, string>, prefix: string): Generator<StoreEntry> {
  for (const { key, value } of database.getRange({ start: prefix, end: `${prefix}\u{10ffff}` }))
    if (key !== OWNER) yield { key, value }
}

function storeError(path: string, error: unknown): unknown {
  if (error instanceof BallistaError) return error
  return fail('STORE_FAILED', [path, error instanceof Error ? error.message : String(error)], { cause: error })
}
