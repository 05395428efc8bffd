/** Which store a path leads to. */
import { join } from 'node:path'
import { fail } from '../common/errors.js'
import { localStore } from './local-store.js'
import type { Store } from './store.js'

/** The scheme of a URL in lower case; undefined for the path of a local file. */
export const schemeOf = (path: string): string | undefined => /^([a-z][a-z0-9+.-]+):\/\//i.exec(path)?.[1].toLowerCase()

/** Those that no extension brings. */
export const OWN_SCHEMES: readonly string[] = ['file', 'http', 'https', 's3']

/** Whether files of this path lie elsewhere: each request costs time, and versions are told apart for certain. */
export const isRemote = (path: string): boolean => schemeOf(path) !== undefined

/** The path of a file in a directory. */
export const pathIn = (directory: string, name: string): string =>
  isRemote(directory) ? `${directory.replace(/\/$/, '')}/${name}` : join(directory, name)

/** Throws NOT_SUPPORTED for a scheme that nobody knows. */
export async function storeOf(path: string): Promise<Store> {
  const scheme = schemeOf(path)
  switch (scheme) {
    case undefined:
      return localStore
    case 'http':
    case 'https':
      return (await import('./http-store.js')).httpStore
    case 's3':
      return (await import('./s3-store.js')).s3Store
    default: {
      const { loadedStores, storeFrom } = await import('./extension-store.js')
      const brought = loadedStores.get(scheme)
      if (brought !== undefined) return storeFrom(brought)
      throw fail('NOT_SUPPORTED', [`the location '${path}' (only local paths, http://, https:// and s3://)`])
    }
  }
}
