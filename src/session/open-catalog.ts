/** The catalog of a server or a session, in its data directory or in memory. */
import { join } from 'node:path'
import { SharedCatalog } from '../catalog/shared-catalog.js'
import { MemoryStore } from '../kv/memory-store.js'
import { takeOver, type HeldStore } from '../kv/take-over.js'
import type { SessionCatalog } from './request-names.js'

/** In `dataDir`, beside the files of tables, or in memory. STORE_LOCKED, STORE_FAILED. */
export async function openState(dataDir: string | undefined): Promise<HeldStore> {
  if (dataDir === undefined) return takeOver(new MemoryStore())
  const { openStore } = await import('../kv/lmdb-store.js')
  return takeOver(await openStore(join(dataDir, 'state')))
}

/** Closing it closes its store. */
export const openCatalog = async (dataDir: string | undefined): Promise<SessionCatalog> =>
  new SharedCatalog((await openState(dataDir)).store)
