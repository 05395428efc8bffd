/** Intents in the store of a coordinator that outlives its process: the next one finds every write that was not ended. */
import { createHash } from 'node:crypto'
import type { FileTarget, WriteIntent } from '../catalog/table-write.js'
import type { Clock } from '../common/clock.js'
import { fail } from '../common/errors.js'
import { decodeWire, encodeWire } from '../common/wire.js'
import type { KeyValueStore, StoreReader } from '../kv/kv-store.js'
import type { StoredWrite, WriteIntents } from './write-intents.js'
import type { WriteOutcome } from './write-state.js'

interface OpenWrite {
  readonly intent: WriteIntent
  readonly outcome?: WriteOutcome
}

/** The write that has a key, and what has come of it. */
interface KeyedWrite extends OpenWrite {
  readonly atMs: number
}

const OPEN = 'write/open/'
const KEYS = 'write/key/'
const KEPT_MS = 24 * 3_600_000

export class StoreIntents implements WriteIntents {
  readonly #store: KeyValueStore
  readonly #clock: Clock

  constructor(store: KeyValueStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async find(intent: WriteIntent): Promise<StoredWrite | undefined> {
    const key = keyOf(intent)
    const known = key === undefined ? undefined : this.#keyed(this.#store, key)
    return known === undefined ? undefined : { ...known, isRunning: known.outcome === undefined }
  }

  async begin(intent: WriteIntent): Promise<void> {
    const key = keyOf(intent)
    await this.#store.transact(transaction => {
      if (key !== undefined) {
        if (this.#keyed(transaction, key) !== undefined)
          throw fail('WRITE_CONFLICT', [intent.target.path, 'the same write is under way'])
        transaction.put(key, encodeWire({ intent, atMs: this.#clock.wallMs() } satisfies KeyedWrite))
      }
      transaction.put(OPEN + intent.writeId, encodeWire({ intent } satisfies OpenWrite))
    })
  }

  async record(intent: WriteIntent, outcome: WriteOutcome): Promise<void> {
    const key = keyOf(intent)
    await this.#store.transact(transaction => {
      transaction.put(OPEN + intent.writeId, encodeWire({ intent, outcome } satisfies OpenWrite))
      if (key === undefined) return
      if (outcome.kind === 'aborted') transaction.delete(key)
      else transaction.put(key, encodeWire({ intent, outcome, atMs: this.#clock.wallMs() } satisfies KeyedWrite))
    })
  }

  async forget({ writeId }: WriteIntent): Promise<void> {
    await this.#store.transact(transaction => transaction.delete(OPEN + writeId))
  }

  /** The store has one holder, so that what is open and not its own is nobody's. Without a target, old keys go too. */
  async abandoned(target?: FileTarget): Promise<readonly StoredWrite[]> {
    if (target === undefined) await this.#dropOldKeys()
    return Array.from(this.#store.scan(OPEN), ({ value }) => decodeWire(value, 'the store') as OpenWrite)
      .filter(({ intent }) => target === undefined || intent.target.path === target.path)
      .map(write => ({ ...write, isRunning: false }))
  }

  #keyed(reader: StoreReader, key: string): KeyedWrite | undefined {
    const bytes = reader.get(key)
    const known = bytes === undefined ? undefined : (decodeWire(bytes, 'the store') as KeyedWrite)
    return known !== undefined && this.#isOld(known) ? undefined : known
  }

  #isOld({ atMs, outcome }: KeyedWrite): boolean {
    return outcome !== undefined && this.#clock.wallMs() - atMs >= KEPT_MS
  }

  #dropOldKeys(): Promise<void> {
    return this.#store.transact(transaction => {
      for (const { key } of transaction.scan(KEYS))
        if (this.#keyed(transaction, key) === undefined) transaction.delete(key)
    })
  }
}

const keyOf = ({ idempotencyKey, target }: WriteIntent): string | undefined =>
  idempotencyKey === undefined
    ? undefined
    : KEYS +
      createHash('sha256')
        .update(JSON.stringify([target.path, idempotencyKey]))
        .digest('hex')
