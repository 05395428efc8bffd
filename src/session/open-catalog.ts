/** What of a server or a session lasts, in its data directory or, for as long as the process, in memory. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { SharedCatalog } from '../catalog/shared-catalog.js'
import { MemoryStore } from '../kv/memory-store.js'
import type { HeldStore } from '../kv/take-over.js'
import type { SessionCatalog } from './request-names.js'
import type { Warehouse } from './warehouse.js'

export interface LastingState {
  /** To be closed by whoever has opened it. */
  readonly state: HeldStore
  readonly catalog: SessionCatalog
  /** Absent: rows of CREATE TABLE belong to sessions. */
  readonly warehouse?: Warehouse
}

/** Tables that were being made or dropped when the directory was left are gone. STORE_LOCKED, STORE_FAILED. */
export async function openState(dataDir: string | undefined): Promise<LastingState> {
  if (dataDir === undefined) {
    // Nobody can take it over.
    const state = { store: new MemoryStore(), epoch: 1, stateId: randomUUID() }
    return { state, catalog: new SharedCatalog(state.store) }
  }
  const { openStore } = await import('../kv/lmdb-store.js')
  const { takeOver } = await import('../kv/take-over.js')
  const state = await takeOver(await openStore(join(dataDir, 'state')))
  const catalog: SessionCatalog = new SharedCatalog(state.store)
  const { Warehouse } = await import('./warehouse.js')
  const warehouse = new Warehouse(dataDir)
  await warehouse.sweep(catalog)
  return { state, catalog, warehouse }
}
