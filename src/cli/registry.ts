/** The engine of a server: with the extensions that its flags name, for as long as the process lives. */
import { bringRegistry, registryOf, type Registry } from '../exchange/registry.js'

export async function loadRegistry(extensions: readonly string[]): Promise<Registry> {
  if (extensions.length === 0) return registryOf([])
  const { loadExtension } = await import('../exchange/extension.js')
  const registry = registryOf(await Promise.all(extensions.map(loadExtension)))
  bringRegistry(registry)
  return registry
}
