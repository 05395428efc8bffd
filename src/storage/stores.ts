/** Which store a path leads to. */
import { fail } from '../common/errors.js'
import { localStore } from './local-store.js'
import type { Store } from './store.js'

/** The scheme of a URL in lower case; undefined for the path of a local file. */
export const schemeOf = (path: string): string | undefined => /^([a-z][a-z0-9+.-]+):\/\//i.exec(path)?.[1].toLowerCase()

/** Throws NOT_SUPPORTED for a scheme that nobody knows. */
export function storeOf(path: string): Store {
  const scheme = schemeOf(path)
  if (scheme === undefined) return localStore
  throw fail('NOT_SUPPORTED', [`the location '${path}' (only local paths)`])
}
