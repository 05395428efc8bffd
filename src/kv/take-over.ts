/** Who holds a store: each holder has a higher epoch than the one before, whose transactions fail from then on. */
import { randomUUID } from 'node:crypto'
import { fail } from '../common/errors.js'
import { decodeWire, encodeWire } from '../common/wire.js'
import type { KeyValueStore, StoreReader } from './kv-store.js'

/** A store as one of its holders has it. */
export interface HeldStore {
  readonly store: KeyValueStore
  /** From 1. */
  readonly epoch: number
  /** Of the store, made by its first holder: epochs of different stores say nothing about each other. */
  readonly stateId: string
}

type Holding = Pick<HeldStore, 'epoch' | 'stateId'>

const KEY = 'holder'

/** The new holder is on disk when it resolves. Transactions of the one before fail with STORE_LOCKED. */
export async function takeOver(store: KeyValueStore): Promise<HeldStore> {
  const holding = await store.transact((transaction): Holding => {
    const { epoch, stateId } = holdingOf(transaction) ?? { epoch: 0, stateId: randomUUID() }
    const next = { epoch: epoch + 1, stateId }
    transaction.put(KEY, encodeWire(next))
    return next
  })
  return { ...holding, store: fenced(store, holding.epoch) }
}

const fenced = (store: KeyValueStore, epoch: number): KeyValueStore => ({
  get: key => store.get(key),
  scan: prefix => store.scan(prefix),
  transact: change =>
    store.transact(transaction => {
      const now = holdingOf(transaction)?.epoch
      if (now !== epoch)
        throw fail('STORE_LOCKED', ['the data directory', `that has come later (epoch ${now}, not ${epoch})`])
      return change(transaction)
    }),
  close: () => store.close(),
})

function holdingOf(reader: StoreReader): Holding | undefined {
  const bytes = reader.get(KEY)
  return bytes === undefined ? undefined : (decodeWire(bytes, 'the store') as Holding)
}
