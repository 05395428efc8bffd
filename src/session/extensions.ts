/** Extensions as programs load them. */
import type { Registry } from '../exchange/registry.js'

export type LoadedExtension = Registry

/**
 * Loads a module whose default export is an extension (`defineExtension`), for the option `extensions` of sessions. EXTENSION_INVALID
 * when it cannot be loaded or is none.
 */
export async function loadExtension(path: string): Promise<LoadedExtension> {
  const extension = await import('../exchange/extension.js')
  return extension.loadExtension(path)
}
